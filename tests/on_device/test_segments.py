"""Folding steps and the rectifier on the device, to the CPU's last bit."""

import numpy as np
import pytest

from tsrnn.kernels.cuda.machine import driver
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.devices import run
from tsrnn.kernels.segments import fold_steps, rectify, rectify_gradient

every_type = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch):
    monkeypatch.setattr(driver, "THREADS", 8)


@every_type
@pytest.mark.parametrize(("steps", "length"), [(6, 3), (7, 3), (8, 3), (5, 5), (3, 5), (4, 1)])
def test_fold_steps(steps, length, dtype):
    x = np.random.default_rng(0).standard_normal((steps, 2, 3)).astype(dtype)
    expected = np.full((-(-steps // length), 2, length * 3), np.nan, dtype)
    out = Array.from_host(expected)
    fold_steps(x, expected)
    run(fold_steps, Array.from_host(x), out)
    np.testing.assert_array_equal(out.to_host(), expected)


@every_type
def test_rectify_and_its_gradient(dtype):
    a = np.random.default_rng(0).standard_normal((5, 3)).astype(dtype)
    a[1, 1], a[2, 2] = np.nan, 0
    dy = np.random.default_rng(1).standard_normal((5, 3)).astype(dtype)
    on_device, d_on_device = Array.from_host(a), Array.from_host(dy)
    run(rectify, on_device)
    run(rectify_gradient, on_device, d_on_device)
    rectify(a)
    rectify_gradient(a, dy)
    np.testing.assert_array_equal(on_device.to_host(), a)
    np.testing.assert_array_equal(d_on_device.to_host(), dy)
