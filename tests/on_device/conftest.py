"""These tests run in the simulator, in a process of their own (`make test-cuda`), or on a GPU (`pytest -m gpu`)."""

import os
import sys
import threading

import numpy as np
import pytest

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"

# The simulator's threads take turns: those of a block hand over several times as fast on one processor as on two.
if SIMULATED and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def usable() -> bool:
    if SIMULATED:
        return True
    try:
        from numba import cuda

        return cuda.is_available()
    except Exception:
        return False


collect_ignore_glob = ["compile_check.py", "launch_check.py"] if usable() else ["*.py"]


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/on_device/" in item.nodeid.replace(os.sep, "/"):
            item.add_marker(pytest.mark.gpu)


@pytest.fixture
def small_tiles(monkeypatch):
    """Small matrices have several tiles, and few rows several slices; a GPU has the tiles compiled in."""
    from tsrnn.kernels.cuda import linear, products, tilings

    monkeypatch.setattr(linear, "SLICE", 8)
    if SIMULATED:
        tile = tilings.Tile(down=1, across=1, rows=4, columns=4, groups=4, depth=2)
        monkeypatch.setattr(tilings, "TILES", dict.fromkeys(tilings.TILES, (tile,) * 2))
        monkeypatch.setattr(products, "RUN", 1)


@pytest.fixture(autouse=SIMULATED)
def quick(small_tiles, small_blocks):
    """The simulator has a thread of Python for each thread of a block, also for those that have nothing to do."""


@pytest.fixture
def small_blocks(monkeypatch):
    """Few sequences take several blocks, and few units several turns of a block's threads."""
    from tsrnn.kernels.cuda import sequences
    from tsrnn.kernels.cuda.machine import driver

    monkeypatch.setattr(driver, "THREADS", 16)
    monkeypatch.setattr(sequences, "THREADS", 7)


@pytest.fixture
def several_sums(monkeypatch):
    """Sums over a few numbers take several blocks, each of fewer threads than it has numbers."""
    from tsrnn.kernels.cuda import reductions
    from tsrnn.kernels.cuda.machine import driver

    monkeypatch.setattr(driver, "THREADS", 4)
    monkeypatch.setattr(reductions, "THREADS", 4)
    monkeypatch.setattr(reductions, "BLOCKS", 3)


if SIMULATED:
    from numba.cuda.simulator import kernel as simulator
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    from on_device.signatures import is_known
    from tsrnn.kernels.cuda.families import FAMILIES
    from tsrnn.kernels.cuda.machine.driver import KERNELS, name_of

    class Block(simulator.BlockManager):
        """A block whose threads meet at a barrier.

        Numba's own asks each of them in turn whether it waits, which takes fifteen times as long; and it does not
        notice a thread that has ended while others wait for it, a bug that hangs a GPU.
        """

        def run(self, grid_point, *args):
            barrier = threading.Barrier(int(np.prod(self._block_dim)))
            threads = []
            for place in np.ndindex(*self._block_dim):
                thread = simulator.BlockThread(lambda: self._f(*args), self, grid_point, place, self._debug)
                thread.barrier = barrier
                threads.append(thread)
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            errors = [thread.exception for thread in threads if thread.exception]
            errors.sort(key=lambda error: isinstance(error[0], threading.BrokenBarrierError))
            if errors:
                raise errors[0][0].with_traceback(errors[0][1])

    _run = simulator.BlockThread.run

    def run(self):
        _run(self)
        if self.exception:
            self.barrier.abort()

    def syncthreads(self):
        self.barrier.wait(timeout=60)

    simulator.BlockManager, simulator.BlockThread.run = Block, run
    simulator.BlockThread.syncthreads = syncthreads

    # Numba's own reads the source of each caller, and two threads that come at once may get an array each.
    shared = threading.Lock()

    def shared_array(self, shape, dtype, alignment=None):
        if shape == 0:  # all that the launch has asked for
            return self._dynshared.view(dtype)
        with shared:
            line = sys._getframe(1).f_lineno
            if line not in self._allocations:
                self._allocations[line] = np.empty(shape, dtype)
            return self._allocations[line]

    FakeCUDAShared.array = shared_array

    _call = simulator.FakeCUDAKernel.__call__

    def call(self, *arguments):
        name = getattr(self.fn, "family", name_of(self.fn))
        if name in FAMILIES or KERNELS.get(name) is self.fn:
            assert is_known(name, arguments), f"signatures.py does not know a launch of {name}"
        return _call(self, *arguments)

    simulator.FakeCUDAKernel.__call__ = call
