"""Time stamps as people write them: read in one way only, and written in the same."""

import pandas as pd
import pytest

from tsrnn.tables.dates import DateError, are_compact_dates, look_like_dates, read_dates

DAYS = pd.date_range("2024-01-01", periods=40, freq="D")
MONTHS = pd.date_range("2020-01-01", periods=40, freq="MS")
HOURS = pd.date_range("2024-01-01", periods=40, freq="h")
QUARTERS = pd.date_range("2000-01-01", periods=40, freq="QS")
WEEKS = pd.date_range("2020-01-06", periods=60, freq="W-MON")


def column(values):
    return pd.Series([str(value) for value in values], dtype="string")


@pytest.mark.parametrize(
    ("index", "date_format", "understood"),
    [
        (DAYS, "%Y-%m-%d", ""),
        (MONTHS, "%Y-%m", ""),
        (HOURS, "%Y-%m-%dT%H", ""),
        (HOURS, "%Y-%m-%dT%H:%M", ""),
        (HOURS, "%Y-%m-%d %H:%M:%S", ""),
        (WEEKS, "%G-W%V", ""),
        (WEEKS, "%GW%V", ""),
        (DAYS, "%Y%m%d", ""),
        (MONTHS, "%Y%m", ""),
        (DAYS, "%Y/%m/%d", "year/month/day"),
        (DAYS, "%d/%m/%Y", "day/month/year"),
        (DAYS, "%m/%d/%Y", "month/day/year"),
        (DAYS, "%d.%m.%Y", "day.month.year"),
        (DAYS, "%d-%m-%Y", "day-month-year"),
        (HOURS, "%d/%m/%Y %H:%M", "day/month/year"),
        (HOURS, "%m/%d/%Y %I:%M %p", "month/day/year"),
        (MONTHS, "%d/%m/%Y", "day/month/year"),  # no day above 12: one reading is regular, the other is not
        (MONTHS, "%m/%d/%Y", "month/day/year"),
        (MONTHS, "%b %Y", "month's name year"),
        (MONTHS, "%m/%Y", "month/year"),
        (MONTHS, "%m-%Y", "month-year"),
        (DAYS, "%d %B %Y", "day month's name year"),
        (DAYS, "%B %d, %Y", "month's name day, year"),
    ],
)
def test_a_column_is_read_and_continued_in_its_format(index, date_format, understood):
    text = column(index.strftime(date_format))
    stamps = read_dates(text)
    assert list(stamps.index) == list(index)
    assert stamps.understood == understood
    assert stamps.write(stamps.index) == list(text)
    assert look_like_dates(text)


@pytest.mark.parametrize(
    "form", ["{0}Q{1}", "{0}-Q{1}", "{0} Q{1}", "Q{1} {0}", "Q{1}-{0}", "Q{1}{0}", "Q{1}/{0}", "{0}:Q{1}"]
)
def test_quarters(form):
    text = column(form.format(stamp.year, stamp.quarter) for stamp in QUARTERS)
    stamps = read_dates(text)
    assert list(stamps.index) == list(QUARTERS)
    assert stamps.write(stamps.index) == list(text)
    assert look_like_dates(text)


@pytest.mark.parametrize(
    ("offset", "zone"), [("Z", "UTC"), (" UTC", "UTC"), ("+00:00", "UTC"), ("+05:30", "UTC+05:30")]
)
def test_an_offset_from_utc_is_kept(offset, zone):
    text = column(HOURS.strftime("%Y-%m-%dT%H:%M:%S") + offset)
    stamps = read_dates(text)
    assert str(stamps.index.tz) == zone
    assert stamps.write(stamps.index[:2]) == list(text[:2])


def test_several_offsets_become_utc_and_this_is_said():
    summer = HOURS[20:] + pd.Timedelta(hours=1)
    text = column([*(HOURS[:20].strftime("%Y-%m-%dT%H:%M+01:00")), *summer.strftime("%Y-%m-%dT%H:%M+02:00")])
    stamps = read_dates(text)
    assert list(stamps.index) == list(HOURS.tz_localize("UTC") - pd.Timedelta(hours=1))
    assert "UTC" in stamps.understood
    assert stamps.write(stamps.index[:1]) == ["2023-12-31T23:00:00+00:00"]


def in_berlin(start, periods, freq):
    """Stamps of the wall clock, with offsets from UTC that change in March and October."""
    index = pd.date_range(start, periods=periods, freq=freq)
    return index, column(stamp.isoformat(" ") for stamp in index.tz_localize("Europe/Berlin"))


@pytest.mark.parametrize("freq", ["D", "B", "W", "MS", "12h", "6h"])
@pytest.mark.parametrize("date_format", [None, "%Y-%m-%d %H:%M:%S%z"])
def test_steps_of_the_clock_stay_where_offsets_change(freq, date_format):
    index, text = in_berlin("2024-01-01", 500, freq)
    stamps = read_dates(text, date_format)
    assert list(stamps.index) == list(index)
    assert stamps.understood == "several offsets from UTC, left out: times are local"
    assert stamps.write(index[:2]) == list(index[:2].strftime("%Y-%m-%d %H:%M:%S"))


def test_days_of_the_clock_may_miss_some_or_their_offset():
    index, text = in_berlin("2024-01-01", 120, "D")
    assert list(read_dates(text.drop(50)).index) == list(index.delete(50))
    text[60:] = text[60:].str[:10]
    assert list(read_dates(text).index) == list(index)


@pytest.mark.parametrize("freq", ["30min", "h", "6h", "D"])
@pytest.mark.parametrize("date_format", [None, "%Y-%m-%dT%H:%M:%S%z"])
def test_steps_of_time_are_taken_to_utc_where_offsets_change(freq, date_format):
    index = pd.date_range("2024-03-20", periods=800, freq=freq, tz="UTC")
    stamps = read_dates(column(stamp.isoformat() for stamp in index.tz_convert("Europe/Berlin")), date_format)
    assert list(stamps.index) == list(index)
    assert stamps.understood == "several offsets from UTC, all taken to UTC"


def test_an_hour_that_misses_is_not_covered_by_a_change_of_the_clock():
    """The clock shows one hour twice in October. A file with one of them lacks the other."""
    index = pd.date_range("2024-10-20", periods=500, freq="h", tz="Europe/Berlin")
    once = index[~index.tz_localize(None).duplicated()]
    assert len(once) == 499
    stamps = read_dates(column(stamp.isoformat() for stamp in once))
    assert list(stamps.index) == list(once.tz_convert("UTC"))


@pytest.mark.parametrize("offset", ["+01", " +01:00", " +0100"])
def test_offsets_as_other_programs_write_them(offset):
    text = column(HOURS.strftime("%Y-%m-%d %H:%M:%S") + offset)
    assert look_like_dates(text)
    stamps = read_dates(text)
    assert list(stamps.index) == list(HOURS.tz_localize("Europe/Berlin"))
    assert stamps.write(stamps.index[:1]) == ["2024-01-01 00:00:00+01:00"]


def test_a_format_with_an_offset_keeps_it():
    text = column(HOURS.strftime("%d.%m.%Y %H:%M +0530"))
    stamps = read_dates(text, "%d.%m.%Y %H:%M %z")
    assert list(stamps.index) == list(HOURS.tz_localize("Asia/Kolkata"))
    assert stamps.write(stamps.index) == list(text)


def test_dates_without_zeros():
    for index in (DAYS, MONTHS):
        text = column(f"{stamp.year}-{stamp.month}-{stamp.day}" for stamp in index)
        assert look_like_dates(text)
        assert list(read_dates(text).index) == list(index)
    assert list(read_dates(column(f"{stamp.year}-{stamp.month}" for stamp in MONTHS)).index) == list(MONTHS)
    assert list(read_dates(column(f"{stamp.month}/{stamp.year}" for stamp in MONTHS)).index) == list(MONTHS)


def test_a_format_too_coarse_for_the_future_is_not_used():
    """The first stamp has no hour, the others have one."""
    stamps = read_dates(column(["2024-01-01", *HOURS[1:].strftime("%Y-%m-%d %H:%M")]))
    assert stamps.write(HOURS[-1:]) == [HOURS[-1].isoformat()]


def test_day_or_month_is_not_guessed():
    ambiguous = column(MONTHS[:10].strftime("%d/%m/%Y"))  # the first of ten months, or ten days of January
    with pytest.raises(DateError, match=r"day/month/year or month/day/year: --date-format decides, '%d/%m/%Y'"):
        read_dates(ambiguous)
    assert list(read_dates(ambiguous, "%d/%m/%Y").index) == list(MONTHS[:10])
    assert list(read_dates(ambiguous, "%m/%d/%Y").index) == list(DAYS[:10] - pd.DateOffset(years=4))


@pytest.mark.parametrize(
    ("values", "wrong", "message"),
    [
        (DAYS.strftime("%Y-%m-%d"), "2024-02-31", "'2024-02-31' is no date of the form 2024-01-31"),
        (DAYS.strftime("%Y-%m-%d"), "soon", "'soon' is no date of the form 2024-01-31"),
        (DAYS.strftime("%d/%m/%Y"), "2024-01-06", "'2024-01-06' is no date of the form day/month/year"),
        (DAYS.strftime("%d/%m/%Y"), "32/13/2024", "'32/13/2024' is no date of the form day/month/year"),
        (DAYS.strftime("%d %b %Y"), "6 Foo 2024", "'6 Foo 2024' is no date of the form day month's name year"),
        (WEEKS.strftime("%G-W%V"), "2020-W99", "'2020-W99' is no date of the form 2024-W01"),
        ([f"20{i:02d}Q1" for i in range(40)], "2005Q7", "'2005Q7' is no date of the form 2024Q1"),
        (DAYS.strftime("%Y-%m-%d"), "", "there is no time stamp"),
    ],
)
def test_a_wrong_date_is_named_with_its_place(values, wrong, message):
    text = column(values)
    text[5] = wrong
    with pytest.raises(DateError, match="^" + message) as error:
        read_dates(text)
    assert error.value.position == 5


def test_a_format_given_is_used_and_no_other():
    text = column(DAYS.strftime("%d/%m/%y"))
    assert not look_like_dates(text)
    assert look_like_dates(text, "%d/%m/%y")
    stamps = read_dates(text, "%d/%m/%y")
    assert list(stamps.index) == list(DAYS)
    assert stamps.understood == ""
    with pytest.raises(DateError, match=r"'01/01/24' is no date of the form %Y-%m-%d"):
        read_dates(text, "%Y-%m-%d")
    with pytest.raises(DateError, match=r"'01/01/24' is no date in a known format; --date-format names"):
        read_dates(text)
    with pytest.raises(DateError, match="date format '%Q' cannot be used"):
        read_dates(text, "%Q")


@pytest.mark.parametrize("values", [["a", "b"], ["12.5", "13"], ["1e5", "2"], ["00:00", "01:00"], ["1 apple"]])
def test_other_strings_are_no_dates(values):
    assert not look_like_dates(column(values))
    with pytest.raises(DateError):
        read_dates(column(values))


def test_numbers_that_are_dates():
    assert are_compact_dates(pd.Series([20240131, 20240229]))
    assert are_compact_dates(pd.Series([202401, 202412]))
    assert not are_compact_dates(pd.Series([20240131, 20240230]))
    assert not are_compact_dates(pd.Series([202401, 202413]))
    assert not are_compact_dates(pd.Series([2024, 2025]))
