"""Twin of `tsrnn.kernels.dropout`: the same mask for the same key."""

import numpy as np

from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import cuda, each, kernel
from tsrnn.kernels.dropout import uniform_bits


@kernel
def _dropout(a, out, keys, first, threshold, scale):
    i = cuda.grid(1)
    if i < out.size:
        bits = np.uint64(uniform_bits(keys[0], first + np.uint64(i)))
        out[i] = a[i] * (scale if bits >= threshold else type(scale)(0))


def dropout(a: Array, out: Array, key, first: np.uint64, threshold: np.uint64, scale: float) -> None:
    """A thread for each element. The key is a number, or lies on the device, an array without dimensions."""
    keys = key.reshape(1) if isinstance(key, Array) else Array.from_host(np.array([key], np.uint64))
    each(_dropout, out.size, a, out, keys, first, threshold, scale)
