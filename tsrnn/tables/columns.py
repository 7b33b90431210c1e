"""Which column of a table is the time, and which holds the values."""

import numpy as np
import pandas as pd

from tsrnn.tables.dates import are_compact_dates, look_like_dates
from tsrnn.tables.numbers import UNCLEAR, as_numbers

TIME_NAMES = {"time", "date", "datetime", "date_time", "timestamp", "ds", "period", "day", "week", "month",
              "quarter", "year", "step", "t", "index"}  # fmt: skip
CALENDAR = {"weekday", "day_of_week", "day_of_year", "hour", "minute"}
TARGET_NAMES = {"y", "value", "target"}


def find_time(frame: pd.DataFrame, target: str | None = None, date_format: str | None = None) -> str | None:
    """The column that holds the time: dates, or else integers that count the rows.

    Parameters
    ----------
    frame : DataFrame
        Its index holds the rows' numbers in the file.
    target : str, optional
        A column that is not asked.
    date_format : str, optional
        How the dates are written; default: in a format of `tsrnn.tables.dates`.

    Returns
    -------
    str or None
        None if no column is of that kind.

    Raises
    ------
    ValueError
        If several columns might be meant, or one is named like time and holds something else.
    """
    names = [name for name in frame.columns if name != target]
    dates = [name for name in names if _holds_dates(frame[name], date_format)]
    if dates:
        return _the_one(dates, "hold dates")
    form = "a known format" if date_format is None else f"the format {date_format!r}"
    for name in filter(is_time_name, names):
        if not pd.api.types.is_numeric_dtype(frame[name].dtype):
            raise ValueError(
                f"column {name!r} is named like time, but {str(frame[name].iloc[0])!r} in row {frame.index[0]} is "
                f"no date in {form}; --date-format names the format, or --time another column"
            )
    if date_format is not None:
        raise ValueError(f"no column holds dates in {form}; the columns are {', '.join(frame.columns)}")
    counters = [name for name in names if _counts(frame[name])]
    named = [name for name in counters if is_time_name(name)]
    if named:
        return _the_one(named, "may be the time")
    # The only numbers of a file are its values, however regular.
    others = [name for name in names if name not in counters and is_numeric(frame[name])]
    return counters[0] if counters and (others or target) else None


def find_target(frame: pd.DataFrame, time: str | None) -> tuple[str, list[str]]:
    """The column of the values, and the others that it might have been.

    Raises
    ------
    ValueError
        If no column holds numbers.
    """
    names = [name for name in frame.columns if name != time]
    numeric = [name for name in names if is_numeric(frame[name])]
    # The number of a row or of a month is no series, unless it is all there is.
    values = [name for name in numeric if not is_time_name(name) and name.lower() not in CALENDAR] or numeric
    values = [name for name in values if not name.startswith("Unnamed: ")] or values
    if not names:
        raise ValueError(f"there is no column beside the time, {time!r}")
    if not values:
        first = frame[names[0]]
        hint = "; fields are separated by commas, semicolons, tabs or bars" if frame.shape[1] == 1 else ""
        raise ValueError(f"no column holds numbers: {names[0]!r} {no_number(first, first.index[0])}{hint}")
    named = [name for name in values if name.lower() in TARGET_NAMES]
    return (named[0], []) if len(named) == 1 else (values[0], values[1:])


def no_number(column: pd.Series, row: int) -> str:
    """What a column holds in a row, and what to do about a comma of which nothing tells the meaning."""
    held = str(column[row]).strip()
    hint = " (a decimal comma, or thousands? write numbers as 1234.5)" if UNCLEAR.fullmatch(held) else ""
    return f"holds {held!r} in row {row}{hint}"


def is_numeric(column: pd.Series) -> bool:
    """Whether most values are numbers: one that is not is then a mistake, to be named."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return False
    if pd.api.types.is_numeric_dtype(column.dtype):
        return bool(column.notna().any())
    return as_numbers(column.head(1000))[0].notna().mean() > 0.5


def is_integer(column: pd.Series) -> bool:
    """Whether pandas read whole numbers."""
    return pd.api.types.is_integer_dtype(column.dtype)


def is_time_name(name: str) -> bool:
    """Whether a column of this name may be expected to hold the time."""
    return name.lower() in TIME_NAMES


def _the_one(names: list[str], what: str) -> str:
    """The only one, or the only one with a name of time."""
    named = [name for name in names if is_time_name(name)]
    if len(names) > 1 and len(named) != 1:
        raise ValueError(f"several columns {what}: {', '.join(named or names)}; choose one with --time")
    return (named or names)[0]


def _holds_dates(column: pd.Series, date_format: str | None) -> bool:
    if date_format is not None:
        text = pd.api.types.is_string_dtype(column.dtype) or is_integer(column)
        return text and look_like_dates(column.astype("string"), date_format)
    if is_integer(column):
        # 202401 may be a number as well, unless the column goes on like time.
        return (is_time_name(str(column.name)) or _direction(column) != 0) and are_compact_dates(column)
    return pd.api.types.is_string_dtype(column.dtype) and look_like_dates(column.astype("string"))


def _direction(column: pd.Series) -> int:
    """1 if integers increase from row to row, -1 if they decrease, else 0."""
    steps = np.diff(column.to_numpy())
    return int(np.sign(steps[0])) if len(steps) and (np.sign(steps) == np.sign(steps[0])).all() else 0


def _counts(column: pd.Series) -> bool:
    """Whether integers may be the time: they go one way, by one step unless the column is named like time."""
    if not is_integer(column) or _direction(column) == 0:
        return False
    return is_time_name(str(column.name)) or len(np.unique(np.diff(column.to_numpy()))) == 1
