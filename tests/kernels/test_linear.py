"""Affine maps, their gradients, and the small loops beside them."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from tsrnn.kernels.linear import (
    accumulate,
    affine,
    affine_gradient,
    affine_input_gradient,
    column_sums,
    steps_to_columns,
)

TOLERANCE = {np.float64: 1e-13, np.float32: 2e-6}
every_type = pytest.mark.parametrize("dtype", TOLERANCE)
# Rows, inputs, outputs.
SHAPES = pytest.mark.parametrize("shape", [(1, 1, 1), (7, 2, 5), (9, 3, 17), (140, 40, 70)])


def arrays(shape, dtype):
    """x, weight, bias, gradient of the output."""
    rows, inputs, outputs = shape
    rng = np.random.default_rng(0)
    sizes = [(rows, inputs), (outputs, inputs), (outputs,), (rows, outputs)]
    return [rng.standard_normal(size).astype(dtype) for size in sizes]


@every_type
@SHAPES
def test_affine(dtype, shape):
    x, weight, bias, out = arrays(shape, dtype)
    affine(x, weight, bias, out)
    assert_close(out, naive.dense(x.astype(float), weight, bias), TOLERANCE[dtype])


@every_type
@SHAPES
def test_affine_gradients(dtype, shape):
    x, weight, bias, d_out = arrays(shape, dtype)
    d_x, d_weight, d_bias = np.full_like(x, np.nan), np.full_like(weight, np.nan), np.full_like(bias, np.nan)
    affine_gradient(x, d_out, d_weight, d_bias)
    affine_input_gradient(d_out, weight, d_x)
    expected = naive.dense_gradient(x.astype(float), weight.astype(float), d_out)
    for actual, value in zip((d_x, d_weight, d_bias), expected, strict=True):
        assert_close(actual, value, TOLERANCE[dtype])


@every_type
@pytest.mark.parametrize("inputs", [2, 40])
def test_affine_lets_nan_through(dtype, inputs):
    x, weight, bias, out = arrays((3, inputs, 4), dtype)
    x[1, 0] = np.nan
    affine(x, weight, bias, out)
    np.testing.assert_array_equal(np.isnan(out).all(axis=1), [False, True, False])
    np.testing.assert_array_equal(np.isnan(out).any(axis=1), [False, True, False])


@every_type
def test_column_sums(dtype):
    a = arrays((9, 5, 1), dtype)[0]
    out = np.full(5, np.nan, dtype)
    column_sums(a, out)
    assert_close(out, a.astype(float).sum(axis=0), TOLERANCE[dtype])


@every_type
def test_accumulate(dtype):
    out, a = arrays((3, 4, 3), dtype)[:2]
    expected = out + a
    accumulate(out, a)
    np.testing.assert_array_equal(out, expected)


@every_type
def test_steps_to_columns(dtype):
    x = np.arange(2 * 3 * 2, dtype=dtype).reshape(2, 3, 2)
    out = np.full((3, 4), np.nan, dtype)
    steps_to_columns(x, out)
    np.testing.assert_array_equal(out, [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]])
