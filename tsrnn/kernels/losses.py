"""Losses and their gradients, in one pass: sum over rows and outputs of weight * loss(output - target).

The weights of a batch add up to 1 / (number of outputs), so that the sum is the mean loss of the batch.
Each loop reads like the next; they differ in the formula they call.
"""

import numpy as np

from tsrnn.kernels._jit import formula, loop


@formula
def squared(error):
    """Squared error and its derivative."""
    return error * error, type(error)(2) * error


@formula
def absolute(error):
    """Absolute error and its derivative; zero at zero."""
    zero, one = type(error)(0), type(error)(1)
    return abs(error), one if error > zero else (-one if error < zero else error)


@formula
def huber(error):
    """Huber's (1964) loss with its corner at 1, and its derivative: half the square inside, linear outside."""
    half, one = type(error)(0.5), type(error)(1)
    size = abs(error)
    if size > one:
        return size - half, one if error > type(error)(0) else -one
    return half * error * error, error


@loop
def squared_error(output, target, weight, gradient):
    """Squared error of a chunk.

    Parameters
    ----------
    output, target : (B, O) read
    weight : (B,) read
    gradient : (B, O) written

    Returns
    -------
    float
        The weighted sum, in float64.
    """
    total = 0.0
    for b in range(output.shape[0]):
        for k in range(output.shape[1]):
            value, slope = squared(output[b, k] - target[b, k])
            total += np.float64(weight[b] * value)
            gradient[b, k] = weight[b] * slope
    return total


@loop
def absolute_error(output, target, weight, gradient):
    """Absolute error of a chunk; parameters and result as `squared_error`."""
    total = 0.0
    for b in range(output.shape[0]):
        for k in range(output.shape[1]):
            value, slope = absolute(output[b, k] - target[b, k])
            total += np.float64(weight[b] * value)
            gradient[b, k] = weight[b] * slope
    return total


@loop
def huber_error(output, target, weight, gradient):
    """Huber's loss of a chunk; parameters and result as `squared_error`."""
    total = 0.0
    for b in range(output.shape[0]):
        for k in range(output.shape[1]):
            value, slope = huber(output[b, k] - target[b, k])
            total += np.float64(weight[b] * value)
            gradient[b, k] = weight[b] * slope
    return total


@loop
def fill_missing(values, instead, out):
    """out = instead where values are NaN, else values.

    Parameters
    ----------
    values, instead : (B, O) read
    out : (B, O) written; may be `values`
    """
    for b in range(values.shape[0]):
        for k in range(values.shape[1]):
            value = values[b, k]
            out[b, k] = value if value == value else instead[b, k]
