"""Affine maps over all time steps at once, and the sums their gradients need.

Rows are (time, batch) pairs: a (T, B, I) array seen as (T * B, I).
"""

import numpy as np

from tsrnn.kernels._jit import loop

# Up to this many inputs a row of the output is filled faster by multiply-adds onto the bias than by a matrix
# product and a second pass for the bias.
FEW_INPUTS = 2


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
    rows, inputs = x.shape
    outputs = bias.size
    if inputs <= FEW_INPUTS:
        columns = np.ascontiguousarray(weight.T)
        for r in range(rows):
            row = out[r]
            for j in range(outputs):
                row[j] = bias[j]
            for i in range(inputs):
                value = x[r, i]
                column = columns[i]
                for j in range(outputs):
                    row[j] += value * column[j]
    else:
        np.dot(x, weight.T, out)
        for r in range(rows):
            row = out[r]
            for j in range(outputs):
                row[j] += bias[j]


@loop
def affine_gradient(x, d_out, d_weight, d_bias):
    """Gradients of `affine` with respect to its weight and bias.

    Parameters
    ----------
    x : (R, I) read
    d_out : (R, O) read
    d_weight : (O, I) written
    d_bias : (O,) written
    """
    np.dot(d_out.T, x, d_weight)
    column_sums(d_out, d_bias)


@loop
def affine_input_gradient(d_out, weight, d_x):
    """Gradient of `affine` with respect to its input.

    Parameters
    ----------
    d_out : (R, O) read
    weight : (O, I) read
    d_x : (R, I) written
    """
    np.dot(d_out, weight, d_x)


@loop
def column_sums(a, out):
    """out = sum of the rows of `a`.

    Parameters
    ----------
    a : (R, O) read
    out : (O,) written
    """
    rows, columns = a.shape
    for j in range(columns):
        out[j] = 0
    for r in range(rows):
        row = a[r]
        for j in range(columns):
            out[j] += row[j]


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
