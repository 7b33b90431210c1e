"""The loops over the flat parameter vector."""

import math

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from tsrnn.kernels.optimization import adam, checked_norm, clipped_adam, clipping, norm, sum_in_order

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


@pytest.mark.parametrize(("length", "factor"), [(0.0, 1), (2.0, 1), (8.0, 0.25)])
def test_clipping(length, factor):
    assert clipping(length, 2.0) == factor
    assert clipping(length, math.inf) == 1


@every_type
@pytest.mark.parametrize("length", [0.5, 4.0])
def test_clipped_adam(dtype, length):
    """As `adam` on the clipped gradient; a norm that is not finite leaves everything as it is."""
    rng = np.random.default_rng(0)
    before = [rng.uniform(0, 1, 17).astype(dtype) for _ in range(4)]
    scalars = np.array([np.nan, 0.01, 0.9, 0.999, 1.5, 2.5, 1e-8, 0.1], dtype)
    expected, found = ([a.copy() for a in before] for _ in range(2))
    adam(*expected, np.array([min(1, 2 / length), *scalars[1:]], dtype))
    for bad in (math.nan, math.inf):
        clipped_adam(*found, bad, 2.0, scalars)
        for actual, value in zip(found, before, strict=True):
            np.testing.assert_array_equal(actual, value)
    clipped_adam(*found, length, 2.0, scalars)
    for actual, value in zip(found, expected, strict=True):
        np.testing.assert_array_equal(actual, value)


@pytest.mark.parametrize(("loss", "length"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)])
def test_the_first_failure_is_noted_and_stays(loss, length):
    failure = np.zeros(2)
    assert checked_norm(failure, 0.5, 2.0, np.array([1])) == 2
    assert not failure.any()
    for update, given in ((2, (loss, length)), (3, (0.5, 2.0)), (4, (-loss, length))):
        assert math.isnan(checked_norm(failure, *given, np.array([update])))
        np.testing.assert_array_equal(failure, [2, loss])


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
