"""Twins of `tsrnn.kernels.losses`: sums are arrays of one element, float64, and nobody waits for them."""

import numpy as np

from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import cuda, each, kernel
from tsrnn.kernels.cuda.reductions import store_sum, total
from tsrnn.kernels.losses import absolute, huber, squared


@kernel
def _squared_error(output, target, weight, gradient, parts):
    columns = output.shape[1]
    value = np.float64(0)
    for n in range(cuda.grid(1), output.size, cuda.gridsize(1)):
        b, k = n // columns, n % columns
        loss, slope = squared(output[b, k] - target[b, k])
        value += np.float64(weight[b] * loss)
        gradient[b, k] = weight[b] * slope
    store_sum(value, parts)


def squared_error(output: Array, target: Array, weight: Array, gradient: Array) -> Array:
    """Twin of `tsrnn.kernels.losses.squared_error`."""
    return total(_squared_error, output.size, output, target, weight, gradient)


@kernel
def _absolute_error(output, target, weight, gradient, parts):
    columns = output.shape[1]
    value = np.float64(0)
    for n in range(cuda.grid(1), output.size, cuda.gridsize(1)):
        b, k = n // columns, n % columns
        loss, slope = absolute(output[b, k] - target[b, k])
        value += np.float64(weight[b] * loss)
        gradient[b, k] = weight[b] * slope
    store_sum(value, parts)


def absolute_error(output: Array, target: Array, weight: Array, gradient: Array) -> Array:
    """Twin of `tsrnn.kernels.losses.absolute_error`."""
    return total(_absolute_error, output.size, output, target, weight, gradient)


@kernel
def _huber_error(output, target, weight, gradient, parts):
    columns = output.shape[1]
    value = np.float64(0)
    for n in range(cuda.grid(1), output.size, cuda.gridsize(1)):
        b, k = n // columns, n % columns
        loss, slope = huber(output[b, k] - target[b, k])
        value += np.float64(weight[b] * loss)
        gradient[b, k] = weight[b] * slope
    store_sum(value, parts)


def huber_error(output: Array, target: Array, weight: Array, gradient: Array) -> Array:
    """Twin of `tsrnn.kernels.losses.huber_error`."""
    return total(_huber_error, output.size, output, target, weight, gradient)


@kernel
def _fill_missing(values, instead, out):
    n = cuda.grid(1)
    if n < out.size:
        b, k = n // out.shape[1], n % out.shape[1]
        value = values[b, k]
        out[b, k] = value if value == value else instead[b, k]


def fill_missing(values: Array, instead: Array, out: Array) -> None:
    """A thread for each element."""
    each(_fill_missing, out.size, values, instead, out)
