"""Losses of a chunk and their gradients."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close, assert_gradient
from tsrnn.kernels import losses

KERNELS = {
    "squared_error": losses.squared_error,
    "absolute_error": losses.absolute_error,
    "huber": losses.huber_error,
}
TOLERANCE = {np.float64: 1e-14, np.float32: 1e-6}
every_loss = pytest.mark.parametrize("name", KERNELS)


def chunk(dtype, rows=7, outputs=3):
    """Outputs, targets and weights; errors fall on both sides of zero and of Huber's corner, none close to it."""
    rng = np.random.default_rng(0)
    error = rng.choice([-2.5, -0.7, 0.4, 1.8], (rows, outputs))
    target = rng.standard_normal((rows, outputs))
    return (target + error).astype(dtype), target.astype(dtype), rng.uniform(0.5, 2, rows).astype(dtype)


@every_loss
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_value_and_gradient(name, dtype):
    output, target, weight = chunk(dtype)
    gradient = np.full_like(output, np.nan)
    total = KERNELS[name](output, target, weight, gradient)
    value, slope = naive.loss(name, output, target, weight)
    assert total == pytest.approx(value, rel=TOLERANCE[dtype])
    assert_close(gradient, slope, TOLERANCE[dtype])


@every_loss
def test_gradient_by_central_differences(name):
    output, target, weight = chunk(np.float64)
    gradient = np.empty_like(output)
    KERNELS[name](output, target, weight, gradient)

    def value(vector):
        return KERNELS[name](vector.reshape(output.shape), target, weight, np.empty_like(output))

    assert_gradient(gradient.ravel(), value, output.ravel())


@every_loss
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_no_error_no_loss(name, dtype):
    output, _, weight = chunk(dtype)
    gradient = np.full_like(output, np.nan)
    assert KERNELS[name](output, output, weight, gradient) == 0
    assert not gradient.any()


@every_loss
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_shows_in_the_value(name, dtype, bad):
    output, target, weight = chunk(dtype)
    output[2, 1] = bad
    assert not np.isfinite(KERNELS[name](output, target, weight, np.empty_like(output)))


@pytest.mark.compiled
def test_sum_is_taken_in_float64():
    output, target = np.full((1, 20_000), 0.1, np.float32), np.zeros((1, 20_000), np.float32)
    total = losses.absolute_error(output, target, np.ones(1, np.float32), np.empty_like(output))
    assert total == pytest.approx(20_000 * float(np.float32(0.1)), rel=1e-12)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_what_is_missing_is_filled(dtype):
    values = np.array([[np.nan, 1], [np.inf, 2], [3, np.nan]], dtype)
    instead, out = np.full_like(values, 7), np.empty_like(values)
    losses.fill_missing(values, instead, out)
    losses.fill_missing(values, instead, values)  # in place
    for found in (out, values):
        np.testing.assert_array_equal(found, [[7, 1], [np.inf, 2], [3, 7]])
