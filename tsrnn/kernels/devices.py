"""Where arrays lie: in the memory of the host, or on a device whose kernels stand in for the CPU's loops.

A device's arrays (`tsrnn.kernels.cuda.machine.arrays.Array`) act as NumPy's where the networks want it, so that the
floors above say what is computed once, for all devices.
"""

import numpy as np

from tsrnn.kernels.memory import aligned


def run(loop, first, *others):
    """Call the loop, or what stands in for it on the device on which its first argument lies."""
    if isinstance(first, np.ndarray):
        return loop(first, *others)
    return first.twin(loop)(first, *others)


def empty(shape, dtype):
    """An array of that shape, not written yet.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype, or `tsrnn.kernels.cuda.machine.arrays.On`
        The latter is a dtype on a device.
    """
    return aligned(shape, dtype, np.empty) if on_host(dtype) else dtype.empty(shape)


def zeros(shape, dtype):
    """As `empty`, filled with zeros."""
    if on_host(dtype):
        return aligned(shape, dtype)
    array = dtype.empty(shape)
    array[...] = 0
    return array


def contiguous(array):
    """The array, or a copy that lies in one piece, row after row."""
    return array if array.flags.c_contiguous else array.copy()


def on_host(dtype) -> bool:
    """Whether `empty` makes arrays of the host for this type."""
    return not hasattr(dtype, "empty")
