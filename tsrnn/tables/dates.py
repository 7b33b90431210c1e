"""Time stamps written by people: which format a column holds, and new stamps in that format."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from tsrnn.forecasting.series.timeindex import frequency

SAMPLE = 20  # values that show whether a column holds dates at all

ISO = re.compile(
    r"\d{4}-\d{2}(?P<day>-\d{2}(?:(?P<t>[T ])\d{2}(?P<minute>:\d{2}(?P<second>:\d{2}(?P<fraction>\.\d+)?)?)?"
    r"(?P<offset> ?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))?)?)?"
)
QUARTER = re.compile(r"(?P<year>\d{4})(?P<between>[- :/]?)Q(?P<quarter>[1-4])")
QUARTER_FIRST = re.compile(r"Q(?P<quarter>[1-4])(?P<between>[- :/]?)(?P<year>\d{4})")
WEEK = re.compile(r"\d{4}-?W\d{2}")
NUMBERS = re.compile(r"\d{1,2}(?P<between>[/.-])\d{1,2}(?P=between)\d{4}\b.*")

# Each can be read in one way only.
DATES = ("%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d", "%Y/%m", "%Y-%m", "%m/%Y", "%m-%Y", "%b %Y", "%B %Y", "%b-%Y", "%Y %b",
         "%Y-%b", "%YM%m", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y")  # fmt: skip
TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
COMPACT = {8: "%Y%m%d", 6: "%Y%m"}  # by the number of digits
WORDS = {"%d": "day", "%m": "month", "%Y": "year", "%b": "month's name", "%B": "month's name"}


def _with_times(*dates: str) -> list[str]:
    return [date + time for date in dates for time in TIMES]


ALL = [*_with_times(*DATES), *COMPACT.values()]


class DateError(ValueError):
    """A value that is no date; `position` is its place in the column, None if no single value is at fault."""

    def __init__(self, message: str, position: int | None = None):
        super().__init__(message)
        self.position = position


@dataclass(frozen=True)
class Stamps:
    """The time stamps of a column.

    Attributes
    ----------
    index : DatetimeIndex
        A period (a month, a quarter, a week) as its first moment.
    understood : str
        How the column was read, in words; empty where there is one way only (ISO 8601).
    write : callable
        DatetimeIndex -> list of str, in the column's own format.
    """

    index: pd.DatetimeIndex
    understood: str
    write: Callable[[pd.DatetimeIndex], list[str]]


def look_like_dates(column: pd.Series, date_format: str | None = None) -> bool:
    """Whether most of the first values of a column of strings are dates, in one known format or in that given."""
    sample = column.dropna().str.strip().head(SAMPLE)
    if sample.empty or sample.str.contains(r"\d", regex=True).mean() <= 0.5:
        return False
    if date_format is not None:
        return _by_parsing(sample, [date_format]) is not None
    return _matches(sample, ISO, QUARTER, QUARTER_FIRST, WEEK, NUMBERS) or _by_parsing(sample, ALL) is not None


def are_compact_dates(column: pd.Series) -> bool:
    """Whether all of a column of integers are dates such as 20240131 or 202401."""
    text = column.astype("string")
    width = text.str.len()
    if width.nunique() != 1 or width.iloc[0] not in COMPACT:
        return False
    return bool(_read(text, COMPACT[int(width.iloc[0])]).notna().all())


def read_dates(column: pd.Series, date_format: str | None = None) -> Stamps:
    """Read a column of strings as time stamps.

    Parameters
    ----------
    column : Series of str
        In any order.
    date_format : str, optional
        In the notation of `datetime.strptime`; default: found from the values. A day that may as well be a month
        is never guessed: all values of the column, or their regularity, must tell.

    Returns
    -------
    Stamps

    Raises
    ------
    DateError
        If a value is no date of the format that the others have, or there are two ways to read them.

    Examples
    --------
    >>> import pandas as pd
    >>> from tsrnn.tables.dates import read_dates
    >>> stamps = read_dates(pd.Series(["30/01/2024", "31/01/2024", "01/02/2024"]))
    >>> stamps.understood
    'day/month/year'
    >>> stamps.write(stamps.index[-1:])
    ['01/02/2024']
    """
    column = column.str.strip()
    missing = column.isna() | (column == "")
    if missing.any():
        raise DateError("there is no time stamp", int(missing.to_numpy().argmax()))
    if date_format is not None:
        return _by_format(column, date_format, understood="")
    sample = column.head(SAMPLE)
    if _matches(sample, ISO):
        return _iso(column)
    if _matches(sample, QUARTER, QUARTER_FIRST):
        return _quarters(column)
    if _matches(sample, WEEK):
        written = "%G-W%V" if "-" in column[column.str.fullmatch(WEEK.pattern)].iloc[0] else "%GW%V"
        index = _checked(column, _read(column + "-1", f"{written}-%u"), "2024-W01")
        return Stamps(index, "", lambda future: list(future.strftime(written)))
    if _matches(sample, NUMBERS):
        return _numbers(column)
    date_format = _by_parsing(sample, ALL)
    if date_format is None:
        raise DateError(f"{column.iloc[0]!r} is no date in a known format; --date-format names the format", 0)
    return _by_format(column, date_format, "" if date_format in COMPACT.values() else _in_words(date_format))


def _matches(sample: pd.Series, *patterns: re.Pattern) -> bool:
    """Whether one of the patterns fits more than half of the values: the rest are then wrong dates."""
    return any(sample.str.fullmatch(pattern.pattern).mean() > 0.5 for pattern in patterns)


def _by_parsing(sample: pd.Series, date_formats: Iterable[str]) -> str | None:
    """The format that reads most values, if it reads more than half."""
    best, share = None, 0.5
    for date_format in date_formats:
        read = _read(sample, date_format).notna().mean()
        if read > share:
            best, share = date_format, read
    return best


def _read(column: pd.Series, date_format: str) -> pd.DatetimeIndex:
    """Stamps, NaT where a value is not of the format; in UTC where the format names the offset from it."""
    utc = "%z" in date_format  # offsets that change with the clocks have no other zone in common
    try:
        return pd.DatetimeIndex(pd.to_datetime(column, format=date_format, errors="coerce", utc=utc))
    except ValueError as error:
        raise DateError(f"the date format {date_format!r} cannot be used: {error}") from error


def _checked(column: pd.Series, index: pd.DatetimeIndex, form: str) -> pd.DatetimeIndex:
    if index.hasnans:
        position = int(index.isna().argmax())
        raise DateError(f"{column.iloc[position]!r} is no date of the form {form}", position)
    return index


def _in_words(date_format: str) -> str:
    """'%d/%m/%Y %H:%M' as day/month/year."""
    return re.sub(r"%\w", lambda code: WORDS.get(code[0], ""), date_format).rstrip(" :")


def _by_format(column: pd.Series, date_format: str, understood: str) -> Stamps:
    index = _checked(column, _read(column, date_format), understood or date_format)
    if "%z" in date_format:
        stamps = [datetime.strptime(text, date_format) for text in column]
        zones = {stamp.tzinfo for stamp in stamps}
        if len(zones) == 1:
            index = index.tz_convert(zones.pop())
        else:
            wall = pd.DatetimeIndex([stamp.replace(tzinfo=None) for stamp in stamps])
            index, understood = _where_offsets_change(wall, index)
    return Stamps(index, understood, lambda future: list(future.strftime(date_format)))


def _iso(column: pd.Series) -> Stamps:
    offsets = column.str.extract(ISO)["offset"]
    mixed = offsets.nunique(dropna=False) > 1
    iso = column.str.replace(" ?UTC$", "Z", regex=True)
    read = pd.to_datetime(iso, format="ISO8601", errors="coerce", utc=mixed)
    index, understood = _checked(column, pd.DatetimeIndex(read), "2024-01-31 or 2024-01-31T13:00"), ""
    if mixed:
        local = [text.removesuffix(offset) for text, offset in zip(column, offsets.fillna(""), strict=True)]
        index, understood = _where_offsets_change(pd.DatetimeIndex(pd.to_datetime(local, format="ISO8601")), index)
    parts = ISO.fullmatch(column.iloc[0])
    if parts is None:
        return Stamps(index, understood, lambda future: [stamp.isoformat() for stamp in future])
    if index.tz is not None:
        letters = parts["offset"] if parts["offset"] and parts["offset"].strip() in {"Z", "UTC"} else "+00:00"

        def write(future):
            return [stamp.isoformat(parts["t"]).replace("+00:00", letters) for stamp in future]

        return Stamps(index, understood, write)
    date_format = "%Y-%m" + ("-%d" if parts["day"] else "")
    if parts["t"]:
        date_format += parts["t"] + "%H" + (":%M" if parts["minute"] else "") + (":%S" if parts["second"] else "")

    def write(future):
        texts = list(future.strftime(date_format))
        whole = (pd.DatetimeIndex(pd.to_datetime(texts, format="ISO8601")) == future).all()
        return texts if whole else [stamp.isoformat() for stamp in future]

    return Stamps(index, understood, write)


def _where_offsets_change(wall: pd.DatetimeIndex, utc: pd.DatetimeIndex) -> tuple[pd.DatetimeIndex, str]:
    """Stamps of the local clock if they go on in its steps, or else those in UTC; and which of both, in words.

    Days begin at one hour of the clock, also where some are missing. Steps of an hour or less are steps of time: what
    the clock skips or repeats is no error.
    """
    days = (wall - wall.normalize()).nunique() == 1
    steps = wall.sort_values().to_series().diff()
    if days or (steps.min() > pd.Timedelta(hours=1) and _is_regular(wall) and not _is_regular(utc)):
        return wall, "several offsets from UTC, left out: times are local"
    return utc, "several offsets from UTC, all taken to UTC"


def _quarters(column: pd.Series) -> Stamps:
    year_first = _matches(column.head(SAMPLE), QUARTER)
    pattern = QUARTER if year_first else QUARTER_FIRST
    found = column.str.extract(f"^{pattern.pattern}$")
    month = 3 * pd.to_numeric(found["quarter"]) - 2
    index = _checked(column, _read(found["year"] + "-" + month.astype("Int64").astype("string"), "%Y-%m"), "2024Q1")
    between = found["between"].dropna().iloc[0]

    def write(future):
        pairs = ((str(stamp.year), f"Q{stamp.quarter}") for stamp in future)
        return [between.join(pair if year_first else pair[::-1]) for pair in pairs]

    return Stamps(index, "", write)


def _numbers(column: pd.Series) -> Stamps:
    """Two numbers and a year: the first is the day if one of them exceeds 12, the second likewise.

    Where none does, the reading stands that makes the stamps regular, if the other one does not.
    """
    between = NUMBERS.fullmatch(column[column.str.fullmatch(NUMBERS.pattern)].iloc[0])["between"]
    sample = column.head(SAMPLE)
    readings = {}
    for order in (("%d", "%m", "%Y"), ("%m", "%d", "%Y")):
        candidates = _with_times(between.join(order))
        best = _by_parsing(sample, candidates) or candidates[0]
        readings[best] = _read(column, best)
    valid = [date_format for date_format, index in readings.items() if not index.hasnans]
    if len(valid) == 2 and not readings[valid[0]].equals(readings[valid[1]]):
        regular = [date_format for date_format in valid if _is_regular(readings[date_format])]
        if len(regular) != 1:
            raise DateError(
                f"dates such as {column.iloc[0]!r} may be {' or '.join(map(_in_words, valid))}: "
                f"--date-format decides, {valid[0]!r} or {valid[1]!r}"
            )
        valid = regular
    likely = valid[0] if valid else min(readings, key=lambda date_format: readings[date_format].isna().sum())
    return _by_format(column, likely, _in_words(likely))


def _is_regular(index: pd.DatetimeIndex) -> bool:
    try:
        frequency(index.sort_values())
    except ValueError:
        return False
    return True
