"""Forecasters that break one promise each, and the check that has to notice."""

import time

import numpy as np
import pandas as pd
from sklearn.metrics import mean_squared_error

from testing.drift import Drift


class WorksInTheConstructor(Drift):
    def __init__(self, horizon=1):
        super().__init__(int(horizon))
        self.steps = range(horizon)


class ChangesAParameter(Drift):
    def fit(self, X=None, y=None):
        self.horizon = max(self.horizon, 5)
        return super().fit(X, y)


class CannotBePickled(Drift):
    def fit(self, X=None, y=None):
        super().fit(X, y)
        self.line_ = lambda step: step * self.mean_slope_
        return self


class GoesOnFromTheLastFit(Drift):
    def fit(self, X=None, y=None):
        before = getattr(self, "mean_slope_", 0)
        super().fit(X, y)
        self.mean_slope_ = (before + self.mean_slope_) / 2
        return self


class KeepsWhatAPanelLeft(Drift):
    def fit(self, X=None, y=None):
        before = getattr(self, "slopes_", {})
        super().fit(X, y)
        self.slopes_ = before | self.slopes_
        return self

    def follow(self, panel, horizon):
        return super().follow(panel, horizon) + len(self.slopes_)


class ForecastsUnfitted(Drift):
    def predict(self, X=None, *, horizon=None, y=None):
        return super().predict(X, horizon=horizon, y=y) if hasattr(self, "panel_") else np.zeros(self.horizon)


class BreaksOnARefusedFit(Drift):
    def fit(self, X=None, y=None):
        vars(self).pop("panel_", None)
        return super().fit(X, y)


class RemembersTheForecast(Drift):
    def follow(self, panel, horizon):
        self.last_forecast_ = super().follow(panel, horizon)
        return self.last_forecast_


class CountsForecasts(Drift):
    """In place: `__dict__` holds the same list as before."""

    def fit(self, X=None, y=None):
        super().fit(X, y)
        self.log_ = []
        return self

    def follow(self, panel, horizon):
        self.log_.append(horizon)
        return super().follow(panel, horizon)


class SharesItsScratch(Drift):
    def fit(self, X=None, y=None):
        super().fit(X, y)
        self.scratch_ = np.zeros(1000)
        return self

    def follow(self, panel, horizon):
        forecast = super().follow(panel, horizon)
        if forecast.ndim > 1 or panel.ids is not None:
            return forecast
        self.scratch_[:horizon] = forecast
        time.sleep(1e-4)
        forecast[:] = self.scratch_[:horizon]
        self.scratch_[:] = 0
        return forecast


class ScoresErrors(Drift):
    def score(self, X, y=None):
        return -mean_squared_error(X if y is None else y, self.predict(X))


class LocatesRowsByPosition(Drift):
    def rows(self, panel, X):
        return super().rows(panel, np.empty((len(X), 0)))


class SortsRows(Drift):
    def rows(self, panel, X):
        return super().rows(panel, X.sort_index() if hasattr(X, "sort_index") else X)


class ReturnsASeries(Drift):
    def rows(self, panel, X):
        found = super().rows(panel, X)
        return pd.Series(found, getattr(X, "index", None)) if found.ndim == 1 else found


class AddsTimedeltas(Drift):
    """Months are not all of the same length, nor days where the clocks change."""

    def fit(self, X=None, y=None):
        super().fit(X, y)
        self.step_ = np.diff(getattr(X, "index", [0, 1])[-2:])[0]
        return self

    def follow(self, panel, horizon):
        forecast = super().follow(panel, horizon)
        if isinstance(forecast.index, pd.DatetimeIndex):
            last = panel.last[0]
            forecast.index = pd.DatetimeIndex(
                [last + (k + 1) * self.step_ for k in range(horizon)], name=panel.last.name
            )
        return forecast


class LosesTheTimeZone(Drift):
    def follow(self, panel, horizon):
        forecast = super().follow(panel, horizon)
        aware = isinstance(forecast.index, pd.DatetimeIndex) and forecast.index.tz is not None
        return forecast.tz_localize(None) if aware else forecast


class CountsIntegersByOne(Drift):
    def follow(self, panel, horizon):
        forecast = super().follow(panel, horizon)
        if isinstance(forecast.index, pd.RangeIndex):
            start = int(panel.last[0]) + 1
            forecast.index = pd.RangeIndex(start, start + horizon, name=forecast.index.name)
        return forecast


class FillsGaps(Drift):
    def fit(self, X=None, y=None):
        y = X if y is None else y
        gap = isinstance(y, pd.Series) and isinstance(y.index, pd.DatetimeIndex) and pd.infer_freq(y.index) is None
        return super().fit(y.asfreq("D").interpolate() if gap else y)


class FillsMissingValues(Drift):
    def fit(self, X=None, y=None):
        y = X if y is None else y
        return super().fit(y.ffill() if hasattr(y, "ffill") else y)


class ForecastsFromTheLatestEnd(Drift):
    """As if all series of a panel ended at once."""

    def follow(self, panel, horizon):
        forecast = super().follow(panel, horizon)
        if isinstance(forecast.index, pd.MultiIndex):
            times = forecast.index.levels[1][-horizon:]
            ids = forecast.index.unique(0)
            forecast.index = pd.MultiIndex.from_product([ids, times], names=forecast.index.names)
        return forecast


class LongerIsAnother(Drift):
    """The whole line depends on how far it goes."""

    def follow(self, panel, horizon):
        return super().follow(panel, horizon) + 0.01 * horizon


class LeavesColumnsOut(Drift):
    def fit(self, X=None, y=None):
        return super().fit(y=X if y is None else y)


class ClipsLargeValues(Drift):
    def follow(self, panel, horizon):
        return super().follow(panel, horizon).clip(upper=1e9)


class WritesToTheSeries(Drift):
    def fit(self, X=None, y=None):
        y = X if y is None else y
        super().fit(y)
        if isinstance(y, pd.Series) and y.dtype == np.float64:
            y.iloc[0] = 0.0
        return self


class KeepsTheArray(Drift):
    """The forecast starts from the array itself, which the caller may write over."""

    def fit(self, X=None, y=None):
        super().fit(X, y)
        self.array_ = X if isinstance(X, np.ndarray) and X.ndim == 1 else None
        return self

    def follow(self, panel, horizon):
        level = 0.0 if self.array_ is None else self.array_[-1] - panel.values[panel.end[0] - 1, 0]
        return super().follow(panel, horizon) + level


class NamesAWrongLength(Drift):
    def fit(self, X=None, y=None):
        series = X if y is None else y
        if isinstance(series, pd.Series) and len(series) < 10:
            raise ValueError(f"y has {len(series)} values; needs at least 7")
        return super().fit(X, y)


class StartsAnewOnUpdate(Drift):
    """Trains, where it should only take the values."""

    def update(self, y):
        return self.fit(y)


CAUGHT = {
    WorksInTheConstructor: "check_parameters",
    ChangesAParameter: "check_fit_again",
    CannotBePickled: "check_pickle",
    GoesOnFromTheLastFit: "check_fit_again",
    KeepsWhatAPanelLeft: "check_fit_forgets",
    ForecastsUnfitted: "check_unfitted",
    BreaksOnARefusedFit: "check_refused_fit",
    RemembersTheForecast: "check_predict_changes_nothing",
    CountsForecasts: "check_predict_changes_nothing",
    SharesItsScratch: "check_threads",
    ScoresErrors: "check_score",
    LocatesRowsByPosition: "check_gap",
    SortsRows: "check_permuted_rows",
    ReturnsASeries: "check_rows",
    AddsTimedeltas: "check_clock_changes[Europe/Berlin, spring-D]",
    LosesTheTimeZone: "check_time_zones[Europe/Berlin-h]",
    CountsIntegersByOne: "check_integers[int64 by 5]",
    FillsGaps: "check_irregular_index",
    FillsMissingValues: "check_missing_values_are_refused[Float64]",
    ForecastsFromTheLatestEnd: "check_unequal_ends",
    LongerIsAnother: "check_horizons",
    LeavesColumnsOut: "check_columns_are_refused",
    ClipsLargeValues: "check_scales[1e+30]",
    WritesToTheSeries: "check_inputs_stay",
    KeepsTheArray: "check_arrays_stay",
    NamesAWrongLength: "check_short_series",
    StartsAnewOnUpdate: "check_update",
}
