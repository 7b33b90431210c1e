"""Activations: accuracy, no overflow, and a NaN stays a NaN."""

import numpy as np
import pytest

from gradcheck import assert_close
from tsrnn.kernels._jit import loop
from tsrnn.kernels.activations import (
    relu,
    relu_gradient,
    sigmoid,
    sigmoid_gradient,
    tanh,
    tanh_exponential,
    tanh_gradient,
    tanh_rational,
)

TYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@loop
def apply_tanh(x, out):
    for k in range(x.size):
        out[k] = tanh(x[k])


@loop
def apply_sigmoid(x, out):
    for k in range(x.size):
        out[k] = sigmoid(x[k])


@loop
def apply_relu(x, out):
    for k in range(x.size):
        out[k] = relu(x[k])


@loop
def apply_relu_gradient(y, out):
    for k in range(y.size):
        out[k] = relu_gradient(y[k])


@loop
def apply_gradients(x, d_tanh, d_sigmoid):
    for k in range(x.size):
        d_tanh[k] = tanh_gradient(tanh(x[k]))
        d_sigmoid[k] = sigmoid_gradient(sigmoid(x[k]))


def apply(loop, x):
    out = np.full_like(x, -9)
    loop(x, out)
    return out


def test_rational_tanh_as_written():
    x = np.linspace(-20, 20, 2001, dtype=np.float32)
    values = [tanh_rational(value) for value in x]
    assert {type(value) for value in values} == {np.float32}
    np.testing.assert_allclose(values, np.tanh(x.astype(float)), rtol=0, atol=3e-7)


@pytest.mark.compiled
def test_tanh_in_float32():
    """Where a product is rounded before it is added to, 3.3e-7 was found; 2.6e-7 on processors that fuse the two."""
    x = np.linspace(-20, 20, 400_001, dtype=np.float32)
    np.testing.assert_allclose(apply(apply_tanh, x), np.tanh(x.astype(float)), rtol=0, atol=4e-7)


def test_tanh_of_tiny_numbers_keeps_its_digits():
    x = np.geomspace(1e-30, 1e-4, 27, dtype=np.float32)
    np.testing.assert_allclose(apply(apply_tanh, x), x, rtol=1e-6)


def test_tanh_in_float64():
    x = np.linspace(-20, 20, 1001)
    assert_close(apply(apply_tanh, x), np.tanh(x), 1e-15)


@TYPES
def test_sigmoid(dtype):
    x = np.linspace(-15, 15, 301, dtype=dtype)
    expected = 1 / (1 + np.exp(-x.astype(float)))
    assert_close(apply(apply_sigmoid, x), expected, 3e-7 if dtype == np.float32 else 1e-15)


@TYPES
def test_far_ends(dtype):
    x = np.array([-np.inf, -1e30, -100, 100, 1e30, np.inf], dtype)
    # The rational tanh falls short of one by its error.
    np.testing.assert_allclose(apply(apply_tanh, x), [-1, -1, -1, 1, 1, 1], rtol=0, atol=3e-7)
    np.testing.assert_allclose(apply(apply_sigmoid, x), [0, 0, 0, 1, 1, 1], rtol=0, atol=3e-7)


@TYPES
def test_outputs_stay_within_their_bounds(dtype):
    """Beyond one, a gradient taken from the output would change its sign."""
    x = np.linspace(-12, 12, 2001, dtype=dtype)
    assert (abs(apply(apply_tanh, x)) <= 1).all()
    assert (apply(apply_sigmoid, x) >= 0).all()
    assert (apply(apply_sigmoid, x) <= 1).all()


@TYPES
def test_nan(dtype):
    x = np.array([0, np.nan, 1], dtype)
    for activation in (apply_tanh, apply_sigmoid, apply_relu):
        np.testing.assert_array_equal(np.isnan(apply(activation, x)), [False, True, False])


@TYPES
def test_gradients_from_outputs(dtype):
    x = np.linspace(-4, 4, 81, dtype=dtype)
    d_tanh, d_sigmoid = np.empty_like(x), np.empty_like(x)
    apply_gradients(x, d_tanh, d_sigmoid)
    tolerance = 1e-6 if dtype == np.float32 else 1e-13
    assert_close(d_tanh, 1 / np.cosh(x.astype(float)) ** 2, tolerance)
    assert_close(d_sigmoid, 0.25 / np.cosh(x.astype(float) / 2) ** 2, tolerance)


@TYPES
def test_relu(dtype):
    tiny = np.finfo(dtype).smallest_normal
    x = np.array([-np.inf, -1e30, -2, -tiny, 0, tiny, 2, 1e30, np.inf], dtype)
    np.testing.assert_array_equal(apply(apply_relu, x), np.maximum(x, 0))
    # At zero the derivative is zero, on either side of it that of the straight line.
    np.testing.assert_array_equal(apply(apply_relu_gradient, apply(apply_relu, x)), [0] * 5 + [1] * 4)


def test_exponential_tanh_as_written():
    x = np.concatenate([np.linspace(-60, 60, 2001), np.geomspace(1e-300, 1, 301)])
    values = [tanh_exponential(value) for value in x]
    np.testing.assert_allclose(values, np.tanh(x), rtol=5e-16)
