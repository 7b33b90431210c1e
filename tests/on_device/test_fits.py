"""Estimators on the device: what the CPU's give, from the same seed; data and failures on their way there and back."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from tsrnn import RNNForecaster, RNNRegressor
from tsrnn.datasets import fetch_m4_hourly, load_airpassengers
from tsrnn.forecasting import selection
from tsrnn.kernels.cuda.machine import driver
from tsrnn.training import cuda as module

SMALL = {
    "hidden_size": 2,
    "lookback": 4,
    "segment": 2,
    "max_steps": 2,
    "batch_size": 5,
    "random_state": 0,
    "dropout": 0.0,
}
on_a_gpu = pytest.mark.skipif(driver.SIMULATED, reason="too long for the simulator")


def monthly(n=24, seed=0):
    t = np.arange(n)
    values = 10 + np.sin(t / 2) + 0.1 * np.random.default_rng(seed).standard_normal(n)
    return pd.Series(values, pd.date_range("2020-01-01", periods=n, freq="MS"), name="y")


def pair(model, *arguments):
    """The model fitted on the CPU, and another on the device."""
    return tuple(clone(model).set_params(device=device).fit(*arguments) for device in ("cpu", "cuda"))


def assert_alike(host, device, *arguments):
    expected, found = host.predict(*arguments), device.predict(*arguments)
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    if hasattr(found, "index"):
        assert found.index.equals(expected.index)
    np.testing.assert_allclose(device.loss_curve_, host.loss_curve_, rtol=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"normalize": "last", "cell": "lstm", "loss": "huber"},
        {"decoder": "recursive", "segment": 1},
        {"decoder": "seq2seq", "linear_skip": False},
        {"decoder": "parallel", "bidirectional": True, "normalize": "series"},
        {"n_members": 2},
        {"early_stopping": True, "horizon": 2},
        {"stateful": True, "bptt_steps": 3, "lookback": "auto"},
        {"max_steps": 0},
    ],
    ids=lambda changes: ", ".join(map(str, changes.values())) or "defaults",
)
def test_forecasts(changes):
    assert_alike(*pair(RNNForecaster(3).set_params(**SMALL | changes), monthly()))


def test_races_run_on_the_device(monkeypatch):
    """Series long enough to hold values back, and numbers of updates to choose from."""
    monkeypatch.setattr(selection, "other_steps", lambda *_: (1, 2))
    y = pd.DataFrame({name: monthly(30, seed) for seed, name in enumerate("ab")})
    host, device = pair(RNNForecaster(2, **SMALL | {"max_steps": "auto", "batch_size": 60}), y)
    assert host.selection_ == device.selection_ == "validation"
    assert (device.normalize_, device.n_steps_) == (host.normalize_, host.n_steps_)
    np.testing.assert_allclose(device.predict(), host.predict(), rtol=1e-3)


def test_panels_with_exogenous_columns_and_gaps():
    y = pd.DataFrame({"a": monthly(), "b": monthly(seed=1).where(np.arange(24) >= 9)})
    y.iloc[15, 0] = np.nan
    X = pd.DataFrame({"known": np.arange(26.0) % 5, "past": np.arange(26.0) % 3}, pd.date_range("2020", None, 26, "MS"))
    model = RNNForecaster(2, past_covariates="past", missing="mask", calendar="all", **SMALL)
    host, device = pair(model, X[:24], y)
    np.testing.assert_allclose(device.predict(X=X[24:]), host.predict(X=X[24:]), rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("decoder", ["direct", "in_step", "seq2seq"])
def test_regressors(decoder, dtype):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((8, 3, 2)).astype(dtype)
    y = X.sum(axis=2) if decoder == "in_step" else X[:, :2, 0]
    model = RNNRegressor("gru", decoder=decoder, hidden_size=2, max_iter=1, batch_size=5, random_state=0)
    host, device = pair(model, X, y, rng.random(8))
    tolerance = {np.float32: 1e-3, np.float64: 1e-9}[dtype]
    np.testing.assert_allclose(device.predict(X), host.predict(X), rtol=tolerance, atol=tolerance)
    assert device.parameters_.dtype == dtype


def test_passes_over_parts_of_the_data():
    X = np.random.default_rng(0).standard_normal((10, 3))
    models = [RNNRegressor(hidden_size=2, batch_size=5, random_state=0, device=d) for d in ("cpu", "cuda")]
    for _ in range(2):
        for model in models:
            model.partial_fit(X, X[:, 0])
    np.testing.assert_allclose(models[1].predict(X), models[0].predict(X), rtol=1e-9)


def test_a_model_fitted_on_one_device_predicts_on_the_other():
    host, device = pair(RNNForecaster(3, **SMALL), monthly())
    moved = pickle.loads(pickle.dumps(device)).set_params(device="cpu")
    assert isinstance(moved.parameters_, np.ndarray)
    np.testing.assert_allclose(moved.predict(), device.predict(), rtol=1e-5)
    np.testing.assert_allclose(
        host.set_params(device="auto").predict(), clone(host).fit(monthly()).predict(), rtol=1e-5
    )


def test_same_seed_same_forecast():
    model = RNNForecaster(2, device="cuda", **SMALL, cell="lstm")
    first, second = (clone(model).fit(monthly()).parameters_ for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_data_beyond_the_memory_stay_on_the_host(monkeypatch):
    model = RNNForecaster(2, **SMALL | {"normalize": "last"})
    host = model.fit(monthly())
    with monkeypatch.context() as context:
        context.setattr(module, "free_memory", lambda: 100)
        with pytest.warns(module.DataOnHostWarning, match="the data take 1 MiB, of which 1 MiB are free"):
            device = clone(model).set_params(device="cuda").fit(monthly())
    np.testing.assert_allclose(device.predict(), host.predict(), rtol=1e-3)


def test_no_room_on_the_device_leaves_the_estimator_as_it_was(monkeypatch):
    model = RNNForecaster(2, device="cuda", **SMALL).fit(monthly())
    before = vars(model).copy()

    def full(self, *arguments):
        raise MemoryError("no room for 1.0 MiB more on the device")

    with monkeypatch.context() as context:
        context.setattr(driver.Memory, "__init__", full)
        with pytest.raises(MemoryError, match="no room"):
            model.fit(monthly(30))
    assert vars(model) == before
    assert np.isfinite(model.predict()).all()


@pytest.mark.filterwarnings("ignore:.*(invalid value|overflow) encountered:RuntimeWarning")  # NumPy's, simulating
def test_after_a_loss_that_is_not_finite_the_device_is_usable():
    X = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    wild = {"learning_rate_init": 1e30, "learning_rate": "constant", "max_iter": 3}  # after it squares overflow
    model = RNNRegressor("rnn", hidden_size=2, linear_skip=True, device="cuda", random_state=0, **wild)
    with pytest.raises(FloatingPointError, match="not finite at update 2"):
        model.fit(X, X[:, 0])
    model.set_params(learning_rate_init=0.01, max_iter=1)
    assert np.isfinite(model.fit(X, X[:, 0]).predict(X)).all()


@on_a_gpu
def test_air_passengers_with_the_defaults():
    y = load_airpassengers()
    host, device = pair(RNNForecaster(12, random_state=0), y[:-12])
    np.testing.assert_allclose(device.predict(), host.predict(), rtol=1e-2)


@on_a_gpu
def test_m4_hourly():
    try:
        data = fetch_m4_hourly()
    except (OSError, ModuleNotFoundError) as reason:
        pytest.skip(str(reason))
    model = RNNForecaster(48, season_length=24, max_steps=100, dropout=0.0, normalize="log_mean", random_state=0)
    host, device = pair(model, data.train)
    np.testing.assert_allclose(device.predict(), host.predict(), rtol=5e-2)
