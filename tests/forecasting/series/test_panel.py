"""Several series: as columns, by id and time; one model for all, or all columns together."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecasting.small import UPDATES, assert_untouched, daily, every_cell, forecaster, stateful, values
from gradcheck import assert_close
from tsrnn import RNNForecaster
from tsrnn.forecasting import smoothing
from tsrnn.forecasting.series.panel import panel_of


def wide(n=60):
    """Three series; the last one is twelve days younger."""
    table = pd.DataFrame({"a": values(n), "b": 50 - 3 * values(n)[::-1], "c": 1e3 * values(n) ** 2}, daily(n).index)
    table.loc[table.index[:12], "c"] = np.nan
    return table


def long(n=60, ends=(0, 9, 4)):
    """The same by id and time, with ends of their own."""
    parts = {name: wide(n)[name].dropna().iloc[: -end or None] for name, end in zip("abc", ends, strict=True)}
    return pd.concat(parts, names=["shop", "day"]).rename("demand")


def one_by_one(model, panel):
    """Forecasts of each series of a panel by the fitted model, given as a series of its own."""
    return {name: model.predict(y=y) for name, y in panel.items()}


every_kind = pytest.mark.parametrize("kind", ["windows", "streams"])


def of_kind(kind, horizon=3, **changes):
    return forecaster(horizon, **changes) if kind == "windows" else stateful(horizon, **changes)


@every_kind
def test_columns(kind):
    """Back come the columns, on the days after; each is what the model says of that column alone."""
    model = of_kind(kind).fit(wide())
    forecast = model.predict()
    assert list(forecast.columns) == ["a", "b", "c"]
    assert forecast.index.equals(pd.date_range("2021-03-02", periods=3, freq="D", name="day"))
    assert model.predict(horizon=2).equals(forecast[:2])
    for name in "abc":
        alone = model.predict(y=wide()[[name]].dropna())
        assert_close(forecast[name], alone[name], 1e-6)


@every_kind
def test_by_id_and_time(kind):
    """Each series ends on a day of its own, and its forecast begins on the next one."""
    y = long()
    model = of_kind(kind).fit(y)
    forecast = model.predict()
    assert forecast.index.names == ["shop", "day"]
    assert forecast.name == "demand"
    for name in "abc":
        own = forecast[name]
        assert own.index[0] == y[name].index[-1] + pd.Timedelta("1D")
        assert_close(own, model.predict(y=y[[name]])[name], 1e-6)
    framed = of_kind(kind).fit(y.to_frame()).predict()
    assert framed.columns == ["demand"]
    pd.testing.assert_series_equal(framed["demand"], forecast)


@every_kind
def test_the_order_of_rows_does_not_matter_between_series(kind):
    """By time and id, as a database may give it."""
    y = long()
    expected = of_kind(kind).fit(y).predict()
    by_time = y.sort_index(level="day", kind="stable")
    assert not by_time.index.equals(y.index)
    pd.testing.assert_series_equal(of_kind(kind).fit(by_time).predict(), expected)


@every_kind
def test_columns_and_ids_are_the_same_model(kind):
    table = wide().drop(columns="c")
    columns = of_kind(kind).fit(table).predict()
    stacked = table.T.stack().rename_axis(["series", "day"])
    ids = of_kind(kind).fit(stacked).predict()
    assert_close(ids.unstack("series"), columns, 1e-12)


def test_arrays():
    model = forecaster().fit(wide().to_numpy())
    assert_close(model.predict(), forecaster().fit(wide()).predict(), 1e-12)
    assert model.predict().index.equals(pd.RangeIndex(60, 63))
    one = forecaster().fit(values()[:, None])
    assert one.predict().shape == (3, 1)
    assert_close(one.predict()[0], forecaster().fit(values()).predict(), 1e-12)


@every_cell
def test_multivariate_reads_all_columns(cell):
    table = wide().dropna()
    model = forecaster(cell=cell, multivariate=True).fit(table)
    forecast = model.predict()
    assert list(forecast.columns) == list(table.columns)
    assert model.network_.input_size == 3
    assert model.network_.output_size == 9
    changed = table.copy()
    changed.iloc[-1, 0] += 0.1
    moved = model.predict(y=changed)
    assert (moved != forecast).all(axis=None)
    apart = forecaster(cell=cell).fit(table)
    before = apart.predict(y=table)
    assert (apart.predict(y=changed)[["b", "c"]] == before[["b", "c"]]).all(axis=None)


@pytest.mark.parametrize("decoder", ["direct", "parallel", "recursive", "seq2seq"])
def test_multivariate_decoders_and_longer_horizons(decoder):
    model = forecaster(decoder=decoder, multivariate=True).fit(wide().dropna())
    with pytest.warns(UserWarning, match="exceeds") if decoder != "recursive" else _nothing():
        longer = model.predict(horizon=7)
    assert longer.shape == (7, 3)
    pd.testing.assert_frame_equal(longer[:3], model.predict(horizon=3))


class _nothing:
    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False


@every_kind
def test_other_series(kind):
    """Series that the model was not trained on, longer or shorter than its window; those fitted keep units."""
    model = of_kind(kind).fit(long())
    other = 7 + 100 * daily(25)
    forecast = model.predict(y=other)
    assert forecast.index[0] == other.index[-1] + pd.Timedelta("1D")
    assert np.isfinite(forecast).all()
    assert 0 < abs(forecast - other.iloc[-1]).max() < 300
    assert np.isfinite(model.predict(y=other[:2])).all()
    same = of_kind(kind).fit(daily())
    assert_close(same.predict(y=daily()), same.predict(), 1e-6)


@every_kind
def test_update_is_a_forecast_of_all_that_is_known(kind):
    y = daily(80)
    model = of_kind(kind).fit(y[:60])
    expected = model.predict(y=y)
    for stop in range(64, 81, 4):
        assert model.update(y[stop - 4 : stop]) is model
    assert_close(model.predict(), expected, 1e-5)
    assert model.predict().index.equals(expected.index)
    assert model.n_steps_ == UPDATES


@every_kind
def test_update_of_a_panel(kind):
    """Some series go on, one does not, a new one begins."""
    whole = long(80)
    y = whole[whole.index.get_level_values("day") < "2021-02-10"]
    new = whole[whole.index.get_level_values("day") >= "2021-02-10"].drop("b")
    more = daily(30).iloc[20:].rename("demand")
    new = pd.concat([new, pd.concat({"new": more}, names=["shop", "day"])])
    model = of_kind(kind).fit(y)
    before = model.predict()
    after = model.update(new).predict()
    assert list(after.index.unique("shop")) == ["a", "b", "c", "new"]
    pd.testing.assert_series_equal(after["b"], before["b"])
    known = pd.concat([y, new]).sort_index(kind="stable")
    for name in "ac":
        assert_close(after[name], model.predict(y=known[[name]])[name], 1e-5)
        assert after[name].index[0] == whole[name].index[-1] + pd.Timedelta("1D")


@every_kind
@pytest.mark.parametrize("start", [59, 61])
def test_an_update_goes_on_where_the_series_ended(kind, start):
    y = daily(80)
    model = of_kind(kind).fit(y[:60])
    before = vars(model).copy()
    with pytest.raises(ValueError, match=rf"y must go on at 2021-03-02.*from {y.index[start].date()}"):
        model.update(y[start:])
    assert_untouched(model, before)


def test_an_update_has_the_columns_fitted():
    model = forecaster().fit(wide())
    with pytest.raises(ValueError, match=r"y must have the columns \['a', 'b', 'c'\], got \['a', 'b'\]"):
        model.update(wide(80)[60:][["a", "b"]])
    with pytest.raises(ValueError, match="y must be of the kind fitted, wide series, got single ones"):
        model.update(daily(80)[60:])


def test_rows_are_found_by_their_index():
    model = forecaster(5).fit(daily())
    forecast = model.predict()
    rows = forecast.index[[4, 0, 2]]
    np.testing.assert_array_equal(model.predict(pd.DataFrame(index=rows)), forecast[rows])
    np.testing.assert_array_equal(model.predict(forecast[rows]), forecast[rows])
    np.testing.assert_array_equal(model.predict(np.zeros((4, 0))), forecast[:4])
    table = forecaster(5).fit(wide())
    np.testing.assert_array_equal(table.predict(pd.DataFrame(index=rows)), table.predict().loc[rows])
    by_id = forecaster(5).fit(long())
    expected = by_id.predict()
    some = expected.sample(frac=0.5, random_state=0)
    np.testing.assert_array_equal(by_id.predict(some.to_frame()), some)


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        (daily().iloc[-2:], ValueError, "stamps after the end of the series .*2021-03-01.* it has 2021-02-28"),
        (pd.Series(0.0, pd.date_range("2021-03-02 12:00", periods=2)), ValueError, "it has 2021-03-02 12:00:00"),
        (pd.Series(0.0, pd.RangeIndex(60, 62)), TypeError, "X must have an index like that of y, DatetimeIndex"),
        (long(), ValueError, "X must have an index of time alone"),
        (12, TypeError, r"predict\(horizon=12\)"),
    ],
)
def test_rows_that_cannot_be_forecast(rows, error, words):
    with pytest.raises(error, match=words):
        forecaster().fit(daily()).predict(rows)


def test_rows_and_updates_in_another_time_zone():
    """They are the same moments; what has no zone is refused where the series has one."""
    y = daily(80).tz_localize("Europe/Berlin")
    model = forecaster(5).fit(y[:60])
    forecast, later = model.predict(), pd.DataFrame(index=y.index[62:65].tz_convert("Asia/Tokyo"))
    np.testing.assert_array_equal(model.predict(later), forecast[2:])
    with pytest.raises(TypeError, match="must be in a time zone as those of the series are, Europe/Berlin, got none"):
        model.predict(pd.DataFrame(index=y.index[62:65].tz_localize(None)))
    for zone in ("UTC", "Asia/Tokyo"):
        model.fit(y[:60]).update(y[60:65].tz_convert(zone))
        assert model.predict().index.equals(y.index[65:70])
        assert model.predict().index.dtype == y.index.dtype
    with pytest.raises(TypeError, match="got none"):
        model.update(y[65:70].tz_localize(None))


@pytest.mark.parametrize("freq", ["D", "Q", "Y"])
def test_rows_of_periods_of_another_length(freq):
    """Periods are numbered, months since 1970 as days are: the numbers must not be taken for one another."""
    y = daily(60).set_axis(pd.period_range("2015-01", periods=60, freq="M"))
    X = pd.DataFrame({"heat": 1.0}, pd.period_range("1970", "2100", freq=freq))
    model = forecaster().fit(y)
    with pytest.raises(ValueError, match=f"periods of {freq}.* are no steps of M"):
        model.predict(X[-3:])
    with pytest.raises(ValueError, match=f"periods of {freq}.* are no steps of M"):
        model.fit(X, y)


def test_rows_of_series_that_are_not_there():
    model = forecaster().fit(long())
    with pytest.raises(ValueError, match="series that y does not have: d"):
        model.predict(model.predict().rename({"a": "d"}, level="shop"))
    with pytest.raises(ValueError, match=r"X must have an index of \(id, time\)"):
        model.predict(pd.DataFrame(index=daily(65).index[60:]))
    with pytest.raises(ValueError, match="give X or horizon, not both"):
        model.predict(model.predict(), horizon=2)


def test_score():
    y = daily(70)
    model = forecaster(10).fit(y[:60])
    truth, forecast = y[60:], model.predict()
    expected = 1 - ((truth - forecast) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
    assert model.score(truth) == pytest.approx(expected)
    assert model.score(pd.DataFrame(index=truth.index), truth) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (lambda: wide().mask(wide() == wide().iloc[30, 1]), r"missing or infinite values in column 'b', at 2021-01-31"),
        (lambda: wide().assign(d="x"), r"must hold real numbers, got dtype .* in column 'd'"),
        (lambda: wide().assign(d=np.nan), r"y holds no value in column 'd'"),
        (lambda: wide().iloc[:, [0, 0, 1]], r"duplicated columns: \['a'\]"),
        (
            lambda: long().drop(("b", pd.Timestamp("2021-01-31"))),
            r"misses stamps in series 'b': 2021-01-30 .* 2021-02-01",
        ),
        (lambda: long().mask(long().index == ("b", pd.Timestamp("2021-01-31"))), r"in series 'b', at 2021-01-31"),
        (lambda: pd.concat([long(), long()[["c"]][:1]]), r"not sorted in series 'c'"),
        (lambda: pd.concat([long()[:1], long()]), r"series 'a' of y: the index has duplicated stamps: 2021-01-01"),
        (lambda: long().to_frame().assign(more=1), r"must have one column, got \['demand', 'more'\]"),
        (lambda: long().iloc[:3], "y has 3 values; horizon=3 and one value to read need at least 4"),
        (lambda: wide().iloc[:3, :1], "y has 3 values; horizon=3 and one value to read need at least 4"),
    ],
)
def test_bad_panels_are_named(y, words):
    model = forecaster().fit(daily())
    before = vars(model).copy()
    with pytest.raises((ValueError, TypeError), match=words):
        model.fit(y())
    assert_untouched(model, before)


def test_frequencies_that_differ():
    hours = pd.Series(values(48), pd.date_range("2021-01-01", periods=48, freq="h"))
    mixed = pd.concat({"a": daily(60), "b": hours}, names=["shop", "day"])
    with pytest.raises(ValueError, match=r"steps of D, as those of series 'a' do; others in series 'b': .*01:00:00"):
        forecaster().fit(mixed)
    with pytest.raises(ValueError, match="y has an index of frequency h"):
        forecaster().fit(daily()).predict(y=hours)


def test_multivariate_needs_columns():
    for y in (daily(), long()):
        with pytest.raises(ValueError, match="multivariate=True needs a DataFrame with a column a series"):
            forecaster(multivariate=True).fit(y)
    with pytest.raises(ValueError, match="in column 'c', at 2021-01-01"):
        forecaster(multivariate=True).fit(wide())


@every_kind
def test_short_series_among_long_ones(kind):
    """They train where a value is left to read, and are forecast however short they are."""
    y = long()
    short = {"tiny": daily(1), "small": daily(5), "window": daily(8)}
    y = pd.concat([y, pd.concat(short, names=["shop", "day"]).rename("demand")])
    model = of_kind(kind).fit(y)
    forecast = model.predict()
    assert np.isfinite(forecast).all()
    assert forecast["tiny"].index[0] == pd.Timestamp("2021-01-02")


@pytest.mark.parametrize("kind", ["windows", "streams"])
def test_early_stopping_holds_back_the_end_of_each_series(kind):
    """Values after the last training target are replaced: the loss in training stays the same."""
    y = long()
    changed = y.copy()
    for name in "abc":
        changed.loc[[(name, changed[name].index[-1])]] += 1000
    options = {"early_stopping": True, "max_iter": 3, "max_steps": None}
    first, second = of_kind(kind, **options).fit(y), of_kind(kind, **options).fit(changed)
    assert first.loss_curve_ == second.loss_curve_
    assert first.validation_loss_curve_ != second.validation_loss_curve_


@every_kind
def test_pickle_seeds_and_threads(kind):
    y = long()
    model = of_kind(kind, dropout=0.2).fit(y)
    pd.testing.assert_series_equal(of_kind(kind, dropout=0.2, n_jobs=2).fit(y).predict(), model.predict())
    pd.testing.assert_series_equal(pickle.loads(pickle.dumps(model)).predict(), model.predict())


@every_kind
def test_predict_leaves_the_estimator_and_its_input_alone(kind):
    y = long()
    copy = y.copy()
    model = of_kind(kind).fit(y)
    before = vars(model).copy()
    model.predict()
    model.predict(y=y)
    assert_untouched(model, before)
    pd.testing.assert_series_equal(y, copy)


@pytest.mark.parametrize("freq", ["min", "30min", "h", "D", "B", "W-SUN", "MS", "ME", "QS", "YE"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_frequencies_of_panels(freq, zone):
    index = pd.date_range("2021-03-20", periods=200, freq=freq, tz=zone)
    y = pd.concat({"a": pd.Series(values(200), index), "b": pd.Series(values(150), index[20:170])})
    forecast = forecaster().fit(y).predict()
    expected = pd.date_range(index[-1], periods=4, freq=freq)[1:]
    assert forecast["a"].index.equals(expected)
    assert forecast["b"].index.equals(index[170:173])


def test_periods_and_integers():
    for index in (pd.period_range("2021-01", periods=60, freq="M"), pd.RangeIndex(5, 185, 3), pd.Index(range(60))):
        y = pd.concat({"a": pd.Series(values(60), index), "b": pd.Series(values(40), index[10:50])})
        forecast = forecaster().fit(y).predict()
        assert forecast["b"].index.equals(index[50:53]) or list(forecast["b"].index) == list(index[50:53])


def test_a_panel_knows_its_stamps():
    panel = panel_of(long(), together=False)
    for k, name in enumerate("abc"):
        assert panel.stamps(k).equals(long()[name].index)
        assert panel.stamps(k, 4).equals(long()[name].index[-4:])
        assert panel.stamps(k, 100).equals(long()[name].index)
        np.testing.assert_array_equal(panel.series(k)[:, 0], long()[name])
    tail = panel.tail(5)
    np.testing.assert_array_equal(tail.series(1)[:, 0], long()["b"][-5:])
    assert tail.values.base is None or len(tail.values) == 15


@pytest.mark.compiled
@pytest.mark.slow
def test_ten_thousand_series():
    """One model; the history does not come along."""
    n, t = 10_000, 200
    index = pd.MultiIndex.from_product([range(n), pd.date_range("2021-01-01", periods=t, freq="D")])
    y = pd.Series(np.random.default_rng(0).standard_normal(n * t).cumsum(), index)
    model = RNNForecaster(14, max_steps=3, linear_skip=True, random_state=0).fit(y)
    assert model.predict().shape == (14 * n,)
    assert len(pickle.dumps(model)) < 10_000_000


def test_smoothing_keeps_what_it_reads_and_no_more(monkeypatch):
    monkeypatch.setattr(smoothing, "LONGEST", 60)
    y = np.random.default_rng(0).standard_normal((200, 3)).cumsum(axis=0)
    model = RNNForecaster(3, season_length=7, lookback=14, max_steps=3, random_state=0).fit(y)
    assert model._tail.lengths.tolist() == [60] * 3
    forecast = model.predict()
    y[:140] += 1000  # before what it reads
    assert_allclose(model.predict(y=y), forecast, rtol=1e-6)
    y[140] += 1
    assert np.abs(np.asarray(model.predict(y=y) - forecast)).max() > 1e-4


def test_a_forecast_lays_out_no_more_stamps_than_it_needs(monkeypatch):
    """Of months they are counted one by one, which would take longer than the network."""
    y = pd.Series(values(400), pd.date_range("1980-01-01", periods=400, freq="MS"))
    model = forecaster().fit(y)
    asked = []

    def counted(*arguments, periods, **others):
        asked.append(periods)
        return date_range(*arguments, periods=periods, **others)

    date_range = pd.date_range
    monkeypatch.setattr(pd, "date_range", counted)
    model.predict()
    model.predict(y=y)
    assert 0 < max(asked) <= 26


def test_arrays_do_not_tell_series_apart():
    with pytest.raises(
        ValueError, match=r"index of \(id, time\), as y had in fit; predict\(horizon=...\) forecasts all"
    ):
        forecaster().fit(long()).predict(np.zeros((3, 1)))


def test_a_score_needs_every_column():
    later = wide(62)[60:]
    model = forecaster().fit(wide())
    with pytest.raises(ValueError, match=r"y must have the columns \['a', 'b', 'c'\], got \['a', 'c'\]"):
        model.score(later[["a", "c"]])
    assert model.score(later[["c", "a", "b"]]) == model.score(later)
