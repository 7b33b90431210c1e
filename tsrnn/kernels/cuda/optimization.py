"""Twins of `tsrnn.kernels.optimization`. The host learns norms and losses late, if at all: kernels read them."""

import math

import numpy as np

from tsrnn.kernels import optimization
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import cuda, device, each, kernel, launch
from tsrnn.kernels.cuda.reductions import store_sum, total
from tsrnn.kernels.optimization import adam_direction, adam_moments

_checked_norm = device(optimization.checked_norm)
_clipping = device(optimization.clipping)


@kernel
def _sum_in_order(parts, out):
    p = cuda.grid(1)
    if p < out.size:
        value = parts[0, p]
        for k in range(1, parts.shape[0]):
            value += parts[k, p]
        out[p] = value


def sum_in_order(parts: Array, out: Array) -> None:
    """A thread for each element."""
    each(_sum_in_order, out.size, parts, out)


@kernel
def _squares(gradient, parts):
    value = np.float64(0)
    for p in range(cuda.grid(1), gradient.size, cuda.gridsize(1)):
        g = np.float64(gradient[p])
        value += g * g
    store_sum(value, parts)


def norm(gradient: Array) -> Array:
    """An array of one element, float64; nobody waits for it."""
    return total(_squares, gradient.size, gradient, root=True)


@kernel
def _check_norm(failure, loss, norm, update):
    norm[0] = _checked_norm(failure, loss[0], norm[0], update)


def checked_norm(failure: Array, loss: Array, norm: Array, update: Array) -> Array:
    """The norm is written, too, and is what is returned."""
    launch(_check_norm, 1, 1, failure, loss, norm, update)
    return norm


@kernel
def _note(loss, norm, row, notes):
    notes[row[0], 0], notes[row[0], 1] = loss[0], norm[0]


def note(loss: Array, norm: Array, row: Array, notes: Array) -> None:
    """Write both into a row, whose number lies on the device, of notes (N, 2)."""
    launch(_note, 1, 1, loss, norm, row, notes)


@kernel
def _clipped_adam(parameters, gradient, first, second, norm, clip_norm, scalars):
    p = cuda.grid(1)
    if p < parameters.size and math.isfinite(norm[0]):
        rate, beta_1, beta_2 = scalars[1], scalars[2], scalars[3]
        correction_1, correction_2, epsilon, decay = scalars[4], scalars[5], scalars[6], scalars[7]
        g = type(rate)(_clipping(norm[0], clip_norm)) * gradient[p]
        m, v = adam_moments(g, first[p], second[p], beta_1, beta_2)
        first[p], second[p] = m, v
        parameters[p] -= rate * adam_direction(m, v, correction_1, correction_2, epsilon) + decay * parameters[p]


def clipped_adam(
    parameters: Array, gradient: Array, first: Array, second: Array, norm: Array, clip_norm: float, scalars: Array
) -> None:
    """The norm is read on the device; the gradient scale is not written to `scalars`."""
    each(_clipped_adam, parameters.size, parameters, gradient, first, second, norm, clip_norm, scalars)
