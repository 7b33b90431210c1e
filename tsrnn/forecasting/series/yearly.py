"""Whether the time of year tells what comes, where windows are shorter than a year: asked of years left out."""

import numpy as np
import pandas as pd

from tsrnn.forecasting.series.calendar import YEAR, CalendarFeatures
from tsrnn.forecasting.series.covariates import calendar_at
from tsrnn.forecasting.series.cycles import time_stamps
from tsrnn.forecasting.series.panel import Panel
from tsrnn.forecasting.series.timeindex import steps_from
from tsrnn.training.parallel import single_threaded_blas

WAVES = 2  # sines and cosines: one is too smooth for days, and three fit what does not come again
LEAST_PART = 200  # of a year: within a shorter horizon it does not move on
LEAST_GAIN = 0.02  # of the errors in years left out: random walks pass it once in thirty times or less
MOST_ORIGINS = 20_000
BLOCK = 1000  # origins whose windows are laid out at once
SOME = 1000  # stamps that tell how many steps a year has


def calendar_of_year(panel: Panel, horizon: int, season: int, lookback: int) -> CalendarFeatures | None:
    """The time of year, where windows do not hold one, the series go through it twice, and it tells what comes.

    The mean error of the seasonal naive over the horizon is regressed on the level and the last value of the window,
    and on these and the time of year: in all years but one, in which the two are then compared, and so for each of
    them. A random walk has ups and downs in each year as well, but others in the next.

    Parameters
    ----------
    panel : Panel
    horizon, season, lookback : int
        Steps.

    Returns
    -------
    CalendarFeatures or None
        Fitted. None without time stamps.
    """
    longest, window = int(np.argmax(panel.lengths)), max(lookback, season)
    stamps = panel.stamps(longest, SOME)
    if not isinstance(stamps, (pd.DatetimeIndex, pd.PeriodIndex)) or len(stamps) < 2:
        return None
    first, last = time_stamps(stamps[[0, -1]]).as_unit("us").asi8  # of nanoseconds 64 bits hold 292 years
    year = (len(stamps) - 1) * (YEAR.total_seconds() * 1e6 / max(last - first, 1))
    if not window < round(year) <= min(panel.lengths[longest] / 2, LEAST_PART * horizon):
        return None
    if panel.lengths[longest] < window + horizon:  # nothing was ever forecast that far
        return None
    series, steps = _origins(panel, horizon, window)
    calendar = CalendarFeatures("dayofyear", order=WAVES).fit(pd.DataFrame(index=stamps))
    waves = calendar_at(calendar, panel, series, steps + horizon // 2)
    when = steps + steps_from(panel.last[:1], panel.last, panel.freq)[series]
    years, wrong = (when - when.min()) // year, np.zeros(2)
    with single_threaded_blas():  # the same bits, whatever BLAS may use elsewhere
        for channel in panel.values.T:
            naive, known = _naive_errors(channel, panel, series, steps, horizon, season, window)
            use = np.isfinite(known).all(axis=1) & np.isfinite(naive)
            for k, columns in enumerate((known, np.column_stack([known, waves]))):
                wrong[k] += _errors_left_out(naive[use], columns[use], years[use])
    return calendar if wrong[1] < (1 - LEAST_GAIN) * wrong[0] else None


def _origins(panel: Panel, horizon: int, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Of origins that lie evenly in the series: each one's series, and its first step ahead relative to their ends."""
    counts = np.maximum(panel.lengths - window - horizon + 1, 0)
    ends = np.cumsum(counts)
    origins = np.arange(0, ends[-1], -(-ends[-1] // MOST_ORIGINS))
    series = np.searchsorted(ends, origins, side="right")
    return series, origins - ends[series] - horizon + 2


def _naive_errors(
    values: np.ndarray, panel: Panel, series: np.ndarray, steps: np.ndarray, horizon: int, season: int, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """How wrong the seasonal naive is on average over the horizon, and what is known of it at the origin.

    Returns
    -------
    naive : (N,) ndarray
        In units of its mean size in the series; NaN where values are missing, or where it is never wrong.
    known : (N, 3) ndarray
        In the same units how far mean and last value of the window lie above the naive's mean; and a one.
    """
    first = panel.end[series] + steps - 1
    blocks = np.array_split(first[:, None], -(-len(first) // BLOCK))

    def mean(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([mean_of_known(values[some + rows]) for some in blocks])

    def mean_of_known(found: np.ndarray) -> np.ndarray:
        count = np.isfinite(found).sum(axis=1)
        return np.where(count, np.nansum(found, axis=1, dtype=np.float64) / np.maximum(count, 1), np.nan)

    ahead = np.arange(horizon)
    repeated = mean(ahead % season - season)
    naive, level, last = (mean(rows) - repeated for rows in (ahead, np.arange(-window, 0), np.array([-1])))
    size = np.bincount(series, np.nan_to_num(np.abs(naive)), panel.n_series)
    size /= np.maximum(np.bincount(series, np.isfinite(naive), panel.n_series), 1)
    size = np.where(size > 0, size, np.nan)[series]
    return naive / size, np.column_stack([level / size, last / size, np.ones(len(first))])


def _errors_left_out(values: np.ndarray, columns: np.ndarray, years: np.ndarray) -> float:
    """Sum of the absolute errors of least squares in each year, by the columns, of all the others."""
    total = 0.0
    for year in np.unique(years):
        others = years != year
        by = np.linalg.lstsq(columns[others], values[others], rcond=None)[0]
        total += np.abs(values[~others] - columns[~others] @ by).sum()
    return total
