"""Matrix products that add to what is there, by the tiles of tile.py.

The right-hand side of a product is laid out first, in panels, one below the other: each holds the columns that a tile
covers, row after row, so that a tile reads it from front to back. Columns beyond the last are zero. For a weight matrix
that every time step is multiplied by, that is done once a sequence, and takes about as long as the product with eight
rows.
"""

import numpy as np

from tsrnn.kernels._jit import any_layout, loop, one_piece, phrase
from tsrnn.kernels._shared import shared
from tsrnn.kernels.memory import LINE_BYTES
from tsrnn.kernels.tile import (
    TALLEST,
    VECTOR_BYTES,
    WIDTH_BYTES,
    narrow_1,
    narrow_2,
    narrow_4,
    narrow_tallest,
    tile_1,
    tile_2,
    tile_4,
    tile_tallest,
)

# With fewer rows than these in all, or fewer columns, laying out costs more than it gains.
FEW_ROWS = 8
FEW_COLUMNS = 4
# Rows of both operands that `add_outer_product` reads at a time: they stay in the second-level cache.
BLOCK_ROWS = 128


@shared
def panels_of(b, rows):
    """The panels of B (K, N): (J * K, W), or none where they do not pay; `rows` as for `laid_out`."""
    inner, columns = b.shape
    width = WIDTH_BYTES // b.itemsize
    few = rows < FEW_ROWS or columns < FEW_COLUMNS
    size = 0 if few else (columns + width - 1) // width * inner * width
    numbers = np.zeros(size + LINE_BYTES // b.itemsize, b.dtype)
    start = -numbers.ctypes.data % LINE_BYTES // b.itemsize  # no row of a panel lies across more lines than it fills
    panels = numbers[start : start + size].reshape(size // width, width)
    for first in range(0, 0 if few else columns, width):
        used = min(width, columns - first)
        for k in range(inner):
            panel_row, b_row = panels[first // width * inner + k], b[k, first : first + used]
            for c in range(used):
                panel_row[c] = b_row[c]
    return panels


@phrase
def laid_out(b, rows):
    """What `add_product` takes for B: the matrix and its panels.

    Parameters
    ----------
    b : (K, N) read
    rows : int
        Rows in all that it will be multiplied by.

    Returns
    -------
    b : (K, N)
    panels : (J * K, W)
    """
    return any_layout(b), any_layout(panels_of(any_layout(b), rows))


@phrase
def height_of_tile(rows):
    """Rows of the tallest tile that so many rows fill."""
    return TALLEST if rows >= TALLEST else (4 if rows >= 4 else (2 if rows >= 2 else 1))


@shared
def add_tiles(a, b, out):
    """out += a B, as far as the columns of `out` fill tiles, of which the last may be a narrow one.

    Parameters
    ----------
    a : (M, K) read, K at least 1
    b : read: B (K, N), or its panels (J * K, W); columns next to one another
    out : (M, N) read and written: columns next to one another
    """
    rows, columns, inner = out.shape[0], out.shape[1], a.shape[1]
    width, narrow = WIDTH_BYTES // out.itemsize, VECTOR_BYTES // out.itemsize
    down, across = (inner, 0) if b.shape[1] == width else (0, width)  # from the columns of a tile to the next
    for j in range((columns + width - narrow) // width):
        n, k, c = j * width, j * down, j * across
        m = 0
        while m < rows:
            height = height_of_tile(rows - m)
            if n + width <= columns:
                if height == TALLEST:
                    tile_tallest(a, m, b, k, c, out, n)
                elif height == 4:
                    tile_4(a, m, b, k, c, out, n)
                elif height == 2:
                    tile_2(a, m, b, k, c, out, n)
                else:
                    tile_1(a, m, b, k, c, out, n)
            elif height == TALLEST:
                narrow_tallest(a, m, b, k, c, out, n)
            elif height == 4:
                narrow_4(a, m, b, k, c, out, n)
            elif height == 2:
                narrow_2(a, m, b, k, c, out, n)
            else:
                narrow_1(a, m, b, k, c, out, n)
            m += height


@shared
def add_last_columns(a, b, out):
    """out += a B, of fewer columns than those of a narrow tile: by way of a block that fits it.

    Parameters
    ----------
    a : (M, K) read
    b : (K, V) read: as many columns as a narrow tile has
    out : (M, N) read and written, N < V
    """
    block = np.zeros((out.shape[0], b.shape[1]), out.dtype)
    for m in range(out.shape[0]):
        for n in range(out.shape[1]):
            block[m, n] = out[m, n]
    add_tiles(a, b, any_layout(block))
    for m in range(out.shape[0]):
        for n in range(out.shape[1]):
            out[m, n] = block[m, n]


@loop
def add_few(a, b, out):
    """out += a @ b without panels, for few rows or columns."""
    adjacent = a.strides[1] == a.itemsize and b.strides[0] == b.itemsize  # as mostly: b is a weight matrix transposed
    for m in range(out.shape[0]):
        a_row, out_row = a[m], out[m]
        for n in range(out.shape[1]):
            column, total = b[:, n], out_row[n]
            if adjacent:
                x, y = one_piece(a_row), one_piece(column)
                for k in range(y.size):
                    total += x[k] * y[k]
            else:
                for k in range(column.size):
                    total += a_row[k] * column[k]
            out_row[n] = total


@shared
def add_right(a, b, panels, out):
    """`add_product`, with all arrays of any layout."""
    if panels.size == 0:
        add_few(a, b, out)
        return
    add_tiles(a, panels, out)
    narrow = VECTOR_BYTES // out.itemsize
    rest = out.shape[1] % narrow
    if rest:
        first = (out.shape[1] - rest) % panels.shape[1]  # in the last panel
        last = panels[panels.shape[0] - a.shape[1] :, first : first + narrow]
        add_last_columns(a, last, out[:, out.shape[1] - rest :])


@phrase
def add_product(a, right, out):
    """out += a B.

    Parameters
    ----------
    a : (M, K) read
    right : what `laid_out` made of B (K, N)
    out : (M, N) read and written: columns next to one another
    """
    b, panels = right
    add_right(any_layout(a), b, panels, any_layout(out))


@shared
def add_product_in_place(a, b, out):
    """out += a @ b for many rows of b, read where they are; all of any layout."""
    rest = out.shape[1] % (VECTOR_BYTES // b.itemsize)
    full = out.shape[1] - rest
    m = 0
    while m < out.shape[0]:  # the rows of b, more than those of a tile, stay in the cache
        height = height_of_tile(out.shape[0] - m)
        add_tiles(a[m : m + height], b[:, :full], out[m : m + height, :full])
        m += height
    if rest:
        add_product(a, laid_out(b[:, full:], out.shape[0]), out[:, full:])


@shared
def add_outer_product(a, b, out):
    """out += a^T b: the gradient of a weight matrix, summed over all rows.

    Parameters
    ----------
    a : (R, M) read: columns next to one another
    b : (R, N) read: columns next to one another
    out : (M, N) read and written: columns next to one another
    """
    a, b, out = any_layout(a), any_layout(b), any_layout(out)
    rows, columns = b.shape
    full = columns - columns % (VECTOR_BYTES // b.itemsize)
    # What does not fill a tile's width, a few inputs mostly, is taken the other way round: b^T a fills it.
    rest = any_layout(np.zeros((columns - full, a.shape[1]), out.dtype))
    for first in range(0, rows, BLOCK_ROWS):
        a_block, b_block = a[first : first + BLOCK_ROWS], b[first : first + BLOCK_ROWS]
        if full:
            add_product_in_place(a_block.T, b_block[:, :full], out[:, :full])
        if full < columns:
            add_product_in_place(b_block[:, full:].T, a_block, rest)
    for m in range(out.shape[0]):
        for n in range(columns - full):
            out[m, full + n] += rest[n, m]
