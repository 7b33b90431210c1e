"""Arrays that start where a line of the processor's caches does."""

from math import prod

import numpy as np

LINE_BYTES = 64


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Array of zeros whose first number starts a line, as `np.zeros` does not promise.

    A vector register as wide as a line is then loaded from one line in place of two.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    bytes_ = np.zeros(size + LINE_BYTES, np.uint8)
    first = -bytes_.ctypes.data % LINE_BYTES
    return bytes_[first : first + size].view(dtype).reshape(shape)
