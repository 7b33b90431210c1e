"""Subnormal numbers, seen by NumPy's own arithmetic in the same thread."""

import threading

import numpy as np
import pytest
from numba.core import config
from numpy.testing import assert_array_equal

from tsrnn.kernels.subnormal import FLUSH, flushed
from tsrnn.training.parallel import Workers

SMALL = {np.float32: 1e-38, np.float64: 1e-307}
compiled = pytest.mark.skipif(config.DISABLE_JIT or not FLUSH, reason="nothing sets the register")


def tenth(dtype):
    """A tenth of what is hardly normal."""
    return np.full(64, SMALL[dtype], dtype) * dtype(0.1) * dtype(0.1)


@compiled
@pytest.mark.parametrize("dtype", SMALL)
def test_they_are_zero_within_and_numbers_outside(dtype):
    assert (tenth(dtype) > 0).all()
    with flushed(), flushed():
        assert_array_equal(tenth(dtype), 0)
    assert (tenth(dtype) > 0).all()


def interrupted():
    with flushed():
        raise ZeroDivisionError


@compiled
def test_the_setting_ends_with_an_exception_and_other_threads_do_not_see_it():
    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert (tenth(np.float32) > 0).all()
    found, inside = [], threading.Event()
    thread = threading.Thread(target=lambda: inside.wait() and found.append(tenth(np.float32)))
    thread.start()
    with flushed():
        inside.set()
        thread.join()
    assert (found[0] > 0).all()


@compiled
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_chunks_flush_them_in_every_thread(n_jobs):
    found = np.ones((6, 64))
    with Workers(n_jobs) as workers:
        workers.run(lambda worker, k: found[k].__setitem__(slice(None), tenth(np.float32)), len(found))
    assert_array_equal(found, 0)
    assert (tenth(np.float32) > 0).all()


def test_normal_numbers_are_left_alone():
    with flushed():
        assert np.float32(1e-30) * np.float32(1e-7) > 0
