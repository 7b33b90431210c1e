"""Losses, gradients and outputs over several chunks of samples."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close, assert_gradient
from training.problems import ArraySamples, gradient_of, make_network, make_samples
from tsrnn.training import passes as module
from tsrnn.training.losses import LOSSES
from tsrnn.training.parallel import Workers
from tsrnn.training.passes import Passes


@pytest.fixture
def passes_on():
    """Makes passes over a network with random parameters; returns both."""
    with Workers(1) as workers:

        def make(network=None, dtype=np.float64, seed=0):
            network = make_network() if network is None else network
            vector = np.random.default_rng(seed).standard_normal(network.layout.size).astype(dtype)
            return Passes(network, vector, workers), vector

        yield make


def test_gradient_of_the_mean_loss(passes_on):
    samples = make_samples(40)  # two chunks
    passes, vector = passes_on(make_network("rnn", hidden_size=2, linear_skip=True))
    which = np.arange(40)
    loss, gradient, weight = gradient_of(passes, samples, which, LOSSES["squared_error"])
    gradient = gradient.copy()
    start = vector.copy()

    def value(moved):
        vector[...] = moved
        return passes.loss(samples, LOSSES["squared_error"])

    assert weight == 40
    assert loss == value(start)
    assert_gradient(gradient, value, start)


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_the_weighted_mean_over_samples_and_outputs(passes_on, name):
    weight = np.random.default_rng(1).uniform(0.1, 3, 40)
    samples = make_samples(40, weight=weight)
    passes, _ = passes_on()
    total, _ = naive.loss(name, passes.outputs(samples), samples.y, weight)
    expected = total / (weight.sum() * samples.y.shape[1])
    assert passes.loss(samples, LOSSES[name]) == pytest.approx(expected, rel=1e-12)
    loss, _, total_weight = gradient_of(passes, samples, np.arange(40), LOSSES[name])
    assert loss == pytest.approx(expected, rel=1e-12)
    assert total_weight == pytest.approx(weight.sum())


def test_a_weight_is_a_number_of_repetitions(passes_on):
    count = np.arange(40) % 4 + 1
    once = make_samples(40)
    weighted = ArraySamples(once.x, once.y, 0.25 * count)
    repeated = ArraySamples(once.x.repeat(count, axis=0), once.y.repeat(count, axis=0))
    passes, _ = passes_on()
    (loss, gradient), (expected_loss, expected) = (
        (value, vector.copy())
        for value, vector, _ in (
            gradient_of(passes, samples, np.arange(samples.size), LOSSES["squared_error"])
            for samples in (weighted, repeated)
        )
    )
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    assert_close(gradient, expected, 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 32, 33, 70])
def test_outputs_come_in_the_order_of_the_samples(passes_on, dtype, size):
    samples = make_samples(size)
    passes, vector = passes_on(dtype=dtype)
    outputs = passes.outputs(samples)
    assert outputs.dtype == dtype
    network = make_network()
    work = network.allocate(size, dtype)
    samples.gather(np.arange(size), work.x, None)
    assert_close(outputs, network.forward(network.layout.views(vector), work), 1e-5)


def test_a_batch_is_of_the_samples_asked_for(passes_on):
    samples = make_samples(40)
    passes, _ = passes_on()
    which = np.random.default_rng(0).permutation(40)[:20]
    loss, gradient, _ = gradient_of(passes, samples, which, LOSSES["huber"])
    gradient = gradient.copy()
    picked = ArraySamples(samples.x[which], samples.y[which])
    assert passes.loss(picked, LOSSES["huber"]) == loss
    _, expected, _ = gradient_of(passes, picked, np.arange(20), LOSSES["huber"])
    np.testing.assert_array_equal(gradient, expected)


def test_truncation_leaves_the_loss_alone(passes_on):
    samples, which = make_samples(40), np.arange(40)
    passes, _ = passes_on()
    results = [
        (loss, gradient.copy())
        for loss, gradient, _ in (
            gradient_of(passes, samples, which, LOSSES["squared_error"], bptt_steps=steps) for steps in (None, 4, 1)
        )
    ]
    (whole_loss, whole), (same_loss, same), (truncated_loss, truncated) = results
    assert whole_loss == same_loss == truncated_loss
    np.testing.assert_array_equal(same, whole)
    assert not np.array_equal(truncated, whole)


def test_batches_of_any_size_may_follow_one_another(passes_on):
    """Work space and partial gradients of a larger batch leave nothing behind."""
    samples = make_samples(100)
    passes, _ = passes_on()
    _, gradient, _ = gradient_of(passes, samples, np.arange(10), LOSSES["squared_error"])
    expected = gradient.copy()
    gradient_of(passes, samples, np.arange(100), LOSSES["squared_error"])
    passes.outputs(samples)
    _, gradient, _ = gradient_of(passes, samples, np.arange(10), LOSSES["squared_error"])
    np.testing.assert_array_equal(gradient, expected)


def test_each_chunk_has_its_own_dropout_key(passes_on):
    network = make_network(dropout=0.5)
    passes, _ = passes_on(network)
    x = make_samples(1).x.repeat(64, axis=0)
    samples = ArraySamples(x, np.zeros((64, 2)))
    keys = np.array([[1], [2]], np.uint64)

    def gradient(keys):
        return gradient_of(passes, samples, np.arange(64), LOSSES["squared_error"], keys)[1].copy()

    both = gradient(keys)
    np.testing.assert_array_equal(gradient(keys), both)
    assert not np.array_equal(gradient(keys[[0, 0]]), both)
    assert not np.array_equal(gradient(keys[[1, 1]]), both)


@pytest.mark.parametrize("size", [40, 100])
def test_the_loss_of_many_samples_is_taken_in_parts(passes_on, monkeypatch, size):
    samples = make_samples(size, weight=np.random.default_rng(1).uniform(0.1, 3, size))
    passes, _ = passes_on()
    expected = passes.loss(samples, LOSSES["huber"])
    monkeypatch.setattr(module, "VALIDATED", 40)
    assert passes.loss(samples, LOSSES["huber"]) == pytest.approx(expected, rel=1e-13)


def test_a_chunk_is_asked_for_its_own_samples_alone(passes_on):
    """Else the outputs of n samples would take n squared steps."""
    samples, asked = make_samples(100), []

    class Watched:
        rows, masks, size = None, False, 100

        def gather(self, which, x, y, known):
            asked.append(which if which.base is None else which.base)
            samples.gather(which, x, y)

    passes, _ = passes_on()
    assert passes.outputs(Watched()).shape == (100, 2)
    assert sum(len(which) for which in asked) == 100
