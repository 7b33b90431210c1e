"""Forecasts that cost nothing, which a model has to beat."""

import numpy as np
import pandas as pd

from tsrnn.forecasting.checks import check_integer, check_series
from tsrnn.forecasting.timeindex import frequency, future_index


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
