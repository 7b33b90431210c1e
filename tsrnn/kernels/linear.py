"""Affine maps over all time steps at once, and the sums their gradients need.

Rows are (time, batch) pairs: a (T, B, I) array seen as (T * B, I).
"""

from tsrnn.kernels._jit import loop, phrase
from tsrnn.kernels._shared import shared
from tsrnn.kernels.products import BLOCK_ROWS, add_outer_product, add_product, laid_out

# Input projections of so many values at a time: the tiles are full, and what follows finds them in the cache.
PROJECTED = 16384


@loop
def fill_rows(row, out):
    """Every row of `out` (R, O) is `row` (O,)."""
    for r in range(out.shape[0]):
        out_row = out[r]
        for j in range(row.size):
            out_row[j] = row[j]


@phrase
def project(x, right, bias, out):
    """out = x B + b.

    Parameters
    ----------
    x : (R, I) read
    right : what `laid_out` made of B (I, O)
    bias : (O,) read
    out : (R, O) written
    """
    fill_rows(bias, out)
    add_product(x, right, out)


@loop
def steps_together(rows, columns):
    """Steps of a loop over time whose inputs are projected at a time."""
    return max(1, PROJECTED // (rows * columns))


@shared
def projected(x, first, right, bias, a):
    """Input projections of as many steps as are projected at a time, from the step `first` on.

    Parameters
    ----------
    x : (T, B, I) read
    first : int
    right : what `laid_out` made of W_ih^T (I, O)
    bias : (O,) read
    a : (T, B, O) or (S, B, O) written
        Has a place for each step, or S = steps_together(B, O), which are used again and again.

    Returns
    -------
    (S, B, O) or fewer at the end : view of `a`
    """
    steps = x[first : first + steps_together(a.shape[1], a.shape[2])]
    place = first % a.shape[0]
    part, rows = a[place : place + steps.shape[0]], steps.shape[0] * steps.shape[1]
    project(steps.reshape(rows, x.shape[2]), right, bias, part.reshape(rows, a.shape[2]))
    return part


@loop
def affine(x, weight, bias, out):
    """out = x W^T + b.

    Parameters
    ----------
    x : (R, I) read
    weight : (O, I) read
    bias : (O,) read
    out : (R, O) written
    """
    right = laid_out(weight.T, x.shape[0])
    for first in range(0, x.shape[0], BLOCK_ROWS):  # a block at a time, so that the product finds the bias in the cache
        project(x[first : first + BLOCK_ROWS], right, bias, out[first : first + BLOCK_ROWS])


@loop
def add_column_sums(a, out):
    """out += sum of the rows of `a`.

    Parameters
    ----------
    a : (R, O) read
    out : (O,) read and written
    """
    rows, columns = a.shape
    for r in range(rows):
        row = a[r]
        for j in range(columns):
            out[j] += row[j]


@shared
def affine_gradient(x, d_out, d_weight, d_bias):
    """Gradients of `affine` with respect to its weight and bias.

    Parameters
    ----------
    x : (R, I) read
    d_out : (R, O) read
    d_weight : (O, I) written
    d_bias : (O,) written
    """
    d_weight[...] = 0
    d_bias[...] = 0
    for first in range(0, x.shape[0], BLOCK_ROWS):  # a block at a time, so that the sums find it in the cache
        block = d_out[first : first + BLOCK_ROWS]
        add_outer_product(block, x[first : first + BLOCK_ROWS], d_weight)
        add_column_sums(block, d_bias)


@shared
def affine_input_gradient(d_out, weight, d_x):
    """Gradient of `affine` with respect to its input.

    Parameters
    ----------
    d_out : (R, O) read
    weight : (O, I) read
    d_x : (R, I) written
    """
    d_x[...] = 0
    add_product(d_out, laid_out(weight, d_out.shape[0]), d_x)


@loop
def column_sums(a, out):
    """out = sum of the rows of `a`.

    Parameters
    ----------
    a : (R, O) read
    out : (O,) written
    """
    out[...] = 0
    add_column_sums(a, out)


@loop
def steps_to_columns(x, out):
    """Lay the steps of each sequence side by side: the input of a linear map over a whole window.

    Parameters
    ----------
    x : (T, B, I) read
    out : (B, T * I) written
    """
    steps, rows, inputs = x.shape
    for t in range(steps):
        for b in range(rows):
            for i in range(inputs):
                out[b, t * inputs + i] = x[t, b, i]


@loop
def accumulate(out, a):
    """out += a.

    Parameters
    ----------
    out : (B, H) read and written
    a : (B, H) read
    """
    rows, columns = out.shape
    for r in range(rows):
        out_row, a_row = out[r], a[r]
        for j in range(columns):
            out_row[j] += a_row[j]
