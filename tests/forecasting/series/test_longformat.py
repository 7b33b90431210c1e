"""Tables in long format: what comes in and out, the way there and back, and what is refused."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal

from forecasting.small import assert_index, daily, forecaster
from processes import python
from tsrnn import from_long, to_long

ZONES = [None, "UTC", "Europe/Berlin"]
DAYS = pd.date_range("2024-01-01", periods=4, freq="D")
# To pandas 2 a text ends at the character zero: "" and "\0" are one.
names_of_series = st.lists(
    st.text(st.characters(exclude_characters="\0"), max_size=4), min_size=1, max_size=4, unique=True
)


def table(**columns):
    """Two series of two days, neither sorted by id nor by time."""
    return pd.DataFrame(
        {
            "unique_id": ["tea", "ale", "tea", "ale"],
            "ds": DAYS[[1, 0, 0, 1]],
            "y": [6.0, 3.0, 5.0, 4.0],
            **columns,
        }
    )


def index_of(ids=("ale", "tea"), times=DAYS[:2], names=("unique_id", "ds")):
    return pd.MultiIndex.from_product([ids, times], names=names)


@st.composite
def tables(draw):
    """Series of different lengths, over stamps, periods or integers; rows in any order."""
    ids = draw(names_of_series)
    if draw(st.booleans()):
        ids = list(range(7, 7 + len(ids)))[::-1]
    kind = draw(st.sampled_from(["stamps", "periods", "integers"]))
    unit, tz = draw(st.sampled_from(["s", "us", "ns"])), draw(st.sampled_from(ZONES))
    parts = []
    for name in ids:
        n, start = draw(st.integers(1, 5)), draw(st.integers(0, 3))
        times = {
            "stamps": pd.date_range("2024-03-30", periods=9, freq="h", tz=tz).as_unit(unit),
            "periods": pd.period_range("2024-03", periods=9, freq="M"),
            "integers": pd.RangeIndex(9),
        }[kind][start : start + n]
        parts.append(pd.DataFrame({"unique_id": [name] * n, "ds": times, "y": np.arange(n) + start / 7}))
    df = pd.concat(parts, ignore_index=True)
    return df.iloc[draw(st.permutations(range(len(df))))]


def test_series_and_columns():
    X, y = from_long(table(price=[1, 2, 3, 4], shop=pd.Categorical(list("abab"))))
    assert_series_equal(y, pd.Series([3.0, 4.0, 5.0, 6.0], index_of(), name="y"))
    expected = pd.DataFrame({"price": [2, 4, 3, 1], "shop": pd.Categorical(list("bbaa"), ["a", "b"])}, index_of())
    assert_frame_equal(X, expected)


def test_it_is_a_pair_without_columns_too():
    X, y = from_long(table())
    assert X.shape == (4, 0)
    assert X.index.equals(y.index)


def test_a_table_without_target():
    X, y = from_long(table().rename(columns={"y": "price"}), target_col=None)
    assert y is None
    assert_frame_equal(X, pd.DataFrame({"price": [3.0, 4.0, 5.0, 6.0]}, index_of()))


def test_names_are_those_of_the_columns():
    df = table(price=1.0).rename(columns={"unique_id": "drink", "ds": "day", "y": "litres"})
    X, y = from_long(df, id_col="drink", time_col="day", target_col="litres")
    assert X.index.names == y.index.names == ["drink", "day"]
    assert y.name == "litres"
    assert to_long(y, "litres", id_col="drink", time_col="day").columns.to_list() == ["drink", "day", "litres"]


def test_the_table_is_left_alone():
    df = table(price=1.0)
    before = df.copy(deep=True)
    X, y = from_long(df)
    X["price"] = 2.0
    y[:] = 0.0
    assert_frame_equal(df, before)
    _, y = from_long(df)
    long = to_long(y)
    long["RNNForecaster"] = 0.0
    assert y.to_list() == [3, 4, 5, 6]


def test_the_index_of_the_table_does_not_matter():
    expected = from_long(table(price=1.0))
    for index in ([3, 3, 3, 3], list("abcd"), index_of()):
        X, y = from_long(table(price=1.0).set_index(pd.Index(index)))
        assert_frame_equal(X, expected[0])
        assert_series_equal(y, expected[1])


@given(df=tables())
def test_there_and_back(df):
    """Sorted by id and time; the same rows whatever order they came in."""
    X, y = from_long(df)
    assert X.index.equals(y.index)
    assert y.index.is_monotonic_increasing
    again = to_long(y, "y")
    expected = df.sort_values(["unique_id", "ds"], ignore_index=True)
    assert_frame_equal(again, expected)
    assert_series_equal(from_long(again)[1], y)


@given(df=tables())
def test_tables_of_several_columns_there_and_back(df):
    df = df.assign(price=np.arange(len(df)), note="x")
    X, y = from_long(df)
    again = to_long(X.assign(y=y))
    assert_frame_equal(again[list(df)], df.sort_values(["unique_id", "ds"], ignore_index=True))


@given(n=st.integers(1, 5), names=names_of_series)
def test_wide_there_and_back(n, names):
    """Columns are series; a column each of the others makes them again."""
    index = pd.date_range("2024-01-01", periods=n, freq="MS", name="month")
    wide = pd.DataFrame(np.arange(n * len(names)).reshape(n, -1) / 7, index, names)
    long = to_long(wide)
    assert long["unique_id"].to_list() == [name for name in names for _ in range(n)]
    _, y = from_long(long, target_col="RNNForecaster")
    assert_array_equal(y.unstack("unique_id")[names], wide)


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2024-03-30", periods=3, freq="D", tz="Europe/Berlin", name="day"),
        pd.date_range("2024-03-30", periods=3, freq="D").as_unit("s"),
        pd.period_range("2024-03", periods=3, freq="M", name="month"),
        pd.RangeIndex(3, 6),
        pd.Index([3, 4, 5], dtype="int8"),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["demand", None, 3])
def test_one_series(index, name):
    long = to_long(pd.Series([1.0, 2.0, 3.0], index, name=name), "gru")
    assert long.columns.to_list() == ["unique_id", "ds", "gru"]
    assert long["unique_id"].to_list() == ["y" if name is None else name] * 3
    assert long["gru"].to_list() == [1, 2, 3]
    times = pd.Index(long["ds"])
    assert times.equals(index)
    assert times.dtype == index.dtype
    assert_index(long.index, pd.RangeIndex(3))


def test_what_the_forecaster_returns():
    forecast = forecaster(horizon=3).fit(daily()).predict()
    long = to_long(forecast)
    assert long["unique_id"].to_list() == ["demand"] * 3
    assert_array_equal(long["RNNForecaster"], forecast)


def test_no_rows():
    assert to_long(pd.Series([], DAYS[:0], dtype=float)).columns.to_list() == ["unique_id", "ds", "RNNForecaster"]
    assert len(to_long(pd.DataFrame(index=DAYS))) == 0


@pytest.mark.parametrize(
    "dtypes",
    [
        {"unique_id": "string", "ds": "datetime64[s]", "y": "Float64"},
        {"unique_id": "category", "y": "int32"},
        {"unique_id": "string[pyarrow]", "ds": "timestamp[us][pyarrow]", "y": "double[pyarrow]"},
        {"ds": "date32[pyarrow]", "y": "int64[pyarrow]"},
        {"ds": "timestamp[ns, Europe/Berlin][pyarrow]", "y": "float32"},
    ],
    ids=str,
)
def test_types_of_columns(dtypes):
    """Time becomes what pandas knows the frequency of, the target what numpy can add."""
    if "pyarrow" in str(dtypes):
        pytest.importorskip("pyarrow")
    df = table()
    if "Berlin" in str(dtypes):
        df["ds"] = df["ds"].dt.tz_localize("Europe/Berlin")
    _, y = from_long(df.astype(dtypes))
    assert y.to_list() == [3, 4, 5, 6]
    assert isinstance(y.dtype, np.dtype)
    assert y.index.get_level_values("unique_id").to_list() == ["ale", "ale", "tea", "tea"]
    for name in ("ale", "tea"):
        days = y.loc[name].index
        assert isinstance(days, pd.DatetimeIndex)
        assert days.tz_localize(None).to_list() == DAYS[:2].to_list()


@pytest.mark.parametrize("dtype", ["int8", "uint64", "Int64", "int64[pyarrow]"])
def test_integers_as_time_and_as_ids(dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    df = table().assign(unique_id=[20, 3, 20, 3], ds=[1, 0, 0, 1]).astype({"unique_id": dtype, "ds": dtype})
    _, y = from_long(df)
    assert y.index.to_list() == [(3, 0), (3, 1), (20, 0), (20, 1)]
    assert all(isinstance(level.dtype, np.dtype) for level in y.index.levels)


def test_ids_of_categories_are_sorted_as_ids():
    df = table().assign(unique_id=pd.Categorical(["tea", "ale", "tea", "ale"], ["tea", "rum", "ale"]))
    _, y = from_long(df)
    assert y.index.equals(index_of())
    assert y.index.levels[0].to_list() == ["ale", "tea"]


def test_values_may_be_missing():
    _, y = from_long(table(y=pd.array([6, None, 5, 4], dtype="Int64")))
    assert_array_equal(y, [np.nan, 4, 5, 6])


# Refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"id_col": "id"}, r"^df has no column id_col='id'; its columns are \['unique_id', 'ds', 'y'\]$"),
        ({"id_col": "id", "time_col": "t"}, "no column id_col='id' and time_col='t'"),
        ({"target_col": "sales"}, "no column target_col='sales'; .* target_col=None is for tables without one"),
        ({"target_col": "ds"}, "id_col, time_col, target_col must name different columns, got 'unique_id', 'ds', 'ds'"),
        ({"id_col": "ds", "target_col": None}, "id_col, time_col must name different columns, got 'ds', 'ds'"),
    ],
)
def test_columns_are_missed_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        from_long(table(), **arguments)


def test_ids_in_the_index_are_found():
    with pytest.raises(ValueError, match=r"no column id_col='unique_id'; .* 'unique_id' in the index becomes one"):
        from_long(table().set_index("unique_id"))


@pytest.mark.parametrize("df", [{"y": [1.0]}, None, np.zeros((3, 3)), daily()], ids=lambda df: type(df).__name__)
def test_other_tables_are_refused(df):
    with pytest.raises(TypeError, match=f"df must be a pandas DataFrame, got {type(df).__name__}"):
        from_long(df)


def test_columns_that_come_twice_and_empty_tables_are_refused():
    with pytest.raises(ValueError, match=r"df has duplicated columns: \['y'\]"):
        from_long(pd.concat([table(), table()[["y"]]], axis=1))
    with pytest.raises(ValueError, match="df has no rows"):
        from_long(table()[:0])


def test_repeated_rows_are_named():
    df = pd.concat([table(), table()[:1], table()[:1]])
    with pytest.raises(ValueError, match=r"more than one row for the same unique_id and ds: tea 2024-01-02 00:00:00$"):
        from_long(df)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("unique_id", ["a", None, "a", None], "'unique_id' has no id in 2 rows, at position 1, 3"),
        ("unique_id", [1.0, np.nan, 1.0, 2.0], "'unique_id' has no id in 1 rows, at position 1"),
        ("ds", [DAYS[0], DAYS[1], None, DAYS[3]], r"'ds' has no time stamp \(NaT\) in 1 rows, at position 2"),
    ],
)
def test_missing_keys_are_refused(column, values, message):
    with pytest.raises(ValueError, match=message):
        from_long(table().assign(**{column: values}))


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("unique_id", ["a", 1, "a", 1], "'unique_id' must have ids that can be sorted, got a mix of int and str"),
        ("ds", ["2024-01-01"] * 4, "'ds' must hold time stamps, periods or integers, got dtype (str|object)"),
        ("ds", [1.0, 2.0, 3.0, 4.0], "'ds' must hold .* got dtype float64; pandas.to_datetime"),
        ("ds", pd.to_timedelta([1, 2, 3, 4], unit="h"), "'ds' must hold .* got dtype timedelta64"),
        ("y", ["1", "2", "3", "4"], "'y' must hold real numbers, got dtype (str|object)"),
        ("y", [True, False, True, False], "'y' must hold real numbers, got dtype bool"),
        ("y", [1j, 2, 3, 4], "'y' must hold real numbers, got dtype complex128"),
        ("y", [Decimal(1)] * 4, "'y' must hold real numbers, got dtype object"),
        ("y", DAYS, "'y' must hold real numbers, got dtype datetime64"),
    ],
)
def test_wrong_types_are_refused(column, values, message):
    with pytest.raises(TypeError, match=message):
        from_long(table().assign(**{column: values}))


@pytest.mark.parametrize("forecast", [np.zeros(3), [1.0], None, DAYS], ids=lambda value: type(value).__name__)
def test_other_forecasts_are_refused(forecast):
    with pytest.raises(TypeError, match=f"forecast must be a Series or a DataFrame, got {type(forecast).__name__}"):
        to_long(forecast)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (pd.Index(["a", "b"]), "the time index of forecast must hold time stamps, periods or integers, got dtype"),
        (pd.MultiIndex.from_tuples([(DAYS[0], "a"), (DAYS[0], "b")]), "the time index of forecast must hold"),
        (pd.MultiIndex.from_tuples([("a", "b", 1), ("a", "b", 2)]), r"of time or of \(id, time\), got 3 levels"),
    ],
)
def test_forecasts_without_time_are_refused(index, message):
    for forecast in (pd.Series(1.0, index), pd.DataFrame({"a": 1.0}, index)):
        with pytest.raises(TypeError, match=message):
            to_long(forecast)


def test_columns_out_of_the_same_name_are_refused():
    with pytest.raises(ValueError, match=r"different names, got \['unique_id', 'ds', 'ds'\]"):
        to_long(daily(), "ds")
    with pytest.raises(ValueError, match=r"different names, got \['unique_id', 'a', 'a'\]"):
        to_long(pd.DataFrame({"a": 1.0}, index_of()), time_col="a")
    with pytest.raises(ValueError, match=r"forecast has duplicated columns: \['a'\]"):
        to_long(pd.DataFrame(1.0, DAYS, ["a", "b", "a"]))
    with pytest.raises(TypeError, match="one level of columns, got 2"):
        to_long(pd.DataFrame(1.0, DAYS, pd.MultiIndex.from_product([["a"], ["lo", "hi"]])))


def test_utilsforecast_evaluates_it():
    """By itself: utilsforecast imports what warns, and holds pandas below 3."""
    pytest.importorskip("utilsforecast")
    code = (
        "import pandas as pd\n"
        "from utilsforecast.evaluation import evaluate\n"
        "from utilsforecast.losses import mae, mase\n"
        "from functools import partial\n"
        "from tsrnn import to_long\n"
        "days = pd.date_range('2024-01-01', periods=20, freq='D')\n"
        "wide = pd.DataFrame({'tea': range(20), 'ale': [5.0, 7.0] * 10}, days)\n"
        "seen, coming = to_long(wide[:15], 'y'), to_long(wide[15:], 'y')\n"
        "for forecast in (wide[15:] + 2, (wide[15:] + 2).T.stack()):\n"
        "    both = coming.merge(to_long(forecast), on=['unique_id', 'ds'])\n"
        "    scores = evaluate(both, [mae, partial(mase, seasonality=1)], train_df=seen)\n"
        "    print(scores.sort_values(['metric', 'unique_id'])['RNNForecaster'].tolist())\n"
    )
    assert python("-c", code).stdout.splitlines() == ["[2.0, 2.0, 1.0, 2.0]"] * 2


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_a_table_in_order_is_not_copied(dtype):
    """Its values are those of the table until either is changed; before version 3 pandas copies them at once."""
    df = from_long(table(price=1.0))[0].assign(y=[5, 6, 3, 4]).astype({"y": dtype}).reset_index()
    X, y = from_long(df)
    assert np.shares_memory(y, df["y"]) or pd.__version__ < "3"
    assert y.to_list() == [5, 6, 3, 4]
    assert X["price"].to_list() == [1.0] * 4
    again = from_long(df[::-1])
    assert_series_equal(again[1], y)
    assert_frame_equal(again[0], X)


def test_what_is_no_table_is_told_how_to_become_one():
    _, y = from_long(table())
    with pytest.raises(TypeError, match="df must be a pandas DataFrame, got Series; reset_index"):
        from_long(y)
    pd.testing.assert_series_equal(from_long(y.reset_index())[1], y)
    with pytest.raises(TypeError, match=r"^id_col must be the name of a column, got \['unique_id'\]$"):
        from_long(table(), id_col=["unique_id"])
    with pytest.raises(TypeError, match=r"in column 'unique_id'.*; ids and time go into the index, as from_long puts"):
        forecaster().fit(table())
