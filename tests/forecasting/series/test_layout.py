"""What is copied of the series that are given, and what is read as it lies."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from forecasting.series.test_panel import every_kind, long, of_kind, wide
from forecasting.small import daily, forecaster, values
from gradcheck import assert_close
from tsrnn.forecasting import following
from tsrnn.forecasting.series.panel import panel_of
from tsrnn.forecasting.series.timeindex import frequency

every_float = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def peak_of(call):
    """Bytes that a call holds at its peak beside what was there."""
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def on_disk(path, points):
    """A file of float32, mapped to be read."""
    np.random.default_rng(0).standard_normal(points, np.float32).tofile(path)
    return np.memmap(path, np.float32, "r")


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["windows", "streams"])
def test_a_long_series_on_disk_is_not_copied(kind, tmp_path):
    y = on_disk(tmp_path / "y", 5_000_000 if kind == "windows" else 500_000)
    changes = {} if kind == "windows" else {"bptt_steps": 100, "batch_size": 8}
    model = of_kind(kind, max_steps=2, n_jobs=1, **changes).fit(y[:2000])
    model.predict(y=y[:2000])  # all is compiled
    assert peak_of(lambda: model.fit(y)) < 0.2 * y.nbytes
    assert model._tail.values.nbytes < 3000
    assert peak_of(lambda: model.predict(y=y)) < 0.1 * y.nbytes


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(10**12),
        pd.RangeIndex(5, 10**12, 3),
        pd.date_range("2000", periods=10**6, freq="s"),
        pd.DatetimeIndex(pd.date_range("2000", periods=10**6, freq="s").to_numpy()),
        pd.Index(np.arange(0, 10**7, 10)),
        pd.period_range("2000", periods=10**6, freq="s"),
    ],
    ids=lambda index: f"{type(index).__name__} {index.dtype}",
)
def test_the_frequency_of_a_long_index_costs_no_memory(index):
    assert peak_of(lambda: frequency(index)) < 1_500_000
    expected = index.step if isinstance(index, pd.RangeIndex) else 10 if index.dtype == np.int64 else "s"
    assert getattr(frequency(index), "freqstr", frequency(index)) == expected


@every_float
def test_series_are_views_where_they_lie_one_after_the_other(dtype):
    one, many = daily().astype(dtype), long().astype(dtype)
    table = wide().drop(columns="c").astype(dtype).to_numpy().copy(order="F")
    for y in (one, one.to_numpy(), many, table, pd.DataFrame(table, copy=False)):
        panel = panel_of(y, together=False)
        assert panel.values.dtype == dtype
        assert np.shares_memory(panel.values, np.asarray(y))
    across = panel_of(wide().astype(dtype), together=False)
    assert across.values.dtype == dtype
    assert_close(across.series(2)[:, 0], wide()["c"].dropna(), 1e-6)
    assert panel_of(wide().dropna().astype(dtype), together=True).values.dtype == dtype


@every_kind
@pytest.mark.parametrize("y", [daily, long, wide], ids=["one", "long", "wide"])
def test_float32_is_read_as_exactly_as_float64(kind, y):
    given = y().astype(np.float32)
    before = given.copy(deep=True)
    model = of_kind(kind, n_jobs=1).fit(given)
    other = of_kind(kind, n_jobs=1).fit(given.astype(np.float64))
    assert np.array_equal(model.predict(), other.predict())
    assert np.array_equal(model.predict(y=given), other.predict(y=given.astype(np.float64)))
    assert given.equals(before)


def test_float32_that_is_followed_by_float64():
    """Nothing is rounded to the type of what was there first."""
    y = daily(80)
    model = forecaster().fit(y[:60].astype(np.float32))
    known = pd.concat([y[:60].astype(np.float32).astype(np.float64), y[60:]])
    assert np.array_equal(model.update(y[60:]).predict(), model.predict(y=known))


@pytest.mark.parametrize("types", [("int64", "float32"), ("float32", "Float64"), ("uint8", "int8"), ("float16",) * 2])
def test_columns_of_other_types_are_float64(types):
    table = pd.DataFrame({k: np.arange(60.0).round() % 7 for k in range(2)}).astype(dict(enumerate(types)))
    panel = panel_of(table, together=False)
    assert panel.values.dtype == np.float64
    assert np.array_equal(panel.values[:, 0], table.to_numpy(np.float64).ravel(order="F"))


@every_kind
def test_rows_by_time_are_the_rows_by_series(kind):
    """Each series is found whole, in any order of the rows that keeps its own."""
    y = long()
    order = np.random.default_rng(0).permutation(y.index.codes[0])
    place = [iter(np.flatnonzero(y.index.codes[0] == code)) for code in range(3)]
    mixed = y.iloc[[next(place[code]) for code in order]]
    panel, expected = panel_of(mixed, False), panel_of(y, False)
    for number, name in enumerate(panel.ids):
        own = expected.ids.get_loc(name)
        assert np.array_equal(panel.series(number), expected.series(own))
        assert panel.last[number] == expected.last[own]
    assert list(panel.ids) == list(dict.fromkeys(mixed.index.get_level_values(0)))
    found, forecast = of_kind(kind).fit(mixed).predict(), of_kind(kind).fit(mixed).predict()
    assert found.equals(forecast)


def test_stamps_and_ids_that_are_left_of_others_do_not_matter():
    """A selection keeps the levels of the whole: an id without rows, and stamps off the grid."""
    odd = pd.Series([1.0], pd.MultiIndex.from_tuples([("odd", pd.Timestamp("1700-01-01 03:00"))]))
    y = pd.concat([odd.rename_axis(["shop", "day"]), long()])[1:]
    assert len(y.index.levels[0]) == 4
    panel = panel_of(y, together=False)
    assert list(panel.ids) == ["a", "b", "c"]
    assert panel.freq == panel_of(long(), together=False).freq


def test_stamps_of_a_forecast_have_no_frequency_however_many_ends_there_are():
    for ends in ((0, 0, 0), (0, 9, 4)):
        assert forecaster().fit(long(ends=ends)).predict()["a"].index.freq is None


@pytest.mark.parametrize("normalize", ["last", "series"])
def test_series_are_forecast_in_blocks(normalize, monkeypatch):
    """As all at once, with their own units and what is known of them ahead."""
    y = long(ends=(0, 0, 0))
    X = pd.DataFrame({"x": np.arange(len(y)) % 5.0}, y.index)
    later = pd.MultiIndex.from_product([list("abc"), pd.date_range("2021-03-02", periods=3)], names=y.index.names)
    X = pd.concat([X, pd.DataFrame({"x": np.arange(9.0)}, later)])
    model = forecaster(normalize=normalize).fit(X, y)
    expected = model.predict(X, horizon=3)
    monkeypatch.setattr(following, "AT_ONCE", 2)
    assert_close(model.predict(X, horizon=3), expected, 1e-6)
    together = forecaster(multivariate=True).fit(wide().dropna())
    assert together.predict().shape == (3, 3)


@pytest.mark.compiled
def test_many_series_cost_their_values_once(monkeypatch):
    """Wide frames are laid out by series; those by id and time are not copied, but for the end that is kept."""
    n, length = 4000, 60
    table = pd.DataFrame(np.random.default_rng(0).standard_normal((length, n)))
    by_id = pd.Series(table.to_numpy().ravel(order="F"), pd.MultiIndex.from_product([range(n), range(length)]))
    data = n * length * 8
    model = forecaster(max_steps=2, batch_size=8, n_jobs=1)
    for y, copies in ((table, 1.0), (by_id, 0.0)):
        model.fit(y)  # compiles; and pandas keeps what it finds out about an index
        kept = model._tail.values.nbytes
        numbers = 2 * 8 * n * (length - 6 - 3 + 1)  # of the windows, permuted, and their weights
        assert peak_of(lambda y=y: model.fit(y)) < copies * data + kept + numbers + 0.35 * data
    monkeypatch.setattr(following, "AT_ONCE", 100)
    model.predict()
    assert peak_of(model.predict) < 10 * 8 * n * 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_cannot_be_used_is_named_in_either_type(dtype):
    y = daily().astype(dtype)
    y.iloc[[5, 9]] = [np.nan, -np.inf]
    with pytest.raises(ValueError, match=r"2 missing or infinite values, at 2021-01-06 .*, 2021-01-10"):
        forecaster().fit(y)
    by_id = long().astype(dtype)
    by_id.iloc[-3] = np.inf
    with pytest.raises(ValueError, match="1 missing or infinite values in series 'c', at 2021-02-2"):
        forecaster(missing="mask").fit(by_id)
    table = wide().astype(dtype)
    table.iloc[20, 2] = np.nan
    with pytest.raises(ValueError, match="1 missing or infinite values in column 'c', at 2021-01-21"):
        forecaster().fit(table)
    if dtype == np.float64:
        with pytest.raises(ValueError, match=r"values beyond 1e\+150 in series 'b', at 2021-01-01"):
            forecaster().fit(long().where(long() != long()["b"].iloc[0], 1e200))


def test_a_series_with_holes_keeps_its_first_value():
    y = values()
    y[:4], y[20] = np.nan, np.nan
    panel = panel_of(y, together=False, masks=True)
    assert np.array_equal(panel.values[:, 0], y[4:], equal_nan=True)
    assert panel.lengths == [56]
