"""The loops over the flat parameter vector."""

import math

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from tsrnn.kernels.optimization import adam, norm, sum_in_order

TOLERANCE = {np.float64: 1e-13, np.float32: 2e-6}
every_type = pytest.mark.parametrize("dtype", TOLERANCE)


@every_type
@pytest.mark.parametrize("decay", [0, 0.1])
def test_adam(dtype, decay):
    rng = np.random.default_rng(0)
    w, g, first = (rng.standard_normal(17).astype(dtype) for _ in range(3))
    second = rng.uniform(0, 1, 17).astype(dtype)
    t, rate, clip = 3, 0.01, 0.5
    expected = naive.adam_step(*(v.astype(float) for v in (w, clip * g, first, second)), t, rate, decay)
    corrections = (1 / (1 - 0.9**t), 1 / (1 - 0.999**t))
    adam(w, g, first, second, np.array([clip, rate, 0.9, 0.999, *corrections, 1e-8, rate * decay], dtype))
    for actual, value in zip((w, first, second), expected, strict=True):
        assert_close(actual, value, TOLERANCE[dtype])


@every_type
def test_norm(dtype):
    vector = np.random.default_rng(0).standard_normal(101).astype(dtype)
    assert norm(vector) == pytest.approx(np.linalg.norm(vector.astype(float)), rel=1e-13)


def test_norm_is_taken_in_float64():
    assert norm(np.full(4, 1e30, np.float32)) == pytest.approx(2e30)


@every_type
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_norm_of_what_is_not_finite(dtype, bad):
    assert not math.isfinite(norm(np.array([1, bad, 2], dtype)))


@every_type
@pytest.mark.parametrize("count", [1, 5])
def test_sum_in_order_adds_one_part_after_the_other(dtype, count):
    parts = np.random.default_rng(0).standard_normal((count, 37)).astype(dtype)
    out = np.full(37, np.nan, dtype)
    sum_in_order(parts, out)
    expected = parts[0]
    for part in parts[1:]:
        expected = expected + part
    np.testing.assert_array_equal(out, expected)
