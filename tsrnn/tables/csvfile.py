"""A series out of a CSV file, and a forecast in the same form."""

import csv
import io
import math
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsrnn.forecasting.series.timeindex import frequency, name_stamps, season_within
from tsrnn.tables.columns import find_target, find_time, is_integer, is_time_name, no_number
from tsrnn.tables.dates import DateError, Stamps, are_compact_dates, look_like_dates, read_dates
from tsrnn.tables.numbers import as_numbers
from tsrnn.tables.textfile import find_table, read_text

UNITS = {"s": "second", "min": "minute", "h": "hour", "D": "day", "B": "business day", "W": "week", "M": "month",
         "MS": "month", "ME": "month", "BMS": "month", "BME": "month", "QS": "quarter", "QE": "quarter",
         "YS": "year", "YE": "year"}  # fmt: skip
SEPARATORS = ",;\t|"
QUOTED = re.compile(r'"[^"]*"')
FIRST_ROW = 2  # as a spreadsheet counts: the header is row 1
DECIMAL_COMMA = re.compile(r"(?:^|;)\s*[+-]?\d+,\d+\s*(?:;|$)", re.MULTILINE)


class ColumnError(ValueError):
    """A column that was asked for and is not there."""


@dataclass(frozen=True)
class CsvSeries:
    """What was read.

    Attributes
    ----------
    series : Series, float64
        In order of time; on a DatetimeIndex with its frequency, or on integers of one step.
    season_length : int
        Steps in a season of this frequency; 1 where it has none.
    inferred : list of str
        What nobody asked for and was found out, a line each.
    write_time : callable
        Index -> list: stamps in the format of the file.
    """

    series: pd.Series
    season_length: int
    inferred: list[str]
    write_time: Callable[[pd.Index], list]

    def to_csv(self, forecast: pd.Series) -> str:
        """A forecast as CSV, with the file's columns and its way to write time.

        Values are rounded to a millionth of the spread of the series: further digits say nothing.
        """
        spread = float(self.series.std()) or abs(float(self.series.iloc[-1]))
        columns = {
            self.series.index.name: self.write_time(forecast.index),
            self.series.name: np.round(forecast.to_numpy(), decimal_places(spread, 7)),
        }
        return pd.DataFrame(columns).to_csv(index=False, lineterminator="\n")


def decimal_places(size: float, digits: int) -> int:
    """Decimal places that show numbers of this size with so many digits."""
    return max(0, digits - 1 - math.floor(math.log10(size))) if 0 < size < math.inf else digits - 1


def read_series(path, *, time=None, target=None, date_format=None) -> CsvSeries:
    """Read one series from a CSV file with a header.

    Parameters
    ----------
    path : path-like
        In UTF-8, or in UTF-16 with a byte-order mark; compressed if its name ends in .gz, .bz2, .xz or .zip. The
        separator may be a comma, a semicolon, a tab or a bar. Empty lines and lines that begin with # may come first.
    time : str, optional
        Column of dates or of integers. Default: the one that holds dates; else integers that count; else the rows
        are counted, from 1.
    target : str, optional
        Column of the values. Default: the first that holds numbers.
    date_format : str, optional
        See `tsrnn.tables.dates.read_dates`.

    Returns
    -------
    CsvSeries

    Raises
    ------
    OSError
        If the file cannot be read.
    ColumnError
        If there is no column of the name given.
    ValueError
        If the file is no such table, or its series has wrong dates, missing values or irregular stamps. The
        message names the rows; the header is row 1.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from tsrnn.tables.csvfile import read_series
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "sales.csv"
    ...     _ = path.write_text("month,sold\\n2024-01,3\\n2024-02,5\\n2024-03,4\\n")
    ...     table = read_series(path)
    >>> print(*table.inferred, sep="\\n")
    time column: month (inferred)
    target column: sold (inferred)
    frequency: every month (inferred)
    >>> table.series.to_list()
    [3.0, 5.0, 4.0]
    """
    frame, inferred = _read_frame(path)
    for option, name in (("--time", time), ("--target", target)):
        if name is not None and name not in frame.columns:
            raise ColumnError(f"{option}: there is no column {name!r}; the columns are {', '.join(frame.columns)}")
    if time is None:
        time = find_time(frame, target, date_format)
        passed = [name for name in frame.columns if is_time_name(name) and name != target] if time is None else []
        why = f"; no dates, and no steps, in {', '.join(passed)}" if passed else ""
        inferred.append(f"time column: {time or 'none, rows are counted'} (inferred{why})")
    if time is not None and look_like_dates(pd.Series([time], dtype="string")):
        raise _no_header(frame)
    stamps = None
    if time is None:
        index = pd.RangeIndex(1, len(frame) + 1)
    else:
        index, stamps = _read_time(frame[time], date_format)
        if stamps and stamps.understood:
            inferred.append(f"dates: {stamps.understood} (inferred)")
    if target is None:
        target, others = find_target(frame, time)
        choice = f", the first of {', '.join([target, *others])}; --target decides" if others else ""
        inferred.append(f"target column: {target} (inferred{choice})")
    elif target == time:
        raise ColumnError(f"--target: {target!r} is the time column")

    where = frame.index if time is None else pd.Index(frame[time].astype(str).str.strip())
    values, understood = _read_values(frame[target], where)
    if understood:
        inferred.append(f"numbers: {understood} (inferred)")
    if index.has_duplicates:
        first, second = np.flatnonzero(index == index[index.duplicated()][0])[:2]
        raise ValueError(
            f"column {time!r} holds {where[first]} more than once, in rows {frame.index[first]} and "
            f"{frame.index[second]}; a file must hold one series"
        )
    if not index.is_monotonic_increasing:
        inferred.append("order: rows sorted by time")
    index.name = "time" if time is None or time.startswith("Unnamed: ") else time
    series = pd.Series(values, index, name=target).sort_index()
    try:
        freq = frequency(series.index)
    except ValueError as error:
        # What follows the semicolon is a hint for those who hold the series in Python.
        reading = f" ({stamps.understood})" if stamps and stamps.understood else ""
        raise ValueError(f"column {time!r}{reading}: {str(error).split('; ')[0]}") from error
    if isinstance(series.index, pd.DatetimeIndex):
        series.index = pd.DatetimeIndex(series.index, freq=freq)
        inferred.append(f"frequency: every {_in_words(freq)} (inferred)")
    return CsvSeries(series, season_within(freq, np.array([len(series)])), inferred, stamps.write if stamps else list)


def _read_frame(path) -> tuple[pd.DataFrame, list[str]]:
    """The table, indexed by the number of each row in the file, and what was inferred about its form."""
    text = read_text(path)
    before, separator = find_table(text)
    header, *rows = text.split("\n", before + 1)[before:]
    separator = separator or max(SEPARATORS, key=QUOTED.sub("", header).count)
    text = "\n".join([*[""] * before, header, *rows])  # a quote in a comment would be taken for that of a value
    # Where the decimal sign is a comma, the separator is a semicolon.
    decimal = "," if separator == ";" and DECIMAL_COMMA.search(text) else "."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text),
                sep=separator,
                decimal=decimal,
                skiprows=before,
                skipinitialspace=True,
                skip_blank_lines=False,  # rows keep their numbers
                index_col=False,
                low_memory=False,  # one type for the whole of a column
            )
    except pd.errors.ParserWarning as error:
        raise ValueError("this is no CSV file: its rows have more fields than its header") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        fault = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise ValueError(f"this is no CSV file: {fault}") from error
    frame.columns = [str(name).strip() for name in frame.columns]
    if pd.to_numeric(pd.Series(frame.columns).str.replace("-", ""), errors="coerce").notna().all():
        raise _no_header(frame)
    _check_names(header, separator)
    frame.index = frame.index + before + FIRST_ROW
    filled = frame.notna().any(axis=1)
    # In a file of one column an empty line is a missing value, unless it ends the file.
    frame = frame.loc[: filled[filled].index.max()] if frame.shape[1] == 1 else frame[filled]
    if frame.empty:
        raise ValueError("the file has a header and no rows")
    return frame, ["decimal sign: comma (inferred)"] if decimal == "," else []


def _no_header(frame: pd.DataFrame) -> ValueError:
    return ValueError(f"the first row must hold the names of the columns; it holds {', '.join(frame.columns)}")


def _check_names(header: str, separator: str) -> None:
    """Refuse two columns of one name, which pandas would give names of its own."""
    names = [name.strip() for name in next(csv.reader([header], delimiter=separator, skipinitialspace=True))]
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise ValueError(f"more than one column is named {twice[0]!r}")


def _read_time(column: pd.Series, date_format: str | None) -> tuple[pd.Index, Stamps | None]:
    where = f"column {column.name!r}"
    if is_integer(column):
        if date_format is None and not are_compact_dates(column):
            return pd.Index(column.to_numpy()), None
    elif pd.api.types.is_numeric_dtype(column.dtype):
        row = (column % 1 != 0).idxmax()
        raise ValueError(f"{where} holds {column[row]} in row {row}; the time must be dates or whole numbers")
    try:
        stamps = read_dates(column.astype("string"), date_format)
    except DateError as error:
        if error.position is None:
            raise ValueError(f"{where}: {error}") from error
        raise ValueError(f"{where}, row {column.index[error.position]}: {error}") from error
    return stamps.index, stamps


def _read_values(column: pd.Series, where: pd.Index) -> tuple[np.ndarray, str]:
    """The values, and how they were read; `where` holds the time of each, as it is written."""
    values, understood = as_numbers(column)
    wrong = values.isna() & column.notna()
    if wrong.any():
        row = wrong.idxmax()
        raise ValueError(f"column {column.name!r} {no_number(column, row)}, which is no number")
    values = values.to_numpy(np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        raise ValueError(
            f"column {column.name!r} holds {bad.sum()} missing or infinite values, at {name_stamps(where[bad])} "
            f"(first in row {column.index[bad.argmax()]}); fill them first"
        )
    return values, understood


def _in_words(freq) -> str:
    unit = UNITS.get(freq.rule_code.split("-")[0])
    if unit is None:
        return freq.freqstr
    return unit if freq.n == 1 else f"{freq.n} {unit}s"
