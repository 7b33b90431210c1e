"""Dropout on the device: the CPU's mask."""

import numpy as np
import pytest

from tsrnn.kernels.cuda.machine import driver
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.devices import run
from tsrnn.kernels.dropout import dropout

N = 70


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("key", [0, 7, 2**32 - 1])
@pytest.mark.parametrize("first", [0, 999, 2**31 + 5])
def test_mask_of_the_cpu(dtype, key, first, monkeypatch):
    monkeypatch.setattr(driver, "THREADS", 32)
    a = np.random.default_rng(0).standard_normal(N).astype(dtype)
    scalars = np.uint64(key), np.uint64(first), np.uint64(0.3 * 2**32), dtype(1 / 0.7)
    expected = np.empty_like(a)
    dropout(a, expected, *scalars)
    assert 5 < (expected == 0).sum() < N - 5
    array = Array.from_host(a)
    out = Array.from_host(np.full_like(a, np.nan))
    lying = Array.from_host(np.array([1, key], np.uint64))[1]
    for written, key_ in ((out, scalars[0]), (out, lying), (array, lying)):  # the last in place
        run(dropout, array, written, key_, *scalars[1:])
        np.testing.assert_array_equal(written.to_host(), expected)


def test_nan_is_not_dropped():
    a = Array.from_host(np.full(20, np.nan, np.float32))
    run(dropout, a, a, np.uint64(1), np.uint64(0), np.uint64(2**31), np.float32(2))
    assert np.isnan(a.to_host()).all()
