"""Exponential smoothing of each series by itself: what the forecasts of the network are averaged with."""

import numpy as np

from tsrnn.kernels.series import read_only
from tsrnn.kernels.smoothing import rare_series, smooth_windows
from tsrnn.training.parallel import Workers

LEVELS = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
# Share of the level's step that the trend takes, its damping, and the share of the straight line's slope.
TRENDS = ((0.0, 1.0, 0.0), (0.1, 0.95, 0.0), (0.3, 0.9, 0.0), (0.05, 1.0, 0.0), (0.0, 1.0, 0.5))
SEASONS = (0.05, 0.15, 0.4)

# Values that are read at the end of a series, and seasons at least: older ones have next to no weight left.
LONGEST, LEAST_SEASONS = 400, 4
MIDDLE = 48  # values at least, and as many seasons, whose median is forecast of rare events

BLOCK = 64  # windows that a thread takes at once


def _methods() -> np.ndarray:
    """All of them, (6, M) as `tsrnn.kernels.smoothing.take_in` reads them; the last one repeats the last season."""
    rows = [
        (level, share * level, season * (1 - level), damping, slope, float(season > 0))
        for season in (0.0, *SEASONS)
        for level in LEVELS
        for share, damping, slope in TRENDS
    ]
    return np.ascontiguousarray(np.transpose([*rows, (0.0, 0.0, 1.0, 1.0, 0.0, 1.0)]))


METHODS, WITHOUT_SEASON = _methods(), len(LEVELS) * len(TRENDS)


def smoothed_values(season: int) -> int:
    """Values at the end of a series that smoothing reads."""
    return max(LONGEST, LEAST_SEASONS * season)


def median_values(season: int, loss: str) -> int:
    """Values at the end of a series of rare events whose median is forecast; 0 where the loss wants their mean."""
    return 0 if loss == "squared_error" else max(MIDDLE, LEAST_SEASONS * season)


def are_rare(values: np.ndarray, begin: np.ndarray, end: np.ndarray, season: int) -> np.ndarray:
    """Whether each series (S,) is one of rare events: zero in a quarter of what is read, whatever came before."""
    found = np.empty(len(begin), np.bool_)
    rare_series(read_only(values), np.maximum(begin, end - smoothed_values(season)), end, season, found)
    return found


def smoothing_forecasts(
    values: np.ndarray, begin: np.ndarray, end: np.ndarray, steps: int, season: int, loss: str, n_jobs: int | None
) -> np.ndarray:
    """Forecasts (W, steps, K) of what follows the rows `begin` to `end` of a table, at most the last of them.

    Each is the mean of 121 methods, or 30 where there is no season, weighted by how well they would have forecast, one
    step ahead, the values that they read: by a power of their squared errors, inverted, that rises with the number of
    errors up to ten. Their trends learn no more from an error than its size on average so far. They forecast means; of
    rare events (see `are_rare`) the last values' median has smaller absolute errors and is forecast.

    Parameters
    ----------
    values : (N, K) ndarray
        Series one after the other; NaN where missing.
    begin, end : (W,) ndarray, int64
    steps : int
    season : int
        Steps in a season. It counts where more than one is read: of the first no error tells whether it comes again.
    loss : str
        A key of `tsrnn.training.losses.LOSSES`: for squared errors the mean of rare events is right.
    n_jobs : int or None
    """
    methods = METHODS if season > 1 else np.ascontiguousarray(METHODS[:, :WITHOUT_SEASON])
    begin, values = np.maximum(begin, end - smoothed_values(season)), read_only(values)
    found, middle = np.empty((len(begin), steps, values.shape[1])), median_values(season, loss)

    def block(worker: int, number: int) -> None:
        part = slice(number * BLOCK, (number + 1) * BLOCK)
        smooth_windows(values, begin[part], end[part], season, methods, WITHOUT_SEASON, middle, found[part])

    blocks = -(-len(begin) // BLOCK)
    with Workers(n_jobs if blocks > 1 else 1) as workers:
        workers.run(block, blocks)
    return found


def averaged(forecast, smoothed, share: float):
    """The mean of a forecast and of smoothing, which counts for a share."""
    return (1 - share) * forecast + share * smoothed


def mixed(forecast: np.ndarray, smoothed: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """`averaged`, without smoothing where that knows of no value."""
    return np.where(np.isnan(smoothed), forecast, averaged(forecast, smoothed, share))
