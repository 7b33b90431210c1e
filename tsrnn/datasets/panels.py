"""Many series that others have published figures on, the part to be forecast apart."""

import numpy as np
import pandas as pd

from tsrnn.datasets.dataset import Dataset
from tsrnn.datasets.files import beside, obtain, read_parquet


def fetch_m4_hourly(*, data_home=None):
    """Hourly series of the M4 competition.

    Parameters
    ----------
    data_home : str or path-like, optional
        A folder to look in first, then that of the environment variable ``TSRNN_DATA``: for ``m4_hourly.parquet``
        (columns ``unique_id``, ``ds`` counted from 1, ``y`` and ``split``: train or test), or ``Hourly-train.csv`` and
        ``Hourly-test.csv`` as in the competition's repository. Nothing is written there. Otherwise the two files
        are downloaded into the user's cache by pooch (extra ``data``), once, and their checksums compared.

    Returns
    -------
    Dataset
        414 series of 748 to 1008 hours by (``unique_id``, ``ds``), the last 48 of each in ``test``. Time stamps are
        real where ``m4_hourly_start.csv`` (columns ``unique_id`` and ``start``) lies in one of the folders; else hours
        are counted from 1, and the forecaster has to be told ``season_length=24``.

    Raises
    ------
    NotADirectoryError
        If a folder that is given does not exist.
    ModuleNotFoundError
        If pooch is needed, or pyarrow for a Parquet file, and is not installed.
    OSError, ValueError
        If the download fails, or its checksum is another one.

    References
    ----------
    Makridakis, S., Spiliotis, E. and Assimakopoulos, V. (2020). The M4 Competition: 100,000 time series and 61
    forecasting methods. *International Journal of Forecasting*, 36(1), 54-74.

    Examples
    --------
    >>> from tsrnn.datasets import fetch_m4_hourly
    >>> m4 = fetch_m4_hourly()  # doctest: +SKIP
    >>> model = RNNForecaster(horizon=m4.horizon, season_length=24).fit(m4.train)  # doctest: +SKIP
    """
    return _m4("m4_hourly", "Hourly", "h", 48, 24, data_home)


def fetch_m4_weekly(*, data_home=None):
    """Weekly series of the M4 competition.

    Parameters
    ----------
    data_home : str or path-like, optional
        As in `fetch_m4_hourly`; the files are ``m4_weekly.parquet``, ``Weekly-train.csv`` with ``Weekly-test.csv``, and
        ``m4_weekly_start.csv``.

    Returns
    -------
    Dataset
        359 series of 93 to 2610 weeks by (``unique_id``, ``ds``), the last 13 of each in ``test``. A week is stamped by
        its Monday, whatever day the source counts it from, so that all series have one frequency; without the start
        dates weeks are counted from 1. ``season_length`` is the 52 weeks of a year; the competition scales its errors
        by the step from one week to the next.

    Raises
    ------
    NotADirectoryError, ModuleNotFoundError, OSError, ValueError
        As in `fetch_m4_hourly`.

    References
    ----------
    Makridakis, S., Spiliotis, E. and Assimakopoulos, V. (2020). The M4 Competition: 100,000 time series and 61
    forecasting methods. *International Journal of Forecasting*, 36(1), 54-74.

    Examples
    --------
    >>> from tsrnn.datasets import fetch_m4_weekly
    >>> fetch_m4_weekly().test.groupby("unique_id").size().unique()  # doctest: +SKIP
    array([13])
    """
    return _m4("m4_weekly", "Weekly", "W", 13, 52, data_home)


def fetch_m3_monthly(*, data_home=None):
    """Monthly series of the M3 competition.

    Parameters
    ----------
    data_home : str or path-like, optional
        A folder to look in first for ``m3_monthly.parquet`` (columns ``unique_id``, ``ds``, ``y`` and ``split``: train
        or test), then that of the environment variable ``TSRNN_DATA``. It is not downloaded: no public file with a
        known checksum has these tables.

    Returns
    -------
    Dataset
        1428 series of 66 to 144 months by (``unique_id``, ``ds``), the last 18 of each in ``test``. 29 series have no
        known start and begin in 1900.

    Raises
    ------
    NotADirectoryError
        If a folder that is given does not exist.
    FileNotFoundError
        If the file is in no folder.
    ModuleNotFoundError
        If pyarrow is not installed.

    References
    ----------
    Makridakis, S. and Hibon, M. (2000). The M3-Competition: results, conclusions and implications. *International
    Journal of Forecasting*, 16(4), 451-476.

    Examples
    --------
    >>> from tsrnn.datasets import fetch_m3_monthly
    >>> fetch_m3_monthly(data_home="data").horizon  # doctest: +SKIP
    18
    """
    return _monthly("m3_monthly", 18, "M3 competition, monthly series; Makridakis and Hibon (2000)", data_home)


def fetch_tourism_monthly(*, data_home=None):
    """Monthly series of the tourism forecasting competition.

    Parameters
    ----------
    data_home : str or path-like, optional
        As in `fetch_m3_monthly`; the file is ``tourism_monthly.parquet``.

    Returns
    -------
    Dataset
        366 series of 91 to 333 months by (``unique_id``, ``ds``), the last 24 of each in ``test``.

    Raises
    ------
    NotADirectoryError, FileNotFoundError, ModuleNotFoundError
        As in `fetch_m3_monthly`.

    References
    ----------
    Athanasopoulos, G., Hyndman, R. J., Song, H. and Wu, D. C. (2011). The tourism forecasting competition.
    *International Journal of Forecasting*, 27(3), 822-844.

    Examples
    --------
    >>> from tsrnn.datasets import fetch_tourism_monthly
    >>> fetch_tourism_monthly(data_home="data").horizon  # doctest: +SKIP
    24
    """
    source = "Tourism forecasting competition, monthly series; Athanasopoulos et al. (2011)"
    return _monthly("tourism_monthly", 24, source, data_home)


def fetch_hospital(*, data_home=None):
    """Monthly counts of patients, by medical product.

    Parameters
    ----------
    data_home : str or path-like, optional
        As in `fetch_m3_monthly`; the file is ``hospital.parquet``.

    Returns
    -------
    Dataset
        767 series of 84 months, January 2000 to December 2006, by (``unique_id``, ``ds``), the last 12 in ``test``.

    Raises
    ------
    NotADirectoryError, FileNotFoundError, ModuleNotFoundError
        As in `fetch_m3_monthly`.

    References
    ----------
    Hyndman, R. J., Koehler, A. B., Ord, J. K. and Snyder, R. D. (2008). *Forecasting with Exponential Smoothing: The
    State Space Approach*, Springer.

    Examples
    --------
    >>> from tsrnn.datasets import fetch_hospital
    >>> fetch_hospital(data_home="data").horizon  # doctest: +SKIP
    12
    """
    return _monthly("hospital", 12, "Counts of patients, monthly; Hyndman et al. (2008)", data_home)


def _m4(name: str, group: str, unit: str, horizon: int, season_length: int, data_home) -> Dataset:
    paths = obtain(data_home, (f"{name}.parquet",), (f"{group}-train.csv", f"{group}-test.csv"))
    table = read_parquet(paths[0]) if len(paths) == 1 else _from_wide(*paths)
    ids, time = table["unique_id"].astype(str), table["ds"].astype(np.int64)
    starts = beside(data_home, f"{name}_start.csv")
    if starts is not None:
        start = pd.read_csv(starts, index_col="unique_id", parse_dates=["start"])["start"]
        if unit == "W":
            start = start.dt.to_period("W-SUN").dt.start_time
        time = ids.map(start) + pd.to_timedelta(time - 1, unit=unit)
    train, test = _split(table, ids, time)
    return Dataset(
        name,
        train,
        test,
        horizon,
        season_length,
        f"M4 competition, {group.lower()} series; https://github.com/Mcompetitions/M4-methods; no licence stated "
        "there, the copy in the Monash archive is CC BY 4.0.",
    )


def _from_wide(*paths) -> pd.DataFrame:
    """The competition's files, a series a row, as one long table; the test part goes on counting."""
    parts, before = [], 0
    for path, split in zip(paths, ("train", "test"), strict=True):
        wide = pd.read_csv(path, index_col=0)
        values = wide.to_numpy(np.float64)
        there = ~np.isnan(values)
        lengths = there.sum(axis=1)
        counted = (np.arange(1, values.shape[1] + 1) + np.reshape(before, (-1, 1))) * np.ones_like(there, np.int64)
        ids = np.repeat(wide.index.to_numpy(), lengths)
        parts.append(pd.DataFrame({"unique_id": ids, "ds": counted[there], "y": values[there], "split": split}))
        before = lengths
    return pd.concat(parts, ignore_index=True)


def _monthly(name: str, horizon: int, source: str, data_home) -> Dataset:
    (path,) = obtain(data_home, (f"{name}.parquet",))
    table = read_parquet(path)
    train, test = _split(table, table["unique_id"].astype(str), table["ds"])
    description = f"{source}; from the Monash Time Series Forecasting Archive, CC BY 4.0."
    return Dataset(name, train, test, horizon, 12, description)


def _split(table: pd.DataFrame, ids: pd.Series, time: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The two parts of a long table, by (id, time)."""
    index = pd.MultiIndex.from_arrays([ids, time], names=["unique_id", "ds"])
    y = pd.Series(table["y"].to_numpy(np.float64), index, name="y")
    held_out = (table["split"] == "test").to_numpy()
    return y[~held_out], y[held_out]
