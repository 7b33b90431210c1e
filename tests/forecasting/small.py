"""Small series, sequences and estimators, for the tests of this folder."""

import copy
import os

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster, RNNRegressor
from tsrnn.forecasting.samples.normalization import Units
from tsrnn.forecasting.samples.windows import SeriesWindows, Table
from tsrnn.forecasting.series.panel import panel_of
from tsrnn.network.cells import CELLS

# Without the compiler an update takes some hundred times longer.
UPDATES = 20 if os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0") else 2


def forecaster(horizon=3, **changes):
    """A forecaster that is fitted within milliseconds, and chooses nothing by itself."""
    settings = {
        "lookback": 6,
        "segment": 1,
        "normalize": "last",
        "linear_skip": True,
        "hidden_size": 4,
        "max_steps": UPDATES,
        "random_state": 0,
    }
    return RNNForecaster(horizon, **(settings | changes))


def stateful(horizon=3, **changes):
    """One that reads the series as streams."""
    return forecaster(horizon, **({"lookback": "auto", "stateful": True, "bptt_steps": 5} | changes))


def regressor(cell="gru", **changes):
    """A regressor that is fitted within milliseconds."""
    settings = {"hidden_size": 4, "max_iter": UPDATES, "random_state": 0}
    return RNNRegressor(cell, **(settings | changes))


def values(n=60):
    """A wave on a slope with a little noise."""
    t = np.arange(n)
    return np.sin(t / 3) + 0.01 * t + 0.05 * np.random.default_rng(0).standard_normal(n)


def daily(n=60):
    """The values by day."""
    return pd.Series(values(n), pd.date_range("2021-01-01", periods=n, freq="D", name="day"), name="demand")


def sequences(n=50, steps=5, channels=2):
    """X (n, steps, channels) and y (n,): the sum of the last step less the first value."""
    X = np.random.default_rng(0).standard_normal((n, steps, channels))
    return X, X[:, -1].sum(axis=1) - X[:, 0, 0]


def with_tail(model, tail):
    """A copy of a fitted forecaster that forecasts what follows `tail`, a Series of `lookback_` values or more."""
    model = copy.copy(model)
    model._tail = model._kept_of(panel_of(tail, together=False))
    return model


def units_of(series, centring):
    """Units of one series."""
    return Units.of(series[:, None], np.array([0]), np.array([len(series)]), centring)


def windows_of(series, first, size, units, steps):
    """Windows of one series, from its value `first` on."""
    table = Table(series[:, None], np.empty((len(series), 0)), 0, np.array([0]))
    return SeriesWindows(table, units, np.array([first]), np.array([size]), steps)


def measure(units, window):
    """Centre and scale of one window."""
    windows = windows_of(window, 0, 1, units, len(window))
    return tuple(float(part[0, 0]) for part in windows.measure(np.array([0])))


every_cell = pytest.mark.parametrize("cell", CELLS)
every_estimator = pytest.mark.parametrize("make", [forecaster, regressor], ids=lambda make: make.__name__)


def fit(model, n=60):
    """Fit on the `n` first days, or on as many sequences."""
    return model.fit(daily(n)) if isinstance(model, RNNForecaster) else model.fit(*sequences(n))


def predict(model):
    return model.predict().to_numpy() if isinstance(model, RNNForecaster) else model.predict(sequences()[0])


def fitted_attributes(model):
    """Names of the public ones."""
    return {name for name in vars(model) if name.endswith("_")}


def assert_untouched(model, before, but=()):
    """The estimator holds the very objects that it held `before`, except for the parameters `but`."""
    after = vars(model)
    assert set(after) == set(before)
    assert not [name for name in before if after[name] is not before[name] and name not in but]


def assert_index(actual, expected):
    """The same stamps, of the same type, resolution, time zone and name; their frequency may be lost."""
    assert type(actual) is type(expected)
    assert actual.dtype == expected.dtype
    assert actual.names == expected.names
    assert actual.equals(expected)
