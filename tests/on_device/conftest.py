"""These tests run in the simulator, in a process of their own (`make test-cuda`), or on a GPU (`pytest -m gpu`)."""

import os
import threading

import numpy as np
import pytest

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"


def usable() -> bool:
    if SIMULATED:
        return True
    try:
        from numba import cuda

        return cuda.is_available()
    except Exception:
        return False


collect_ignore_glob = [] if usable() else ["test_*"]


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/on_device/" in item.nodeid.replace(os.sep, "/"):
            item.add_marker(pytest.mark.gpu)


if SIMULATED:
    from numba.cuda.simulator import kernel as simulator

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
