"""Layer normalisation: the textbook formula, central differences, types."""

import numpy as np
import pytest

from gradcheck import assert_close, assert_gradient
from tsrnn.kernels.layer_norm import EPSILON, layer_norm, layer_norm_gradient

every_shape = pytest.mark.parametrize("shape", [(1, 1), (3, 2), (5, 17)])


def normalized(x, gain, shift):
    z, out, inverse = np.empty_like(x), np.empty_like(x), np.empty(len(x), x.dtype)
    layer_norm(x, gain, shift, z, inverse, out)
    return z, inverse, out


def draws(shape, dtype=np.float64):
    rng = np.random.default_rng(0)
    arrays = (rng.standard_normal(shape), rng.standard_normal(shape[1]), rng.standard_normal(shape[1]))
    return [array.astype(dtype) for array in arrays]


@every_shape
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_formula(shape, dtype, tolerance):
    x, gain, shift = draws(shape, dtype)
    z, inverse, out = normalized(x, gain, shift)
    assert out.dtype == z.dtype == inverse.dtype == dtype
    for row, actual in zip(x.astype(np.float64), out, strict=True):
        expected = gain * (row - row.mean()) / np.sqrt(row.var() + EPSILON) + shift
        np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


@every_shape
def test_gradient(shape):
    x, gain, shift = draws(shape)
    d_out = np.random.default_rng(1).standard_normal(shape)
    z, inverse, _ = normalized(x, gain, shift)
    d, d_gain, d_shift = d_out.copy(), np.full(shape[1], np.nan), np.full(shape[1], np.nan)
    layer_norm_gradient(d, z, inverse, gain, d_gain, d_shift)
    if shape[1] > 1:
        assert_gradient(d.ravel(), lambda v: (normalized(v.reshape(shape), gain, shift)[2] * d_out).sum(), x.ravel())
    else:  # one unit is its own mean
        np.testing.assert_array_equal(d, 0)
    assert_gradient(d_gain, lambda v: (normalized(x, v, shift)[2] * d_out).sum(), gain)
    assert_gradient(d_shift, lambda v: (normalized(x, gain, v)[2] * d_out).sum(), shift)


def test_a_row_without_variance_is_the_shift():
    x, gain, shift = draws((2, 4))
    x[1] = 3
    assert_close(normalized(x, gain, shift)[2][1], shift, 0)


def test_nan_stays_in_its_row():
    x, gain, shift = draws((3, 4))
    x[1, 2] = np.nan
    out = normalized(x, gain, shift)[2]
    assert np.isnan(out[1]).all()
    assert np.isfinite(out[[0, 2]]).all()
