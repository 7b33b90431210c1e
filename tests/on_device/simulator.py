"""Numba's simulator of a GPU, made quicker and stricter: what it runs is watched (`hazards.py`)."""

import inspect
import sys
import threading

import numpy as np
from numba.cuda.simulator import kernel as simulator
from numba.cuda.simulator.kernelapi import FakeCUDALocal, FakeCUDAShared

from on_device.hazards import Ledger, Meetings, Watched
from on_device.signatures import is_known
from tsrnn.kernels.cuda.families import FAMILIES
from tsrnn.kernels.cuda.machine.driver import KERNELS, name_of


class Block(simulator.BlockManager):
    """A block whose threads meet at a barrier.

    Numba's own asks each of them in turn whether it waits, which takes fifteen times as long; and it does not notice a
    thread that has ended while others wait for it, a bug that hangs a GPU.
    """

    def run(self, grid_point, *args):
        barrier = threading.Barrier(int(np.prod(self._block_dim)))
        meetings = Meetings()
        launch.begin_block()
        threads = []
        for place in np.ndindex(*self._block_dim):
            thread = simulator.BlockThread(lambda: self._f(*args), self, grid_point, place, self._debug)
            thread.barrier, thread.meetings, thread.barriers, thread.block = barrier, meetings, 0, grid_point[0]
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
    caller = sys._getframe(2)
    self.meetings.enter(self.barriers, (caller.f_code.co_filename, caller.f_lineno))
    self.barrier.wait(timeout=60)
    self.barriers += 1


class Launch:
    """The memory of the launch that goes on: the simulator has one at a time, and one block of it."""

    def begin(self, function, arguments) -> None:
        self._arrays = Ledger(begins_written=True)
        names = inspect.signature(function).parameters
        self._names = {id(argument): name for name, argument in zip(names, arguments, strict=False)}

    def begin_block(self) -> None:
        self._shared = Ledger(begins_written=False)
        self._declared = {}

    def argument(self, array) -> Watched:
        """An array of the simulator as its kernels take it."""
        return Watched(array._ary, self._arrays, self._names.get(id(array), "an array"))

    def shared_array(self, of, shape, dtype, alignment=None) -> Watched:
        """The array that a line of a kernel declares, the same for all threads of a block.

        Numba's own reads the source of each caller, and two threads that come at once may get an array each.
        """
        line = sys._getframe(2).f_lineno
        with lock:
            if line not in self._declared:
                values = np.empty(shape, dtype) if shape else of._dynshared.view(dtype)  # 0: what the launch asked for
                self._declared[line] = Watched(values, self._shared, "shared")
            return self._declared[line]


launch, lock = Launch(), threading.Lock()


def shared_array(self, shape, dtype, alignment=None):
    return launch.shared_array(self, shape, dtype, alignment)


def local_array(self, shape, dtype, alignment=None):
    """Registers, of which nobody knows what they held before."""
    dtype = np.dtype(dtype)
    return np.full(shape, np.nan if dtype.kind == "f" else np.iinfo(dtype).min, dtype)


_call = simulator.FakeCUDAKernel.__call__


def call(self, *arguments):
    name = getattr(self.fn, "family", name_of(self.fn))
    if name in FAMILIES or KERNELS.get(name) is self.fn:
        assert is_known(name, arguments), f"signatures.py does not know a launch of {name}"
    if not self._device:
        launch.begin(self.fn, arguments)
    return _call(self, *arguments)


simulator.BlockManager, simulator.BlockThread.run = Block, run
simulator.BlockThread.syncthreads = syncthreads
simulator.FakeWithinKernelCUDAArray = launch.argument
FakeCUDAShared.array, FakeCUDALocal.array = shared_array, local_array
simulator.FakeCUDAKernel.__call__ = call
