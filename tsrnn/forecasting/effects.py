"""What columns known ahead do to a series at once: taken out of it before anything is learnt, and put back ahead.

A window of the series holds what the columns did in it, a promotion for one, and neither the linear map nor the network
tells that from what comes again, until there is much to learn from. A regression with few coefficients does: that of
the series' changes on the columns' changes, which knows nothing of level, trend and season (as in regressions with
ARIMA errors; Hyndman and Athanasopoulos, 2021, Forecasting: Principles and Practice, chapter 10).
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.samples.normalization import LOG
from tsrnn.forecasting.series.panel import Panel
from tsrnn.forecasting.shifts import lags
from tsrnn.training.parallel import single_threaded_blas

LATE = 0.25  # part of each series, its end, that says whether the regression on what is before it helps
# Of the absolute errors there, of so many values less: of few of them some are explained by anything.
LEAST_GAIN, GAIN_OF_FEW = 0.05, 0.5
LEAST_PAIRS = 5  # of values, for each column
MOST_PAIRS = 100_000  # evenly spaced
REWEIGHTED = 4  # times, toward least absolute errors: more move nothing
MOST_LOG = 700.0  # exp of more is infinite


class Effects(NamedTuple):
    """Coefficients of the columns known ahead.

    Attributes
    ----------
    coefficients : (F, K) ndarray
        Of each column as it is encoded, for each channel.
    in_logs : bool
        They add to the logarithms of the series, and so multiply it.
    """

    coefficients: np.ndarray
    in_logs: bool

    def taken_out(self, panel: Panel, ahead: int) -> Panel:
        """A panel without them; its covariates are known ahead from the column `ahead` on."""
        return replace(panel, values=self._moved(panel.values, panel.covariates[:, ahead:], -1.0))

    def put_back(self, forecast: np.ndarray, known: np.ndarray) -> np.ndarray:
        """A forecast (S, P, K) with them, by what is known ahead (S, P or more, F or more)."""
        return self._moved(forecast, known[:, : forecast.shape[1]], 1.0)

    def _moved(self, values: np.ndarray, known: np.ndarray, sign: float) -> np.ndarray:
        by = sign * (known[..., : len(self.coefficients)] @ self.coefficients)
        return values * np.exp(np.clip(by, -MOST_LOG, MOST_LOG)) if self.in_logs else values + by


def learn_effects(panel: Panel, ahead: int, count: int, season: int, normalize: str) -> Effects | None:
    """The effects of columns known ahead, if they explain enough of what comes after those they are learnt from.

    Where no value is below zero, in logarithms or as they are, whichever explains more; several series, whose values
    may be of any size, have only logarithms in common.

    Parameters
    ----------
    panel : Panel
    ahead, count : int
        The columns are those of its covariates from `ahead` on, so many.
    season : int
    normalize : str
        As asked for: logarithms want a series that stays above zero.

    Returns
    -------
    Effects or None
    """
    if not count:
        return None
    known, found = panel.covariates[:, ahead : ahead + count], []
    with single_threaded_blas():  # the same bits, whatever BLAS may use elsewhere
        if np.nanmin(panel.values) >= 0:
            with np.errstate(divide="ignore"):
                logs = np.log(panel.values, dtype=np.float64)
            found.append((*_by_changes(np.where(np.isfinite(logs), logs, np.nan), known, panel, season), True))
        if panel.n_series == 1 and not normalize.startswith(LOG):
            found.append((*_by_changes(panel.values, known, panel, season), False))
    gain, coefficients, in_logs = max(found, key=lambda each: each[0], default=(0.0, None, False))
    return Effects(coefficients, in_logs) if gain >= LEAST_GAIN else None


def _by_changes(values: np.ndarray, known: np.ndarray, panel: Panel, season: int) -> tuple[float, np.ndarray | None]:
    """The part of the errors of repeating a value that the columns explain for sure, and their coefficients (F, K)."""
    best = np.inf, 0.0, None
    place = np.arange(len(values)) - np.repeat(panel.begin, panel.lengths)
    late = place >= np.repeat((1 - LATE) * panel.lengths, panel.lengths)
    for lag in lags(season):
        rows = np.flatnonzero(place >= lag)
        rows = rows[:: -(-len(rows) // MOST_PAIRS) or 1]
        change, early = values[rows] - values[rows - lag], ~late[rows]
        by = np.column_stack([known[rows] - known[rows - lag], np.ones(len(rows))])  # and what it always changes by
        errors, there = [], np.isfinite(change.T)
        if min((there & part).sum(axis=1).min() for part in (early, ~early)) < LEAST_PAIRS * known.shape[1]:
            continue
        for k, at in enumerate(there):
            learnt, tested = at & early, at & ~early
            coefficients = _least_absolute(by[learnt], change[learnt, k])
            left = change[tested, k] - by[tested] @ coefficients
            unexplained = change[tested, k] - np.median(change[learnt, k])
            errors.append([np.abs(left).sum(), np.abs(unexplained).sum()])
        left, before = np.sum(errors, axis=0)
        if left < best[0] and before > 0:
            every = [_least_absolute(by[at], change[at, k]) for k, at in enumerate(there)]
            best = left, 1 - left / before - GAIN_OF_FEW / np.sqrt(tested.sum()), np.stack(every, axis=1)[:-1]
    return best[1:]


def _least_absolute(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients of a regression toward least absolute errors, by reweighted least squares."""
    weights = np.ones(len(values))
    for _ in range(REWEIGHTED):
        found = np.linalg.lstsq(columns * weights[:, None], values * weights, rcond=None)[0]
        errors = np.abs(values - columns @ found)
        middle = np.median(errors)
        if middle == 0:
            break
        weights = 1 / np.sqrt(np.maximum(errors / middle, 1))
    return found
