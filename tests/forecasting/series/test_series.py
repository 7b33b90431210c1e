"""What may be forecast: kinds of numbers, levels and sizes; and what is refused, by which words."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecasting.small import daily, forecaster, values
from tsrnn.forecasting.fitting import DECODERS
from tsrnn.forecasting.samples.normalization import CENTRINGS

every_centring = pytest.mark.parametrize("normalize", CENTRINGS)


@pytest.mark.parametrize(
    "dtype",
    [
        "float16", "float32", "float64", "longdouble", "int8", "uint8", "int16", "int64", "uint64",
        "Int8", "UInt16", "Int64", "Float32", "Float64", "Sparse[float64]", "Sparse[int64]", ">f8",
    ],
)  # fmt: skip
def test_all_kinds_of_real_numbers(dtype):
    whole = (20 + 10 * daily()).round()
    expected = forecaster().fit(whole).predict()
    given = whole.astype(dtype)
    forecast = forecaster().fit(given).predict()
    pd.testing.assert_series_equal(forecast, expected)
    assert given.dtype == pd.Series(dtype=dtype).dtype  # the series itself is left as it was


@pytest.mark.parametrize("kind", ["read-only", "strided", "reversed", "memory-mapped", "in another byte order"])
def test_all_kinds_of_arrays(kind, tmp_path):
    y = values()
    np.save(tmp_path / "y.npy", y)
    given = {
        "read-only": y.copy(),
        "strided": np.repeat(y, 3)[::3],
        "reversed": y[::-1].copy()[::-1],
        "memory-mapped": np.load(tmp_path / "y.npy", mmap_mode="r"),
        "in another byte order": y.astype(">f8"),
    }[kind]
    if kind == "read-only":
        given.setflags(write=False)
    assert_array_equal(forecaster().fit(given).predict(), forecaster().fit(y).predict())


@pytest.mark.compiled
@every_centring
@pytest.mark.parametrize(
    ("decoder", "level"),
    [("direct", level) for level in (0.0, 5.0, -5.0, 0.1, 1e-6, 1e9, -1e12)]
    + [(decoder, level) for decoder in DECODERS if decoder != "direct" for level in (0.0, 1e9)],
)
def test_a_constant_series_stays_where_it_is(normalize, decoder, level):
    """Within a hundredth of its level, however small that is."""
    model = forecaster(normalize=normalize, decoder=decoder, max_steps=200)
    forecast = model.fit(np.full(40, level)).predict()
    assert_allclose(forecast, level, rtol=0.01, atol=0.05 if level == 0 else 0)


@every_centring
def test_a_series_that_was_flat_for_long(normalize):
    """Most windows have no deviation of their own."""
    y = np.zeros(60)
    y[:8] = values(8)
    forecast = forecaster(normalize=normalize).fit(y).predict()
    assert np.isfinite(forecast).all()
    assert forecast.abs().max() < 1


@every_centring
def test_an_outlier_and_a_jump(normalize):
    y = values()
    y[20] = 1e6
    y[40:] += 1e4
    assert np.isfinite(forecaster(normalize=normalize).fit(y).predict()).all()


def test_negative_values():
    y = daily() - 100
    forecast = forecaster().fit(y).predict()
    assert forecast.between(y.min() - 2, y.max() + 2).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, None])
def test_values_that_are_missing_or_infinite_are_named(bad):
    y = daily()
    y.iloc[[5, 17]] = bad
    with pytest.raises(ValueError, match="y holds 2 missing or infinite values") as refusal:
        forecaster().fit(y)
    assert "2021-01-06" in str(refusal.value)
    assert "2021-01-18" in str(refusal.value)
    with pytest.raises(ValueError, match="2 missing or infinite values, at 5, 17;"):
        forecaster().fit(y.to_numpy())
    advice = str(refusal.value).partition("with ")[2].removesuffix(", or fit with missing='mask'")
    assert np.isfinite(eval(advice, {"y": y, "np": np})).all()


@pytest.mark.parametrize("dtype", ["Float64", "Int64"])
def test_missing_nullable_values_are_named(dtype):
    y = daily().round().astype(dtype)
    y.iloc[5] = pd.NA
    with pytest.raises(ValueError, match="1 missing or infinite values, at 2021-01-06"):
        forecaster().fit(y)


def test_many_missing_values_are_counted():
    y = daily()
    y.iloc[10:30] = np.nan
    with pytest.raises(ValueError, match=r"20 missing or infinite values, at .* and 15 more; fill them"):
        forecaster().fit(y)


def test_masked_values_are_missing():
    """What a mask hides must not be learnt as if it were there."""
    masked = np.ma.masked_array(values(), mask=False)
    masked[[5, 17]] = np.ma.masked
    with pytest.raises((TypeError, ValueError), match="y"):
        forecaster().fit(masked)


DAYS = daily().index


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(pd.Series(["1"] * 60), id="strings"),
        pytest.param(["1"] * 60, id="list of strings"),
        pytest.param(pd.Series(values() > 0), id="bool"),
        pytest.param(values() > 0, id="array of bool"),
        pytest.param(pd.Series(values() > 0, dtype="boolean"), id="nullable bool"),
        pytest.param(pd.Series(values(), dtype=object), id="object"),
        pytest.param([1.0, None] * 30, id="list with None"),
        pytest.param(pd.Series(values() + 0j), id="complex"),
        pytest.param(pd.Series(DAYS, DAYS), id="time stamps"),
        pytest.param(pd.Series(DAYS - DAYS[0], DAYS), id="time spans"),
        pytest.param(pd.Series([1, 2] * 30, dtype="category"), id="categories"),
    ],
)
def test_what_is_no_number_is_refused(y):
    with pytest.raises(TypeError, match=r"y must hold real numbers, got dtype \w+"):
        forecaster().fit(y)


@pytest.mark.parametrize(
    "of",
    [str, Decimal, lambda number: None if number < 0 else number, lambda number: pd.NA if number < 0 else Decimal(1)],
    ids=["strings", "decimals", "with None", "with NA"],
)
def test_numbers_of_another_type_are_told_their_way(of):
    y = pd.Series([of(number) for number in values()], DAYS, dtype=object)
    with pytest.raises(TypeError, match=r"^y must hold real numbers, got dtype object; astype") as refusal:
        forecaster().fit(y)
    advice = str(refusal.value).rpartition("; ")[2].removesuffix(" makes numbers of it")
    forecaster(missing="mask").fit(eval(f"y.{advice}.bfill()", {"y": y}))


@pytest.mark.parametrize("bad", ["n/a", "1,5", [1.0], DAYS[0], 1j])
def test_the_first_value_that_is_no_number_is_named(bad):
    y = daily().astype(object)
    y.iloc[3] = None
    y.iat[5] = y.iat[7] = bad
    with pytest.raises(TypeError, match=r"got dtype object, with .* at 2021-01-06 .*pandas.to_numeric") as refusal:
        forecaster().fit(y)
    assert repr(bad) in str(refusal.value)
    with pytest.raises(TypeError, match=r"got dtype object in column 'b', with .* at 2021-01-06"):
        forecaster().fit(pd.DataFrame({"a": daily(), "b": y}))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        pytest.param(np.zeros((6, 5, 4)), r"1 or 2 dimensions, got shape \(6, 5, 4\)", id="3-D"),
        pytest.param(3.0, r"got shape \(\) \(float\)", id="number"),
        pytest.param("data.csv", r"got shape \(\) \(str\)", id="path"),
        pytest.param(None, r"fit needs y", id="None"),
        pytest.param([], "y is empty", id="empty list"),
        pytest.param(daily().iloc[:0], "y is empty", id="empty series"),
    ],
)
def test_what_is_no_series_is_refused(y, message):
    with pytest.raises((TypeError, ValueError), match=message):
        forecaster().fit(y)


@pytest.mark.parametrize(
    ("index", "error"),
    [
        pytest.param(DAYS.astype(str), TypeError, id="strings"),
        pytest.param(DAYS.delete(20).append(DAYS[-1:] + pd.offsets.Day(1)), ValueError, id="gap"),
        pytest.param(DAYS[::-1], ValueError, id="backwards"),
        pytest.param(DAYS[:1].repeat(60), ValueError, id="duplicates"),
        pytest.param(pd.Index(np.arange(60) / 2), TypeError, id="floats"),
        pytest.param(pd.MultiIndex.from_product([["a"], ["b", "c"], range(30)]), ValueError, id="levels"),
    ],
)
def test_an_index_that_is_no_time_axis_is_refused(index, error):
    model = forecaster().fit(daily())
    forecast = model.predict()
    with pytest.raises(error, match="the index"):
        model.fit(pd.Series(values(), index))
    pd.testing.assert_series_equal(model.predict(), forecast)


@pytest.mark.parametrize("dtype", ["timestamp[ns]", "timestamp[us, tz=Europe/Berlin]", "date32[day]"])
@pytest.mark.parametrize("by_id", [False, True])
def test_stamps_of_pyarrow_are_those_of_pandas(by_id, dtype):
    pytest.importorskip("pyarrow")
    y, X = daily(63), pd.DataFrame({"heat": np.cos(values(63))}, daily(63).index)
    local = y.index.tz_localize("Europe/Berlin" if "tz" in dtype else None)

    def indexed(table, stamps):
        if not by_id:
            return table.set_axis(stamps)
        return table.set_axis(pd.MultiIndex.from_arrays([["a"] * 63, stamps], names=["id", "day"]))

    given = pd.Index(pd.array(local.date if "date" in dtype else local, f"{dtype}[pyarrow]"), name="day")
    (y, other), (X, others) = ([indexed(table, stamps) for stamps in (local, given)] for table in (y, X))
    model, same = forecaster().fit(X[:60], y[:60]), forecaster().fit(others[:60], other[:60])
    assert_array_equal(same.predict(others[60:]), model.predict(X[60:]))
    assert (same.predict(others, horizon=3).index == model.predict(X, horizon=3).index).all()
    assert_array_equal(forecaster().fit(other[:60]).predict(other[60:]), forecaster().fit(y[:60]).predict(y[60:]))
    same.update(other[60:], others[60:])
    assert (same._tail.last == model.update(y[60:], X[60:])._tail.last).all()


def test_frames_of_other_libraries_keep_their_names():
    pa = pytest.importorskip("pyarrow")
    y = pd.DataFrame({"a": values(), "b": values()[::-1]})
    X = pd.DataFrame({"heat": np.cos(values(63)), "open": values(63) > 0.2})
    model, same = forecaster().fit(X[:60], y), forecaster().fit(pa.table(X[:60]), pa.table(y))
    pd.testing.assert_frame_equal(same.predict(X, horizon=3), model.predict(X, horizon=3))
    assert_array_equal(same.predict(pa.table(X[60:].reset_index(drop=True))), model.predict(X[60:]))
    assert same.feature_names_in_.tolist() == ["heat", "open"]
    dated = daily().to_frame()
    assert forecaster().fit(pa.table(X[:60]), dated).predict(pa.table(X[60:])).shape == (3, 1)
