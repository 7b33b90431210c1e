"""Arrays from the start of a cache line."""

import numpy as np
import pytest

from tsrnn.kernels.memory import LINE_BYTES, aligned
from tsrnn.kernels.products import laid_out


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (7, 2, 33)])
def test_the_first_number_starts_a_line(shape, dtype):
    arrays = [aligned(shape, dtype) for _ in range(5)]
    assert all(array.ctypes.data % LINE_BYTES == 0 for array in arrays if array.size)
    assert all(array.shape == shape and array.dtype == dtype and not array.any() for array in arrays)
    assert all(array.flags.c_contiguous and array.flags.writeable for array in arrays)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_panels_start_a_line(dtype):
    for inner in range(1, 9):
        _, panels = laid_out(np.ones((inner, 40), dtype), 100)
        assert panels.ctypes.data % LINE_BYTES == 0
