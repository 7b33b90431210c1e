"""After a shift of the level smoothing has more of the forecast; elsewhere it has its share."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from forecasting.small import daily, forecaster
from tsrnn import RNNForecaster
from tsrnn.forecasting.insample import one_step_forecasts
from tsrnn.forecasting.shifts import LEAST_RECENT, recent_values, shifted_shares
from tsrnn.forecasting.smoothing import smoothing_forecasts

numbers = st.floats(-9, 9, width=32)


@given(st.data(), st.integers(1, 15), st.integers(1, 4), st.floats(0.1, 1), st.sampled_from([1.0, 1.7]))
def test_shares(data, n, season, share, usual):
    own = data.draw(arrays(np.float64, (2, n, 1), elements=numbers | st.just(np.nan)))
    values = data.draw(arrays(np.float64, (2, season + n, 1), elements=numbers | st.just(np.nan)))
    found = shifted_shares(share, own, values, season, (usual, 1.0)[: 1 + (season > 1)])
    for s in range(2):
        parts = [0.0]
        for lag in {1, season}:
            pairs = [
                (abs(own[s, i, 0]), abs(values[s, season + i, 0] - values[s, season + i - lag, 0])) for i in range(n)
            ]
            pairs = [pair for pair in pairs if not np.isnan(pair).any()]
            linear, naive = (sum(pair[i] for pair in pairs) for i in (0, 1))
            naive *= usual if lag == 1 else 1.0
            if len(pairs) >= LEAST_RECENT and linear > 1.5 * naive:
                parts.append(1.0 if linear >= 2.5 * naive else linear / naive - 1.5)
        assert found[s, 0] == pytest.approx(share + (1 - share) * max(parts), abs=1e-9)


@pytest.mark.parametrize(("season", "expected"), [(1, 12), (7, 12), (12, 12), (24, 24), (48, 48), (52, 12), (336, 12)])
def test_values_that_are_looked_at(season, expected):
    assert recent_values(season) == expected


def shifted(n=60, back=10, by=30.0, seed=0):
    """Noise about a level that takes a step, so many days before its end."""
    y = daily(n) * 0 + 50 + np.random.default_rng(seed).normal(0, 1, n)
    y.iloc[n - back :] += by
    return y


def averaged(**changes):
    return forecaster(4, **({"linear_skip": "auto", "lookback": 14, "normalize": "last"} | changes))


def smoothed(y, steps=4):
    """Exponential smoothing alone."""
    values = y.to_numpy()[:, None]
    return smoothing_forecasts(values, np.array([0]), np.array([len(y)]), steps, 7, "absolute_error", 1)[0, :, 0]


@pytest.mark.parametrize(
    "changes", [{}, {"normalize": "log_mean"}, {"decoder": "recursive"}, {"decoder": "parallel"}], ids=str
)
def test_after_a_step_smoothing_has_all_of_the_forecast(changes):
    model, y = averaged(**changes).fit(shifted(by=0, seed=1)), shifted()
    assert 0 < model.smoothing_share_ < 1
    assert_allclose(model.predict(y=y), smoothed(y), rtol=1e-9)
    parts = model.inspect_components(y=y)
    assert_allclose(parts.sum(axis=1), smoothed(y), rtol=1e-9)
    assert abs(parts["smoothing"].iloc[0]) > 5


def alone(model):
    """A model that has the linear map alone."""
    changes = {"normalize": model.normalize, "missing": model.missing}
    found = averaged(linear_skip=True, max_steps=0, **changes).fit(shifted(by=0))
    for name, weight in found.weights().items():
        weight[...] = model.weights()[name] if name.startswith("linear") else 0
    found._units = model._units
    return found


def by_hand(model, y):
    """The share of one series without gaps, whose errors are usually below those of repeating a value."""
    linear_map = alone(model)
    ends = range(max(len(y) - 12, model.lookback_), len(y))
    if len(ends) < LEAST_RECENT:
        return model.smoothing_share_
    linear = sum(abs(linear_map.predict(y=y[:end], horizon=1).iloc[0] - y.iloc[end]) for end in ends)
    naive = min(sum(abs(y.iloc[end - lag] - y.iloc[end]) for end in ends) for lag in (1, 7))
    return model.smoothing_share_ + (1 - model.smoothing_share_) * min(1, max(0, linear / naive - 1.5))


@pytest.mark.parametrize("normalize", ["last", "log_mean"])
@pytest.mark.parametrize(("n", "by"), [(60, 3.0), (60, 5.0), (60, 9.0), (19, 30.0), (22, 5.0), (24, 6.0)])
def test_the_share_by_hand(n, by, normalize):
    model, y = averaged(normalize=normalize).fit(shifted(by=0)), shifted(n, 8, by, seed=1)
    parts = model.inspect_components(y=y)
    others = parts.drop(columns="smoothing").sum(axis=1)
    share = by_hand(model, y)
    assert_allclose(parts["smoothing"], share * (smoothed(y) - others), rtol=1e-4, atol=1e-4)


def test_usual_errors_by_hand():
    y = shifted(by=0).cumsum() - 50 * np.arange(60)
    model = averaged(normalize="series", loss="squared_error").fit(y)
    linear_map, ends = alone(model), range(14, 57)  # those of the windows that were learnt from
    own = [abs(linear_map.predict(y=y[:end], horizon=1).iloc[0] - y.iloc[end]) for end in ends]
    naive = [[abs(y.iloc[end - lag] - y.iloc[end]) for end in ends] for lag in (1, 7)]
    expected = np.maximum(1, np.median(own) / np.median(naive, axis=1))
    assert expected[0] > 1
    assert_allclose(model._usual, expected, rtol=1e-4)


@pytest.mark.parametrize("missing", ["raise", "mask"])
def test_a_season_longer_than_the_window_has_no_usual_errors(missing):
    assert averaged(lookback=6, missing=missing).fit(shifted(by=0))._usual[1] == 1


def test_usual_errors_are_those_beside_values_that_are_there():
    t = np.arange(800)
    y = pd.Series(10 * np.sin(t * 2 * np.pi / 7) + np.random.default_rng(0).normal(0, 0.3, 800), daily(800).index)
    some = y.mask(np.random.default_rng(1).random(800) < 0.5)
    some.iloc[0] = y.iloc[0]
    model = averaged(missing="mask", normalize="series", max_steps=1).fit(some)
    own = one_step_forecasts(alone(model), some) - some
    expected = []
    for lag in (1, 7):
        naive = some - some.shift(lag)
        both = naive.notna() & own.notna()
        expected.append(max(1, own[both].abs().median() / naive[both].abs().median()))
    assert expected[1] > 1.3
    assert_allclose(model._usual, expected, rtol=0.02)  # learnt from windows that have all four values after them


def test_each_series_has_a_share_of_its_own():
    wide = pd.DataFrame({"steady": shifted(by=0, seed=1), "shifted": shifted()})
    model = averaged().fit(wide * 0 + wide[["steady"]].to_numpy())
    found = model.predict(y=wide)
    assert_allclose(found["shifted"], smoothed(wide["shifted"]), rtol=1e-9)
    assert_allclose(found["steady"], model.predict(y=wide[["steady"]])["steady"], rtol=1e-6)
    assert abs(found["steady"] - smoothed(wide["steady"])).max() > 1e-3


def test_columns_together_have_shares_of_their_own():
    steady = pd.DataFrame({"a": shifted(by=0, seed=1), "b": shifted(by=0, seed=2)})
    model = averaged(multivariate=True).fit(steady)
    found = model.predict(y=steady.assign(b=shifted()))
    assert_allclose(found["b"], smoothed(shifted()), rtol=1e-9)
    assert abs(found["a"] - smoothed(steady["a"])).max() > 1e-3


def test_missing_values_are_no_errors():
    steady, y = shifted(by=0, seed=1), shifted()
    y.iloc[[-2, -5, -13]] = steady.iloc[[-2, -5, -13]] = np.nan
    model = averaged(missing="mask").fit(steady)
    assert_allclose(model.predict(y=y), smoothed(y), rtol=1e-9)
    y.iloc[-8:-1] = np.nan  # of the last twelve values too few are left
    parts = model.inspect_components(y=y)
    others = parts.drop(columns="smoothing").sum(axis=1)
    assert_allclose(parts["smoothing"], model.smoothing_share_ * (smoothed(y) - others), rtol=1e-6)


def test_what_is_known_ahead_of_a_step_explains_it():
    y = shifted(back=30)
    X = pd.DataFrame({"step": np.repeat([0.0, 1.0], [30, 34])}, pd.date_range(y.index[0], periods=64, freq="D"))
    model = averaged(decoder="direct").fit(X.iloc[:60], y)
    assert model.smoothing_share_ > 0
    other = shifted(back=8)
    X["step"] = np.repeat([0.0, 1.0], [52, 12])
    assert abs(model.predict(X, y=other) - smoothed(other)).max() > 0.1


def test_updates_tell_of_a_step():
    y = shifted(80, 10)
    model = averaged().fit(y[:60])
    assert abs(model.predict() - smoothed(y[:60])).max() > 1e-3
    model.update(y[60:])
    assert_allclose(model.predict(), smoothed(y), rtol=1e-9)
    assert_allclose(model.predict(y=y), smoothed(y), rtol=1e-9)


@pytest.mark.parametrize(("lookback", "season"), [(14, 7), (3, 7), (14, 1), (5, 16)])
def test_one_step_forecasts_follow(lookback, season):
    model, y = averaged(lookback=lookback, season_length=season).fit(shifted(by=0, seed=1)), shifted()
    expected = [model.predict(y=y[:end], horizon=1).iloc[0] for end in range(lookback, 60)]
    assert_allclose(one_step_forecasts(model, y)[lookback:], expected, rtol=1e-6)


def test_without_smoothing_there_is_nothing_to_lean_on():
    model, y = averaged(linear_skip=True).fit(shifted(by=0, seed=1)), shifted()
    assert model.smoothing_share_ == 0
    assert abs(model.predict(y=y) - smoothed(y)).max() > 5


def test_a_series_that_never_varies_stays():
    y = daily(60) * 0 + 7.0
    assert_allclose(averaged().fit(y).predict(), 7, rtol=1e-6)


@pytest.mark.compiled
def test_steps_anywhere_are_forecast_better_than_by_the_season_before():
    errors, naive = [], []
    for back in (3, 7, 12, 16, 20, 40, 70):
        y = shifted(96, back, 40.0, seed=back)
        y.index = pd.date_range("2015-01", periods=96, freq="MS")
        found = RNNForecaster(horizon=12, random_state=0).fit(y).predict()
        errors.append(abs(found - 90).mean())
        naive.append(abs(y[-12:] - 90).mean())
    assert np.mean(errors) < 0.7 * np.mean(naive)
