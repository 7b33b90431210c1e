"""How a GPU is asked to run kernels, to copy, and to run again what was recorded: calls of the CUDA driver.

numba-cuda takes about as long to launch a kernel as a small kernel runs: for each argument it looks up what type it
is and takes an array apart. Here arguments lie as the kernel wants them, and what it is compiled to is looked up by
their types at once.

The simulator has none of this. `tsrnn.kernels.cuda.machine.driver` chooses.
"""

import ctypes
import struct
import threading

import numpy as np
from numba.cuda import current_context, types
from numba.cuda.cudadrv.driver import CudaAPIError, binding
from numba.cuda.cudadrv.driver import driver as numba_driver
from numba.cuda.np.numpy_support import from_dtype

DEFAULT_STREAM = 0
_NO_CONTEXT = binding.CUresult.CUDA_ERROR_INVALID_CONTEXT
_SUCCESS = binding.CUresult.CUDA_SUCCESS
_WORD = 8  # bytes; each argument has a word of its own
_ROOM = 48 * 1024  # bytes of shared memory that a block has without asking for more
_NON_BLOCKING = 1  # a stream that does not wait for the default stream

# Numbers by their Python type: Numba's, and how a word holds them.
_NUMBERS = {
    bool: (types.boolean, "?7x"),
    np.bool_: (types.boolean, "?7x"),
    int: (types.int64, "q"),
    np.int64: (types.int64, "q"),
    np.int32: (types.int32, "i4x"),
    np.uint64: (types.uint64, "Q"),
    float: (types.float64, "d"),
    np.float64: (types.float64, "d"),
    np.float32: (types.float32, "f4x"),
}


class Seen:
    """An array as a kernel takes it.

    Attributes
    ----------
    words : tuple of int
        Two that are null, number of elements, bytes of one, address, shape, strides.
    kind : tuple
        Type of the numbers, dimensions, whether they lie row after row.
    pointer : int
        Where it begins.
    view : ndarray
        Its shadow.
    """

    __slots__ = ("kind", "pointer", "view", "words")

    def __init__(self, pointer: int, view: np.ndarray, strides: tuple[int, ...]):
        self.words = (0, 0, view.size, view.itemsize, pointer, *view.shape, *strides)
        in_one_piece = view.flags.c_contiguous and (0 not in strides or not view.size)
        self.kind = (view.dtype.char, view.ndim, in_one_piece)
        self.pointer, self.view = pointer, view

    @property
    def size(self) -> int:
        return self.view.size


class _Launcher:
    """A kernel compiled for arguments of some types.

    Parameters
    ----------
    kernel
        numba-cuda's dispatcher.
    kinds : tuple
        Of each argument `Seen.kind`, or the type of a number.
    """

    def __init__(self, kernel, kinds: tuple):
        argument_types, layout = [], "<"
        for kind in kinds:
            if isinstance(kind, tuple):
                char, dimensions, in_one_piece = kind
                numbers = from_dtype(np.dtype(char))
                argument_types.append(types.Array(numbers, dimensions, "C" if in_one_piece else "A"))
                layout += "q" * (5 + 2 * dimensions)
            else:
                argument_types.append(_NUMBERS[kind][0])
                layout += _NUMBERS[kind][1]
        self._compiled = kernel.compile(tuple(argument_types))  # kept: the machine code goes with it
        self._loaded = self._compiled._codelibrary.get_cufunc()
        self._function = binding.CUfunction(int(self._loaded.handle))
        self._room = _ROOM
        self._pack = struct.Struct(layout).pack_into
        size = struct.calcsize(layout)
        self._buffer = ctypes.create_string_buffer(max(size, 1))
        start = ctypes.addressof(self._buffer)
        self._pointers = (ctypes.c_void_p * max(size // _WORD, 1))(*range(start, start + size, _WORD))
        self._arguments = ctypes.addressof(self._pointers)
        self._lock = threading.Lock()  # another thread may launch the same kernel, on other arguments

    def __call__(self, blocks: int, threads: int, shared: int, stream, words: list) -> None:
        with self._lock:
            if shared > self._room:
                attribute = binding.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
                call("cuKernelSetAttribute", attribute, shared, self._loaded.handle, current_context().device.id)
                self._room = shared
            self._pack(self._buffer, 0, *words)
            launch = (self._function, blocks, 1, 1, threads, 1, 1, shared, stream, self._arguments, 0)
            call("cuLaunchKernel", *launch)


_launchers: dict[tuple, _Launcher] = {}


def launch(kernel, blocks: int, threads: int, arguments: tuple, shared: int = 0, stream=DEFAULT_STREAM) -> None:
    """Ask for a kernel, arguments being numbers, and arrays that have `for_kernels`, a `Seen`."""
    kinds, words = [kernel], []
    for argument in arguments:
        kind = type(argument)
        if kind in _NUMBERS:
            kinds.append(kind)
            words.append(argument)
        else:
            seen = argument.for_kernels
            kinds.append(seen.kind)
            words += seen.words
    key = tuple(kinds)
    launcher = _launchers.get(key)
    if launcher is None:
        launcher = _launchers[key] = _Launcher(kernel, key[1:])
    launcher(blocks, threads, shared, stream, words)


def copy_to_device(values: np.ndarray, to: Seen) -> None:
    """Copy a contiguous array of the host. The driver has taken its values when it returns; nothing is waited for."""
    call("cuMemcpyHtoDAsync", to.pointer, values.ctypes.data, values.nbytes, DEFAULT_STREAM)


def copy_to_host(of: Seen) -> np.ndarray:
    """The values of a contiguous array, once all that was asked for before is done."""
    out = np.empty(of.view.shape, of.view.dtype)
    call("cuMemcpyDtoH", out.ctypes.data, of.pointer, out.nbytes)
    return out


def interface_of(seen: Seen) -> dict:
    """What `__cuda_array_interface__` says of an array that is written."""
    view = seen.view
    strides = None if view.flags.c_contiguous else view.strides
    data = (seen.pointer, False)
    return {
        "shape": view.shape,
        "typestr": view.dtype.str,
        "data": data,
        "strides": strides,
        "stream": None,
        "version": 3,
    }


class Graph:
    """Launches that are not done but kept, until `close` ends that, to be done together as often as asked for.

    Attributes
    ----------
    stream : int
        In which what is asked for is kept.
    """

    def __init__(self):
        self._done = None
        self._stream = call("cuStreamCreate", _NON_BLOCKING)
        # Relaxed: what this thread asks of the driver meanwhile, memory for one, is done at once and not kept.
        call("cuStreamBeginCapture", self._stream, binding.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED)

    @property
    def stream(self) -> int:
        return int(self._stream)

    def take(self, kernel, blocks: int, threads: int, arguments: tuple, shared: int) -> None:
        """Keep a launch: see `launch`."""
        launch(kernel, blocks, threads, arguments, shared, self._stream)

    def close(self, keep: bool) -> None:
        """No more launches; those there are can be done from here on, or are forgotten."""
        try:
            graph = call("cuStreamEndCapture", self._stream)
            try:
                self._done = call("cuGraphInstantiate", graph, 0) if keep else None
            finally:
                call("cuGraphDestroy", graph)
        except CudaAPIError:
            if keep:  # else what has gone wrong before says more
                raise
        finally:
            call("cuStreamDestroy", self._stream)

    def launch(self) -> None:
        """Do it all, in order, after what was asked for before."""
        call("cuGraphLaunch", self._done, DEFAULT_STREAM)

    def __del__(self):
        if self._done is not None:
            binding.cuCtxSynchronize()  # it may be busy with it still, if an error or an interrupt ends a fit
            binding.cuGraphExecDestroy(self._done)


def call(name: str, *arguments):
    """Call the driver by that name; in a thread that has not used the GPU yet, let it do so first."""
    returned = getattr(binding, name)(*arguments)
    if returned[0] is _NO_CONTEXT:
        current_context()
        returned = getattr(binding, name)(*arguments)
    if returned[0] is not _SUCCESS:
        return numba_driver._check_cuda_python_error(name, returned)  # which raises
    return returned[1] if len(returned) > 1 else None
