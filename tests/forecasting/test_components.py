"""A forecast taken apart: the parts add up, and each is what its name says."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecasting.small import daily
from tsrnn import RNNForecaster
from tsrnn.forecasting.smoothing import smoothing_forecasts

SMALL = {"hidden_size": 4, "max_steps": 5, "random_state": 0}


def forecaster(**changes):
    return RNNForecaster(4, **SMALL | changes)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["level", "linear", "network", "smoothing"]),
        ({"linear_skip": True}, ["level", "linear", "network"]),
        ({"linear_skip": False}, ["level", "network"]),
        ({"normalize": "log_mean"}, ["level", "linear", "network", "smoothing"]),
        ({"decoder": "recursive", "linear_skip": True}, ["level", "linear", "network"]),
        ({"stateful": True, "bptt_steps": 5}, ["level", "linear", "network"]),
        ({"loss": "huber", "decoder": "seq2seq", "linear_skip": True}, ["level", "linear", "network"]),
    ],
)
def test_parts_add_up_to_the_forecast(changes, names):
    model = forecaster(**changes).fit(noisy().abs())
    before = model.parameters_.copy()
    parts = model.inspect_components()
    assert list(parts.columns) == names
    assert_allclose(parts.sum(axis=1), model.predict(), rtol=1e-9)
    assert parts.index.equals(model.predict().index)
    assert (parts != 0).any().all()
    assert_array_equal(model.parameters_, before)


def noisy():
    """A week whose level wanders: smoothing has its share."""
    rng = np.random.default_rng(0)
    return daily(80) + np.cumsum(rng.standard_normal(80)) + rng.standard_normal(80)


def test_what_each_part_is():
    y = noisy()
    model = forecaster(normalize="last").fit(y)
    parts = model.inspect_components()
    assert_allclose(parts["level"], y.iloc[-1])
    assert model.smoothing_share_ == 0.5
    ends = np.array([0]), np.array([len(y)])
    smoothed = smoothing_forecasts(y.to_numpy()[:, None], *ends, 4, 7, model.loss, 1)[0, :, 0]
    others = parts[["level", "linear", "network"]].sum(axis=1)
    assert_allclose(parts["smoothing"], (smoothed - others) / 2, rtol=1e-6)
    window = y.to_numpy()[-model.lookback_ :]
    scale = window.std() + 0.01 * y.to_numpy().std()
    by_hand = model.linear_coef_ @ ((window - window[-1]) / scale) + model.weights()["linear.bias"]
    assert_allclose(parts["linear"], scale * by_hand, rtol=1e-4, atol=1e-5)


def test_series_a_column_and_by_id():
    wide = pd.DataFrame({"a": daily(60), "b": 2 * daily(60)})
    model = forecaster().fit(wide)
    parts = model.inspect_components(horizon=2)
    assert parts.columns.names == ["part", None]
    assert_allclose(parts.T.groupby(level=1).sum().T, model.predict(horizon=2), rtol=1e-9)
    long = wide.T.stack()
    model = forecaster().fit(long)
    parts = model.inspect_components()
    assert parts.index.equals(model.predict().index)
    assert_allclose(parts.sum(axis=1), model.predict(), rtol=1e-9)


def test_other_series_and_rows_asked():
    y = daily(80)
    model = forecaster().fit(y[:-4])
    X = pd.DataFrame(index=y.index[-3:])
    parts = model.inspect_components(X)
    assert parts.index.equals(X.index)
    assert_allclose(parts.sum(axis=1), model.predict(X), rtol=1e-9)
    assert_allclose(model.inspect_components(y=y).sum(axis=1), model.predict(y=y), rtol=1e-9)


@pytest.mark.parametrize("decoder", ["direct", "parallel", "seq2seq"])
def test_what_is_known_ahead(decoder):
    model = forecaster(calendar="all", decoder=decoder).fit(noisy())
    parts = model.inspect_components()
    assert list(parts.columns) == ["level", "linear", "exogenous", "network", "smoothing"]
    assert_allclose(parts.sum(axis=1), model.predict(), rtol=1e-9)
    assert (parts != 0).any().all()


def test_an_ensemble_has_no_parts():
    with pytest.raises(ValueError, match="n_members=2: the median"):
        forecaster(n_members=2).fit(daily(60)).inspect_components()


def test_a_longer_horizon_is_taken_apart_without_a_warning(recwarn):
    model = forecaster().fit(noisy())
    assert model.inspect_components(horizon=6).shape == (6, 4)
    assert not recwarn.list
    model.predict(horizon=6)
    assert len(recwarn) == 1
