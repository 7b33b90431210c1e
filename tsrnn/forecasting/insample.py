"""What a fitted forecaster says of each value of a series from the values before it, all at once."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tsrnn.forecasting.ensemble import all_members
from tsrnn.forecasting.samples.normalization import Units
from tsrnn.forecasting.samples.streams import Reader, StreamUnits
from tsrnn.forecasting.samples.windows import SeriesWindows, Table
from tsrnn.forecasting.series.panel import Panel, panel_of
from tsrnn.forecasting.shifts import linear_forecasts, recent_values, shifted_shares
from tsrnn.forecasting.smoothing import mixed, smoothing_forecasts


def one_step_forecasts(model, y, X=None) -> np.ndarray:
    """The first step of `model.predict(X, y=y[:t])` for each t, but that no gap at the end is forecast before.

    Parameters
    ----------
    model : RNNForecaster
        Fitted on one series.
    y : Series or array-like of shape (n_timepoints,)
        The series fitted, or another one as `predict` takes it.
    X : DataFrame or array-like, optional
        The exogenous columns of its rows. Where a step looks at columns known ahead that lie after the last row, they
        are as in that row.

    Returns
    -------
    ndarray of shape (n_timepoints,), float64
        NaN where less than a window of values lies before, of a stateful model less than a segment; of an ensemble
        the longest window of all.
    """
    return np.median([_of_one(member, y, X) for member in all_members(model)], axis=0)


def _of_one(model, y, X) -> np.ndarray:
    panel = model._read(panel_of(y, False, getattr(X, "index", None), model._masks), model._covariates, X)
    units = model._units_of(panel)
    found = _after_windows(model, panel, units) if model._states is None else _along_a_stream(model, panel, units[0])
    return np.concatenate([np.full(len(y) - len(found), np.nan), found])


def _after_windows(model, panel: Panel, units: Units) -> np.ndarray:
    """One step after each whole window, the last but for one value."""
    count = panel.lengths - model.lookback_
    if count[0] < 1:
        return np.empty(0)
    after = np.repeat(panel.covariates[-1:], model.network_.output_size - 1, axis=0)
    values, covariates = units.enter(panel.values, panel.lengths), np.concatenate([panel.covariates, after])
    table = Table(values, covariates, model._ahead, panel.begin)
    windows = SeriesWindows(table, units, panel.begin, count, model.lookback_, model._masks)
    found = windows.in_user_units(np.arange(count[0]), model._outputs(windows)[:, :1])[:, 0, 0]
    if model.smoothing_share_:
        begin, end = np.repeat(panel.begin, count[0]), panel.begin + model.lookback_ + np.arange(count[0])
        smoothed = smoothing_forecasts(panel.values, begin, end, 1, model.season_length_, model._loss, model.n_jobs)
        found = mixed(found, smoothed[:, 0, 0], _shares(model, panel, windows))
    found = units.bounded(found[None, :, None])[0, :, 0]
    if model._effects:
        known = panel.covariates[None, -len(found) :, model._ahead :]
        found = model._effects.put_back(found[None, :, None], known)[0, :, 0]
    return found


def _shares(model, panel: Panel, windows: SeriesWindows) -> float | np.ndarray:
    """Shares of smoothing after each window, by the errors of the linear map after those before it."""
    if not model._leans:
        return model.smoothing_share_
    season, lookback = model.season_length_, model.lookback_
    own = np.full(panel.values.shape, np.nan)
    own[lookback:] = linear_forecasts(model.network_, model.weights(), windows) - panel.values[lookback:]
    looked_at = season + recent_values(season)
    nothing = np.full((looked_at, 1), np.nan)  # before the series
    own, values = (
        sliding_window_view(np.concatenate([nothing, each]), looked_at, axis=0)[lookback:-1].transpose(0, 2, 1)
        for each in (own, panel.values)
    )
    return shifted_shares(model.smoothing_share_, own[:, season:], values, season, model._usual)[:, 0]


def _along_a_stream(model, panel: Panel, units: StreamUnits) -> np.ndarray:
    """One step after each value from the first segment on; segments that end at different values share no states."""
    values, segment = panel.series(0)[:, 0], model.network_.segment_length
    reader = Reader(model.network_, model.parameters_)
    found = np.empty(max(0, len(values) - segment))
    for first in range(segment, min(2 * segment, len(values))):
        states, known = None, 0
        for end in range(first, len(values), segment):
            out, states = reader.read(values[:end], units, states, known)
            found[end - segment], known = units.forecast(out, values[end - 1])[0], end
    return found
