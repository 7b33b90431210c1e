"""The time axis: regular or not, what comes next, how long a season is."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.small import assert_index
from tsrnn.forecasting.series.timeindex import (
    check_same_frequency,
    frequency,
    future_index,
    name_stamps,
    season_length,
    season_within,
)

# Frequency of stamps: steps in a season.
SEASONS = {
    "s": 60, "30s": 2, "min": 1440, "15min": 96, "30min": 48, "90min": 16, "h": 24, "2h": 12, "6h": 4, "D": 7,
    "B": 5, "W-SUN": 52, "W-WED": 52, "2W-TUE": 26, "MS": 12, "ME": 12, "2MS": 6, "3ME": 4, "QS": 4, "QE": 4,
    "14D": 26, "3600s": 24, "120min": 12,
    "QS-FEB": 4, "QE-NOV": 4, "YS": 1, "YE": 1, "YS-JUL": 1, "YE-JUN": 1, "BMS": 12, "BME": 12,
}  # fmt: skip
PERIODS = {
    "s": 60, "15min": 96, "h": 24, "3h": 8, "D": 7, "W": 52, "W-WED": 52, "M": 12, "2M": 6, "Q": 4, "Q-NOV": 4,
    "Y": 1, "Y-JUN": 1,
}  # fmt: skip
ZONES = [None, "UTC", "Europe/Berlin", "America/New_York", "+05:30"]
UNITS = ["s", "ms", "us", "ns"]
LAST_FRIDAY = pd.offsets.LastWeekOfMonth(weekday=4)
INTEGERS = ["int8", "int16", "int64", "uint8", "uint64", "Int64"]

every_frequency = pytest.mark.parametrize("freq", SEASONS)
every_period = pytest.mark.parametrize("freq", PERIODS)
# As `date_range` makes it, or as it comes from a file or a join.
freq_or_none = pytest.mark.parametrize("lost", [False, True], ids=["freq set", "freq lost"])


def stamps(freq, n, *, start="2021-03-24", tz=None, unit="ns", lost=False):
    index = pd.date_range(start, periods=n, freq=freq, tz=tz, name="time").as_unit(unit)
    return pd.DatetimeIndex(index, freq=None) if lost else index


def assert_continues(full, n):
    """The first `n` stamps have a frequency that leads to the others; returns it."""
    freq = frequency(full[:n])
    assert_index(future_index(full[n - 1 : n], freq, len(full) - n), full[n:])
    return freq


@every_frequency
@freq_or_none
@pytest.mark.parametrize("tz", ZONES)
def test_stamps(freq, lost, tz):
    """The start lies days before the clocks change in Berlin; in New York they have just changed."""
    step = assert_continues(stamps(freq, 50, tz=tz, lost=lost), 40)
    assert season_length(step) == SEASONS[freq]


@freq_or_none
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("freq", ["s", "h", "D", "B", "W-WED", "MS", "QE", "YS"])
def test_resolution_is_kept(freq, lost, unit):
    full = stamps(freq, 45, unit=unit, lost=lost)
    assert_continues(full, 40)
    assert future_index(full[39:40], frequency(full[:40]), 5).unit == unit


@freq_or_none
@pytest.mark.parametrize("tz", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("freq", ["30min", "h", "6h", "D", "B", "W-SUN"])
@pytest.mark.parametrize("known", [7, 300, 400])
@pytest.mark.parametrize("change", ["2021-03", "2021-11"])
def test_the_clocks_change(freq, lost, tz, known, change):
    """Both before the forecast and within it, in spring and in autumn."""
    end = pd.Timestamp(change, tz=tz) + pd.DateOffset(months=1)
    full = pd.date_range(end=end.normalize(), periods=420, freq=freq)
    assert_continues(pd.DatetimeIndex(full, freq=None) if lost else full, known)


@pytest.mark.parametrize("tz", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("n", [20, 40, 100, 300])
@pytest.mark.parametrize("freq", ["24h", "48h"])
def test_a_step_of_hours_over_a_change_of_the_clock_may_be_lost(freq, n, tz):
    full = pd.date_range("2021-03-10", periods=n + 20, freq=freq, tz=tz)
    assert_continues(pd.DatetimeIndex(full, freq=None), n)


@given(
    freq=st.sampled_from(list(SEASONS)),
    start=st.datetimes(pd.Timestamp("1990-01-01"), pd.Timestamp("2030-01-01")).map(lambda t: t.replace(microsecond=0)),
    tz=st.sampled_from([None, "UTC", "+05:30"]),
    unit=st.sampled_from(UNITS),
    known=st.integers(1, 20),
    steps=st.integers(1, 20),
)
def test_any_start_with_a_frequency(freq, start, tz, unit, known, steps):
    assert_continues(stamps(freq, known + steps, start=start, tz=tz, unit=unit), known)


@given(
    freq=st.sampled_from(list(SEASONS)),
    start=st.datetimes(pd.Timestamp("1990-01-01"), pd.Timestamp("2030-01-01")).map(lambda t: t.replace(microsecond=0)),
    known=st.integers(30, 60),
)
def test_any_start_without_a_frequency(freq, start, known):
    assert_continues(stamps(freq, known + 5, start=start, lost=True), known)


@pytest.mark.parametrize(
    "offset",
    [
        pd.DateOffset(months=1),
        pd.DateOffset(days=1),
        pd.DateOffset(hours=6),
        pd.offsets.Easter(),
        pd.offsets.WeekOfMonth(week=1, weekday=4),
        LAST_FRIDAY,
        pd.offsets.SemiMonthEnd(),
        pd.offsets.BusinessHour(),
        pd.offsets.CustomBusinessDay(holidays=["2021-04-02", "2021-04-05"]),
        pd.offsets.CustomBusinessMonthEnd(),
        pd.offsets.Hour(24),
        pd.offsets.Day(10),
        pd.offsets.Milli(250),
        pd.Timedelta(hours=1),
    ],
    ids=str,
)
def test_any_offset_will_do(offset):
    freq = assert_continues(stamps(offset, 30), 20)
    assert season_length(freq) >= 1


@every_period
@pytest.mark.parametrize("known", [1, 40])
def test_periods(freq, known):
    full = pd.period_range("2021-01-04", periods=known + 7, freq=freq, name="period")
    assert season_length(assert_continues(full, known)) == PERIODS[freq]


@pytest.mark.parametrize(
    ("freq", "season"), [("24h", 7), ("1440min", 7), ("168h", 52), ("7D", 52), ("48h", 1), ("10D", 1), ("250ms", 1)]
)
def test_a_day_is_a_day_however_it_is_written(freq, season):
    assert season_length(pd.tseries.frequencies.to_offset(freq)) == season


@pytest.mark.parametrize(
    ("lengths", "season"),
    [([24], 1), ([25], 24), ([9, 30, 9], 24), ([20] * 19, 1), ([20] * 20, 24), ([10, 24] * 12, 24), ([10, 24] * 11, 1)],
    ids=str,
)
def test_a_season_counts_where_series_tell_of_it(lengths, season):
    assert season_within(pd.offsets.Hour(), np.array(lengths)) == season


@given(start=st.integers(-1000, 1000), step=st.integers(1, 50), known=st.integers(2, 30), steps=st.integers(1, 20))
def test_ranges_and_integers(start, step, known, steps):
    full = pd.RangeIndex(start, start + step * (known + steps), step, name="k")
    freq = assert_continues(full, known)
    assert freq == step
    assert season_length(freq) == 1
    integers = pd.Index(full.to_numpy()[:known], name="k")
    assert frequency(integers) == step
    assert_index(future_index(integers[-1:], step, steps), full[known:])


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("last", [50, 127])
def test_integers_of_any_width(dtype, last):
    """What follows may no longer fit into the type of the index."""
    index = pd.Index(np.arange(last - 9, last + 1), dtype=dtype, name="k")
    assert_index(future_index(index[-1:], frequency(index), 3), pd.RangeIndex(last + 1, last + 4, name="k"))


def test_integers_further_apart_than_their_type_reaches():
    assert frequency(pd.Index([-100, 100], dtype="int8")) == 200
    assert frequency(pd.Index([0, 200], dtype="uint8")) == 200


def test_one_integer_counts_on():
    assert frequency(pd.RangeIndex(5, 6, 3)) == 1


@pytest.mark.parametrize("start", ["2021-01-04", "2021-03-24"], ids=["Monday", "Wednesday"])
@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
@pytest.mark.parametrize("gaps", [[17], [3, 17, 30]], ids=["one", "three"])
@pytest.mark.parametrize("freq", [freq for freq in SEASONS if freq not in ("BMS", "BME")])
def test_missing_stamps_are_named(freq, gaps, tz, start):
    """From a Monday on, four business days in a row look like days, and weekends like gaps."""
    full = stamps(freq, 40, start=start, tz=tz, lost=True)
    with pytest.raises(ValueError, match=f"misses {len(gaps)} of the 40 stamps") as refusal:
        frequency(full.delete(gaps))
    assert name_stamps(full[gaps]) in str(refusal.value)
    assert name_stamps(full[[0]]) in str(refusal.value)
    assert name_stamps(full[[-1]]) in str(refusal.value)


@given(
    freq=st.sampled_from(["h", "D", "B", "W-WED", "MS", "ME", "QE"]),
    start=st.dates(pd.Timestamp("1990-01-01").date(), pd.Timestamp("2030-01-01").date()),
    gap=st.integers(1, 38),
)
def test_a_missing_stamp_is_named_wherever_it_is(freq, start, gap):
    full = stamps(freq, 40, start=start, lost=True)
    with pytest.raises(ValueError, match="misses 1 of the 40 stamps") as refusal:
        frequency(full.delete(gap))
    assert name_stamps(full[[gap]]) in str(refusal.value)


@every_period
@pytest.mark.parametrize("gaps", [[17], [3, 17, 30]], ids=["one", "three"])
def test_missing_periods_are_named(freq, gaps):
    full = pd.period_range("2021-01-04", periods=40, freq=freq)
    with pytest.raises(ValueError, match=f"misses {len(gaps)} of the 40 stamps") as refusal:
        frequency(full.delete(gaps))
    assert name_stamps(full[gaps]) in str(refusal.value)


@given(step=st.integers(1, 9), gaps=st.sets(st.integers(3, 28), min_size=1, max_size=8))
def test_missing_integers_are_named(step, gaps):
    full = pd.RangeIndex(0, 30 * step, step)
    with pytest.raises(ValueError, match=f"misses {len(gaps)} of the 30 stamps") as refusal:
        frequency(full.delete(sorted(gaps)))
    assert name_stamps(full[sorted(gaps)]) in str(refusal.value)


@pytest.mark.parametrize("hours", [1, 2, 8, 15, 16, 17, 23, 24, 63, 64, 65, 168])
def test_an_outage_of_any_length_is_refused(hours):
    """After 16 or 64 missing hours the next one is 17 or 65 later, as business hours are."""
    full = stamps("h", 400, lost=True)
    with pytest.raises(ValueError, match=f"misses {hours} of the 400 stamps"):
        frequency(full.delete(range(100, 100 + hours)))


@given(n=st.integers(4, 12), data=st.data())
def test_a_short_index_with_a_gap_is_refused(n, data):
    gap = data.draw(st.integers(1, n - 2))
    with pytest.raises(ValueError, match=r"the index|no frequency"):
        frequency(stamps("D", n, lost=True).delete(gap))


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(stamps("WOM-2FRI", 30, lost=True).delete([10, 11]), id="second Fridays, two missing"),
        pytest.param(stamps(LAST_FRIDAY, 30, lost=True), id="last Fridays, of which some are the fifth"),
        pytest.param(pd.DatetimeIndex(["2021-01-04", "2021-02-01", "2021-05-03"]), id="three Mondays"),
        pytest.param(pd.DatetimeIndex(["2021-01-01", "2021-01-02", "2021-01-09", "2021-02-22"]), id="no pattern"),
        pytest.param(pd.DatetimeIndex(["2021-01-01", "2021-01-02"]), id="two stamps"),
        pytest.param(pd.DatetimeIndex(["2021-01-01"]), id="one stamp"),
        pytest.param(pd.DatetimeIndex([]), id="no stamp"),
        pytest.param(pd.Index([0, 2, 5, 7]), id="integers 2 and 3 apart"),
        pytest.param(pd.Index([0, 4, 10]), id="integers 4 and 6 apart"),
    ],
)
def test_an_index_without_a_step_is_refused(index):
    """A frequency that does not lead from each stamp to the next is none."""
    with pytest.raises(ValueError, match=r"no frequency|no common step|misses") as refusal:
        frequency(index)
    assert name_stamps(index[:1]) in str(refusal.value) or "differ by" in str(refusal.value)


@pytest.mark.parametrize("by_id", [False, True])
@pytest.mark.parametrize("freq", ["min", "15min", "h", "D", "2D"])
def test_stamps_with_a_jitter_are_told_their_step(freq, by_id):
    full = stamps(freq, 30, lost=True)
    late = full + pd.to_timedelta(np.random.default_rng(0).integers(0, 9, 30), unit="s")
    with pytest.raises(ValueError, match="no frequency can be inferred") as refusal:
        frequency(late, by_id=by_id)
    y = pd.Series(np.arange(30.0), late)
    advice = str(refusal.value).rpartition("; ")[2].partition(" makes")[0]
    even = eval(advice, {"y": pd.concat({"a": y, "b": y}) if by_id else y})
    even = even.loc["b"] if by_id else even
    assert frequency(even.index) == pd.tseries.frequencies.to_offset(freq)
    assert even.tolist() == y.tolist()


@pytest.mark.parametrize("freq", ["D", "h", "MS", "B"])
@freq_or_none
def test_disorder_is_refused(freq, lost):
    index = stamps(freq, 20, lost=lost)
    swapped = index[[*range(9), 10, 9, *range(11, 20)]]
    with pytest.raises(ValueError, match="not sorted") as refusal:
        frequency(swapped)
    assert name_stamps(index[[9]]) in str(refusal.value)
    with pytest.raises(ValueError, match="not sorted"):
        frequency(index[::-1])
    with pytest.raises(ValueError, match="duplicated") as refusal:
        frequency(index.append(index[[4]]))
    assert name_stamps(index[[4]]) in str(refusal.value)


@pytest.mark.parametrize(
    "index", [pd.RangeIndex(20), pd.period_range("2021-01", periods=20, freq="M")], ids=["integers", "periods"]
)
def test_disorder_of_integers_and_periods_is_refused(index):
    with pytest.raises(ValueError, match="not sorted"):
        frequency(index[::-1])
    with pytest.raises(ValueError, match="duplicated") as refusal:
        frequency(index.insert(4, index[4]))
    assert name_stamps(index[[4]]) in str(refusal.value)


@pytest.mark.parametrize(
    "index",
    [
        pd.DatetimeIndex(["2021-01-01", None, "2021-01-03", None]),
        pd.PeriodIndex(["2021-01", None, "2021-03", None], freq="M"),
        pd.Index([1, None, 3, None], dtype="Int64"),
    ],
    ids=["stamps", "periods", "integers"],
)
def test_missing_values_in_the_index_are_refused(index):
    with pytest.raises(ValueError, match="2 missing"):
        frequency(index)


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(["2021-01-01", "2021-01-02"]),
        pd.Index([1.0, 2.0]),
        pd.Index([True, False]),
        pd.Index([1 + 2j]),
        pd.Index([pd.Timestamp("2021-01-01").date()]),
        pd.MultiIndex.from_product([["a"], [1, 2]]),
        pd.CategoricalIndex([1, 2]),
        pd.interval_range(0, 3),
        pd.timedelta_range("1h", periods=3, freq="h"),
    ],
    ids=lambda index: f"{type(index).__name__} of {index.dtype}",
)
def test_another_kind_of_index_is_refused(index):
    with pytest.raises(TypeError, match="DatetimeIndex, a PeriodIndex, a RangeIndex or integers") as refusal:
        frequency(index)
    assert type(index).__name__ in str(refusal.value)


def test_names_of_stamps():
    assert name_stamps(pd.RangeIndex(5)) == "0, 1, 2, 3, 4"
    assert name_stamps(pd.RangeIndex(12)) == "0, 1, 2, 3, 4 and 7 more"


@pytest.mark.parametrize("step", [1, 24, np.int64(7)])
def test_integers_have_no_season(step):
    assert season_length(step) == 1


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([0, 1, 2, 10**12]),
        pd.Index([0, 1, 2, 3, 10**8]),
        pd.PeriodIndex(["2020-01-01 00:00:00", "2020-01-01 00:00:01", "2024-01-01 00:00:00"], freq="s"),
        pd.date_range("2020", periods=20, freq="ms").append(pd.DatetimeIndex(["2020-06-01"])),
        pd.date_range("2020", periods=20, freq="s").append(pd.DatetimeIndex(["2024-01-01"])),
    ],
    ids=str,
)
def test_one_stamp_far_away_costs_neither_time_nor_memory(index):
    """The index that would name all missing stamps is not built."""
    tracemalloc.start()
    with pytest.raises(ValueError, match="widest gap lies between"):
        frequency(index)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6


@pytest.mark.parametrize(
    ("freq", "fitted", "alike"),
    [("D", "ME", False), ("D", "B", False), ("QS-OCT", "QS-JAN", True), ("D", "D", True), ("h", "60min", True)],
)
def test_a_single_stamp_has_the_frequency_that_it_says(freq, fitted, alike):
    """Of one stamp nothing can be inferred, but what follows it."""
    index = pd.date_range("2021-03-01" if freq != "QS-OCT" else "2021-04-01", periods=1, freq=freq)
    step = pd.tseries.frequencies.to_offset(fitted)
    if alike:
        check_same_frequency(index, step, index)
    else:
        with pytest.raises(ValueError, match=f"frequency {freq} .* fitted on {fitted}"):
            check_same_frequency(index, step, index)
