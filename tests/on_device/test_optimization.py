"""What an optimizer does on the device, against the CPU's loops."""

import math

import numpy as np
import pytest

from gradcheck import assert_close
from tsrnn.kernels import optimization
from tsrnn.kernels.cuda.machine.arrays import Array, On
from tsrnn.kernels.devices import run
from tsrnn.training.optimizers import AdamW

# In float32 1 - beta_2 times the square of a gradient, which the CPU may take apart, keeps four digits or five.
TOLERANCE = {np.float64: 1e-12, np.float32: 5e-5}
every_type = pytest.mark.parametrize("dtype", TOLERANCE)
pytestmark = pytest.mark.usefixtures("several_sums")


@every_type
@pytest.mark.parametrize("size", [1, 4, 9, 37])
def test_norm(dtype, size):
    vector = np.random.default_rng(0).standard_normal(size).astype(dtype)
    found = run(optimization.norm, Array.from_host(vector)).to_host()
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [optimization.norm(vector)], rtol=1e-13)


def test_norm_is_taken_in_float64():
    found = run(optimization.norm, Array.from_host(np.full(4, 1e30, np.float32)))
    np.testing.assert_allclose(found.to_host(), [2e30], rtol=1e-6)


@every_type
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_norm_of_what_is_not_finite(dtype, bad):
    vector = np.ones(37, dtype)
    vector[-1] = bad
    assert not np.isfinite(run(optimization.norm, Array.from_host(vector)).to_host())


@every_type
@pytest.mark.parametrize("count", [1, 5])
def test_sum_in_order(dtype, count):
    parts = np.random.default_rng(0).standard_normal((count, 11)).astype(dtype)
    expected, out = np.empty(11, dtype), Array.from_host(np.full(11, np.nan, dtype))
    optimization.sum_in_order(parts, expected)
    run(optimization.sum_in_order, Array.from_host(parts), out)
    np.testing.assert_array_equal(out.to_host(), expected)


UPDATES = [(1.0, 2.0), (0.5, 3.0), (math.inf, 1.0), (1.0, 2.0), (math.nan, math.nan)]  # losses and norms


def test_the_first_failure_is_noted_and_stays():
    failure, on_device = np.zeros(2), Array.from_host(np.zeros(2))
    for update, (loss, norm) in enumerate(UPDATES, start=1):
        expected = optimization.checked_norm(failure, loss, norm, np.array([update]))
        arrays = (Array.from_host(np.array([value])) for value in (loss, norm))
        found = run(optimization.checked_norm, on_device, *arrays, Array.from_host(np.array([update])))
        np.testing.assert_array_equal(found.to_host(), [expected])
        assert np.isfinite(expected) == (update < 3)
        np.testing.assert_array_equal(on_device.to_host(), failure)
    np.testing.assert_array_equal(failure, [3, np.inf])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_norm_that_is_not_finite_fails(bad):
    failure = Array.from_host(np.zeros(2))
    loss, norm = (Array.from_host(np.array([value])) for value in (0.5, bad))
    assert np.isnan(run(optimization.checked_norm, failure, loss, norm, Array.from_host(np.array([7]))).to_host())
    np.testing.assert_array_equal(failure.to_host(), [7, 0.5])


def updated(place, dtype, clip_norm, norms=(None,) * 4):
    """Parameters and moments after several updates, two parts of the vector having a decay of their own."""
    rng = np.random.default_rng(0)
    parameters = place(rng.standard_normal(11).astype(dtype))
    on = np.dtype(dtype) if isinstance(parameters, np.ndarray) else On(dtype)
    optimizer = AdamW(11, on, 0.01, clip_norm, (slice(3, 7), 0.5))
    for norm in norms:
        gradient = place(rng.standard_normal(11).astype(dtype))
        length = run(optimization.norm, gradient)
        if norm is not None:
            length = norm if isinstance(parameters, np.ndarray) else place(np.array([norm]))
        optimizer.update(parameters, gradient, length, place(optimizer.scalars(0.1)))
    return parameters, optimizer.first, optimizer.second


@every_type
@pytest.mark.parametrize("clip_norm", [None, 1.0, 100])
def test_updates(dtype, clip_norm):
    expected = updated(np.array, dtype, clip_norm)
    for found, wanted in zip(updated(Array.from_host, dtype, clip_norm), expected, strict=True):
        assert found.dtype == dtype
        assert_close(found.to_host(), wanted, TOLERANCE[dtype])


@every_type
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nothing_changes_where_the_norm_is_not_finite(dtype, bad):
    expected = updated(np.array, dtype, 1.0)
    for place in (np.array, Array.from_host):
        for found, wanted in zip(updated(place, dtype, 1.0, (None,) * 4 + (bad,)), expected, strict=True):
            found = found if place is np.array else found.to_host()
            assert_close(found, wanted, TOLERANCE[dtype])
