"""Affine maps and the sums their gradients need: the functions of `tsrnn.kernels.linear` for arrays on the device.

A block makes a tile of a product (`products.py`). Sums over many rows are cut into slices, whose sums are then added
in order: results are the same from run to run.
"""

from functools import lru_cache

import numpy as np

from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.blas import multiplied, worth
from tsrnn.kernels.cuda.machine.driver import cuda, each, kernel, launch
from tsrnn.kernels.cuda.optimization import sum_in_order
from tsrnn.kernels.cuda.products import add_products, dealt, gather, row_sum
from tsrnn.kernels.cuda.tilings import TILES, TYPES, Tile, kind_of, tile_for
from tsrnn.kernels.devices import contiguous

SLICES_BLOCKS = 512  # blocks, at most, that the slices of a sum over rows make
SLICE = 512  # rows, at least, that a slice has


@lru_cache
def _affine(tile: Tile, dtype: str):
    n_shared, n_held = tile.sizes()
    height, width, threads = tile.height, tile.width, tile.threads

    def affine(x, weight, bias, out):
        """out = x W^T + b.

        Parameters
        ----------
        x : (R, I) read
        weight : (O, I) read
        bias : (O,) read
        out : (R, O) written
        """
        shared = cuda.shared.array(n_shared, x.dtype, alignment=16)
        held = cuda.local.array(n_held, x.dtype)
        across = (out.shape[1] + width - 1) // width
        first_row, first_column = cuda.blockIdx.x // across * height, cuda.blockIdx.x % across * width
        x_rows, weight_rows = (first_row, x.shape[0], height, 0), (first_column, weight.shape[0], width, 0)
        add_products(held, shared, x, weight, x_rows, weight_rows, 0, x.shape[1], tile, True, True)
        gather(held, shared, tile)
        n, start, turn = dealt(width, threads)
        if first_column + n < out.shape[1]:
            column = np.uint64(first_column + n)
            added = bias[column]
            for m in range(start, min(height, out.shape[0] - first_row), turn):
                out[np.uint64(first_row + m), column] = shared[np.uint64(m * width + n)] + added

    return kernel(affine, f"{dtype}_{tile.name}", tile.bounds)


@lru_cache
def _product(tile: Tile, dtype: str):
    n_shared, n_held = tile.sizes()
    height, width, threads = tile.height, tile.width, tile.threads

    def product(a, b, out):
        """out = A B.

        Parameters
        ----------
        a : (M, K) read
        b : (K, N) read
        out : (M, N) written
        """
        shared = cuda.shared.array(n_shared, a.dtype, alignment=16)
        held = cuda.local.array(n_held, a.dtype)
        across = (out.shape[1] + width - 1) // width
        first_row, first_column = cuda.blockIdx.x // across * height, cuda.blockIdx.x % across * width
        a_rows, b_rows = (first_row, out.shape[0], height, 0), (first_column, out.shape[1], width, 0)
        add_products(held, shared, a, b, a_rows, b_rows, 0, a.shape[1], tile, True, False)
        gather(held, shared, tile)
        n, start, turn = dealt(width, threads)
        if first_column + n < out.shape[1]:
            for m in range(start, min(height, out.shape[0] - first_row), turn):
                out[np.uint64(first_row + m), np.uint64(first_column + n)] = shared[np.uint64(m * width + n)]

    return kernel(product, f"{dtype}_{tile.name}", tile.bounds)


@lru_cache
def _outer_products(tile: Tile, dtype: str):
    n_shared, n_held = tile.sizes()
    height, width, threads = tile.height, tile.width, tile.threads

    def outer_products(a, b, length, out, sums):
        """out[s] = A^T B and sums[s] = sum of the rows of A, of the rows of slice s.

        Parameters
        ----------
        a : (R, M) read
        b : (R, N) read
        length : rows of a slice
        out : (S, M, N) written
        sums : (S, M) written
        """
        shared = cuda.shared.array(n_shared, a.dtype, alignment=16)
        held = cuda.local.array(n_held, a.dtype)
        across, down = (out.shape[2] + width - 1) // width, (out.shape[1] + height - 1) // height
        s, place = cuda.blockIdx.x // (across * down), cuda.blockIdx.x % (across * down)
        first_row, first_column = place // across * height, place % across * width
        a_rows, b_rows = (first_row, out.shape[1], height, 0), (first_column, out.shape[2], width, 0)
        first, stop = s * length, min((s + 1) * length, a.shape[0])
        add_products(held, shared, a, b, a_rows, b_rows, first, stop, tile, False, False, True)
        total = row_sum(held, shared, height, threads)
        if first_column == 0 and cuda.threadIdx.x < min(height, out.shape[1] - first_row):
            sums[s, first_row + cuda.threadIdx.x] = total
        gather(held, shared, tile)
        n, start, turn = dealt(width, threads)
        if first_column + n < out.shape[2]:
            for m in range(start, min(height, out.shape[1] - first_row), turn):
                out[s, np.uint64(first_row + m), np.uint64(first_column + n)] = shared[np.uint64(m * width + n)]

    return kernel(outer_products, f"{dtype}_{tile.name}", tile.bounds)


for _kind, _tiles in TILES.items():  # here, so that the check of the machine code finds them all
    for _tile in _tiles:
        _affine(_tile, TYPES[_kind]), _product(_tile, TYPES[_kind]), _outer_products(_tile, TYPES[_kind])


@kernel
def _column_sums(a, length, out):
    """out[s] = sum of the rows of slice s, of so many rows: a (R, O) read, out (S, O) written."""
    n = cuda.grid(1)
    if n < out.size:
        s, j = n // out.shape[1], n % out.shape[1]
        total = a.dtype.type(0)
        for r in range(s * length, min((s + 1) * length, a.shape[0])):
            total += a[r, j]
        out[s, j] = total


def affine(x, weight, bias, out):
    """Twin of `tsrnn.kernels.linear.affine`."""
    x = contiguous(x)
    kind = kind_of(out)
    if worth(*out.shape, x.shape[1], kind):
        out[...] = bias
        if multiplied(x, weight, out, b_turned=True, add=True):
            return
    tile = tile_for(*out.shape, kind)
    launch(_affine(tile, out.dtype.name), tile.blocks(*out.shape), tile.threads, x, weight, bias, out)


def affine_gradient(x, d_out, d_weight, d_bias):
    """Twin of `tsrnn.kernels.linear.affine_gradient`: both come of one reading of the gradients."""
    x, d_out = contiguous(x), contiguous(d_out)
    kind = kind_of(d_weight)
    if worth(*d_weight.shape, len(x), kind) and multiplied(d_out, x, d_weight, a_turned=True):
        column_sums(d_out, d_bias)
        return
    tile = tile_for(*d_weight.shape, kind, max(1, len(x) // SLICE))
    blocks = tile.blocks(*d_weight.shape)

    def fill(length, d_weights, d_biases):
        outer_products = _outer_products(tile, d_weight.dtype.name)
        launch(outer_products, len(d_weights) * blocks, tile.threads, d_out, x, length, d_weights, d_biases)

    in_slices(fill, len(x), blocks, d_weight, d_bias)


def affine_input_gradient(d_out, weight, d_x):
    """Twin of `tsrnn.kernels.linear.affine_input_gradient`."""
    d_out = contiguous(d_out)
    kind = kind_of(d_x)
    if worth(*d_x.shape, len(weight), kind) and multiplied(d_out, weight, d_x):
        return
    tile = tile_for(*d_x.shape, kind)
    launch(_product(tile, d_x.dtype.name), tile.blocks(*d_x.shape), tile.threads, d_out, weight, d_x)


def outer_product(a, b, out):
    """out = A^T B.

    Parameters
    ----------
    a : (R, M) read
    b : (R, N) read
    out : (M, N) written
    """
    affine_gradient(b, a, out, Array.empty(out.shape[0], out.dtype, out.precision))


def column_sums(a, out):
    """Twin of `tsrnn.kernels.linear.column_sums`."""
    a = contiguous(a)

    def fill(length, parts):
        each(_column_sums, parts.size, a, length, parts)

    in_slices(fill, len(a), 1, out)


def steps_to_columns(x, out):
    """Twin of `tsrnn.kernels.linear.steps_to_columns`."""
    steps, rows, inputs = x.shape
    out.reshape(rows, steps, inputs)[...] = x.transpose(1, 0, 2)


def accumulate(out, a):
    """Twin of `tsrnn.kernels.linear.accumulate`."""
    out += a


def in_slices(fill, rows: int, blocks: int, *outs: Array) -> None:
    """Write sums over rows into `outs`, by way of the sums of slices of them where there are many rows.

    How they are cut depends on the shapes alone.

    Parameters
    ----------
    fill : callable(length, *parts)
        Writes the sums of each slice of `length` rows, parts (S, ...) of each of `outs`.
    rows : int
    blocks : int
        That the sums of one slice take.
    *outs : Array
    """
    n_slices = max(1, min(SLICES_BLOCKS // blocks, rows // SLICE))
    length = -(-rows // n_slices)
    n_slices = -(-rows // length)
    if n_slices == 1:
        fill(length, *(out[None] for out in outs))
        return
    parts = [Array.empty((n_slices, *out.shape), out.dtype) for out in outs]
    fill(length, *parts)
    for part, out in zip(parts, outs, strict=True):
        sum_in_order(part.reshape(n_slices, -1), out.ravel())
