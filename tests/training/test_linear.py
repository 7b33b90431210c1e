"""The linear map that a network starts from, against scikit-learn's regressions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import QuantileRegressor, Ridge

from training.problems import OUTPUTS, STEPS, ArraySamples, make_network
from tsrnn.network.network import Network
from tsrnn.training import linear
from tsrnn.training.linear import LinearMap, draw_back, fit_linear, linear_outputs, start_linear
from tsrnn.training.parallel import Workers
from tsrnn.training.passes import Passes


def lines(size=3000, noise=0.1, channels=2):
    """Targets that are a linear map of the window, and noise."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((size, STEPS, channels))
    weight = rng.standard_normal((OUTPUTS, STEPS * channels))
    y = x.reshape(size, -1) @ weight.T + 0.5 + noise * rng.standard_normal((size, OUTPUTS))
    return x, y


def make_map(seed, known=0):
    """Any coefficients, for the network of these tests."""
    rng = np.random.default_rng(seed)
    return LinearMap(rng.standard_normal((STEPS * 2 + 1, OUTPUTS)), rng.standard_normal((OUTPUTS, known, 1)))


def fitted(network, samples, loss="squared_error", spans=(1.0,), n_jobs=1):
    return fit_linear(network, samples, np.float64, loss, np.random.default_rng(1), n_jobs, spans)


def started(x, y, loss="absolute_error", n_jobs=1, masks=False):
    network = make_network(linear_skip=True)
    parameters = network.initialize(np.random.default_rng(0), np.float64)
    samples = ArraySamples(x, y)
    samples.masks = masks
    start_linear(network, parameters, fitted(network, samples, loss, n_jobs=n_jobs))
    return network.layout.views(parameters)


def test_least_squares_is_a_ridge_regression():
    x, y = lines()
    p = started(x, y, "squared_error")
    columns = np.column_stack([x.reshape(len(x), -1), np.ones(len(x))])
    ridge = Ridge(alpha=linear.PENALTY, fit_intercept=False).fit(columns, y)
    assert_allclose(p["linear.weight"], ridge.coef_[:, :-1], rtol=1e-8)
    assert_allclose(p["linear.bias"], ridge.coef_[:, -1], rtol=1e-8)


def test_samples_have_weights():
    x, y = lines(size=200, noise=3.0)
    weight = np.random.default_rng(3).random(200)
    network = make_network(linear_skip=True)
    found = fitted(network, ArraySamples(x, y, weight))
    columns = np.column_stack([x.reshape(len(x), -1), np.ones(len(x))])
    ridge = Ridge(alpha=linear.PENALTY * weight.mean(), fit_intercept=False).fit(columns, y, weight)
    assert_allclose(found.window, ridge.coef_.T, rtol=1e-8)


@pytest.mark.parametrize("known", [0, 2])
def test_the_mean_of_the_maps_of_spans_of_a_window(known):
    """The end of a window is regressed as if it were all of it, without the channels of its other steps."""
    x, y = lines(size=60, noise=1.0)
    more = np.random.default_rng(1).standard_normal((60, OUTPUTS * known))

    def in_spans(x, spans):
        network = Network("rnn", x.shape[1], x.shape[2], 4, 1, OUTPUTS, linear_skip=True, known_size=known)
        return fitted(network, ArraySamples(x, y, known=more), spans=spans)

    found, window, ahead = in_spans(x, (1.0, 0.4, 1e-3)), 0, 0
    for steps in (STEPS, 2, 1):
        one = in_spans(x[:, -steps:], (1.0,))
        window = window + np.pad(one.window, [((STEPS - steps) * x.shape[2], 0), (0, 0)]) / 3
        ahead = ahead + one.known / 3
    assert_allclose(found.window, window, rtol=1e-9, atol=1e-12)
    assert_allclose(found.known, ahead, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("decoder", ["direct", "parallel", "seq2seq"])
def test_what_is_known_ahead_acts_on_its_own_step(decoder):
    """Each output by itself is a regression on the window and the two columns of its step."""
    x, y = lines(size=300, noise=1.0)
    known = np.random.default_rng(1).standard_normal((300, OUTPUTS * 2))
    y += known[:, ::2]
    samples = ArraySamples(x, y, np.random.default_rng(3).random(300), known)
    network = make_network(linear_skip=True, known_size=2, decoder=decoder)
    found = fitted(network, samples)
    parameters = network.initialize(np.random.default_rng(0), np.float64)
    start_linear(network, parameters, found)
    p = network.layout.views(parameters)
    columns = np.column_stack([x.reshape(len(x), -1), np.ones(len(x))])
    for k in range(OUTPUTS):
        own = slice(2 * k, 2 * k + 2)
        ridge = Ridge(alpha=linear.PENALTY * samples.weight.mean(), fit_intercept=False)
        ridge.fit(np.column_stack([columns, known[:, own]]), y[:, k], samples.weight)
        assert_allclose(np.append(p["linear.weight"][k], p["linear.bias"][k]), ridge.coef_[:-2], rtol=1e-7)
        assert_allclose(p["known.weight"][k, own], ridge.coef_[-2:], rtol=1e-7)
        assert not np.delete(p["known.weight"][k], own).any()


@pytest.mark.parametrize("known", [0, 3])
def test_a_share_of_what_training_changes(known):
    """The outputs are mixed in the same parts."""
    x, y = lines(size=40)
    samples = ArraySamples(x, y, known=np.random.default_rng(2).standard_normal((40, OUTPUTS * known)))
    network = make_network(linear_skip=True, known_size=known)
    trained = network.initialize(np.random.default_rng(0), np.float64)
    start, begin = make_map(1, known), trained.copy()
    start_linear(network, begin, start)
    mixed = trained.copy()
    draw_back(network, mixed, start, 0.25)
    with Workers(1) as workers:
        found = [Passes(network, parameters, workers).outputs(samples) for parameters in (begin, trained, mixed)]
    assert_allclose(found[2], 0.75 * found[0] + 0.25 * found[1], rtol=1e-10, atol=1e-12)


def test_absolute_errors_are_not_led_by_outliers():
    x, y = lines()
    y[::10] += 50
    p, square = started(x, y), started(x, y, "squared_error")
    columns = x.reshape(len(x), -1)
    for k in range(OUTPUTS):
        median = QuantileRegressor(alpha=0).fit(columns, y[:, k])
        assert abs(p["linear.bias"][k] - median.intercept_) < 0.2 * abs(square["linear.bias"][k] - median.intercept_)


@pytest.mark.parametrize("size", [7, 3000])
def test_the_threads_do_not_matter(size):
    x, y = lines(size)
    assert_array_equal(started(x, y, n_jobs=1)["linear.weight"], started(x, y, n_jobs=3)["linear.weight"])


def test_samples_that_lack_a_target_are_left_out():
    x, y = lines()
    gap = y.copy()
    gap[::3, 1] = np.nan
    whole = np.arange(len(x)) % 3 != 0
    assert_allclose(
        started(x, gap, masks=True)["linear.weight"], started(x[whole], y[whole])["linear.weight"], rtol=0.01
    )


def test_targets_that_are_all_missing_or_exact():
    x, y = lines(noise=0)
    assert not started(x, np.full_like(y, np.nan), masks=True)["linear.weight"].any()
    assert not started(x, np.zeros_like(y))["linear.weight"].any()
    assert np.isfinite(started(x, y)["linear.weight"]).all()


def test_the_network_starts_from_zero_beside_it():
    p = started(*lines())
    assert not p["head.weight"].any()
    assert not p["head.bias"].any()
    assert p["rnn.weight_hh_l0"].any()


def test_no_more_samples_than_are_needed(monkeypatch):
    monkeypatch.setattr(linear, "MOST_SAMPLES", 500)
    x, y = lines()
    seen = []

    class Watched(ArraySamples):
        def gather(self, which, x, y, known=None):
            seen.append(len(which))
            super().gather(which, x, y, known)

    network = make_network(linear_skip=True)
    fitted(network, Watched(x, y))
    assert sum(seen) == 500


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
def test_of_long_windows_the_end_is_regressed_on(loss, monkeypatch):
    x, y = lines(500)
    monkeypatch.setattr(linear, "MOST_INPUTS", 2 * STEPS - 1)  # of two channels: the first step is left out
    network = make_network(linear_skip=True)
    found = fitted(network, ArraySamples(x, y), loss).window
    blank = x.copy()
    blank[:, 0] = 0.0  # what is always zero has no weight
    monkeypatch.undo()
    assert_allclose(found, fitted(network, ArraySamples(blank, y), loss).window, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("changes", [{"linear_skip": False}, {"linear_skip": True}])
def test_there_is_none_without_a_map_or_of_too_wide_steps(changes, monkeypatch):
    monkeypatch.setattr(linear, "MOST_INPUTS", 1)
    samples = ArraySamples(*lines(50))
    network = make_network(**changes)
    assert fitted(network, samples) is None


@pytest.mark.parametrize("size", [3, 600])
def test_outputs_of_a_map(size):
    x, y = lines(size)
    each = make_map(0, known=3)
    known = np.random.default_rng(2).standard_normal((size, OUTPUTS * 3))
    network = make_network(linear_skip=True, known_size=3)
    found, targets = linear_outputs(network, ArraySamples(x, y, known=known), each, np.float64)
    assert_array_equal(targets, y)
    by_name = each.by_name()
    expected = x.reshape(size, -1) @ by_name["linear.weight"].T + by_name["linear.bias"]
    assert_allclose(found, expected + known @ by_name["known.weight"].T, rtol=1e-10, atol=1e-12)
