"""Layer normalisation on the device, against the CPU's."""

import numpy as np
import pytest

from gradcheck import assert_close
from kernels.test_layer_norm import draws, normalized
from tsrnn.kernels.cuda import layer_norm
from tsrnn.kernels.cuda.machine import driver
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.devices import run
from tsrnn.kernels.layer_norm import layer_norm as loop
from tsrnn.kernels.layer_norm import layer_norm_gradient

every_shape = pytest.mark.parametrize("shape", [(1, 1), (3, 2), (5, 17), (19, 4)])
every_type = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-5)])


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch, small_tiles):
    """Several blocks, the last one not full, several elements to a thread and several slices of a sum."""
    monkeypatch.setattr(driver, "THREADS", 8)
    monkeypatch.setattr(layer_norm, "LANES", 4)
    monkeypatch.setattr(layer_norm, "ROWS", 2)


def on_device(x, gain, shift):
    inputs = [Array.from_host(a) for a in (x, gain, shift)]
    z, inverse, out = (Array.from_host(np.full(shape, np.nan, x.dtype)) for shape in (x.shape, len(x), x.shape))
    run(loop, *inputs, z, inverse, out)
    return z, inverse, out


@every_shape
@every_type
def test_rows(shape, dtype, tolerance):
    inputs = draws(shape, dtype)
    for found, expected in zip(on_device(*inputs), normalized(*inputs), strict=True):
        assert found.dtype == dtype
        assert_close(found.to_host(), expected, tolerance)


@every_shape
@every_type
def test_gradient(shape, dtype, tolerance):
    x, gain, shift = draws(shape, dtype)
    z, inverse, _ = normalized(x, gain, shift)
    d = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    found = [Array.from_host(a) for a in (d, np.full_like(gain, np.nan), np.full_like(gain, np.nan))]
    run(layer_norm_gradient, found[0], *(Array.from_host(a) for a in (z, inverse, gain)), *found[1:])
    expected = d.copy(), np.empty_like(gain), np.empty_like(gain)
    layer_norm_gradient(expected[0], z, inverse, gain, *expected[1:])
    for actual, wanted in zip(found, expected, strict=True):  # small differences of numbers of about one
        np.testing.assert_allclose(actual.to_host(), wanted, rtol=0, atol=tolerance)


def test_nan_stays_in_its_row():
    x, gain, shift = draws((3, 4))
    x[1, 2] = np.nan
    out = on_device(x, gain, shift)[2].to_host()
    assert np.isnan(out[1]).all()
    assert np.isfinite(out[[0, 2]]).all()
