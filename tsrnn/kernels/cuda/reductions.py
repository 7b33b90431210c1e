"""Sums over many numbers: in float64, and in an order that depends on how many there are alone."""

import math

import numpy as np

from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import cuda, device, kernel, launch

THREADS = 128  # of a block, a power of two
BLOCKS = 256  # at most; each leaves one part of the sum
_MOST_THREADS = 256


@device
def store_sum(value, parts):
    """Write the sum over the threads of this block to its place in `parts`. All threads have to come here."""
    held = cuda.shared.array(_MOST_THREADS, np.float64)
    i = cuda.threadIdx.x
    held[i] = value
    cuda.syncthreads()
    half = cuda.blockDim.x // 2
    while half > 0:
        if i < half:
            held[i] += held[i + half]
        cuda.syncthreads()
        half //= 2
    if i == 0:
        parts[1 + cuda.blockIdx.x] = held[0]


@kernel
def _finish(parts, root):
    total = parts[1]
    for k in range(2, parts.size):
        total += parts[k]
    parts[0] = math.sqrt(total) if root else total


def total(kernel, elements: int, *arguments, root: bool = False) -> Array:
    """What a kernel adds up, or the root of it.

    Parameters
    ----------
    kernel
        Takes the arguments and last an array of parts. Its threads share the elements, `cuda.gridsize(1)` apart, and
        each hands its sum to `store_sum`.
    elements : int

    Returns
    -------
    Array
        One element, float64. Nobody waits for it.
    """
    blocks = max(1, min(BLOCKS, -(-elements // THREADS)))
    parts = Array.empty(1 + blocks, np.float64)
    launch(kernel, blocks, THREADS, *arguments, parts)
    launch(_finish, 1, 1, parts, root)
    return parts[:1]
