"""All that is specific to numba-cuda and its simulator: compiling, launching, memory. Imported when a device is used.

The kernels beside it say `cuda.grid`, `cuda.syncthreads` and so on, the vocabulary of every CUDA in Python; how they
are compiled, launched and given memory stands here alone, and what of it is calls of a GPU's driver in
`tsrnn.kernels.cuda.machine.launching`.
"""

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache

import numpy as np

if not hasattr(np, "row_stack"):  # NumPy 2.5 removed it; numba-cuda registers it when it is imported
    np.row_stack = np.vstack  # noqa: NPY201

from numba import cuda
from numba.cuda.core import config

from tsrnn.kernels._jit import STATE
from tsrnn.kernels.activations import tanh

SIMULATED = bool(config.ENABLE_CUDASIM)

if SIMULATED:
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray
else:
    from numba.cuda.core.caching import IndexDataCacheFile
    from numba.cuda.cudadrv.driver import CudaAPIError
    from numba.cuda.cudadrv.error import CudaDriverError, CudaSupportError
    from numba.cuda.dispatcher import CUDACache

    from tsrnn.kernels.cuda.machine import launching

    class KernelCache(CUDACache):
        """Machine code on disk, fresh for as long as no file of the kernels changes: see `tsrnn.kernels._jit`."""

        def __init__(self, function):
            super().__init__(function)
            if STATE is not None:
                self._cache_file = IndexDataCacheFile(self.cache_path, self._impl.filename_base, STATE)


OLDEST = (7, 0)  # compute capability: what the compilers of CUDA 12 write code for, and 13 from (7, 5) on
OUT_OF_MEMORY = 2  # CUDA_ERROR_OUT_OF_MEMORY

THREADS = 128  # of a block, where a thread stands for an element

KERNELS = {}  # Python functions behind all grid kernels, by the names that `name_of` gives them


def kernel(function, variant: str = "", bounds: tuple[int, int] | None = None):
    """Compile a grid kernel. No fastmath: a NaN loss has to be seen, and float32 results agree with the CPU's.

    A function made over and over, which closes over the numbers of a configuration, says of each `variant` which it is.
    It closes over numbers alone: by these, and by its name, machine code on disk is told apart. `bounds` are the most
    threads of a block, and how many blocks are to fit on a multiprocessor: the registers are cut to that.
    """
    if variant:
        function.__name__ = function.__qualname__ = f"{function.__name__}_{variant}"
    function.bounds = bounds
    KERNELS[name_of(function)] = function
    return compiled(function, launch_bounds=bounds)


def compiled(function, **options):
    """Compile a grid kernel, with options of `numba.cuda.jit` that the simulator does not know."""
    if SIMULATED:
        return cuda.jit(function)
    found = cuda.jit(**options)(function)
    with suppress(RuntimeError):  # no folder to write to: each process compiles for itself
        found._cache = KernelCache(function)
    return found


def name_of(function) -> str:
    """The name of a kernel among `KERNELS`: "lstm._forward", "on_chip.lstm.forward"."""
    return f"{function.__module__.removeprefix('tsrnn.kernels.cuda.')}.{function.__name__}"


def device(function):
    """Compile a function for kernels to call; of a loop of the CPU the function behind it, without its options."""
    return cuda.jit(device=True)(getattr(function, "py_func", function))


def inlined(function):
    """Compile a function that becomes part of the kernel that calls it: arrays of registers can be handed to it."""
    return cuda.jit(device=True, **({} if SIMULATED else {"forceinline": True}))(function)


if not SIMULATED:
    from numba.cuda.extending import overload

    @overload(tanh)
    def _tanh(x):
        """CUDA's own, to a unit or two in the last place: the CPU's is written to vectorise."""
        return lambda x: math.tanh(x)


def launch(kernel, blocks: int, threads: int, *arguments, shared: int = 0) -> None:
    """Run a kernel on so many blocks of so many threads, each block in one dimension; none where there is no block.

    Arguments are arrays (`arrays.Array`) and numbers. The call returns at once; kernels and copies run in the order in
    which they were asked for. `shared` are bytes of memory of a block, besides what it declares.
    """
    if not blocks:
        return
    if recorder.recording is not None:
        recorder.recording.take(kernel, blocks, threads, arguments, shared)
    elif SIMULATED:
        kernel[blocks, threads, 0, shared](*(getattr(a, "for_kernels", a) for a in arguments))
    else:
        launching.launch(kernel, blocks, threads, arguments, shared)


class _Recorder(threading.local):
    """What takes the launches of this thread in place of the device, if anything does."""

    recording = None


recorder = _Recorder()


def stream() -> int:
    """The stream in which the work of other libraries has its place among our launches, as the driver counts them."""
    return 0 if recorder.recording is None else recorder.recording.stream


class CannotBeRecordedError(RuntimeError):
    """What is to be recorded copies from or to the host."""


# What a recording that does not come about may end with: the other is the driver's own.
RECORDING_ERRORS = (CannotBeRecordedError,) if SIMULATED else (CannotBeRecordedError, CudaAPIError)


def _not_recorded(what: str) -> None:
    if recorder.recording is not None:
        raise CannotBeRecordedError(what)


def each(kernel, elements: int, *arguments) -> None:
    """Run a kernel with a thread for each of so many elements: `cuda.grid(1)` numbers them."""
    threads = min(THREADS, elements)
    launch(kernel, -(-elements // max(threads, 1)), threads, *arguments)


_process: int | None = None  # that has used the device


def why_unusable() -> str | None:
    """What keeps kernels from running here, in a line; None if nothing does. Starts the driver."""
    global _process
    if SIMULATED:
        return None
    if _process is not None and os.getpid() != _process:
        return "CUDA was used before this process was forked; start processes by spawn, or use it in one alone"
    try:
        device = cuda.get_current_device()
        driver, compiler = cuda.cudadrv.driver.driver.get_version(), cuda.runtime.get_version()
    except (CudaSupportError, CudaDriverError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return f"no NVIDIA driver with a GPU was found ({' '.join(lines[1:2] or lines)}); install one, or take the CPU"
    _process = os.getpid()
    return _mismatch(device.compute_capability, driver, compiler)


def _mismatch(capability: tuple[int, int], driver: tuple[int, int], compiler: tuple[int, int]) -> str | None:
    if capability < OLDEST:
        found, least = (".".join(map(str, each)) for each in (capability, OLDEST))
        return f"the GPU has compute capability {found}, of at least {least} that are needed; take the CPU"
    if driver[0] < compiler[0]:
        found, needed = (".".join(map(str, each)) for each in (driver, compiler))
        return (
            f"the driver supports CUDA {found}, the installed compiler is of CUDA {needed}; update the driver or "
            f'pip install "tsrnn[cuda{driver[0]}]"'
        )
    return None


def free_memory() -> float:
    """Bytes of the device's memory that are free; infinite in the simulator."""
    return cuda.current_context().get_memory_info().free if not SIMULATED else math.inf


# Pieces that were given back, by size: the next step takes them again, in the order in which the device works. To ask
# the driver for a piece, and to give it back, takes as long as many kernels, and waits for all of them.
_spare: dict[int, list] = {}
_keepers = 0


@contextmanager
def kept_memory() -> Iterator[None]:
    """Within, what is given back is kept for those who ask next; at its end it goes back to the driver."""
    global _keepers
    _keepers += 1
    try:
        yield
    finally:
        _keepers -= 1
        if not _keepers:
            _release()


def _release() -> None:
    _spare.clear()
    if not SIMULATED:
        cuda.current_context().deallocations.clear()


def _taken(size: int):
    with suppress(KeyError, IndexError):  # another thread may have been quicker
        return _spare[size].pop()
    for last in (False, True):
        try:
            return cuda.current_context().memalloc(size)
        except CudaAPIError as error:
            if error.code != OUT_OF_MEMORY:
                raise
            if last:
                raise MemoryError(
                    f"no room for {size / 2**20:.1f} MiB more on the device; a smaller batch_size, hidden_size or "
                    "lookback takes less"
                ) from error
            _release()


class Memory:
    """A piece of the device's memory, and a shadow of it on the host from which views are cut.

    Attributes
    ----------
    shadow : ndarray
        Of the shape, type and strides of the array that lies there. It must not be read: on a device there is nothing
        behind it. In the simulator it is the memory.
    precision : str
        See `tsrnn.kernels.cuda.machine.arrays.On`.
    """

    precision = "float32"

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype):
        if SIMULATED:
            self.shadow = np.empty(shape, dtype)
            return
        self.shadow = shadow_of(shape, np.dtype(dtype))
        self._memory = _taken(max(self.shadow.nbytes, 1))
        self._shift = self._memory.device_pointer_value - _address(self.shadow)

    def __del__(self):
        if _keepers and hasattr(self, "_memory"):
            _spare.setdefault(self._memory.size, []).append(self._memory)

    def seen_by_kernels(self, view: np.ndarray):
        """What a kernel takes for a view of the shadow."""
        if SIMULATED:
            return FakeCUDAArray(view)
        return launching.Seen(self.address(view), view, strides_of(view))

    def address(self, view: np.ndarray) -> int:
        """Where the first element of a view of the shadow lies."""
        return _address(view) if SIMULATED else _address(view) + self._shift


class Borrowed(Memory):
    """Memory of somebody else, who says by `__cuda_array_interface__` what lies there, and keeps it meanwhile.

    Attributes
    ----------
    shadow : ndarray
        Of the shape, type and strides that its owner says.
    """

    def __init__(self, owner):
        interface = owner.__cuda_array_interface__
        if SIMULATED:
            self.shadow = np.asarray(_OnHost(owner, interface))
            return
        if interface["version"] < 3:  # which do not say of a stream when it will be written
            cuda.synchronize()
        array = cuda.as_cuda_array(owner)
        self._memory = array  # which keeps its owner
        self.shadow = np.lib.stride_tricks.as_strided(np.empty(1, array.dtype), array.shape, array.strides)
        self._shift = array.gpu_data.device_pointer_value - _address(self.shadow)

    def __del__(self):
        """It is not ours to give to others."""


class _OnHost:
    """What lies on the simulator's device, as NumPy takes it."""

    def __init__(self, owner, interface: dict):
        self.__array_interface__ = {key: interface.get(key) for key in ("shape", "typestr", "data", "strides")}
        self.__array_interface__["version"] = 3
        self._owner = owner


def interface_of(array) -> dict:
    """What others are told of an array as kernels take it. Waits until it is written, whatever streams they use."""
    _not_recorded("another library reads an array")
    cuda.synchronize()
    if not SIMULATED:
        return launching.interface_of(array)
    return {key: array.__array_interface__[key] for key in ("shape", "typestr", "data", "strides", "version")}


@lru_cache(maxsize=4096)
def shadow_of(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """A contiguous array of that shape, all of whose elements but the first lie nowhere."""
    return np.lib.stride_tricks.as_strided(np.empty(1, dtype), shape, _row_by_row(shape, np.dtype(dtype).itemsize))


def strides_of(view: np.ndarray) -> tuple[int, ...]:
    """Bytes from element to element along each axis, as kernels are told.

    To NumPy an array is contiguous whatever the stride of an axis of one element says; numba-cuda looks at it.
    """
    return _row_by_row(view.shape, view.itemsize) if 1 in view.shape and view.flags.c_contiguous else view.strides


def _row_by_row(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    return tuple(itemsize * math.prod(shape[k + 1 :]) for k in range(len(shape)))


def copy_to_device(values: np.ndarray, to) -> None:
    """Copy an array of the host, contiguous, into one as kernels take it."""
    _not_recorded("values come from the host")
    to.copy_to_device(values) if SIMULATED else launching.copy_to_device(values, to)


def copy_to_host(of) -> np.ndarray:
    """The values of an array as kernels take it, contiguous. Waits until all that was asked for before is done."""
    _not_recorded("values go to the host")
    return of.copy_to_host() if SIMULATED else launching.copy_to_host(of)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]
