"""Columns known ahead: what they do at once is found, taken out of the series and put back into the forecast."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from forecasting.small import UPDATES, daily, forecaster
from gradcheck import assert_close
from tsrnn import RNNForecaster
from tsrnn.forecasting.effects import Effects, learn_effects
from tsrnn.forecasting.insample import one_step_forecasts
from tsrnn.forecasting.series.panel import panel_of


def shops(n=80, effect=3.0, noise=0.1, seed=0):
    """Sales of a shop, and its promotions: on some days."""
    rng, t = np.random.default_rng(seed), np.arange(n)
    X = pd.DataFrame({"promotion": rng.integers(0, 2, n).astype(float)}, daily(n).index)
    return X, 20 + np.sin(t * 2 * np.pi / 7) + rng.normal(0, noise, n) + effect * X["promotion"]


def learnt(y, X, season=7, normalize="auto"):
    panel = panel_of(y, False)
    table = np.asarray(X, np.float64).reshape(len(panel.values), -1)
    return learn_effects(replace(panel, covariates=table), 0, table.shape[1], season, normalize)


def test_an_effect_is_found_whatever_the_level_does():
    X, y = shops()
    found = learnt(y - 30 + 0.2 * np.arange(80), X)
    assert not found.in_logs
    assert_allclose(found.coefficients, [[3]], atol=0.1)


def test_of_what_grows_it_is_a_factor():
    X, y = shops()
    found = learnt(np.exp(y), X)
    assert found.in_logs
    assert_allclose(found.coefficients, [[3]], atol=0.1)
    assert learnt(y, X, normalize="log_last").in_logs


def test_an_outlier_has_little_say():
    X, y = shops()
    y.iloc[20] += 500
    assert_allclose(learnt(y - 100, X).coefficients, [[3]], atol=0.2)


def test_of_several_series_only_factors_are_common():
    X, y = shops()
    frame = pd.DataFrame({"small": y, "large": 1e3 * y**2})
    both = pd.concat([X, X])
    assert learnt(frame - 30, both) is None
    found = learnt(np.exp(pd.DataFrame({"a": y, "b": y + 5})), both)
    assert found.in_logs
    assert_allclose(found.coefficients, [[3]], atol=0.1)


@pytest.mark.parametrize("walk", [False, True])
def test_chance_is_seldom_an_effect(walk):
    found = 0
    for seed in range(100):
        y, x = np.random.default_rng(seed).standard_normal((2, 80))
        if walk:
            y, x = y.cumsum(), x.cumsum()
        found += learnt(y, x) is not None
    assert found <= 3


@pytest.mark.parametrize("columns", [[], ["a"], list("abcdefgh")], ids=len)
def test_too_little_to_learn_from(columns):
    X = pd.DataFrame(np.random.default_rng(0).standard_normal((30, len(columns))), columns=columns)
    assert learnt(X.sum(axis=1).to_numpy() + np.random.default_rng(1).normal(0, 5, 30), X) is None


def test_changes_over_a_season_may_be_too_few():
    X, y = shops(30)
    assert_allclose(learnt(y - 30, X, season=28).coefficients, [[3]], atol=0.3)


@given(st.booleans(), st.integers(1, 3), st.floats(-2, 2), st.floats(-2, 2))
def test_what_is_taken_out_is_put_back(in_logs, channels, one, two):
    rng = np.random.default_rng(0)
    effects = Effects(np.array([[one] * channels, [two] * channels]), in_logs)
    panel = panel_of(rng.uniform(1, 2, (5, channels)), channels > 1)
    panel = replace(panel, covariates=rng.standard_normal((5, 4)))
    out = effects.taken_out(panel, 1)
    assert_allclose(effects.put_back(out.values[None], panel.covariates[None, :, 1:])[0], panel.values)


def test_nothing_overflows():
    effects = Effects(np.array([[1e6]]), True)
    panel = replace(panel_of(np.ones(3), False), covariates=np.array([[-1.0], [0.0], [1.0]]))
    assert np.isfinite(effects.taken_out(panel, 0).values).all()


@pytest.mark.parametrize("decoder", ["auto", "direct", "parallel", "recursive", "seq2seq"])
def test_strong_effects_in_short_series(decoder):
    X, y = shops(94)
    model = RNNForecaster(14, decoder=decoder, random_state=0).fit(X[:80], y[:80])
    assert abs(model.predict(X[80:]) - y[80:]).mean() < 0.2
    assert abs(y[66:80].to_numpy() - y[80:]).mean() > 1


@pytest.fixture(params=[False, True], ids=["added", "factor"])
def fitted(request):
    """A model of an effect, its columns and series, of which it has seen the first 80 days."""
    X, y = shops(90)
    y = np.exp(y / 5) if request.param else y - 20
    model = forecaster(3, warm_start=True, linear_skip="auto", season_length=7, lookback=14, decoder="direct")
    model.fit(X[:80], y[:80])
    assert model._effects.in_logs == request.param
    return model, X, y


def test_history_update_and_copies(fitted):
    model, X, y = fitted
    forecast = model.predict(X[80:83])
    assert_close(model.predict(X, y=y[:80]), forecast, 1e-6)
    assert_allclose(pickle.loads(pickle.dumps(model)).predict(X[80:83]), forecast)
    later = model.predict(X, y=y[:86])
    assert_close(model.update(y[80:86], X[80:86]).predict(X[86:89]), later, 1e-6)


def test_the_effect_ahead_is_added_or_a_factor(fitted):
    model, X, _ = fitted
    model.network_.layout.views(model.parameters_)["known.weight"][...] = 0
    without, with_it = (model.predict(X[80:83].assign(promotion=given)) for given in (0.0, 1.0))
    effect = model._effects.coefficients[0, 0] / model._covariates.columns[0].scale
    expected = without * np.exp(effect) if model._effects.in_logs else without + effect
    assert_allclose(with_it, expected, rtol=1e-6)


def test_values_one_by_one(fitted):
    model, X, y = fitted
    found = one_step_forecasts(model, y[:80], X[:80])
    for end in (30, 60, 77):
        assert found[end] == pytest.approx(model.predict(X, y=y[:end]).iloc[0], rel=1e-5)


def test_parts_of_the_forecast(fitted):
    model, X, _ = fitted
    parts = model.inspect_components(X[80:83])
    assert_allclose(parts.sum(axis=1), model.predict(X[80:83]), rtol=1e-6)
    on = X["promotion"].iloc[80:83].to_numpy() > 0
    assert parts["exogenous"][on].min() > parts["exogenous"][~on].max()


def test_a_fit_that_goes_on_keeps_them(fitted):
    model, X, y = fitted
    effects = model._effects
    assert model.fit(X, y)._effects is effects
    assert model.n_steps_ == 2 * UPDATES


@pytest.mark.parametrize("changes", [{"linear_skip": False}, {"past_covariates": "promotion"}])
def test_without(changes):
    X, y = shops()
    assert forecaster(**changes).fit(X, y)._effects is None


def test_missing_values_and_zeros():
    X, y = shops()
    y = np.exp(y / 5).mask(np.arange(80) % 9 == 4)
    y.iloc[[3, 50]] = 0.0
    found = forecaster(missing="mask", linear_skip="auto").fit(X, y)
    assert found._effects.in_logs
    assert np.isfinite(found.predict(X[:3].set_axis(daily(83).index[80:]))).all()


def test_columns_together_have_effects_of_their_own():
    X, y = shops()
    frame = pd.DataFrame({"a": y - 20, "b": -2 * y + 20})
    model = forecaster(multivariate=True, linear_skip=True).fit(X, frame)
    scale = model._covariates.columns[0].scale
    assert_allclose(model._effects.coefficients / scale, [[3, -6]], atol=0.2)
    ahead = X[:3].set_axis(daily(83).index[80:])
    assert model.predict(ahead, horizon=3).shape == (3, 2)


def test_the_same_with_any_number_of_threads():
    X, y = shops(800)
    one, two = (forecaster(n_jobs=jobs, linear_skip="auto").fit(X, y)._effects for jobs in (1, 2))
    np.testing.assert_array_equal(one.coefficients, two.coefficients)
