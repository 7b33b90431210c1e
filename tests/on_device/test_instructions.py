"""Instructions of the GPU, or what stands in for them in the simulator: both do what their descriptions say."""

import numpy as np
import pytest

from on_device.case import on_device, unwritten
from tsrnn.kernels.cuda.machine.driver import compiled, cuda, launch
from tsrnn.kernels.cuda.machine.instructions import (
    as_f32,
    as_u32,
    await_copies,
    commit_copies,
    copy_async,
    load,
    load4,
    mma_tf32,
    prefetch,
    split,
    store,
    store4,
    to_tf32,
)

RNG = np.random.default_rng(0)


@compiled
def _product(a, b, c, d):
    lane = cuda.threadIdx.x
    g, q = lane // 4, lane % 4
    a0, a1, a2, a3 = a[g, q], a[g + 8, q], a[g, q + 4], a[g + 8, q + 4]
    first = as_u32(a0), as_u32(a1), as_u32(a2), as_u32(a3)
    second = as_u32(b[q, g]), as_u32(b[q + 4, g])
    third = c[g, 2 * q], c[g, 2 * q + 1], c[g + 8, 2 * q], c[g + 8, 2 * q + 1]
    d0, d1, d2, d3 = mma_tf32(*first, *second, *third)
    d[g, 2 * q], d[g, 2 * q + 1], d[g + 8, 2 * q], d[g + 8, 2 * q + 1] = d0, d1, d2, d3


@compiled
def _numbers(x, near, first, rest):
    n = cuda.grid(1)
    near[n] = as_f32(to_tf32(x[n]))
    high, low = split(x[n])
    first[n], rest[n] = as_f32(high), as_f32(low)


@compiled
def _moved(a, b, out):
    n = cuda.threadIdx.x
    prefetch(a, n)
    x, y, z, w = load4(a, 4 * n)
    store4(b, 4 * n, w, z, y, x)
    store(out, n, load(a, n) + load(b, 4 * n))


@compiled
def _doubled_in_a_ring(a, out):
    """Rows of a (T, 4) by threads that each copy an element of a row, two rows before they read it."""
    ring = cuda.shared.array(2 * 4, np.float32)
    n = cuda.threadIdx.x
    for t in range(2):
        if t < a.shape[0]:
            copy_async(ring, t * 4 + n, a, t * 4 + n)
        commit_copies()
    for t in range(a.shape[0]):
        await_copies(1)
        store(out, t * 4 + n, 2 * load(ring, t % 2 * 4 + n))
        cuda.syncthreads()
        if t + 2 < a.shape[0]:
            copy_async(ring, t % 2 * 4 + n, a, (t + 2) * 4 + n)
        commit_copies()


def test_the_product_of_a_warp():
    a, b, c = (RNG.integers(-9, 9, shape).astype(np.float32) for shape in ((16, 8), (8, 8), (16, 8)))
    d = unwritten(16, 8, dtype=np.float32)
    launch(_product, 1, 32, *map(on_device, (a, b, c)), d)
    np.testing.assert_array_equal(d.to_host(), a @ b + c)


def test_the_product_sees_ten_bits_of_mantissa():
    a, b = np.full((16, 8), 1 + 2**-10 + 2**-11, np.float32), np.eye(8, dtype=np.float32)
    d = unwritten(16, 8, dtype=np.float32)
    launch(_product, 1, 32, *map(on_device, (a, b, np.zeros_like(a))), d)
    np.testing.assert_array_equal(d.to_host(), np.full_like(a, 1 + 2**-10))


def test_numbers_of_tf32():
    x = RNG.standard_normal(32).astype(np.float32)
    x[:3] = 0, 1 + 2**-11, np.nan
    near, first, rest = (unwritten(32, dtype=np.float32) for _ in range(3))
    launch(_numbers, 1, 32, on_device(x), near, first, rest)
    near, first, rest = (array.to_host() for array in (near, first, rest))
    np.testing.assert_array_equal(near.view(np.uint32) & 0x1FFF, 0)
    assert (abs(near - x)[3:] <= abs(x)[3:] * 2**-11).all()
    assert near[1] == np.float32(1 + 2**-10)
    np.testing.assert_array_equal((first + rest)[3:], x[3:])
    np.testing.assert_array_equal(first[3:], near[3:])
    assert np.isnan(first[2] + rest[2])


@pytest.mark.parametrize("shape", [(16,), (2, 8)])
def test_elements_in_the_order_in_which_they_lie(shape):
    a = np.arange(16, dtype=np.float32)
    b, out = unwritten(16, dtype=np.float32), unwritten(4, dtype=np.float32)
    launch(_moved, 1, 4, on_device(a).reshape(shape), b, out)
    np.testing.assert_array_equal(b.to_host(), a.reshape(4, 4)[:, ::-1].ravel())
    np.testing.assert_array_equal(out.to_host(), a[:4] + a[3::4])


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_copies_that_come_while_others_are_read(rows):
    a, out = RNG.standard_normal((rows, 4)).astype(np.float32), unwritten(rows, 4, dtype=np.float32)
    launch(_doubled_in_a_ring, 1, 4, on_device(a), out)
    np.testing.assert_array_equal(out.to_host(), 2 * a)
