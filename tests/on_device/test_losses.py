"""Losses on the device, against the CPU's."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from kernels.test_losses import KERNELS, TOLERANCE, chunk, every_loss
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.devices import run
from tsrnn.kernels.losses import fill_missing

every_type = pytest.mark.parametrize("dtype", TOLERANCE)
pytestmark = pytest.mark.usefixtures("several_sums")


@every_loss
@every_type
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (7, 3)])
def test_value_and_gradient(name, dtype, shape):
    output, target, weight = chunk(dtype, *shape)
    gradient, expected = Array.from_host(np.full_like(output, np.nan)), np.empty_like(output)
    total = run(KERNELS[name], *(Array.from_host(a) for a in (output, target, weight)), gradient)
    assert total.dtype == np.float64
    value = KERNELS[name](output, target, weight, expected)
    np.testing.assert_allclose(total.to_host(), [value], rtol=1e-14)
    np.testing.assert_array_equal(gradient.to_host(), expected)
    value, slope = naive.loss(name, output, target, weight)
    np.testing.assert_allclose(total.to_host(), [value], rtol=TOLERANCE[dtype])
    assert_close(gradient.to_host(), slope, TOLERANCE[dtype])


@every_loss
@every_type
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_shows_in_the_value(name, dtype, bad):
    output, target, weight = chunk(dtype)
    output[6, 2] = bad
    arrays = [Array.from_host(a) for a in (output, target, weight)]
    assert not np.isfinite(run(KERNELS[name], *arrays, np.empty_like(arrays[0])).to_host()).any()


def test_sum_is_taken_in_float64():
    output = Array.from_host(np.array([[1, 1e-9, 1e-9, 1e-9]], np.float32))
    target, weight = np.zeros_like(output), Array.from_host(np.ones(1, np.float32))
    total = run(KERNELS["absolute_error"], output, target, weight, np.empty_like(output)).to_host()
    assert total[0] == pytest.approx(1 + 3e-9, abs=1e-12)


@every_type
@pytest.mark.parametrize("place", [np.array, Array.from_host], ids=["cpu", "cuda"])
def test_what_is_missing_is_filled(dtype, place):
    values = np.random.default_rng(0).standard_normal((5, 3)).astype(dtype)
    values[[0, 2, 4], [1, 0, 2]] = np.nan
    instead = np.arange(15, dtype=dtype).reshape(5, 3)
    expected = np.where(np.isnan(values), instead, values)
    arrays = place(values), place(instead), place(np.full_like(values, np.nan))
    run(fill_missing, *arrays)
    run(fill_missing, arrays[0], arrays[1], arrays[0])  # in place
    for found in (arrays[0], arrays[2]):
        np.testing.assert_array_equal(found if place is np.array else found.to_host(), expected)
