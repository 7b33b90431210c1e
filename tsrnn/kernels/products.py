"""Matrix products that add to what is there, by the tiles of tile.py.

The right-hand side of a product is laid out first, in panels: `panels[j]` holds the columns that one tile covers, row
after row, so that a tile reads it from front to back. Columns beyond the last are zero. For a weight matrix that every
time step is multiplied by, that is done once a sequence, and takes about as long as the product with eight rows.
"""

import numpy as np

from tsrnn.kernels._jit import loop, subroutine
from tsrnn.kernels.tile import TALLEST, WIDTH_BYTES, tile_1, tile_2, tile_4, tile_tallest

# With fewer rows than these in all, or fewer columns, laying out costs more than it gains.
FEW_ROWS = 8
FEW_COLUMNS = 4
# Rows of both operands that `add_outer_product` reads at a time: they stay in the second-level cache.
BLOCK_ROWS = 128


@subroutine
def laid_out(b, rows):
    """What `add_product` takes for B: the matrix and its panels, of which there are none where they do not pay.

    Parameters
    ----------
    b : (K, N) read
    rows : int
        Rows in all that it will be multiplied by.

    Returns
    -------
    b : (K, N)
    panels : (J, K, W)
    """
    inner, columns = b.shape
    width = WIDTH_BYTES // b.itemsize
    few = rows < FEW_ROWS or columns < FEW_COLUMNS
    panels = np.zeros((0 if few else (columns + width - 1) // width, inner, width), b.dtype)
    for j in range(panels.shape[0]):
        first = j * width
        used = min(width, columns - first)
        for k in range(inner):
            panel_row, b_row = panels[j, k], b[k, first : first + used]
            for c in range(used):
                panel_row[c] = b_row[c]
    return b, panels


@loop
def any_layout(a):
    """A view that the compiler knows nothing of: one compiled copy serves all arrays."""
    return a[::1, ::1]


@subroutine
def height_of_tile(rows):
    """Rows of the tallest tile that so many rows fill."""
    return TALLEST if rows >= TALLEST else (4 if rows >= 4 else (2 if rows >= 2 else 1))


@subroutine
def add_tiles(a, b, out):
    """out += a @ b, a tile below the other.

    Parameters
    ----------
    a : (M, K) read, K at least 1
    b : (K, W) read: columns next to one another, as many as a tile covers
    out : (M, W) read and written: columns next to one another
    """
    m = 0
    while m < out.shape[0]:
        height = height_of_tile(out.shape[0] - m)
        if height == TALLEST:
            tile_tallest(a, m, b, out)
        elif height == 4:
            tile_4(a, m, b, out)
        elif height == 2:
            tile_2(a, m, b, out)
        else:
            tile_1(a, m, b, out)
        m += height


@loop
def add_few(a, b, out):
    """out += a @ b without panels, for few rows or columns."""
    for m in range(out.shape[0]):
        a_row, out_row = a[m], out[m]
        for n in range(out.shape[1]):
            column, total = b[:, n], out_row[n]
            for k in range(column.size):
                total += a_row[k] * column[k]
            out_row[n] = total


@loop
def add_panels(a, panels, out):
    """out += a B, of the panels of B."""
    rows, columns, width = out.shape[0], out.shape[1], panels.shape[2]
    for j in range(panels.shape[0]):
        n = j * width
        if n + width <= columns:
            add_tiles(a, any_layout(panels[j]), any_layout(out[:, n : n + width]))
        else:  # wider than what is left: by way of a block that it fits
            block = np.zeros((rows, width), out.dtype)
            for m in range(rows):
                for c in range(columns - n):
                    block[m, c] = out[m, n + c]
            add_tiles(a, any_layout(panels[j]), any_layout(block))
            for m in range(rows):
                for c in range(columns - n):
                    out[m, n + c] = block[m, c]


@subroutine
def add_product(a, right, out):
    """out += a B.

    Parameters
    ----------
    a : (M, K) read
    right : what `laid_out` made of B (K, N)
    out : (M, N) read and written: columns next to one another
    """
    b, panels = right
    if panels.shape[0] == 0 or panels.shape[1] == 0:
        add_few(a, b, out)
    else:
        add_panels(any_layout(a), panels, any_layout(out))


@subroutine
def add_product_in_place(a, b, out):
    """out += a @ b for many rows of b, read where they are; all of any layout."""
    columns, width = out.shape[1], WIDTH_BYTES // b.itemsize
    full = columns - columns % width
    m = 0
    while m < out.shape[0]:
        height = height_of_tile(out.shape[0] - m)
        for n in range(0, full, width):
            add_tiles(a[m : m + height], b[:, n : n + width], out[m : m + height, n : n + width])
        m += height
    if full < columns:
        rest = out[:, full:]
        add_product(a, laid_out(b[:, full:], out.shape[0]), rest)


@subroutine
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
    full = columns - columns % (WIDTH_BYTES // b.itemsize)
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
