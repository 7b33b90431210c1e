"""Folding steps into segments, and the rectifier in place."""

import numpy as np
import pytest

from tsrnn.kernels.segments import fold_steps, rectify, rectify_gradient


@pytest.mark.parametrize(("steps", "length"), [(6, 3), (7, 3), (8, 3), (5, 5), (3, 5), (4, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fold_steps(steps, length, dtype):
    x = np.random.default_rng(0).standard_normal((steps, 2, 3)).astype(dtype)
    count = -(-steps // length)
    padded = np.concatenate([x[:1]] * (count * length - steps) + [x])
    out = np.full((count, 2, length * 3), np.nan, dtype)
    fold_steps(x, out)
    for s in range(count):
        for b in range(2):
            np.testing.assert_array_equal(out[s, b], padded[s * length : (s + 1) * length, b].ravel())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rectify_and_its_gradient(dtype):
    a = np.array([[-1.0, 0.0, 2.0], [np.nan, 3.0, -4.0]], dtype)
    rectify(a)
    np.testing.assert_array_equal(a, np.array([[0.0, 0.0, 2.0], [np.nan, 3.0, 0.0]], dtype))
    dy = np.full((2, 3), 5.0, dtype)
    rectify_gradient(np.array([[0.0, 0.5, 2.0], [1.0, 0.0, 0.0]], dtype), dy)
    np.testing.assert_array_equal(dy, np.array([[0, 5, 5], [5, 0, 0]], dtype))
    assert a.dtype == dy.dtype == dtype
