"""Exogenous columns: what they do, how their rows are found, what is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest

from forecasting.series.test_panel import long, wide
from forecasting.small import assert_untouched, daily, every_cell, forecaster, values
from gradcheck import assert_close
from tsrnn import RNNForecaster
from tsrnn.datasets import load_airpassengers, load_gdp

DECODERS = ["direct", "parallel", "recursive", "seq2seq"]


def exogenous(n=70):
    """A number, a flag and a category, on ten days more than `daily`."""
    rng = np.random.default_rng(1)
    index = daily(n).index
    kind = pd.Categorical(np.array(["low", "high", "none"])[rng.integers(3, size=n)], ["none", "low", "high"])
    return pd.DataFrame({"heat": 20 + 5 * rng.standard_normal(n), "open": rng.random(n) > 0.3, "kind": kind}, index)


@every_cell
@pytest.mark.parametrize("decoder", DECODERS)
def test_forecasts_are_those_of_the_rows_asked(cell, decoder):
    X = exogenous()
    model = forecaster(cell=cell, decoder=decoder).fit(X, daily())
    assert list(model.feature_names_in_) == ["heat", "open", "kind"]
    assert model.network_.input_size == 1 + 1 + 1 + 3
    forecast = model.predict(X[60:63])
    assert forecast.shape == (3,)
    assert_close(model.predict(X[60:63].sample(frac=1, random_state=0).sort_index()), forecast, 1e-12)
    np.testing.assert_array_equal(model.predict(X[60:63][::-1]), forecast[::-1])
    changed = X[60:63].copy()
    changed.iloc[0, 0] += 10
    assert model.predict(changed)[0] != forecast[0]


@pytest.mark.compiled
@pytest.mark.parametrize("decoder", DECODERS)
def test_what_is_known_ahead_is_used(decoder):
    """The series is noise but for a column that is known: without it nothing can be forecast."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"cause": rng.standard_normal(500)}, pd.date_range("2021", periods=500, freq="D"))
    y = X["cause"] + 0.05 * rng.standard_normal(500)
    model = RNNForecaster(
        4, decoder=decoder, lookback=5, normalize="series", hidden_size=16, dropout=0.0, alpha=0.01, random_state=0
    )
    model.set_params(learning_rate_init=0.01).fit(X[:400], y[:400])
    truth, found = [], []
    for origin in range(400, 490, 10):
        found.append(model.predict(X, y=y[:origin]))
        truth.append(y[origin : origin + 4])
    assert np.corrcoef(np.concatenate(truth), np.concatenate(found))[0, 1] > 0.9


@pytest.mark.compiled
def test_of_few_windows_the_linear_map_starts_with_what_is_known():
    """Eighty days of which a column tells most: the rules for few windows hold, and it is learnt nevertheless."""
    rng = np.random.default_rng(0)
    index = pd.date_range("2021", periods=80, freq="D")
    X = pd.DataFrame({"cause": rng.standard_normal(80)}, index)
    y = 100 + 10 * X["cause"] + rng.standard_normal(80)
    told = RNNForecaster(7, decoder="direct", random_state=0).fit(X[:73], y[:73])
    alone = RNNForecaster(7, random_state=0).fit(y[:73])
    assert told.n_steps_ == alone.n_steps_
    errors = [np.abs(np.asarray(found) - y[73:]).mean() for found in (told.predict(X[73:]), alone.predict())]
    assert errors[0] < 0.7 * errors[1]


@pytest.mark.compiled
def test_how_columns_act_is_chosen():
    """Of a few months the mean of both ways; of years the one that held-back values are forecast better by."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"cause": rng.standard_normal(700)}, pd.date_range("2021", periods=700, freq="D"))
    y = 100 + 10 * X["cause"] + 0.3 * rng.standard_normal(700)
    model = RNNForecaster(7, random_state=0).fit(X[:-7], y[:-7])
    assert model.decoder_ == "parallel"
    assert model.selection_ == "validation"
    assert np.abs(model.predict(X[-7:]) - y[-7:]).mean() < 0.5 * np.abs(y[-7:] - y.mean()).mean()
    short = RNNForecaster(7, random_state=0).fit(X[:20], y[:20])
    assert short.decoder_ == "parallel"
    parts = short.inspect_components(X[20:27])
    assert (parts != 0).any()[["linear", "exogenous", "network"]].all()
    for asked in ({"decoder": "direct"}, {"max_steps": 0, "linear_skip": True}, {"linear_skip": False}):
        assert RNNForecaster(7, random_state=0, **asked).fit(X[:20], y[:20]).decoder_ == "direct"


@pytest.mark.compiled
@pytest.mark.parametrize(("load", "steps"), [(load_airpassengers, 12), (load_gdp, 8)])
def test_the_calendar_makes_a_short_series_no_worse(load, steps):
    """What it has to say is in the seasons already."""
    y = load()[-100:]
    alone, told = (RNNForecaster(steps, calendar=chosen, random_state=0).fit(y[:-steps]) for chosen in (None, "all"))
    assert (told.n_steps_, told.smoothing_share_) == (alone.n_steps_, alone.smoothing_share_)
    errors = [np.abs(model.predict() - y[-steps:]).mean() for model in (alone, told)]
    assert errors[1] < 1.1 * errors[0]


@pytest.mark.compiled
def test_what_is_known_of_the_past_is_used():
    """The series follows yesterday's value of a column."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"cause": rng.standard_normal(500)}, pd.date_range("2021", periods=500, freq="D"))
    y = X["cause"].shift(1, fill_value=0) + 0.05 * rng.standard_normal(500)
    settings = {"lookback": 5, "normalize": "series", "hidden_size": 16, "dropout": 0.0, "alpha": 0.01}
    model = RNNForecaster(1, past_covariates="cause", learning_rate_init=0.01, random_state=0, **settings)
    model.fit(X[:400], y[:400])
    assert model.network_.known_size == 0
    found = [model.predict(X, y=y[:origin]).iloc[0] for origin in range(400, 490)]
    assert np.corrcoef(y[400:490], found)[0, 1] > 0.9
    assert len(model.predict(horizon=3)) == 3  # X is not wanted


def test_past_columns_are_not_wanted_ahead():
    X = exogenous()
    model = forecaster(past_covariates=("heat", "kind")).fit(X, daily())
    assert list(model.feature_names_in_) == ["heat", "open", "kind"]
    assert model.network_.known_size == 3  # the flag, at each of three steps
    forecast = model.predict(X[["open"]][60:63])
    np.testing.assert_array_equal(model.predict(X[60:63]), forecast)


def test_shorter_and_longer_horizons():
    """Of the steps beyond those asked the columns are taken to stay; a longer horizon goes on in blocks."""
    X = exogenous()
    model = forecaster(past_covariates="heat").fit(X, daily())
    short = model.predict(X[60:62])
    stays = pd.concat([X[60:62], X[61:62].set_axis(X.index[62:63])])
    assert_close(short, model.predict(stays)[:2], 1e-12)
    with pytest.warns(UserWarning, match="horizon=8 exceeds"):
        longer = model.predict(X[60:68])
    assert longer.shape == (8,)
    np.testing.assert_array_equal(longer[:3], model.predict(X[60:63]))


def test_arrays_go_by_position():
    X = exogenous()[["heat", "open"]].astype(float)
    named = forecaster().fit(X, daily())
    plain = forecaster().fit(X[:60].to_numpy(), daily())
    np.testing.assert_array_equal(plain.predict(X[60:63].to_numpy()), named.predict(X[60:63]))
    assert not hasattr(plain, "feature_names_in_")
    both = forecaster().fit(X[:60].to_numpy(), values(60))
    np.testing.assert_array_equal(both.predict(X[60:63].to_numpy()), named.predict(X[60:63]))
    indexed = forecaster().fit(X[:60], values(60))  # an array y has the index of X
    np.testing.assert_array_equal(indexed.predict(X[60:63]), named.predict(X[60:63]))


def test_columns_of_all_series():
    """One frame by time for all columns, and for all ids."""
    X = exogenous()
    table = forecaster().fit(X, wide())
    forecast = table.predict(X[60:63])
    assert forecast.shape == (3, 3)
    by_id = forecaster().fit(X, long())
    found = by_id.predict(X, horizon=3)  # every series after its own end
    pd.testing.assert_series_equal(by_id.predict(X, y=long()), found)
    assert found.notna().all()
    assert found["b"].index[0] == pd.Timestamp("2021-02-21")


def test_columns_by_id_and_time():
    X = pd.concat({name: exogenous() for name in "abc"}, names=["shop", "day"])
    y = long()
    model = forecaster().fit(X, y)
    ends = y.groupby("shop").apply(lambda part: part.index[-1][1])
    asked = pd.concat({k: exogenous()[ends[k] + pd.Timedelta("1D") :][:3] for k in "ca"}, names=["shop", "day"])
    forecast = model.predict(asked)
    assert forecast.shape == (6,)
    np.testing.assert_array_equal(model.predict(asked[::-1]), forecast[::-1])
    assert_close(model.predict(asked.loc[["a"]]), forecast[3:], 1e-6)


def test_update_takes_the_columns_along():
    X, y = exogenous(90), daily(80)
    model = forecaster().fit(X, y[:60])
    expected = model.predict(X, y=y)
    assert expected.index.equals(X.index[80:83])
    model.update(y[60:70], X).update(y[70:], X[70:80])
    assert_close(model.predict(X[80:83]), expected, 1e-6)
    np.testing.assert_array_equal(model.predict(X, horizon=2), model.predict(X[80:82]))
    with pytest.raises(ValueError, match=r"X must give the columns \['heat', 'open', 'kind'\] of all rows of y"):
        model.update(daily(90)[80:])


def test_multivariate_pickle_and_inspection():
    X = exogenous()
    model = forecaster(multivariate=True).fit(X, wide().dropna())
    assert model.predict(X[60:63]).shape == (3, 3)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X[60:63]), model.predict(X[60:63]))
    single = forecaster().fit(X, daily())
    assert single.inspect_gates().shape[0] == single.gradient_flow().shape[0] == 6
    with pytest.raises(ValueError, match="without exogenous columns"):
        single.to_onnx("model.onnx")


@pytest.mark.parametrize("dtype", [np.float32, np.float64, "Float64", object])
def test_the_series_itself_is_no_column(dtype):
    y = daily().mask(np.arange(60) % 9 == 5)
    given = y.astype(dtype)
    model = forecaster(missing="mask").fit(given, y.astype(np.float32) if dtype is np.float32 else y)
    assert model._columns == []
    frame = pd.DataFrame({"a": y, "b": 2 * y})
    with pytest.raises(ValueError, match="X holds y itself, in column 'a'"):
        model.fit(frame, frame)


def drop_day(X):
    return X.drop(X.index[30])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop_day, "X lacks 1 stamps: 2021-01-31"),
        (lambda X: X[10:], r"X lacks 10 stamps: 2021-01-01 .* and 5 more"),
        (lambda X: pd.concat([X, X[5:6]]), "X has duplicated rows: 2021-01-06"),
        (lambda X: X.assign(heat=X["heat"].where(X.index != X.index[7])), "X holds 1 missing .* 'heat', at 2021-01-08"),
        (lambda X: X.assign(kind=X["kind"].where(X.index != X.index[7])), "X holds 1 missing .* 'kind', at 2021-01-08"),
        (lambda X: X.assign(when=X.index), r"X must hold .*got dtype datetime64\[.*\] in column 'when'"),
        (lambda X: X.assign(when=X.index - X.index[0]), r"got dtype timedelta64\[.*\] in column 'when'"),
        (lambda X: X.assign(when=X.index.to_period("D")), r"got dtype period\[D\] in column 'when'"),
        (lambda X: X.rename(columns={"open": "heat"}), r"X has duplicated columns: \['heat'\]"),
        (lambda X: X.reset_index(drop=True), "X must have an index like that of y, DatetimeIndex, got RangeIndex"),
        (lambda X: X.to_numpy()[:50], "X must have a row for each of the 60 rows of y, got 50"),
        (lambda X: pd.concat({"a": X}, names=["shop"]), "X must have an index of time alone"),
    ],
)
def test_bad_columns_in_fit(change, words):
    model = forecaster().fit(daily())
    before = vars(model).copy()
    with pytest.raises((ValueError, TypeError), match=words):
        model.fit(change(exogenous()), daily())
    assert_untouched(model, before)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda X: None, r"X must give the columns \['heat', 'open', 'kind'\] of the steps to forecast"),
        (lambda X: X[60:63][["heat"]], r"X must have the columns .*; it lacks \['open', 'kind'\]"),
        (lambda X: X[60:63].assign(more=1), r"X must have the columns .*; it has \['more'\] besides"),
        (lambda X: X[62:63], "X lacks 2 stamps: 2021-03-02 00:00:00, 2021-03-03"),  # a gap
        (lambda X: X[58:63], "X must have stamps after the end of the series"),
        (
            lambda X: X[60:63].assign(kind="new"),
            r"X holds categories in column 'kind' that it did not have in fit: new; it had",
        ),
        (lambda X: X[60:63].assign(kind=None), "X holds 3 missing values in column 'kind', at 2021-03-02"),
        (lambda X: X[60:63].assign(heat=np.inf), "X holds 3 missing or infinite values in column 'heat'"),
    ],
)
def test_bad_columns_in_predict(change, words):
    model = forecaster().fit(exogenous(), daily())
    with pytest.raises((ValueError, TypeError), match=words):
        model.predict(change(exogenous()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"past_covariates": "cold"}, r"past_covariates must name columns of X, got \['cold'\]"),
        ({"past_covariates": 3}, "past_covariates must be a name, a tuple of names or None, got 3"),
        ({"stateful": True, "bptt_steps": 5, "lookback": "auto"}, "stateful=True takes no exogenous columns"),
    ],
)
def test_parameters(changes, words):
    with pytest.raises(ValueError, match=words):
        forecaster(**changes).fit(exogenous(), daily())
    with pytest.raises(ValueError, match=r"past_covariates names columns of X, \['heat'\], and there are none"):
        forecaster(past_covariates="heat").fit(daily())


def test_inputs_stay_as_they_are():
    X, y = exogenous(), daily()
    copies = X.copy(), y.copy()
    forecaster().fit(X, y).predict(X[60:63])
    pd.testing.assert_frame_equal(X, copies[0])
    pd.testing.assert_series_equal(y, copies[1])


def regions():
    return pd.DataFrame({"region": ["north", "south", "north"], "size": [1.0, 2.0, 5.0]}, list("abc"))


@pytest.mark.parametrize("y", [wide(), long()], ids=["wide", "long"])
def test_what_a_series_has_for_all_its_time(y):
    model = forecaster().fit(y, static=regions())
    assert model.network_.input_size == 1 + 2 + 1
    assert model.network_.known_size == 0
    other = regions()
    other["region"] = "south"
    changed = forecaster().fit(y, static=other)
    assert not np.array_equal(model.predict(), changed.predict())
    more = y.rename(columns={"a": "new"}) if y.ndim == 2 else y.rename({"a": "new"}, level="shop")
    alike = model.predict(y=more, static=regions().rename({"a": "new"}))
    assert_close(np.asarray(alike), np.asarray(model.predict(y=y)), 1e-6)


def test_static_beside_columns_and_updates():
    X, whole = exogenous(90), long(80)
    y = whole[whole.index.get_level_values("day") < "2021-02-20"]
    new = whole[whole.index.get_level_values("day") >= "2021-02-20"]
    model = forecaster(past_covariates="heat", calendar="all").fit(X, y, static=regions())
    assert_close(model.update(new, X).predict(X, horizon=3), model.predict(X, y=whole), 1e-6)


def test_static_that_does_not_fit():
    y = long()
    with pytest.raises(ValueError, match="static has no row for the series c"):
        forecaster().fit(y, static=regions()[:2])
    with pytest.raises(ValueError, match="static has more than one row for a"):
        forecaster().fit(y, static=pd.concat([regions(), regions()[:1]]))
    with pytest.raises(TypeError, match="static must be a DataFrame"):
        forecaster().fit(y, static={"a": 1})
    with pytest.raises(ValueError, match="y is one series without an id"):
        forecaster().fit(daily(), static=regions())
    with pytest.raises(ValueError, match="static must be None: the model was fitted without"):
        forecaster().fit(y).predict(y=y, static=regions())
    model = forecaster().fit(y, static=regions())
    with pytest.raises(ValueError, match="static has no row for the series d"):
        model.predict(y=y.rename({"a": "d"}, level="shop"))
    with pytest.raises(ValueError, match=r"static must have the columns \['region', 'size'\], got \['size'\]"):
        model.predict(y=y, static=regions()[["size"]])


def without(name):
    return lambda static: static.assign(**{name: static[name].where(static.index != "c")})


@pytest.mark.parametrize(
    ("when", "change", "words"),
    [
        ("fit", lambda static: static.assign(region=pd.Timestamp("2021")), "static must hold numbers or categories"),
        ("predict", lambda static: static.assign(region="east"), "static holds categories in column 'region' that"),
        ("predict", lambda static: static.assign(size="large"), "static must hold real numbers, .* in column 'size'"),
        *[
            (when, without(name), f"static holds 1 missing .*in column '{name}', at c; fill them")
            for when in ("fit", "predict")
            for name in ("region", "size")
        ],
    ],
)
def test_errors_of_static_name_it(when, change, words):
    y = long()
    model = forecaster().fit(y, static=regions())
    with pytest.raises((TypeError, ValueError), match=words):
        getattr(model, when)(y=y, static=change(regions()))


def test_a_missing_category_may_be_masked():
    model = forecaster(missing="mask").fit(long(), static=without("region")(regions()))
    assert np.isfinite(model.predict()).all()


def test_static_that_is_no_frame_is_refused_wherever_it_comes():
    y = long()
    model = forecaster().fit(y, static=regions())
    new = long(61, (0, 8, 3)).groupby(level=0).tail(1)
    for given in ({"a": 1}, regions()["size"], [1]):
        for call in (lambda given: model.predict(y=y, static=given), lambda given: model.update(new, static=given)):
            with pytest.raises(TypeError, match=f"static must be a DataFrame .* got {type(given).__name__}"):
                call(given)
    for empty in (pd.DataFrame(), regions()[[]]):
        with pytest.raises(ValueError, match="static has no columns; without any it must be None"):
            forecaster().fit(y, static=empty)
    with pytest.raises(ValueError, match="static must be None: the model was fitted without"):
        forecaster().fit(y).predict(static=regions())


def test_a_missing_number_of_static_is_told_no_interpolation():
    with pytest.raises(ValueError, match=r"at c; fill them, or fit with missing='mask'$"):
        forecaster().fit(long(), static=without("size")(regions()))


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("known_ahead", [True, False])
@pytest.mark.parametrize(
    ("column", "later"),
    [
        (0.0, 1000.0),
        (0.1, 0.2),
        (False, True),
        (pd.Categorical(["no"] * 70, ["no", "yes"]), "yes"),
        (pd.Categorical(["no"] * 70, ["yes", "no"]), "yes"),
    ],
)
def test_a_column_that_never_varied_has_no_say(column, later, known_ahead, decoder):
    X, y = exogenous()[["heat"]].assign(holiday=column), daily(65)
    past = None if known_ahead else "holiday"
    model = forecaster(decoder=decoder, past_covariates=past).fit(X[:60], y[:60])
    changed = X.copy()
    changed.iloc[62:, 1] = later
    expected = model.predict(X, horizon=3, y=y)
    np.testing.assert_array_equal(model.predict(changed, horizon=3, y=y), expected)


def test_a_category_that_never_came_is_none_of_them():
    X = exogenous()[["heat"]].assign(kind=pd.Categorical(["a", "b"] * 35, ["a", "b", "c"]))
    model = forecaster().fit(X[:60], daily())
    assert model.network_.input_size == 1 + 1 + 2
    X.iloc[61, 1] = "c"
    assert np.isfinite(model.predict(X[60:63])).all()


@pytest.mark.parametrize("X", ["heat", {"heat": values()}, np.zeros((60, 2, 2)), 3.0], ids=lambda X: type(X).__name__)
def test_what_holds_no_columns_is_refused(X):
    with pytest.raises(ValueError, match=rf"^X must be a DataFrame, a Series or an array .* \({type(X).__name__}\)$"):
        forecaster().fit(X, daily())
