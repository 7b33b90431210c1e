"""Exponential smoothing as a linear map of a window: what fitted maps are drawn toward, the more the fewer windows.

An additive method with given parameters is a linear map: each of its forecasts is a sum of the window's values with
fixed weights. The methods are those of Holt and Winters with a damped trend (Gardner and McKenzie 1985; states and
notation of Hyndman et al. 2008, Forecasting with Exponential Smoothing, table 2.1), and the Theta method
(Assimakopoulos and Nikolopoulos 2000) in the form of Hyndman and Billah (2003): smoothing with half the slope of a
straight line. In logarithms they are the multiplicative methods.
"""

from typing import NamedTuple

import numpy as np

LEVELS = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
# Share of the level's step that the trend takes, its damping, and the share of the straight line's slope.
TRENDS = ((0.0, 1.0, 0.0), (0.1, 0.95, 0.0), (0.3, 0.9, 0.0), (0.05, 1.0, 0.0), (0.0, 1.0, 0.5))
SEASONS = (0.05, 0.15, 0.4)
BEST = 15  # methods whose mean is the map: one alone is picked by chance
MOST_WINDOWS, BLOCK = 300, 100  # that tell methods apart, and that are smoothed at once


class Methods(NamedTuple):
    """Parameters of some methods of exponential smoothing, (M, 1) each.

    Attributes
    ----------
    level, trend, season : ndarray
        Shares (alpha, beta, gamma) of an error that go into each of the states.
    damping : ndarray
        What is left of the trend after each step (phi).
    slope : ndarray
        Share of the straight line's slope that is added.
    """

    level: np.ndarray
    trend: np.ndarray
    season: np.ndarray
    damping: np.ndarray
    slope: np.ndarray

    def only(self, numbers: np.ndarray) -> "Methods":
        """Some of the methods."""
        return Methods(*(values[numbers] for values in self))


def _methods(seasons: tuple[float, ...]) -> Methods:
    """All of them; with seasons also the one that repeats the last season."""
    rows = [
        (level, share * level, season * (1 - level), damping, slope)
        for level in LEVELS
        for share, damping, slope in TRENDS
        for season in seasons
    ]
    if any(seasons):
        rows.append((0.0, 0.0, 1.0, 1.0, 0.0))
    return Methods(*np.array(rows).T[:, :, None])


WITHOUT_SEASON, WITH_SEASON = _methods((0.0,)), _methods(SEASONS)


def smooth(methods: Methods, windows: np.ndarray, steps: int, season: int) -> np.ndarray:
    """Forecasts (steps, M, N) of M methods for N windows.

    States start from the first season: its mean, no trend, and what its values are off the mean.

    Parameters
    ----------
    methods : Methods
    windows : (N, L) ndarray
    steps : int
        To forecast.
    season : int
        Steps in a season, L at most; 1 for none.
    """
    level_share, trend_share, season_share, damping, slope_share = methods
    length, shape = windows.shape[1], (len(level_share), len(windows))
    mean = windows[:, :season].mean(axis=1)
    level = np.broadcast_to(mean, shape)
    seasons = [np.broadcast_to(windows[:, k] - mean, shape) for k in range(season)]
    trend = np.zeros(shape)
    for t in range(season, length):
        trend = damping * trend
        level = level + trend
        error = windows[:, t] - level - seasons[t % season]
        level = level + level_share * error
        trend = trend + trend_share * error
        seasons[t % season] = seasons[t % season] + season_share * error
    time = np.arange(length) - (length - 1) / 2
    slope = slope_share * (windows @ time / max(time @ time, 1.0))
    # Smoothing lags behind a straight line by so many steps.
    lag = (1 - (1 - level_share) ** length) / np.where(level_share > 0, level_share, 1)
    found = np.empty((steps, *shape))
    for k in range(steps):
        trend = damping * trend
        level = level + trend
        found[k] = level + seasons[(length + k) % season] + slope * (k + lag)
    return found


def smoothing_weights(windows: np.ndarray, targets: np.ndarray, importance: np.ndarray, season: int) -> np.ndarray:
    """Weights (steps, L) of the mean of the methods with the least absolute errors.

    Parameters
    ----------
    windows : (N, L) ndarray
    targets : (N, steps) ndarray
        What came; NaN where it is not known.
    importance : (N,) ndarray
        Weights of the windows.
    season : int
        Steps in a season. Of one longer than a window nothing is known.
    """
    steps, length = targets.shape[1], windows.shape[1]
    kinds = [(WITHOUT_SEASON, 1)] + ([(WITH_SEASON, season)] if 1 < season <= length else [])
    errors = []
    for methods, cycle in kinds:
        total = np.zeros(len(methods.level))
        for begin in range(0, len(windows), BLOCK):
            part = slice(begin, begin + BLOCK)
            error = np.nan_to_num(np.abs(smooth(methods, windows[part], steps, cycle) - targets[part].T[:, None]))
            total += error.sum(axis=0) @ importance[part]
        errors.append(total)
    best = np.argsort(np.concatenate(errors), kind="stable")[:BEST]
    chosen = [best[best < len(errors[0])], best[best >= len(errors[0])] - len(errors[0])]
    weights = np.zeros((steps, length))
    # What a method makes of a window of zeros with a single one is the weight of that value.
    for (methods, cycle), numbers in zip(kinds, chosen, strict=False):
        for begin in range(0, length, BLOCK):
            unit = np.eye(length)[begin : begin + BLOCK]
            weights[:, begin : begin + BLOCK] += smooth(methods.only(numbers), unit, steps, cycle).sum(axis=1)
    return weights / len(best)
