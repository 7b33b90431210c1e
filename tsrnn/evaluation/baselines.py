"""Forecasts that cost nothing, which a model has to beat."""

import numpy as np
import pandas as pd

from tsrnn.forecasting.checks import check_integer, check_series
from tsrnn.forecasting.series.timeindex import frequency, future_index


def seasonal_naive(y_train, horizon, season_length=1):
    """Repeat the last season.

    Each value is forecast by the one a whole number of seasons before it that was seen last:

        y_{n+k} = y_{n+k-jm}  with the smallest j for which n+k-jm <= n

    Parameters
    ----------
    y_train : Series or array-like of shape (n_timepoints,)
        The series, oldest value first, without gaps.
    horizon : int
        Steps to forecast.
    season_length : int, default=1
        Steps in a season; 1 repeats the last value.

    Returns
    -------
    Series of shape (horizon,), float64
        In the units of the series, on the index that follows it.

    Raises
    ------
    TypeError, ValueError
        If `y_train` is no regular series of finite numbers, or shorter than a season.

    References
    ----------
    Hyndman, R. J. and Athanasopoulos, G. (2021). *Forecasting: Principles and Practice*, 3rd edition, section 5.2.

    Examples
    --------
    >>> from tsrnn.evaluation.baselines import seasonal_naive
    >>> from tsrnn.datasets import load_airpassengers
    >>> seasonal_naive(load_airpassengers(), 2, season_length=12)
    time
    1961-01-01    417.0
    1961-02-01    391.0
    Freq: MS, Name: passengers, dtype: float64
    """
    check_integer("horizon", horizon, 1)
    check_integer("season_length", season_length, 1)
    y = check_series(y_train)
    if len(y) < season_length:
        raise ValueError(f"y_train has {len(y)} values; season_length={season_length} needs at least as many")
    values = np.resize(y.to_numpy()[-season_length:], horizon)
    return pd.Series(values, future_index(y.index[-1:], frequency(y.index), horizon), name=y.name)


def naive2(y_train, horizon, season_length=1):
    """The last value, seasonally adjusted, with the season put back: what the M4 competition measured errors by.

    Where the autocorrelation at lag m passes a test (90%, at least three seasons), the seasonal figure is that of the
    classical multiplicative decomposition,

        s_i = mean over t at place i of the season of  y_t / (centred moving average over m steps)_t,

    divided by the mean of all s, and the forecast is ``s_{n+k} y_n / s_n``; else the last value.

    Parameters
    ----------
    y_train : Series or array-like of shape (n_timepoints,)
        The series, oldest value first, without gaps; positive numbers.
    horizon : int
        Steps to forecast.
    season_length : int, default=1
        Steps in a season; 1 repeats the last value.

    Returns
    -------
    Series of shape (horizon,), float64
        In the units of the series, on the index that follows it.

    Raises
    ------
    TypeError, ValueError
        If `y_train` is no regular series of positive numbers.

    References
    ----------
    Makridakis, S., Spiliotis, E. and Assimakopoulos, V. (2020). The M4 Competition: 100,000 time series and 61
    forecasting methods. *International Journal of Forecasting*, 36(1), 54-74; its code at
    https://github.com/Mcompetitions/M4-methods, "Benchmarks and Evaluation.R".

    Examples
    --------
    >>> from tsrnn.evaluation.baselines import naive2
    >>> from tsrnn.datasets import load_airpassengers
    >>> naive2(load_airpassengers(), 2, season_length=12).round(1)
    time
    1961-01-01    437.5
    1961-02-01    424.7
    Freq: MS, Name: passengers, dtype: float64
    """
    check_integer("horizon", horizon, 1)
    check_integer("season_length", season_length, 1)
    y = check_series(y_train)
    values = y.to_numpy()
    if not (values > 0).all():
        raise ValueError(f"y_train must be positive, got {int((values <= 0).sum())} values that are not")
    n, m = len(values), season_length
    figure = _seasonal_figure(values, m) if _is_seasonal(values, m) else np.ones(m)
    found = values[-1] / figure[(n - 1) % m] * figure[(n + np.arange(horizon)) % m]
    return pd.Series(found, future_index(y.index[-1:], frequency(y.index), horizon), name=y.name)


def _is_seasonal(values: np.ndarray, m: int) -> bool:
    """Whether the autocorrelation at lag `m` is more than chance, given those before it (Bartlett's formula)."""
    if m == 1 or len(values) < 3 * m:
        return False
    centred = values - values.mean()
    variance = centred @ centred
    if variance == 0:
        return False
    correlation = np.array([centred[lag:] @ centred[:-lag] for lag in range(1, m + 1)]) / variance
    limit = 1.645 * np.sqrt((1 + 2 * (correlation[:-1] ** 2).sum()) / len(values))
    return bool(abs(correlation[-1]) > limit)


def _seasonal_figure(values: np.ndarray, m: int) -> np.ndarray:
    """Multiplicative seasonal factors of mean 1, the first for the first value."""
    weights = np.ones(m) if m % 2 else np.concatenate([[0.5], np.ones(m - 1), [0.5]])
    trend = np.convolve(values, weights / m, "valid")
    ratio = np.full(-(-len(values) // m) * m, np.nan)
    first = len(weights) // 2
    ratio[first : first + len(trend)] = values[first : first + len(trend)] / trend
    figure = np.nanmean(ratio.reshape(-1, m), axis=0)
    return figure / figure.mean()
