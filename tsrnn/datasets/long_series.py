"""Long series, measured every hour or half-hour, the part to be forecast apart."""

import numpy as np
import pandas as pd

from tsrnn.datasets.dataset import Dataset
from tsrnn.datasets.files import obtain, read_parquet

HALF_HOURS = 48  # of a day
TEST_DAYS = 28  # of the half-hourly series, which have no customary test part


def fetch_etth1(*, data_home=None):
    """Load and oil temperature of an electricity transformer, hourly.

    Parameters
    ----------
    data_home : str or path-like, optional
        As in `fetch_m4_hourly`; the file is ``ETTh1.csv``, which may be compressed (``ETTh1.csv.gz``).

    Returns
    -------
    Dataset
        Seven columns from July 2016 on: twelve months of thirty days (8640 hours) in ``train``, four (2880) in
        ``validation``, four in ``test``, as is customary; the rest of the file is not used. ``horizon`` is the shortest
        of the customary 96, 192, 336 and 720. Values are as measured; published errors are on values made standard by
        mean and standard deviation of ``train``.

    Raises
    ------
    NotADirectoryError, ModuleNotFoundError, OSError, ValueError
        As in `fetch_m4_hourly`.

    References
    ----------
    Zhou, H. et al. (2021). Informer: Beyond efficient transformer for long sequence time-series forecasting. *AAAI*.

    Examples
    --------
    >>> from tsrnn.datasets import fetch_etth1
    >>> fetch_etth1().train.shape  # doctest: +SKIP
    (8640, 7)
    """
    (path,) = obtain(data_home, ("ETTh1.csv.gz",), ("ETTh1.csv",))
    table = _regular(pd.read_csv(path, index_col="date", parse_dates=["date"]), "h")
    month = 30 * 24
    ends = np.array([12, 16, 20]) * month
    return Dataset(
        "etth1",
        train=table.iloc[: ends[0]],
        validation=table.iloc[ends[0] : ends[1]],
        test=table.iloc[ends[1] : ends[2]],
        horizon=96,
        season_length=24,
        description="Electricity transformer in China, hourly; https://github.com/zhouhaoyi/ETDataset; CC BY-ND 4.0.",
    )


def fetch_taxi(*, data_home=None):
    """Passengers of New York's taxis, half-hourly.

    Parameters
    ----------
    data_home : str or path-like, optional
        As in `fetch_m4_hourly`; the file is ``taxi.parquet`` (columns ``date`` and ``y``) or, as downloaded,
        ``taxi_new_york_passengers.csv``.

    Returns
    -------
    Dataset
        One series of 215 days, July 2014 to January 2015, in local time; the last 28 days in ``test``, for 28
        forecasts of a day each: there is no customary split.

    Raises
    ------
    NotADirectoryError, ModuleNotFoundError, OSError, ValueError
        As in `fetch_m4_hourly`.

    References
    ----------
    NYC Taxi and Limousine Commission, in 30-minute buckets by the Numenta Anomaly Benchmark.

    Examples
    --------
    >>> from tsrnn.datasets import fetch_taxi
    >>> fetch_taxi().train.index.freq  # doctest: +SKIP
    <30 * Minutes>
    """
    (path,) = obtain(data_home, ("taxi.parquet",), ("taxi_new_york_passengers.csv",))
    if path.suffix == ".parquet":
        table = read_parquet(path).set_index("date")
    else:
        table = pd.read_csv(path, index_col="time", parse_dates=["time"])
    y = _regular(table.astype(np.float64), "30min").iloc[:, 0].rename("passengers")
    end = len(y) - TEST_DAYS * HALF_HOURS
    return Dataset(
        "taxi",
        train=y.iloc[:end],
        test=y.iloc[end:],
        horizon=HALF_HOURS,
        season_length=HALF_HOURS,
        description="Taxi passengers in New York, half-hourly; https://github.com/unit8co/darts; Apache-2.0.",
    )


def fetch_vic_electricity(*, data_home=None):
    """Electricity demand of Victoria, Australia, half-hourly, with temperature and holidays.

    Parameters
    ----------
    data_home : str or path-like, optional
        As in `fetch_m3_monthly`; the file is ``vic_electricity.parquet`` (columns ``date`` in UTC, ``Demand``,
        ``Temperature`` and ``Holiday``).

    Returns
    -------
    Dataset
        One series of megawatts, the years 2012 to 2014 by Melbourne's clock; the last 28 days in ``test``, for 28
        forecasts of a day each: there is no customary split. ``X`` has ``Temperature`` (degrees Celsius in Melbourne)
        and ``Holiday`` (1 or 0).

    Raises
    ------
    NotADirectoryError, FileNotFoundError, ModuleNotFoundError
        As in `fetch_m3_monthly`.

    References
    ----------
    O'Hara-Wild, M., Hyndman, R., Wang, E. and Godahewa, R. (2022). tsibbledata: Diverse datasets for 'tsibble'.

    Examples
    --------
    >>> from tsrnn.datasets import fetch_vic_electricity
    >>> vic = fetch_vic_electricity(data_home="data")  # doctest: +SKIP
    >>> model = RNNForecaster(horizon=vic.horizon).fit(vic.X, vic.train)  # doctest: +SKIP
    """
    (path,) = obtain(data_home, ("vic_electricity.parquet",))
    table = read_parquet(path).set_index("date").astype(np.float64)
    table = _regular(table, "30min")
    table.index = table.index.tz_localize("UTC").tz_convert("Australia/Melbourne")
    y = table.pop("Demand")
    end = len(y) - TEST_DAYS * HALF_HOURS
    return Dataset(
        "vic_electricity",
        train=y.iloc[:end],
        test=y.iloc[end:],
        horizon=HALF_HOURS,
        season_length=HALF_HOURS,
        description="Electricity demand of Victoria, half-hourly; tsibbledata and skforecast-datasets; BSD-3-Clause.",
        X=table,
    )


def _regular(table: pd.DataFrame, freq: str) -> pd.DataFrame:
    """With the frequency on the index, which has to have it."""
    table.index = pd.DatetimeIndex(table.index, freq=freq, name="time")
    return table
