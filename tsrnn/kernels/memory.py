"""Arrays that start where a line of the processor's caches does."""

from collections.abc import Callable
from math import prod

import numpy as np

LINE_BYTES = 64


def aligned(shape: tuple[int, ...], dtype: np.dtype, make: Callable = np.zeros) -> np.ndarray:
    """Array from `np.zeros` or `np.empty` whose first number starts a line, which they do not promise.

    A vector register as wide as a line is then loaded from one line in place of two.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    bytes_ = make(size + LINE_BYTES, np.uint8)
    first = -bytes_.ctypes.data % LINE_BYTES
    return bytes_[first : first + size].view(dtype).reshape(shape)
