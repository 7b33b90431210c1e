"""What is forecast in the accuracy benchmark, and how it is scored: each data set by its own customary protocol.

Two parts. On "validation" everything is chosen: it is the stretch before the test part, as long as that. "test" is what
published figures are on.
"""

import warnings
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.exceptions import UndefinedMetricWarning

from tsrnn import datasets
from tsrnn.evaluation.baselines import naive2, seasonal_naive
from tsrnn.evaluation.metrics import (
    mean_absolute_scaled_error,
    overall_weighted_average,
    symmetric_mean_absolute_percentage_error,
)

PARTS = ("validation", "test")
ETTH1_HORIZONS = (96, 192, 336, 720)
# Panels, forecast once from the end of each series: the season that scales errors (MASE), what they are ranked by.
PANELS = {
    "m4_hourly": (datasets.fetch_m4_hourly, 24, "OWA"),
    "m4_weekly": (datasets.fetch_m4_weekly, 1, "OWA"),
    "m3_monthly": (datasets.fetch_m3_monthly, 12, "MASE"),
    "tourism_monthly": (datasets.fetch_tourism_monthly, 12, "MASE"),
    "hospital": (datasets.fetch_hospital, 12, "MASE"),
}
WEEK_OF_HALF_HOURS = 7 * 48
# A day at a time, from each midnight of four weeks: a naive forecast repeats the week, and so is the scale of errors.
DAILY = {"taxi": datasets.fetch_taxi, "vic_electricity": datasets.fetch_vic_electricity}
SETS = (*PANELS, "etth1", *DAILY, "airpassengers")


@dataclass(frozen=True, eq=False)
class Task:
    """One forecast to be made, or many from moving origins.

    Attributes
    ----------
    name, part : str
    horizon : int
    season_length : int
        What a model may be told of the series.
    scale_season : int
        Of the errors' scale and of the seasonal naive.
    metric : str
        The score that counts.
    train : Series or DataFrame
        What a model is fitted on.
    future : Series or DataFrame
        What is forecast, and read on the way.
    stride : int or None
        Steps from one origin to the next; None for a single forecast of all of `future`.
    before : Series or DataFrame or None
        What a model may read, but not learn from, before the first origin.
    X : DataFrame or None
        Exogenous columns of all rows.
    """

    name: str
    part: str
    horizon: int
    season_length: int
    scale_season: int
    metric: str
    train: pd.Series | pd.DataFrame
    future: pd.Series | pd.DataFrame
    stride: int | None = None
    before: pd.DataFrame | None = None
    X: pd.DataFrame | None = field(default=None)

    @property
    def is_panel(self) -> bool:
        """Whether series are by (id, time); else they are columns, or one alone."""
        return isinstance(self.train.index, pd.MultiIndex)

    @cached_property
    def histories(self) -> list[np.ndarray]:
        """What is known of each series at the first origin."""
        if self.is_panel:
            return [series.to_numpy() for _, series in self.train.groupby(level=0, sort=False)]
        known = self.train if self.before is None else pd.concat([self.train, self.before])
        return list(known.to_numpy().reshape(len(known), -1).T)

    @cached_property
    def truth(self) -> np.ndarray:
        """What came: (origins, series, steps)."""
        if self.stride is None:
            return self.future.to_numpy().reshape(1, -1, self.horizon)
        values = self.future.to_numpy().reshape(len(self.future), -1)
        windows = np.lib.stride_tricks.sliding_window_view(values, self.horizon, axis=0)
        return windows[:: self.stride]

    @property
    def origins(self) -> range:
        """Rows of `future` from which forecasts start."""
        return range(0, len(self.truth) * (self.stride or 1), self.stride or 1)

    @cached_property
    def naive2_errors(self) -> tuple[list[float], list[float]]:
        """sMAPE and MASE of the M4 competition's yardstick, for each series."""
        found = [naive2(history, self.horizon, self.scale_season).to_numpy() for history in self.histories]
        return self.errors_by_series(np.array(found)[None])

    def errors_by_series(self, forecast: np.ndarray) -> tuple[list[float], list[float]]:
        """sMAPE and MASE of each series, over all origins."""
        smape, mase = [], []
        for number, history in enumerate(self.histories):
            came, found = self.truth[:, number].ravel(), forecast[:, number].ravel()
            smape.append(symmetric_mean_absolute_percentage_error(came, found))
            with warnings.catch_warnings():  # a series that never varied has no scale, and is left out of the mean
                warnings.simplefilter("ignore", UndefinedMetricWarning)
                mase.append(mean_absolute_scaled_error(came, found, y_train=history, season_length=self.scale_season))
        return smape, mase

    def scores(self, forecast: np.ndarray) -> dict[str, float]:
        """All scores of forecasts (origins, series, steps); the one that counts first."""
        if forecast.shape != self.truth.shape:
            raise ValueError(f"{self.name} needs forecasts of shape {self.truth.shape}, got {forecast.shape}")
        if not np.isfinite(forecast).all():
            raise ValueError(f"{int((~np.isfinite(forecast)).sum())} forecasts of {self.name} are missing or infinite")
        if self.metric == "MSE":
            error = self.truth - forecast
            return {"MSE": float((error**2).mean()), "MAE": float(np.abs(error).mean())}
        smape, mase = self.errors_by_series(forecast)
        found = {"MASE": float(np.nanmean(mase)), "sMAPE": 100 * float(np.mean(smape))}
        if self.metric == "OWA":
            of_naive2 = dict(zip(("smape_naive2", "mase_naive2"), self.naive2_errors, strict=True))
            found = {"OWA": overall_weighted_average(smape, mase, **of_naive2), **found}
        return found

    def seasonal_naive(self) -> np.ndarray:
        """The last season repeated, from each origin."""
        if self.stride is None:
            found = [seasonal_naive(series, self.horizon, self.scale_season).to_numpy() for series in self.histories]
            return np.array(found)[None]
        season = np.column_stack([series[-self.scale_season :] for series in self.histories])
        values = np.concatenate([season, self.future.to_numpy().reshape(len(self.future), -1)])
        seasons = np.lib.stride_tricks.sliding_window_view(values, self.scale_season, axis=0)
        return np.array([np.resize(seasons[o].T, (self.horizon, seasons.shape[1])).T for o in self.origins])

    def thinned(self, most: int) -> "Task":
        """From so many of its origins at most, evenly spaced, that lie everywhere in a season."""
        every = -(-len(self.truth) // most)
        every += every > 1 and every % self.season_length == 0
        return self if every == 1 else replace(self, stride=self.stride * every)

    def only(self, series: int) -> "Task":
        """With so many of its series, spread over all, to try things out."""
        if not self.is_panel:
            return self
        ids = self.train.index.get_level_values(0).unique()
        chosen = ids[np.unique(np.linspace(0, len(ids) - 1, min(series, len(ids))).round().astype(int))]
        parts = {name: getattr(self, name) for name in ("train", "future")}
        return replace(self, **{k: part[part.index.get_level_values(0).isin(chosen)] for k, part in parts.items()})


def tasks_of(name: str, part: str, data_home=None) -> list[Task]:
    """The tasks of a data set: one, or one for each horizon.

    Raises
    ------
    FileNotFoundError, ModuleNotFoundError, OSError
        If the data are not there and cannot be fetched.
    """
    if name in PANELS:
        fetch, scale_season, metric = PANELS[name]
        return [_panel(fetch(data_home=data_home), part, scale_season, metric)]
    if name == "etth1":
        return _etth1(part, data_home)
    if name in DAILY:
        data = DAILY[name](data_home=data_home)
        train, future = _last(data.train, len(data.test)) if part == "validation" else (data.train, data.test)
        lengths = data.horizon, data.season_length, WEEK_OF_HALF_HOURS
        return [Task(name, part, *lengths, "MASE", train, future, stride=data.horizon, X=data.X)]
    train, future = _last(datasets.load_airpassengers(), 24)
    if part == "validation":
        train, future = _last(train, 24)
    return [Task(name, part, 24, 12, 12, "MASE", train, future)]


def _last(y: pd.Series, steps: int) -> tuple[pd.Series, pd.Series]:
    return y.iloc[:-steps], y.iloc[-steps:]


def _panel(data: datasets.Dataset, part: str, scale_season: int, metric: str) -> Task:
    train, future = data.train, data.test
    if part == "validation":
        left = train.groupby(level=0, sort=False).cumcount(ascending=False).to_numpy()
        train, future = train[left >= data.horizon], train[left < data.horizon]
    return Task(data.name, part, data.horizon, data.season_length, scale_season, metric, train, future)


def _etth1(part: str, data_home) -> list[Task]:
    """In units of the training part, from every hour of the part that has a whole horizon left."""
    data = datasets.fetch_etth1(data_home=data_home)
    mean, deviation = data.train.mean(), data.train.std(ddof=0)
    train, validation, test = ((table - mean) / deviation for table in (data.train, data.validation, data.test))
    before, future = (None, validation) if part == "validation" else (validation, test)
    lengths = data.season_length, data.season_length
    return [Task(f"etth1_{h}", part, h, *lengths, "MSE", train, future, 1, before) for h in ETTH1_HORIZONS]
