"""What is understood of a CSV file, what is said of it, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from tsrnn.evaluation.baselines import seasonal_naive
from tsrnn.tables.csvfile import ColumnError, decimal_places, read_series

N = 40
VALUES = np.arange(N) % 7 + 1.5
DAYS = pd.date_range("2020-01-01", periods=N, freq="D").strftime("%Y-%m-%d")
MONTHS = pd.date_range("2020-01-01", periods=N, freq="MS").strftime("%Y-%m")


@pytest.fixture
def read(tmp_path):
    """Reads a text as a file."""

    def read_text(text, **options):
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_series(path, **options)

    return read_text


def table(*columns, header="time,v", separator=","):
    rows = zip(*columns, strict=True)
    return "\n".join([header, *(separator.join(str(value) for value in row) for row in rows)]) + "\n"


def replaced(values, position, value):
    return [*values[:position], value, *values[position + 1 :]]


@pytest.mark.parametrize(
    ("times", "freq", "season", "follows"),
    [
        (MONTHS, "MS", 12, "2023-05"),
        (DAYS, "D", 7, "2020-02-10"),
        ([f"{2000 + i // 4}Q{i % 4 + 1}" for i in range(N)], "QS", 4, "2010Q1"),
        (pd.date_range("2020", periods=N, freq="h").strftime("%Y-%m-%dT%H:%M"), "h", 24, "2020-01-02T16:00"),
        (
            pd.date_range("2020", periods=N, freq="15min").strftime("%Y-%m-%d %H:%M"),
            "15min",
            1,  # a day is longer than the series
            "2020-01-01 10:00",
        ),
        (pd.date_range("2020", periods=N, freq="ME").strftime("%Y-%m-%d"), "ME", 12, "2023-05-31"),
        (pd.date_range("2020", periods=N, freq="B").strftime("%Y-%m-%d"), "B", 5, "2020-02-26"),
        (pd.date_range("2020", periods=N, freq="W").strftime("%Y-%m-%d"), "W", 1, "2020-10-11"),
        (pd.date_range("1700", periods=N, freq="YS").strftime("%Y-%m-%d"), "YS", 1, "1740-01-01"),
    ],
)
def test_dates_and_their_frequency(read, times, freq, season, follows):
    found = read(table(times, VALUES))
    assert found.series.index.freqstr.split("-")[0] == freq  # the month that quarters count from is a matter of taste
    assert found.season_length == season
    assert found.series.to_list() == VALUES.tolist()
    assert found.inferred[:2] == ["time column: time (inferred)", "target column: v (inferred)"]
    assert found.inferred[2].startswith("frequency: every ")
    header, row = found.to_csv(seasonal_naive(found.series, 1)).splitlines()
    assert header == "time,v"
    assert row == f"{follows},{VALUES[-1]}"


@pytest.mark.parametrize(
    ("times", "header", "name", "follows"),
    [
        (range(1980, 1980 + N), "year,v", "year", "2020"),
        (range(0, 10 * N, 10), "x,v", "x", "400"),
        (range(N), ",v", "time", "40"),  # as pandas writes a frame with its index
        (range(1577836800, 1577836800 + 3600 * N, 3600), "timestamp,v", "timestamp", "1577980800"),
    ],
)
def test_integers_that_count(read, times, header, name, follows):
    found = read(table(times, VALUES, header=header))
    assert found.season_length == 1
    assert found.to_csv(seasonal_naive(found.series, 1)) == f"{name},v\n{follows},{VALUES[-1]}\n"


@pytest.mark.parametrize(("header", "times"), [("date,v", DAYS), ("month,v", MONTHS), ("when,v", MONTHS)])
def test_integers_that_are_dates(read, header, times):
    found = read(table([time.replace("-", "") for time in times], VALUES, header=header))
    assert isinstance(found.series.index, pd.DatetimeIndex)
    assert found.to_csv(found.series).splitlines()[1].startswith(times[0].replace("-", ""))


@pytest.mark.parametrize("values", [VALUES, np.arange(N)])
def test_without_a_time_rows_are_counted(read, values):
    found = read(table(values, header="v"))
    assert found.inferred == ["time column: none, rows are counted (inferred)", "target column: v (inferred)"]
    assert list(found.series.index) == list(range(1, N + 1))
    assert found.series.index.name == "time"


def test_columns_that_might_have_been_the_time_are_named(read):
    found = read(table([2020] * N, [i % 12 + 1 for i in range(N)], VALUES, header="year,month,v"))
    assert found.inferred[0] == (
        "time column: none, rows are counted (inferred; no dates, and no steps, in year, month)"
    )


def test_what_is_given_is_not_said_to_be_inferred(read):
    found = read(table(DAYS, VALUES, VALUES * 2, header="a,b,c"), time="a", target="c")
    assert found.inferred == ["frequency: every day (inferred)"]
    assert found.series.name == "c"
    assert found.series.to_list() == (VALUES * 2).tolist()


def test_a_name_of_time_wins_among_dates(read):
    assert read(table(DAYS, DAYS, VALUES, header="updated,date,v")).series.index.name == "date"
    with pytest.raises(ValueError, match=r"several columns hold dates: created, updated; choose one with --time"):
        read(table(DAYS, DAYS, VALUES, header="created,updated,v"))
    assert read(table(DAYS, DAYS, VALUES, header="created,updated,v"), time="updated").series.index.name == "updated"
    with pytest.raises(ValueError, match=r"several columns may be the time: year, t; choose one with --time"):
        read(table(range(N), range(N), VALUES, header="year,t,v"))


def test_the_first_column_of_numbers_is_the_target_and_the_others_are_named(read):
    found = read(table(DAYS, ["x"] * N, VALUES, VALUES, header="date,shop,sold,price"))
    assert "target column: sold (inferred, the first of sold, price; --target decides)" in found.inferred
    assert read(table(DAYS, VALUES, VALUES, header="ds,price,y")).series.name == "y"
    # Numbers of the calendar and of rows are no target.
    assert read(table(range(N), DAYS, [1] * N, VALUES, header=",date,month,v")).series.name == "v"
    assert read(table(DAYS, range(N), header="date,month")).series.name == "month"


def test_columns_that_are_not_there(read):
    for option in ("time", "target"):
        with pytest.raises(ColumnError, match=f"--{option}: there is no column 'x'; the columns are time, v"):
            read(table(DAYS, VALUES), **{option: "x"})
    with pytest.raises(ColumnError, match="--target: 'time' is the time column"):
        read(table(DAYS, VALUES), time="time", target="time")


def test_how_dates_were_understood_is_said(read):
    times = pd.date_range("2020", periods=N, freq="D")
    for date_format, words in (("%d/%m/%Y", "day/month/year"), ("%m/%d/%Y", "month/day/year")):
        found = read(table(times.strftime(date_format), VALUES))
        assert list(found.series.index) == list(times)
        assert f"dates: {words} (inferred)" in found.inferred
    few = table(times[:10].strftime("%d.%m.%Y"), VALUES[:10])
    with pytest.raises(ValueError, match=r"column 'time': dates such as '01.01.2020' may be day.month.year or"):
        read(few)
    found = read(few, date_format="%d.%m.%Y")
    assert list(found.series.index) == list(times[:10])
    assert not any(line.startswith("dates") for line in found.inferred)


def test_a_format_given_finds_its_column(read):
    short = pd.date_range("2020", periods=N, freq="D").strftime("%d/%m/%y")
    text = table(short, VALUES, header="when,v")
    assert read(text, date_format="%d/%m/%y").series.index.freqstr == "D"
    with pytest.raises(ValueError, match=r"no column holds dates in the format '%Y-%m-%d'; the columns are when, v"):
        read(text, date_format="%Y-%m-%d")


@pytest.mark.parametrize("backwards", [DAYS[::-1], list(range(2000, 2000 + N))[::-1]])
def test_rows_in_another_order_are_sorted_and_this_is_said(read, backwards):
    found = read(table(backwards, VALUES, header="date,v"))
    assert found.series.to_list() == VALUES[::-1].tolist()
    assert "order: rows sorted by time" in found.inferred


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        ("time,v\n", "the file has a header and no rows"),
        (b"PK\x03\x04\x00", "this is no CSV file: it holds binary data"),
        (
            b"time,v\n1,2\n2,\xb5\n",
            r"this is no CSV file in UTF-8: row 3 holds the byte 0xb5; save it in UTF-8 \(in Excel: .*iconv -f CP1252",
        ),
        (b"\xff\xfet\0\x00\xd8", "this is no CSV file in UTF-16: row 1 holds the byte 0x00"),
        ("time,v\n2020-01-01,1\n2020-01-02,2,3\n", "this is no CSV file: Expected 2 fields in line 3, saw 3"),
        ("time,v\n2020-01-01,1,2\n2020-01-02,2,3\n", "its rows have more fields than its header"),
        (
            "2020-01-01,1.5\n2020-01-02,2\n",
            "the first row must hold the names of the columns; it holds 2020-01-01",
        ),
        ("2020-01-01,shop,1\n2020-01-02,shop,2\n", "the first row must hold the names of the columns"),
        ("# a\n\n# b\n", "the file holds nothing but comments"),
        ("# a\n\ntime,v\n2020-01-01,?\n", r"no column holds numbers: 'v' holds '\?' in row 4"),
        ("# a\ntime,v\n2020-01-01,1\n2020-01-02,2,3\n", "this is no CSV file: Expected 2 fields in line 4, saw 3"),
        ("1,1\n2,3\n", "the first row must hold the names of the columns; it holds 1, 1"),
        ("time,v,w, v\n2020-01-01,1,2,3\n2020-01-02,2,3,4\n", "more than one column is named 'v'"),
        (
            'time,v\n2020-01-01,"1,512"\n2020-01-02,"2,512"\n',
            r"'v' holds '1,512' in row 2 \(a decimal comma, or thousands\? write numbers as 1234.5\)",
        ),
        (
            "date y\n2020-01-01 1\n2020-01-02 2\n",
            "no column holds numbers: 'date y' holds '2020-01-01 1' in row 2; fields are separated by commas",
        ),
        ("time,v\n2020-01-01,\n", "no column holds numbers"),
        ("date\n2020-01-01\n", "there is no column beside the time, 'date'"),
        (table(DAYS, [True, False] * (N // 2)), "no column holds numbers: 'v' holds 'True' in row 2"),
        (table(DAYS, replaced(VALUES, 5, "?")), r"column 'v' holds '\?' in row 7, which is no number"),
        (
            table(DAYS, replaced(VALUES, 5, "")),
            r"column 'v' holds 1 missing or infinite values, at 2020-01-06 \(first in row 7\)",
        ),
        (
            table(DAYS, replaced([f"{v}%" for v in VALUES], 5, "")),
            "'v' holds 1 missing or infinite values, at 2020-01-06",
        ),
        (table(DAYS, replaced(VALUES, 5, "inf")), "column 'v' holds 1 missing or infinite values, at 2020-01-06"),
        ("v\n1\n2\n\n4\n\n\n", "column 'v' holds 1 missing or infinite values, at 4"),
        (
            table(replaced(DAYS, 5, "2020-02-31"), VALUES),
            "column 'time', row 7: '2020-02-31' is no date of the form",
        ),
        (table(replaced(DAYS, 5, ""), VALUES), "column 'time', row 7: there is no time stamp"),
        (table(["foo"] * N, VALUES), "column 'time' is named like time, but 'foo' in row 2 is no date"),
        (
            table(replaced(DAYS, 5, "2020-01-01"), VALUES),
            "column 'time' holds 2020-01-01 more than once, in rows 2 and 7; a file must hold one series",
        ),
        (table(DAYS.delete(5), VALUES[1:]), "column 'time': the index misses 1 of the 40 stamps .* 2020-01-06"),
        (
            table(DAYS[:1], VALUES[:1]),
            r"column 'time': no frequency can be inferred from 1 time stamp \(2020-01-01 00:00:00\), 3 are the fewest$",
        ),
        (
            table(DAYS[:2], VALUES[:2]),
            r"inferred from 2 time stamps \(2020-01-01 .*, 2020-01-02 .*\), 3 are the fewest$",
        ),
        (
            table(["2020-01-01", "2020-01-03", "2020-01-09", "2020-02-11"], VALUES[:4]),
            "column 'time': no frequency can be inferred from the 4 time stamps",
        ),
        (
            table([f"{day} 00:00{'+01:00' if day < '2020-01-20' else '+02:00'}" for day in DAYS.delete(5)], VALUES[1:]),
            r"column 'time' \(several offsets from UTC, left out: times are local\): the index misses 1 of the 40 "
            "stamps .* 2020-01-06 00:00:00",
        ),
        (
            table([f"2020-01-0{i} 0{i * i % 7}:00+0{i}:00" for i in range(1, 5)], VALUES[:4]),
            r"column 'time' \(several offsets from UTC, all taken to UTC\): no frequency can be inferred",
        ),
        (table([1, 2, 4, 8], VALUES[:4], header="step,v"), "column 'step': the index misses 4 of the 8 stamps"),
    ],
)
def test_bad_files_are_refused_in_one_line(read, text, message):
    with pytest.raises(ValueError, match=message) as error:
        read(text)
    assert "\n" not in str(error.value)
    assert "asfreq" not in str(error.value)


def test_a_time_of_fractions(read):
    text = table(np.arange(N) / 10, VALUES, header="t,v")
    assert read(text).series.name == "v"  # with the rows counted
    with pytest.raises(ValueError, match=r"column 't' holds 0.1 in row 3; the time must be dates or whole numbers"):
        read(text, time="t")


@pytest.mark.parametrize(
    "form",
    [
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", "|"),
        lambda text: text.replace(",", "\t").encode("utf-16"),
        lambda text: "sep=;\n" + text.replace(",", ";"),
        lambda text: "sep=,\n" + text.replace("time,", '"time",'),
        lambda text: "\n\n" + text,
        lambda text: '# Source: "NOAA, 2020\n#\n\n# more\n' + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("time,v", " time , v "),
        lambda text: text.replace(",", ", "),
        lambda text: text + "\n\n,\n",
        lambda text: text.replace("2020-03-01", "\n2020-03-01"),
    ],
)
def test_forms_of_the_same_file(read, form):
    expected = read(table(DAYS, VALUES))
    found = read(form(table(DAYS, VALUES)))
    pd.testing.assert_series_equal(found.series, expected.series)
    assert found.inferred == expected.inferred


def test_a_decimal_comma_is_said(read):
    found = read(table(DAYS, VALUES).replace(",", ";").replace(".", ","))
    assert found.series.to_list() == VALUES.tolist()
    assert found.inferred[0] == "decimal sign: comma (inferred)"


def test_how_numbers_were_understood_is_said(read):
    found = read(table(DAYS, [f'"{value * 1000:,.2f} €"' for value in VALUES]))
    assert found.series.to_list() == (VALUES * 1000).tolist()
    assert "numbers: € left out, comma between thousands (inferred)" in found.inferred
    assert found.to_csv(found.series[:1]) == "time,v\n2020-01-01,1500.0\n"
    with pytest.raises(ValueError, match=r"column 'v' holds '5%' in row 7, which is no number"):
        read(table(DAYS, replaced(VALUES, 5, "5%")))


def test_forecasts_are_rounded_to_what_the_series_can_tell(read):
    found = read(table(DAYS, VALUES * 1000))
    forecast = seasonal_naive(found.series, 1) + 1 / 3
    assert found.to_csv(forecast).splitlines()[1] == "2020-02-10,5500.333"
    assert [decimal_places(size, 3) for size in (0, 0.012, 1, 99, 100, 12345, np.inf, np.nan)] == [
        2, 4, 2, 1, 0, 0, 2, 2,
    ]  # fmt: skip
    constant = read(table(DAYS, [3] * N))
    assert constant.to_csv(constant.series[:1]) == "time,v\n2020-01-01,3.0\n"
