"""Calendar features: what they say of known stamps, of all frequencies and time zones, and life in scikit-learn."""

import calendar
import pickle
import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from forecasting.small import assert_index, assert_untouched
from tsrnn import CalendarFeatures
from tsrnn.forecasting.series.calendar import ENCODINGS, FEATURES
from tsrnn.forecasting.series.cycles import CYCLES

# Frequency of stamps: what "auto" takes.
BELOW_AN_HOUR = ("minute", "hour", "weekday", "dayofyear")
BELOW_A_DAY = ("hour", "weekday", "dayofyear")
DAYS = ("weekday", "dayofyear")
AUTO = {
    "s": BELOW_AN_HOUR, "min": BELOW_AN_HOUR, "15min": BELOW_AN_HOUR, "59min": BELOW_AN_HOUR,
    "h": BELOW_A_DAY, "90min": BELOW_A_DAY, "12h": BELOW_A_DAY, "D": DAYS, "2D": DAYS, "B": DAYS,
    "W-SUN": ("week",), "W-WED": ("week",), "2W-TUE": ("week",), "MS": ("month",), "ME": ("month",), "2MS": ("month",),
    "BMS": ("month",), "QS": ("quarter",), "QE-NOV": ("quarter",), "2QS": ("quarter",),
}  # fmt: skip
AUTO_OF_PERIODS = {
    "s": BELOW_AN_HOUR, "15min": BELOW_AN_HOUR, "h": BELOW_A_DAY, "D": DAYS, "W": ("week",), "W-WED": ("week",),
    "M": ("month",), "2M": ("month",), "Q": ("quarter",), "Q-NOV": ("quarter",),
}  # fmt: skip
ZONES = [None, "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "+05:30"]
MARKS = ("is_weekend", "time")

every_encoding = pytest.mark.parametrize("encoding", ENCODINGS)
any_stamps = st.lists(
    st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2099-12-31")), min_size=1, max_size=8, unique=True
)


def features_of(X, features="auto", **parameters):
    return CalendarFeatures(features, **parameters).fit_transform(X)


def one(features, stamp, encoding="ordinal", **parameters):
    """The features of one stamp, as a list."""
    index = pd.DatetimeIndex([stamp])
    return features_of(index, features, encoding=encoding, **parameters).iloc[0].to_list()


def frame(n=30, freq="D", **columns):
    index = pd.date_range("2024-02-20", periods=n, freq=freq, name="day")
    return pd.DataFrame({"price": np.arange(n) / 7} | columns, index)


@pytest.mark.parametrize(
    ("feature", "stamp", "share"),
    [
        ("minute", "2024-05-01 07:00", 0),
        ("minute", "2024-05-01 07:45", 0.75),
        ("minute", "2024-05-01 07:59:30", 59.5 / 60),
        ("hour", "2024-05-01 00:00", 0),
        ("hour", "2024-05-01 06:00", 0.25),
        ("hour", "2024-05-01 13:30", 13.5 / 24),
        ("hour", "2024-05-01 23:59:59.5", 1 - 0.5 / 86400),
        ("weekday", "2024-04-29", 0),
        ("weekday", "2024-05-05 23:00", 6 / 7),
        ("day", "2024-05-01", 0),
        ("day", "2024-05-31", 30 / 31),
        ("day", "2023-02-28", 27 / 28),
        ("day", "2024-02-28", 27 / 29),
        ("dayofyear", "2023-01-01", 0),
        ("dayofyear", "2023-12-31", 364 / 365),
        ("dayofyear", "2024-12-31", 365 / 366),
        ("dayofyear", "2024-02-29", 59 / 366),
        ("dayofyear", "2100-03-01", 59 / 365),  # not a leap year
        ("week", "2024-01-01", 0),
        ("week", "2023-01-01", 51 * 7 / 365.2425),  # a Sunday, of week 52 of 2022
        ("week", "2020-12-31", 52 * 7 / 365.2425),  # week 53
        ("month", "2024-01-31", 0),
        ("month", "2024-12-01", 11 / 12),
        ("quarter", "2024-03-31", 0),
        ("quarter", "2024-10-01", 3 / 4),
    ],
)
def test_known_stamps(feature, stamp, share):
    assert_allclose(one(feature, stamp), [share], atol=1e-12)
    assert 0 <= one(feature, stamp)[0] < 1
    waves = [f(2 * np.pi * k * share) for k in (1, 2) for f in (np.sin, np.cos)]
    if feature == "quarter":  # the second sine is zero in each
        del waves[2]
    assert_allclose(one(feature, stamp, "fourier", order=2), waves, atol=1e-12)


@pytest.mark.parametrize(
    ("feature", "stamp", "column"),
    [
        ("minute", "2024-05-01 07:59:30", "minute_59"),
        ("hour", "2024-05-01 13:30", "hour_13"),
        ("weekday", "2024-05-05", "weekday_6"),
        ("day", "2024-05-31", "day_31"),
        ("dayofyear", "2024-12-31", "dayofyear_366"),
        ("week", "2020-12-31", "week_53"),
        ("month", "2024-12-01", "month_12"),
        ("quarter", "2024-12-01", "quarter_4"),
    ],
)
def test_one_hot(feature, stamp, column):
    made = features_of(pd.DatetimeIndex([stamp]), feature, encoding="onehot")
    assert made.columns[made.iloc[0] == 1].to_list() == [column]
    assert made.shape[1] == len(CYCLES[feature].values)


@every_encoding
def test_weekends(encoding):
    week = pd.date_range("2024-04-29", periods=7, freq="D")  # from a Monday on
    made = features_of(week, "is_weekend", encoding=encoding)
    assert made["is_weekend"].to_list() == [0, 0, 0, 0, 0, 1, 1]


@given(stamps=any_stamps)
def test_shares_of_all_stamps_by_plain_python(stamps):
    made = features_of(pd.DatetimeIndex(stamps), tuple(CYCLES), encoding="ordinal")
    for stamp, row in zip(stamps, made.to_dict("records"), strict=True):
        seconds = stamp.hour * 3600 + stamp.minute * 60 + stamp.second + stamp.microsecond / 1e6
        days = 366 if calendar.isleap(stamp.year) else 365
        assert row == {
            "minute": pytest.approx(seconds % 3600 / 3600, abs=1e-9),
            "hour": pytest.approx(seconds / 86400),
            "weekday": pytest.approx(stamp.weekday() / 7),
            "day": pytest.approx((stamp.day - 1) / calendar.monthrange(stamp.year, stamp.month)[1]),
            "dayofyear": pytest.approx((stamp.date() - date(stamp.year, 1, 1)).days / days),
            "week": pytest.approx((stamp.isocalendar().week - 1) * 7 / 365.2425),
            "month": pytest.approx((stamp.month - 1) / 12),
            "quarter": pytest.approx((stamp.month - 1) // 3 / 4),
        }


@given(stamps=any_stamps, encoding=st.sampled_from(ENCODINGS), order=st.integers(1, 9))
@settings(max_examples=40)
def test_each_row_depends_on_its_own_stamp_alone(stamps, encoding, order):
    index = pd.DatetimeIndex(stamps)
    transformer = CalendarFeatures((*CYCLES, "is_weekend"), encoding=encoding, order=order).fit(index)
    made = transformer.transform(index)
    assert_frame_equal(made[::-1], transformer.transform(index[::-1]))
    assert_frame_equal(made[:1], transformer.transform(index[:1]))
    assert (made.dtypes == np.float64).all()
    assert made.columns.to_list() == transformer.get_feature_names_out().tolist()
    low = -1 if encoding == "fourier" else 0
    assert ((made >= low) & (made <= 1)).all(axis=None)


@given(
    freq=st.sampled_from(list(AUTO)),
    tz=st.sampled_from(ZONES),
    start=st.dates(date(1990, 1, 1), date(2030, 1, 1)),
    n=st.integers(3, 40),
    lost=st.booleans(),
    encoding=st.sampled_from(ENCODINGS),
)
def test_auto_on_any_frequency_and_zone(freq, tz, start, n, lost, encoding):
    """Whatever starts, the future has the columns of the past; the zone changes nothing but the clock."""
    full = pd.date_range(start, periods=n + 5, freq=freq, name="t").tz_localize(tz, ambiguous="NaT", nonexistent="NaT")
    full = pd.DatetimeIndex(full.dropna(), freq=None) if lost or full.hasnans else full
    known, future = full[:-5], full[-5:]
    transformer = CalendarFeatures(encoding=encoding).fit(known)
    assert transformer.features_ == AUTO[freq]
    past, coming = transformer.transform(known), transformer.transform(future)
    assert past.columns.equals(coming.columns)
    assert_index(coming.index, future)
    naive = CalendarFeatures(transformer.features_, encoding=encoding).fit_transform(future.tz_localize(None))
    assert_array_equal(coming, naive)


@pytest.mark.parametrize("freq", AUTO_OF_PERIODS)
@pytest.mark.parametrize("n", [1, 30])
def test_auto_of_periods(freq, n):
    """Periods know their own length, and are read at their start."""
    index = pd.period_range("2024-01-01", periods=n, freq=freq, name="t")
    transformer = CalendarFeatures().fit(index)
    assert transformer.features_ == AUTO_OF_PERIODS[freq]
    assert_index(transformer.transform(index).index, index)
    stamps = features_of(index.to_timestamp(how="start"), transformer.features_)
    assert_array_equal(transformer.transform(index), stamps)


@pytest.mark.parametrize("freq", ["h", "D", "W-SUN", "W-WED", "ME"])
def test_one_stamp_with_a_frequency_is_enough(freq):
    index = pd.date_range("2024-03-31", periods=1, freq=freq, tz="Europe/Berlin")
    assert CalendarFeatures().fit(index).features_ == AUTO[freq]


def test_auto_does_not_mind_gaps_disorder_or_repetitions():
    index = pd.date_range("2024-01-01", periods=60, freq="h").delete([5, 6, 7, 30])
    index = index.append(index[:9])[np.random.default_rng(0).permutation(65)]
    assert CalendarFeatures().fit(index).features_ == BELOW_A_DAY
    X = pd.DataFrame({"price": np.arange(65.0)}, index)
    assert_array_equal(features_of(X).drop(columns="price"), features_of(index))
    assert_array_equal(features_of(X)["price"], X["price"])


def test_auto_over_the_change_of_the_clock():
    """The day lasts 23 hours; from midnight to midnight it is a day."""
    index = pd.DatetimeIndex(["2024-03-31", "2024-04-01"], tz="Europe/Berlin")
    assert CalendarFeatures().fit(index).features_ == DAYS


@pytest.mark.parametrize(("change", "twos"), [("2024-03-31", 0), ("2024-10-27", 2)])
def test_hours_are_those_of_the_local_clock(change, twos):
    """Two hours begin at two that night, or none; eight in the morning is eight before and after."""
    night = pd.date_range(change, periods=26, freq="h", tz="Europe/Berlin")
    made = features_of(night, ("hour", "weekday"), encoding="ordinal").loc[change]
    assert len(made) == 23 + twos
    assert (made["hour"] == 2 / 24).sum() == twos
    assert made.index[made["hour"] == 8 / 24] == [pd.Timestamp(f"{change} 08:00", tz="Europe/Berlin")]
    assert (made["weekday"] == 6 / 7).all()


def test_trend():
    known = pd.date_range("2024-01-01", periods=5, freq="D", tz="Europe/Berlin")
    transformer = CalendarFeatures("time").fit(known[[2, 0, 4, 3]])
    assert transformer.transform(known)["time"].to_list() == [0, 0.25, 0.5, 0.75, 1]
    assert transformer.transform(known[-1:] + pd.Timedelta("2D"))["time"].to_list() == [1.5]
    with pytest.raises(ValueError, match="'time' needs two time stamps or more in fit, got 1"):
        transformer.fit(known[[0, 0]])


def test_trend_is_the_only_number_outside_of_one():
    known = pd.date_range("2024-01-01", periods=40, freq="D")
    made = CalendarFeatures(FEATURES).fit(known).transform(known + pd.Timedelta("50D"))
    assert made.columns[(made.abs() > 1).any()].to_list() == ["time"]


@pytest.mark.parametrize(
    ("feature", "order", "names"),
    [
        ("hour", 1, ["hour_sin1", "hour_cos1"]),
        ("hour", 2, ["hour_sin1", "hour_cos1", "hour_sin2", "hour_cos2"]),
        ("weekday", 9, [f"weekday_{wave}{k}" for k in (1, 2, 3) for wave in ("sin", "cos")]),
        ("quarter", 9, ["quarter_sin1", "quarter_cos1", "quarter_cos2"]),
        ("is_weekend", 9, ["is_weekend"]),
    ],
)
def test_names_of_waves(feature, order, names):
    assert list(features_of(frame(), feature, order=order, keep=False)) == names


@pytest.mark.parametrize("feature", ["weekday", "month", "quarter", "week"])
def test_all_waves_tell_the_values_apart_and_no_more(feature):
    """With a constant they can follow any shape that one column a value could."""
    days = pd.date_range("2015-01-01", "2021-01-01", freq="D")
    waves = features_of(days, feature, order=99).drop_duplicates()
    values = len(features_of(days, feature, encoding="ordinal").drop_duplicates())
    assert waves.shape == (values, len(CYCLES[feature].values) - 1)
    matrix = np.column_stack([np.ones(values), waves])
    assert np.linalg.matrix_rank(matrix, tol=1e-6) == values


@pytest.mark.parametrize("kind", [pd.DataFrame, pd.Series, pd.Index], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("keep", [True, False])
def test_whatever_has_the_index_gives_the_same(kind, keep):
    index = frame().index
    X = {pd.DataFrame: pd.DataFrame(index=index), pd.Series: pd.Series(1.0, index, name="y"), pd.Index: index}[kind]
    expected = features_of(frame(), keep=False)
    assert_frame_equal(features_of(X, keep=keep), expected)
    assert expected.index is not None
    assert_index(expected.index, index)


def test_columns_are_kept_in_front_as_they_are():
    X = frame(shop=pd.Categorical(["a"] * 30), sold=pd.array([None] * 30, dtype="Int64"), note="x")
    before = X.copy(deep=True)
    made = features_of(X, "weekday")
    assert list(made) == ["price", "shop", "sold", "note", "weekday_sin1", "weekday_cos1"]
    assert_frame_equal(made[list(X)], X)
    made.loc[:, "price"] = 0.0
    assert_frame_equal(X, before)
    assert_frame_equal(features_of(X, "weekday", keep=False), made.iloc[:, 4:])


def test_a_read_only_table_is_enough():
    values = np.arange(60.0).reshape(30, 2)
    values.flags.writeable = False
    made = features_of(pd.DataFrame(values, frame().index, ["a", "b"]), FEATURES)
    assert_array_equal(made[["a", "b"]], values)


def test_panels_are_read_at_the_last_level():
    index = pd.MultiIndex.from_product([["a", "b"], frame().index], names=["id", "day"])
    X = pd.DataFrame({"price": 1.0}, index)
    transformer = CalendarFeatures().fit(X)
    assert transformer.features_ == DAYS
    made = transformer.transform(X)
    assert made.index.equals(index)
    assert_array_equal(made.loc["b"], features_of(frame(price=1.0)))


def test_series_of_a_panel_may_be_shifted_against_each_other():
    """Weeks that start on other days are not days."""
    weeks = [pd.date_range(start, periods=9, freq="7D") for start in ("2024-01-01", "2024-01-03", "2024-01-05")]
    index = pd.MultiIndex.from_tuples([(name, week) for name, many in zip("abc", weeks, strict=True) for week in many])
    assert CalendarFeatures().fit(index).features_ == ("week",)
    periods = pd.MultiIndex.from_product([["a", "b"], pd.period_range("2024-01", periods=4, freq="M")])
    assert CalendarFeatures().fit(periods).features_ == ("month",)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_any_resolution(unit):
    index = pd.date_range("2024-01-01", periods=30, freq="D").as_unit(unit)
    transformer = CalendarFeatures(("weekday", "time")).fit(index)
    assert_array_equal(transformer.transform(index), features_of(index.as_unit("ns"), ("weekday", "time")))
    assert CalendarFeatures().fit(index).features_ == DAYS
    assert_index(transformer.transform(index).index, index)


def test_no_rows_have_the_same_columns():
    transformer = CalendarFeatures(FEATURES, encoding="onehot").fit(frame())
    assert transformer.transform(frame()[:0]).columns.equals(transformer.transform(frame()).columns)


# Holidays


@pytest.mark.parametrize(
    ("code", "stamp", "holiday"),
    [
        ("AU", "2024-01-26", 1),
        ("AU", "2024-01-27", 0),
        ("US", "2024-07-04 23:59", 1),
        ("US", "2024-02-12", 0),
        ("US-NY", "2024-02-12", 1),  # Lincoln's birthday
        ("DE-BY", "2023-01-06", 1),
        ("DE", "2023-01-06", 0),
    ],
)
def test_holidays(code, stamp, holiday):
    pytest.importorskip("holidays")
    assert one((), stamp, holidays=code) == [holiday]


def test_holidays_are_those_of_the_local_day():
    """New Year in Sydney begins in the old year of Greenwich."""
    pytest.importorskip("holidays")
    hours = pd.date_range("2023-12-31 12:00", periods=48, freq="h", tz="UTC").tz_convert("Australia/Sydney")
    made = features_of(hours, "hour", encoding="ordinal", holidays="AU")
    assert list(made) == ["hour", "holiday"]
    on = hours[made["holiday"] == 1].tz_localize(None)
    assert (on[0], on[-1]) == (pd.Timestamp("2024-01-01 00:00"), pd.Timestamp("2024-01-01 23:00"))


def test_holidays_of_years_not_seen_in_fit():
    pytest.importorskip("holidays")
    transformer = CalendarFeatures((), holidays="US").fit(pd.date_range("2020-02-01", periods=9, freq="D"))
    july = pd.DatetimeIndex(["1999-07-04", "2031-07-04", "2031-07-05"]).as_unit("s")
    assert transformer.transform(july)["holiday"].to_list() == [1, 1, 0]
    assert transformer.get_feature_names_out().tolist() == ["holiday"]


@pytest.mark.parametrize("code", ["XX", "US-XX", "QQQ"])
def test_unknown_places_are_refused(code):
    pytest.importorskip("holidays")
    with pytest.raises(ValueError, match=f"holidays must be a code .* got '{code}'"):
        CalendarFeatures(holidays=code).fit(frame())


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(
        ImportError, match=r"^holidays='AU' needs the package holidays: pip install 'tsrnn\[holidays\]'$"
    ):
        CalendarFeatures(holidays="AU").fit(frame())


# Refusals

WRONG = {
    "features": [
        None,
        3,
        "",
        "Hour",
        "day of year",
        ("hour", "auto"),
        ("hour", 3),
        (None,),
        {"hour"},
        ("hour", "hour"),
    ],
    "encoding": ["", "sine", None, 3, ("fourier",)],
    "order": [0, -1, 1.5, "1", None, True],
    "holidays": ["", "au", "Australia", "AU-", "AU NSW", 61, True, ("AU",)],
    "keep": [None, 1, "yes"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]], ids=repr)
def test_parameters_are_refused_by_name(name, value):
    transformer = CalendarFeatures().fit(frame())
    before = vars(transformer).copy()
    transformer.set_params(**{name: value})
    with pytest.raises(ValueError, match=rf"^{name} must ") as refusal:
        transformer.fit(frame(9, "h"))
    assert str(refusal.value).endswith(f"got {value!r}")
    assert_untouched(transformer, before, but=[name])


def test_every_parameter_is_tried():
    assert set(CalendarFeatures().get_params()) == set(WRONG)


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(5),
        pd.Index([3, 4, 5]),
        pd.Index(["2024-01-01", "2024-01-02"]),
        pd.timedelta_range("1h", periods=3, freq="h"),
        pd.MultiIndex.from_product([pd.date_range("2024", periods=2, freq="D"), [1, 2]]),
    ],
    ids=lambda index: f"{type(index).__name__} of {index.dtype}",
)
def test_an_index_without_a_calendar_is_refused(index):
    times = index.get_level_values(-1)
    for X in (pd.DataFrame(index=index), pd.Series(1.0, index), index):
        for refuse in (CalendarFeatures().fit, CalendarFeatures().fit(frame()).transform):
            with pytest.raises(TypeError, match="index of time stamps or periods") as refusal:
                refuse(X)
            assert f"got {type(times).__name__} of {times.dtype}: integers have no calendar" in str(refusal.value)


@pytest.mark.parametrize("X", [np.zeros((3, 2)), [[1, 2]], None, "2024-01-01", pd.Timestamp("2024-01-01")], ids=repr)
def test_what_has_no_index_is_refused(X):
    with pytest.raises(TypeError, match=f"X must be a DataFrame, a Series or an index, .* got {type(X).__name__}"):
        CalendarFeatures().fit(X)


@pytest.mark.parametrize(
    "index",
    [pd.DatetimeIndex(["2024-01-01", None, None]), pd.PeriodIndex(["2024-01", None, None], freq="M")],
    ids=["stamps", "periods"],
)
def test_missing_stamps_are_refused(index):
    with pytest.raises(ValueError, match="the index of X holds 2 missing time stamps"):
        CalendarFeatures().fit(index)


@pytest.mark.parametrize(
    "index", [pd.DatetimeIndex([]), pd.DatetimeIndex(["2024-01-01"]), pd.PeriodIndex([], freq="D")]
)
def test_auto_needs_a_step(index):
    with pytest.raises(ValueError, match=f"'auto' needs two time stamps or more to see their step, got {len(index)}"):
        CalendarFeatures().fit(index)


def test_years_have_no_cycle():
    index = pd.date_range("2000", periods=9, freq="YS")
    with pytest.raises(ValueError, match="features='auto' makes no column of this index"):
        CalendarFeatures().fit(index)
    assert list(features_of(pd.DataFrame({"price": 1.0}, index))) == ["price"]
    assert list(features_of(index, "time")) == ["time"]


@pytest.mark.parametrize("other", [None, "UTC"])
def test_another_time_zone_is_refused(other):
    index = pd.date_range("2024-01-01", periods=9, freq="h")
    transformer = CalendarFeatures().fit(index.tz_localize("Europe/Berlin"))
    with pytest.raises(ValueError, match=f"time zone seen in fit, Europe/Berlin, got {other}"):
        transformer.transform(index.tz_localize(other))


def test_names_that_would_come_twice_are_refused():
    X = frame(holiday=1.0, weekday=2.0)
    with pytest.raises(ValueError, match="the columns 'weekday' would come twice"):
        CalendarFeatures("weekday", encoding="ordinal").fit(X)
    assert list(features_of(X, "weekday", encoding="ordinal", keep=False)) == ["weekday"]
    with pytest.raises(ValueError, match=r"strings as names of its columns, got \[3\]"):
        CalendarFeatures().fit(X.rename(columns={"holiday": 3}))


def test_other_columns_than_in_fit_are_refused_where_they_are_kept():
    transformer = CalendarFeatures("weekday").fit(frame())
    with pytest.raises(ValueError, match="feature names"):
        transformer.transform(frame().rename(columns={"price": "cost"}))
    with pytest.raises(ValueError, match=r"X must have the columns seen in fit, \['price'\], to keep them, got \[\]"):
        transformer.transform(frame().index)
    with pytest.raises(ValueError, match=r"seen in fit, \[\], to keep them, got \['price'\]"):
        CalendarFeatures("weekday").fit(frame().index).transform(frame())
    transformer = CalendarFeatures("weekday", keep=False).fit(frame())
    assert list(transformer.transform(frame().index)) == ["weekday_sin1", "weekday_cos1"]


# Within scikit-learn


def test_not_fitted():
    for method in (lambda: CalendarFeatures().transform(frame()), CalendarFeatures().get_feature_names_out):
        with pytest.raises(NotFittedError):
            method()


def test_copies_and_files():
    transformer = CalendarFeatures(FEATURES, encoding="onehot", keep=False).fit(frame())
    again = pickle.loads(pickle.dumps(transformer))
    assert_frame_equal(again.transform(frame(5)), transformer.transform(frame(5)))
    assert vars(clone(transformer)) == transformer.get_params()
    assert repr(transformer).startswith("CalendarFeatures(")


def test_transform_changes_nothing():
    transformer = CalendarFeatures().fit(frame())
    before = vars(transformer).copy()
    transformer.transform(frame(5))
    assert_untouched(transformer, before)


def test_names_out():
    transformer = CalendarFeatures("month").fit(frame())
    assert transformer.n_features_in_ == 1
    assert transformer.feature_names_in_.tolist() == ["price"]
    assert transformer.get_feature_names_out(["price"]).tolist() == ["price", "month_sin1", "month_cos1"]
    assert transformer.get_feature_names_out().dtype == object
    with pytest.raises(ValueError, match="input_features must be equal to feature_names_in_"):
        transformer.get_feature_names_out(["cost"])
    assert CalendarFeatures().fit(frame().index).n_features_in_ == 0


@pytest.mark.parametrize("container", ["default", "pandas"])
def test_set_output(container):
    transformer = CalendarFeatures().set_output(transform=container)
    assert_frame_equal(transformer.fit_transform(frame()), features_of(frame()))
    assert_frame_equal(transformer.fit_transform(frame().index), features_of(frame().index))


def test_pipelines_searches_and_columns():
    """A season that a line cannot follow, and waves can."""
    X = frame(300)
    y = 3 * np.sin(2 * np.pi * X.index.day_of_week / 7) + X["price"]
    columns = ColumnTransformer(
        [("calendar", CalendarFeatures("weekday", keep=False), ["price"]), ("scaled", StandardScaler(), ["price"])],
        verbose_feature_names_out=False,
    )
    two = make_pipeline(CalendarFeatures("weekday", encoding="onehot"), CalendarFeatures("month"))
    union = make_union(CalendarFeatures("weekday", keep=False), CalendarFeatures("month"))
    for transformer in (columns, two, union, CalendarFeatures()):
        model = make_pipeline(transformer.set_output(transform="pandas"), LinearRegression()).fit(X[:200], y[:200])
        assert model.score(X[200:], y[200:]) > 1 - 1e-9
    assert list(columns.fit_transform(X)) == ["weekday_sin1", "weekday_cos1", "price"]
    assert list(two.fit_transform(X)) == ["price", *(f"weekday_{day}" for day in range(7)), "month_sin1", "month_cos1"]

    model = make_pipeline(CalendarFeatures(), LinearRegression())
    options = {"calendarfeatures__features": ["month", "weekday"], "calendarfeatures__order": [1, 2]}
    search = GridSearchCV(model, options, cv=TimeSeriesSplit(3)).fit(X, y)
    assert search.best_params_["calendarfeatures__features"] == "weekday"
    assert GridSearchCV(model, options, cv=TimeSeriesSplit(3)).fit(X[[]], y).best_score_ < 1


class Stamped(CalendarFeatures):
    """Takes the arrays of scikit-learn's checks, which have no index: the first column becomes time stamps."""

    def _stamp(self, X, reset):
        if isinstance(X, pd.DataFrame) and isinstance(X.index, pd.DatetimeIndex):
            return X
        values = np.nan_to_num(validate_data(self, X, reset=reset, dtype="numeric", ensure_all_finite=False))
        hours = np.floor(values[:, 0].astype(np.float64) * 10) % 1000
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(values.shape[1])])
        return pd.DataFrame(values, pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, unit="h"), names)

    def fit(self, X, y=None):
        return super().fit(self._stamp(X, reset=True))

    def transform(self, X):
        check_is_fitted(self)
        return super().transform(self._stamp(X, reset=False))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.filterwarnings("default")  # the checks ask for some themselves
@every_encoding
def test_scikit_learn_finds_nothing_to_complain_of(encoding):
    """But for what cannot be: the checks hand over arrays, and without time stamps there is no calendar."""
    results = check_estimator(Stamped("hour", encoding=encoding), on_fail=None, on_skip=None)
    assert len(results) > 40
    ended = {result["check_name"]: (result["status"], result["exception"]) for result in results}
    assert {name: end for name, end in ended.items() if end[0] not in ("passed", "skipped")} == {}


@pytest.mark.parametrize("n", [1, 40])
def test_stamps_of_pyarrow_are_those_of_pandas(n):
    pytest.importorskip("pyarrow")
    stamps = pd.date_range("2024-01-01", periods=n, freq="h")
    X = pd.DataFrame({"load": 1.0}, stamps)
    given = X.set_axis(pd.Index(pd.array(stamps, "timestamp[ns][pyarrow]")))
    features = CalendarFeatures("hour").fit(X)
    pd.testing.assert_frame_equal(
        features.transform(given), features.transform(X), check_freq=False, check_index_type=False
    )
    assert (
        CalendarFeatures("hour").fit(given).get_feature_names_out().tolist()
        == features.get_feature_names_out().tolist()
    )
