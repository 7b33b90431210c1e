"""Arrays on the device, with as much of NumPy's arrays as the networks use."""

from functools import cache
from importlib import import_module

import numpy as np

from tsrnn.kernels.cuda.machine.driver import (
    Borrowed,
    Memory,
    copy_to_device,
    copy_to_host,
    cuda,
    device,
    each,
    interface_of,
    kernel,
    recorder,
)
from tsrnn.kernels.devices import contiguous


@device
def _place(n, out):
    """Indices of the element numbered n of an array of three dimensions, the last running first."""
    rows, columns = out.shape[1], out.shape[2]
    return n // (rows * columns), n // columns % rows, n % columns


@kernel
def _fill(out, value):
    n = cuda.grid(1)
    if n < out.size:
        out[_place(n, out)] = value


@kernel
def _copy(out, a):
    n = cuda.grid(1)
    if n < out.size:
        place = _place(n, out)
        out[place] = a[place]


@kernel
def _add(out, a, b):
    n = cuda.grid(1)
    if n < out.size:
        place = _place(n, out)
        out[place] = a[place] + b[place]


@kernel
def _multiply(out, a, b):
    n = cuda.grid(1)
    if n < out.size:
        place = _place(n, out)
        out[place] = a[place] * b[place]


@kernel
def _sum(a, out):
    n = cuda.grid(1)
    if n < out.size:
        _, j, k = _place(n, out)
        total = a[0, j, k]
        for i in range(1, a.shape[0]):
            total += a[i, j, k]
        out[0, j, k] = total


@kernel
def _take(a, numbers, out):
    n = cuda.grid(1)
    if n < out.size:
        out[n] = a[numbers[n]]


_UFUNCS = {np.add: _add, np.multiply: _multiply}
_DIMENSIONS = 3  # that the kernels here count


class Array:
    """Numbers on the device.

    Views, shapes and broadcasting are NumPy's own: they are taken on a shadow of the array, an array of the host with
    the same shape and strides. Arithmetic is what the networks need and no more: filling, copying, sums and products.

    Parameters
    ----------
    memory : Memory
    shadow : ndarray
        A view of the memory's shadow.
    """

    __slots__ = ("_memory", "_seen", "_shadow")

    def __init__(self, memory: Memory, shadow: np.ndarray):
        self._memory = memory
        self._shadow = shadow
        self._seen = None

    @classmethod
    def empty(cls, shape, dtype, precision: str = "float32") -> "Array":
        memory = Memory(tuple(np.atleast_1d(shape).tolist()), dtype)
        memory.precision = precision
        return cls(memory, memory.shadow)

    @classmethod
    def from_host(cls, values: np.ndarray) -> "Array":
        """A copy of an array of the host."""
        array = cls.empty(values.shape, values.dtype)
        array[...] = values
        return array

    @classmethod
    def borrowed(cls, owner) -> "Array":
        """What lies on the device already, where it lies: an array of a library that offers `__cuda_array_interface__`.

        As long as there is a view of it, `owner` is kept.
        """
        memory = Borrowed(owner)
        return cls(memory, memory.shadow)

    def to_host(self) -> np.ndarray:
        """A copy on the host; waits for all that was asked of the device before."""
        return copy_to_host(contiguous(self).for_kernels) if self.size else np.empty(self.shape, self.dtype)

    @staticmethod
    def twin(loop):
        """What stands in on the device for a loop of the CPU."""
        return _twin(loop)

    shape = property(lambda self: self._shadow.shape)
    dtype = property(lambda self: self._shadow.dtype)
    size = property(lambda self: self._shadow.size)
    flags = property(lambda self: self._shadow.flags)
    ndim = property(lambda self: self._shadow.ndim)
    precision = property(lambda self: self._memory.precision)  # of the products that are made for it: see `On`
    T = property(lambda self: self.transpose())

    @property
    def __cuda_array_interface__(self) -> dict:
        """By this torch, CuPy and others take the array without a copy. Waits until it is written."""
        return interface_of(self.for_kernels)

    def __array__(self, *arguments, **options):
        raise TypeError("the array lies on a CUDA device; to_host() copies it")

    @property
    def address(self) -> int:
        """Of the first number, for libraries that take a pointer and work in `driver.stream`."""
        if recorder.recording is not None:
            recorder.recording.keep(self)
        return self._memory.address(self._shadow)

    @property
    def for_kernels(self):
        """What a kernel takes."""
        if self._seen is None:
            self._seen = self._memory.seen_by_kernels(self._shadow)
        return self._seen

    def __len__(self) -> int:
        return len(self._shadow)

    def __repr__(self) -> str:
        return f"Array({self.to_host()!r})"

    def __getitem__(self, index) -> "Array":
        return self._view(self._shadow[_basic(index)])

    def __setitem__(self, index, value) -> None:
        out = self[index]
        if isinstance(value, Array):
            if not (value._memory is out._memory and _same(value._shadow, out._shadow)):  # `a[i] += b` ends in this
                each(_copy, out.size, out._spread(out.shape), value._spread(out.shape))
        elif np.ndim(value) == 0:
            each(_fill, out.size, out._spread(out.shape), out.dtype.type(value))
        else:
            values = np.empty(out.shape, out.dtype)  # of strides that no broadcasting and no new axis made zero
            values[...] = value
            if out.flags.c_contiguous:
                if out.size:
                    copy_to_device(values, out.for_kernels)
            else:
                out[...] = Array.from_host(values)

    def reshape(self, *shape) -> "Array":
        """A view where there can be one, else a copy."""
        shape = shape[0] if len(shape) == 1 else shape
        whole = contiguous(self)
        return whole._view(whole._shadow.reshape(shape))

    def ravel(self) -> "Array":
        return self.reshape(-1)

    def transpose(self, *axes) -> "Array":
        return self._view(self._shadow.transpose(*axes))

    def copy(self) -> "Array":
        out = Array.empty(self.shape, self.dtype)
        out[...] = self
        return out

    def take(self, numbers: "Array") -> "Array":
        """Elements of a vector by their numbers."""
        out = Array.empty(numbers.shape, self.dtype)
        each(_take, out.size, self, numbers, out)
        return out

    def astype(self, dtype) -> "Array":
        """A copy in another type of numbers."""
        out = Array.empty(self.shape, dtype)
        out[...] = self
        return out

    def sum(self, axis: int) -> "Array":
        """Sums along an axis, always in the same order."""
        shadow = np.moveaxis(self._shadow, axis, 0)
        out = Array.empty(shadow.shape[1:], self.dtype)
        summed = self._view(shadow[(slice(None), *[None] * (_DIMENSIONS - shadow.ndim))])
        each(_sum, out.size, summed, out._spread(out.shape))
        return out

    def __array_ufunc__(self, ufunc, method, *inputs, out=None):
        if method != "__call__" or ufunc not in _UFUNCS:
            return NotImplemented
        inputs = [_like(self, value) for value in inputs]
        shape = np.broadcast_shapes(*(a.shape for a in inputs))
        a, b = (a._spread(shape) for a in inputs)
        found = Array.empty(shape, self.dtype) if out is None else out[0]
        each(_UFUNCS[ufunc], found.size, found._spread(shape), a, b)
        return found

    def __array_function__(self, function, types, args, kwargs):
        return _FUNCTIONS[function](*args, **kwargs) if function in _FUNCTIONS else NotImplemented

    def __add__(self, other):
        return np.add(self, other)

    def __mul__(self, other):
        return np.multiply(self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __iadd__(self, other):
        return np.add(self, other, out=self)

    def __imul__(self, other):
        return np.multiply(self, other, out=self)

    def _view(self, shadow: np.ndarray) -> "Array":
        return Array(self._memory, shadow)

    def _spread(self, shape) -> "Array":
        """Broadcast, of as many dimensions as the kernels count."""
        shadow = self._shadow if self.shape == shape else np.broadcast_to(self._shadow, shape)
        return self._view(shadow[(None,) * (_DIMENSIONS - shadow.ndim)])


@cache
def _twin(loop):
    """The function of the same name in the module of the same name, of `tsrnn.kernels.cuda` for `tsrnn.kernels`."""
    function = getattr(loop, "py_func", loop)  # as it is without compilation
    module = function.__module__.replace("tsrnn.kernels.", "tsrnn.kernels.cuda.")
    return getattr(import_module(module), function.__name__)


class On:
    """A type of numbers on the device, for `tsrnn.kernels.devices.empty`.

    Parameters
    ----------
    dtype : dtype
    precision : {"float32", "tf32"}
        How exact products of float32 numbers are, where tensor cores make them, and what is kept of gates for the way
        back: kernels look at the array that they write. What is made like another array has its precision; the sums
        and all else are float32 in any case.
    """

    def __init__(self, dtype, precision: str = "float32"):
        self.dtype = np.dtype(dtype)
        self.precision = precision

    def empty(self, shape) -> Array:
        return Array.empty(shape, self.dtype, self.precision)


def _basic(index) -> tuple:
    """An index that makes a view, never reads an element."""
    parts = index if isinstance(index, tuple) else (index,)
    if not all(part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer)) for part in parts):
        raise TypeError(f"arrays on the device are indexed by integers and slices, got {index!r}")
    return parts if Ellipsis in parts else (*parts, Ellipsis)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return all(a.__array_interface__[key] == b.__array_interface__[key] for key in ("data", "shape", "strides"))


def _like(array: Array, value) -> Array:
    return value if isinstance(value, Array) else Array.from_host(np.asarray(value, array.dtype))


def _new(array: Array, dtype=None, shape=None) -> Array:
    return Array.empty(array.shape if shape is None else shape, dtype or array.dtype, array.precision)


def _zeros(array: Array, dtype=None, shape=None) -> Array:
    out = _new(array, dtype, shape)
    out[...] = 0
    return out


def _side_by_side(arrays, axis: int = 0) -> Array:
    edges = np.cumsum([0, *(a.shape[axis] for a in arrays)])
    shape = list(arrays[0].shape)
    shape[axis] = int(edges[-1])
    out = _new(arrays[0], shape=tuple(shape))
    along = (slice(None),) * (axis % len(shape))
    for a, first, stop in zip(arrays, edges, edges[1:], strict=False):
        out[(*along, slice(int(first), int(stop)))] = a
    return out


_FUNCTIONS = {
    np.empty_like: _new,
    np.zeros_like: _zeros,
    np.concatenate: _side_by_side,
}
