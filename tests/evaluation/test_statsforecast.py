"""A model of StatsForecast: what it answers to the calls alone, and within StatsForecast where that is installed."""

import pickle
import sys
import warnings
from functools import partial
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from forecasting.small import UPDATES, forecaster, values
from tsrnn.datasets import load_airpassengers
from tsrnn.evaluation.statsforecast import StatsForecastRNN
from tsrnn.forecasting.insample import one_step_forecasts


def model(season_length=1, **changes):
    """One that is fitted within milliseconds."""
    settings = {"lookback": 6, "hidden_size": 4, "max_steps": UPDATES, "random_state": 0, "linear_skip": True}
    return StatsForecastRNN(season_length, **(settings | changes))


def intervals(h=3, n_windows=4, method="conformal_distribution"):
    """As StatsForecast's ConformalIntervals."""
    return SimpleNamespace(h=h, n_windows=n_windows, method=method)


def columns(n=63):
    return np.column_stack([np.cos(np.arange(n) / 2), np.arange(n) % 5])


def test_forecast_is_that_of_a_forecaster_of_its_own():
    y = values()
    found = model().forecast(y, 4)
    assert list(found) == ["mean"]
    assert_array_equal(found["mean"], forecaster(4).fit(y).predict())
    assert_array_equal(model(horizon=6).forecast(y, 4)["mean"], forecaster(6).fit(y).predict(horizon=4))


def test_fit_trains_for_a_season_and_predict_reads_on():
    y = values()
    fitted = model(season_length=5).fit(y)
    assert fitted.forecaster_.horizon_ == 5
    assert_array_equal(fitted.predict(4)["mean"], forecaster(5).fit(y).predict(horizon=4))
    with pytest.warns(UserWarning, match="horizon=7 exceeds the 5 steps trained for"):
        assert len(fitted.predict(7)["mean"]) == 7
    assert model(season_length=5, horizon=2).fit(y).forecaster_.horizon_ == 2
    assert model(season_length="auto").fit(y).forecaster_.horizon_ == 1


def test_the_season_reaches_the_forecaster():
    assert model(12, lookback="auto").fit(values()).forecaster_.season_length_ == 12
    assert StatsForecastRNN(12).season_length == 12


def test_forward_trains_nothing():
    y, other = values(), 100 + 10 * values(40)[::-1]
    fitted = model(horizon=3).fit(y)
    before = fitted.forecaster_.parameters_.copy()
    found = fitted.forward(other, 3, fitted=True)
    assert_array_equal(found["mean"], forecaster(3).fit(y).predict(y=other))
    assert_array_equal(found["fitted"], one_step_forecasts(fitted.forecaster_, other))
    assert_array_equal(fitted.forecaster_.parameters_, before)
    assert_array_equal(fitted.predict(3)["mean"], forecaster(3).fit(y).predict())


def test_fitted_values():
    y = values()
    found = model().forecast(y, 3, fitted=True)["fitted"]
    assert_array_equal(found, one_step_forecasts(forecaster(3).fit(y), y))
    assert_array_equal(np.isnan(found), np.arange(60) < 6)


def test_streams_and_integers():
    y = np.round(50 + 20 * values()).astype(int)
    streams = model(lookback="auto", stateful=True, bptt_steps=5, horizon=3).fit(y)
    found = streams.forward(y[:50].astype(np.float32), 3, fitted=True)
    assert_array_equal(np.isnan(found["fitted"]), np.arange(50) < 1)
    assert_allclose(streams.forward(y[:30], 3)["mean"][0], found["fitted"][30], rtol=1e-5)


@pytest.mark.parametrize("past", [None, "x1"])
def test_exogenous_columns_by_position(past):
    y, X = values(), columns()
    fitted = model(horizon=3, past_covariates=past).fit(y, X[:60])
    assert set(fitted.forecaster_.feature_names_in_) == {"x0", "x1"}
    table = pd.DataFrame(X, columns=["x0", "x1"])
    expected = forecaster(3, past_covariates=past).fit(table[:60], y).predict(table[60:], horizon=3)
    assert_array_equal(fitted.predict(3, X[60:])["mean"], expected)
    assert_array_equal(fitted.forward(y, 3, X[:60], X[60:])["mean"], expected)
    found = model(past_covariates=past).forecast(y, 3, X[:60], X[60:], fitted=True)
    assert_array_equal(found["mean"], expected)
    assert np.isfinite(found["fitted"][6:]).all()
    changed = fitted.predict(3, X[60:] + np.array([0, 1]))["mean"]
    assert (changed == expected).all() == (past == "x1")


def test_exogenous_columns_are_refused_by_name():
    y, X = values(), columns()
    fitted = model(horizon=3).fit(y, X[:60])
    with pytest.raises(ValueError, match=r"X must give the columns \['x0', 'x1'\] of the steps to forecast"):
        fitted.predict(3)
    with pytest.raises(ValueError, match=r"lacks \['x1'\]"):
        fitted.predict(3, X[60:, :1])
    with pytest.raises(ValueError, match="X lacks 1 stamps: 62"):
        fitted.predict(3, X[60:62])
    for call in (partial(model().fit(y).predict, 3), partial(model().forecast, y, 3, X_future=X[60:])):
        with pytest.raises(ValueError, match=r"X must be None, got columns \['x0', 'x1'\]: the model was fitted"):
            call(**({} if "X_future" in call.keywords else {"X": X[60:]}))


def by_the_book(y, h, level, method, mean, windows):
    """Conformal intervals: a training for each stretch of `h` values, and quantiles of the errors."""
    scores = []
    for k in range(windows, 0, -1):
        end = len(y) - k * h
        scores.append(np.abs(forecaster(h).fit(y[:end]).predict().to_numpy() - y[end : end + h]))
    if method == "conformal_error":
        reach = np.quantile(scores, level / 100, axis=0)
        return mean - reach, mean + reach
    paths = [mean + sign * score for score in scores for sign in (-1, 1)]
    return np.quantile(paths, 0.5 - level / 200, axis=0), np.quantile(paths, 0.5 + level / 200, axis=0)


@pytest.mark.parametrize("method", ["conformal_distribution", "conformal_error"])
def test_conformal_intervals(method):
    y = values()
    found = model(prediction_intervals=intervals(method=method)).forecast(y, 3, level=[95, 80])
    assert list(found) == ["mean", "lo-95", "lo-80", "hi-80", "hi-95"]
    assert_array_equal(found["mean"], model().forecast(y, 3)["mean"])
    for level in (80, 95):
        low, high = by_the_book(y, 3, level, method, found["mean"], 4)
        assert_allclose(found[f"lo-{level}"], low)
        assert_allclose(found[f"hi-{level}"], high)
    fitted = model(horizon=3, prediction_intervals=intervals(method=method)).fit(y)
    for again in (fitted.predict(3, level=[80, 95]), fitted.forward(y, 3, level=[80, 95])):
        assert list(again) == list(found)
        for name, ends in found.items():
            assert_allclose(again[name], ends)
    assert_allclose(fitted.predict(2, level=[80])["hi-80"], found["hi-80"][:2])


def test_fewer_steps_than_the_intervals_have():
    """The errors are those of the forecast asked for, not of one further ahead."""
    found = model(prediction_intervals=intervals(h=5)).forecast(values(), 3, level=[90])
    assert (found["lo-90"] < found["mean"]).all()
    assert (found["mean"] < found["hi-90"]).all()


def test_intervals_with_exogenous_columns_and_missing_values():
    y, X = values(), columns()
    y[50] = np.nan  # the last step of a stretch whose error is not known
    found = model(missing="mask", prediction_intervals=intervals()).forecast(y, 3, X[:60], X[60:], [90], fitted=True)
    assert np.isfinite(found["lo-90"]).all()
    assert (found["lo-90"] <= found["hi-90"]).all()
    error = (y - found["fitted"])[~np.isnan(y - found["fitted"])]
    reach = 1.6448536269514722 * np.sqrt(np.mean(error**2))
    assert_allclose(found["fitted-hi-90"] - found["fitted"], np.where(np.isnan(found["fitted"]), np.nan, reach))


def test_levels_that_cannot_be_had():
    y = values()
    for call in (model().forecast, model().fit(y).forward):
        with pytest.raises(ValueError, match=r"level=\[80\] needs prediction_intervals, such as ConformalIntervals"):
            call(y, 3, level=[80])
    late = model(horizon=3).fit(y)
    late.prediction_intervals = intervals()
    with pytest.raises(ValueError, match="needs prediction_intervals already in fit"):
        late.predict(3, level=[80])
    with pytest.raises(ValueError, match=r"h=4 is more than prediction_intervals.h=3"):
        model(prediction_intervals=intervals()).forecast(y, 4, level=[80])
    with pytest.raises(ValueError, match=r"prediction_intervals.h=30 needs 61 values of y, got 60"):
        model(prediction_intervals=intervals(h=30)).forecast(y, 3, level=[80])
    with pytest.raises(ValueError, match=r"prediction_intervals.method must be one of .*, got 'other'"):
        model(prediction_intervals=intervals(method="other")).forecast(y, 3, level=[80])
    assert list(model().forecast(y, 3, level=[])) == ["mean"]


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match="hiden_size"):
        StatsForecastRNN(hiden_size=3)
    with pytest.raises(ValueError, match="horizon must be an integer of at least 1 or 'auto', got 0"):
        StatsForecastRNN(horizon=0)
    with pytest.raises(ValueError, match="calendar must be 'auto' or None, got 'all': StatsForecast hands over values"):
        StatsForecastRNN(calendar="all")
    with pytest.raises(ValueError, match="multivariate must be False"):
        StatsForecastRNN(multivariate=True)
    with pytest.raises(ValueError, match="h must be an integer of at least 1, got 0"):
        model().forecast(values(), 0)
    with pytest.raises(ValueError, match=r"season_length must be an integer of at least 1 or 'auto', got 1\.5"):
        model(1.5).fit(values())


def test_not_fitted():
    for call in (partial(model().predict, 3), partial(model().forward, values(), 3)):
        with pytest.raises(NotFittedError, match="call fit before"):
            call()


def test_names_copies_and_the_way_from_a_forecaster():
    assert repr(model()) == model().alias == "RNNForecaster"
    assert repr(model(alias="lstm", cell="lstm")) == "lstm"
    one = model(horizon=3)
    other = one.new().fit(values())
    assert type(other) is StatsForecastRNN
    assert not hasattr(one, "forecaster_")
    assert_array_equal(pickle.loads(pickle.dumps(other)).predict(3)["mean"], other.predict(3)["mean"])
    tuned = forecaster(4, cell="lstm")
    assert_array_equal(
        StatsForecastRNN(**tuned.get_params()).fit(values()).predict(4)["mean"], tuned.fit(values()).predict()
    )


# Within StatsForecast. Its warnings, and those of what it imports, are its own.
within = pytest.mark.filterwarnings("default")
HELD = 12


@pytest.fixture(scope="module")
def nixtla():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pytest.importorskip("statsforecast"), pytest.importorskip("utilsforecast.evaluation")
        for name in ("statsforecast.models", "statsforecast.utils", "utilsforecast.losses"):
            import_module(name)
    return found


@pytest.fixture
def table():
    """The passengers, once as they are and once another series in another unit."""
    y = load_airpassengers()
    series = {"a": y.to_numpy(), "b": 1000 - 2 * y.to_numpy()[::-1]}
    return pd.concat([pd.DataFrame({"unique_id": one, "ds": y.index, "y": v}) for one, v in series.items()])


def passengers(**changes):
    return StatsForecastRNN(12, **({"hidden_size": 8, "max_steps": 200, "random_state": 0} | changes))


def alone(table, one):
    return table.loc[table["unique_id"] == one, "y"].to_numpy()


@within
@pytest.mark.compiled
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_forecast_within(nixtla, table, n_jobs):
    sf = nixtla[0].StatsForecast([passengers()], freq="MS", n_jobs=n_jobs)
    found = sf.forecast(df=table, h=HELD, fitted=True)
    assert list(found) == ["unique_id", "ds", "RNNForecaster"]
    inside = sf.forecast_fitted_values()
    for one in "ab":
        expected = passengers().forecast(alone(table, one), HELD, fitted=True)
        assert_allclose(found.loc[found["unique_id"] == one, "RNNForecaster"], expected["mean"])
        assert_allclose(inside.loc[inside["unique_id"] == one, "RNNForecaster"], expected["fitted"])


@within
@pytest.mark.compiled
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_fit_and_predict_within(nixtla, table, n_jobs):
    sf = nixtla[0].StatsForecast([passengers(), passengers(alias="lstm", cell="lstm")], freq="MS", n_jobs=n_jobs)
    of = nixtla[0].utils.ConformalIntervals(h=HELD, n_windows=2)
    found = sf.fit(df=table, prediction_intervals=of).predict(h=HELD, level=[80])
    assert [name for name in found if name.startswith("lstm")] == ["lstm", "lstm-lo-80", "lstm-hi-80"]
    expected = passengers(prediction_intervals=of).fit(alone(table, "b")).predict(HELD, level=[80])
    for name, end in (("", "mean"), ("-lo-80", "lo-80"), ("-hi-80", "hi-80")):
        assert_allclose(found.loc[found["unique_id"] == "b", f"RNNForecaster{name}"], expected[end])


@within
@pytest.mark.compiled
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_cross_validation_and_evaluation_within(nixtla, table, n_jobs):
    statsforecast, evaluation = nixtla
    losses = sys.modules["utilsforecast.losses"]
    models = [passengers(), statsforecast.models.SeasonalNaive(season_length=12)]
    sf = statsforecast.StatsForecast(models, freq="MS", n_jobs=n_jobs)
    level, of = [80, 95], statsforecast.utils.ConformalIntervals(h=6, n_windows=3)
    settings = {"df": table, "h": 6, "n_windows": 3, "step_size": 6}
    found = sf.cross_validation(**settings, level=level, prediction_intervals=of, fitted=True)
    assert len(found) == 2 * 3 * 6
    metrics = [losses.mae, partial(losses.mase, seasonality=12), losses.scaled_crps, losses.coverage]
    scores = evaluation.evaluate(found, metrics=metrics, train_df=table, level=level)
    means = scores.groupby(["unique_id", "metric"])[["RNNForecaster", "SeasonalNaive"]].mean()
    print(means.round(3).to_string())
    assert np.isfinite(scores[["RNNForecaster", "SeasonalNaive"]]).all(axis=None)
    assert means.loc[("a", "mae"), "RNNForecaster"] < means.loc[("a", "mae"), "SeasonalNaive"]
    inside = sf.cross_validation_fitted_values()
    first = inside[(inside["unique_id"] == "a") & (inside["cutoff"] == inside["cutoff"].min())]
    cut = alone(table, "a")[: len(first)]
    assert_allclose(first["RNNForecaster"], passengers().forecast(cut, 6, fitted=True)["fitted"])
    # The weights of the first window go on with the others.
    kept = sf.cross_validation(**settings, refit=False)
    last = kept[(kept["unique_id"] == "a") & (kept["cutoff"] == kept["cutoff"].max())]
    fitted = passengers().fit(alone(table, "a")[:-18])
    assert_allclose(last["RNNForecaster"], fitted.forward(alone(table, "a")[:-6], 6)["mean"])


@within
@pytest.mark.compiled
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_exogenous_columns_within(nixtla, table, n_jobs):
    table["month"] = table["ds"].dt.month.astype(float)
    last = table.groupby("unique_id").tail(HELD).index
    before = table.groupby("unique_id").head(144 - HELD)
    after = table.groupby("unique_id").tail(HELD).drop(columns="y")
    assert len(last) == len(after)
    sf = nixtla[0].StatsForecast([passengers()], freq="MS", n_jobs=n_jobs)
    found = sf.forecast(df=before, h=HELD, X_df=after)
    X = np.arange(144.0)[:, None] % 12 + 1
    expected = passengers().forecast(alone(before, "a"), HELD, X[:-HELD], X[-HELD:])["mean"]
    assert_allclose(found.loc[found["unique_id"] == "a", "RNNForecaster"], expected)
    assert_allclose(sf.fit(df=before).predict(h=HELD, X_df=after)["RNNForecaster"], found["RNNForecaster"])


@within
@pytest.mark.compiled
@pytest.mark.parametrize("method", ["conformal_distribution", "conformal_error"])
def test_intervals_are_those_of_its_own_models(nixtla, table, method):
    """`_TS`, the base of its models, makes them of the same forecasts."""
    of = nixtla[0].utils.ConformalIntervals(h=6, n_windows=4, method=method)
    own = type("Own", (StatsForecastRNN, nixtla[0].models._TS), {})(**vars(passengers())["forecaster"].get_params())
    own.horizon, own.prediction_intervals = "auto", of
    y, level = alone(table, "a"), [80, 95]
    theirs = own._add_conformal_intervals(own.forecast(y, 6), y, None, level)
    ours = passengers(prediction_intervals=of).forecast(y, 6, level=level)
    assert list(ours) == list(theirs)
    for name, ends in theirs.items():
        assert_allclose(ours[name], ends)
