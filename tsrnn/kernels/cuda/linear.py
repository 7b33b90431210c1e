"""Affine maps and the sums their gradients need: the functions of `tsrnn.kernels.linear` for arrays on the device.

A block makes a tile of the product. It lays tiles of both factors into shared memory, one pair after the other, each
thread reading one element of each, so that neighbouring threads read neighbours. Sums over many rows are cut into
slices, whose sums are then added in order: results are the same from run to run.
"""

from tsrnn.kernels.cuda.arrays import Array
from tsrnn.kernels.cuda.driver import cuda, device, each, kernel, launch
from tsrnn.kernels.cuda.optimization import sum_in_order
from tsrnn.kernels.devices import contiguous

TILE = 16  # rows and columns of a tile; a thread for each element
PADDED = TILE + 1  # so that neither a row nor a column of a tile lies in one bank of the memory
SLICES_BLOCKS = 1024  # blocks, at most, that the slices of a sum over rows make
SLICE = 512  # rows, at least, that a slice has


@device
def at(a, row, column):
    """An element of a matrix; zero outside of it."""
    return a[row, column] if row < a.shape[0] and column < a.shape[1] else a.dtype.type(0)


@kernel
def _affine(x, weight, bias, out):
    """out = x W^T + b.

    Parameters
    ----------
    x : (R, I) read
    weight : (O, I) read
    bias : (O,) read
    out : (R, O) written
    """
    x_tile = cuda.shared.array((TILE, PADDED), x.dtype)
    weight_tile = cuda.shared.array((TILE, PADDED), x.dtype)
    across = (out.shape[1] + TILE - 1) // TILE
    first_row, first_column = cuda.blockIdx.x // across * TILE, cuda.blockIdx.x % across * TILE
    i, j = cuda.threadIdx.x // TILE, cuda.threadIdx.x % TILE
    row, column = first_row + i, first_column + j
    total = x.dtype.type(0)
    for start in range(0, x.shape[1], TILE):
        x_tile[i, j] = at(x, row, start + j)
        weight_tile[i, j] = at(weight, first_column + i, start + j)
        cuda.syncthreads()
        for k in range(TILE):
            total += x_tile[i, k] * weight_tile[j, k]
        cuda.syncthreads()
    if row < out.shape[0] and column < out.shape[1]:
        out[row, column] = total + bias[column]


@kernel
def _product(a, b, out):
    """out = A B.

    Parameters
    ----------
    a : (M, K) read
    b : (K, N) read
    out : (M, N) written
    """
    a_tile = cuda.shared.array((TILE, PADDED), a.dtype)
    b_tile = cuda.shared.array((TILE, PADDED), a.dtype)
    across = (out.shape[1] + TILE - 1) // TILE
    first_row, first_column = cuda.blockIdx.x // across * TILE, cuda.blockIdx.x % across * TILE
    i, j = cuda.threadIdx.x // TILE, cuda.threadIdx.x % TILE
    row, column = first_row + i, first_column + j
    total = a.dtype.type(0)
    for start in range(0, a.shape[1], TILE):
        a_tile[i, j] = at(a, row, start + j)
        b_tile[i, j] = at(b, start + i, column)
        cuda.syncthreads()
        for k in range(TILE):
            total += a_tile[i, k] * b_tile[k, j]
        cuda.syncthreads()
    if row < out.shape[0] and column < out.shape[1]:
        out[row, column] = total


@kernel
def _outer_products(a, b, length, out):
    """out[s] = A^T B of the rows of slice s.

    Parameters
    ----------
    a : (R, M) read
    b : (R, N) read
    length : rows of a slice, a multiple of the tile's
    out : (S, M, N) written
    """
    a_tile = cuda.shared.array((TILE, PADDED), a.dtype)
    b_tile = cuda.shared.array((TILE, PADDED), a.dtype)
    across, down = (out.shape[2] + TILE - 1) // TILE, (out.shape[1] + TILE - 1) // TILE
    s, place = cuda.blockIdx.x // (across * down), cuda.blockIdx.x % (across * down)
    first_row, first_column = place // across * TILE, place % across * TILE
    i, j = cuda.threadIdx.x // TILE, cuda.threadIdx.x % TILE
    row, column = first_row + i, first_column + j
    total = a.dtype.type(0)
    for start in range(s * length, min((s + 1) * length, a.shape[0]), TILE):
        a_tile[i, j] = at(a, start + i, first_row + j)
        b_tile[i, j] = at(b, start + i, column)
        cuda.syncthreads()
        for k in range(TILE):
            total += a_tile[k, i] * b_tile[k, j]
        cuda.syncthreads()
    if row < out.shape[1] and column < out.shape[2]:
        out[s, row, column] = total


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
    launch(_affine, _tiles(*out.shape), TILE * TILE, contiguous(x), weight, bias, out)


def affine_gradient(x, d_out, d_weight, d_bias):
    """Twin of `tsrnn.kernels.linear.affine_gradient`."""
    outer_product(d_out, x, d_weight)
    column_sums(d_out, d_bias)


def affine_input_gradient(d_out, weight, d_x):
    """Twin of `tsrnn.kernels.linear.affine_input_gradient`."""
    launch(_product, _tiles(*d_x.shape), TILE * TILE, contiguous(d_out), weight, d_x)


def outer_product(a, b, out):
    """out = A^T B.

    Parameters
    ----------
    a : (R, M) read
    b : (R, N) read
    out : (M, N) written
    """
    a, b = contiguous(a), contiguous(b)
    tiles = _tiles(*out.shape)

    def fill(length, parts):
        launch(_outer_products, len(parts) * tiles, TILE * TILE, a, b, length, parts)

    in_slices(fill, len(a), tiles, out)


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


def _tiles(rows: int, columns: int) -> int:
    """Tiles that cover a matrix, a block for each."""
    return -(-rows // TILE) * -(-columns // TILE)


def in_slices(fill, rows: int, blocks: int, out: Array) -> None:
    """Write a sum over rows into `out`, by way of the sums of slices of them where there are many rows.

    How they are cut depends on the shapes alone.

    Parameters
    ----------
    fill : callable(length, parts)
        Writes the sum of each slice of `length` rows, parts (S, ...).
    rows : int
    blocks : int
        That the sum of one slice takes.
    out : Array
    """
    n_slices = max(1, min(SLICES_BLOCKS // blocks, rows // SLICE))
    length = -(-rows // (n_slices * TILE)) * TILE
    n_slices = -(-rows // length)
    if n_slices == 1:
        fill(length, out[None])
        return
    parts = Array.empty((n_slices, *out.shape), out.dtype)
    fill(length, parts)
    sum_in_order(parts.reshape(n_slices, -1), out.ravel())
