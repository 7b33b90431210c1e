"""What an optimizer does to the flat parameter vector."""

import math

import numpy as np

from tsrnn.kernels._jit import formula, loop


@formula
def adam_moments(g, first, second, beta_1, beta_2):
    """Decayed means of the gradient and of its square (Kingma and Ba, 2015, algorithm 1)."""
    one = type(g)(1)
    return beta_1 * first + (one - beta_1) * g, beta_2 * second + (one - beta_2) * g * g


@formula
def adam_direction(first, second, correction_1, correction_2, epsilon):
    """The bias-corrected step of Adam for a learning rate of one."""
    return (first * correction_1) / (math.sqrt(second * correction_2) + epsilon)


@loop
def sum_in_order(parts, out):
    """out = parts[0] + parts[1] + ...: always in this order, whichever thread made a part.

    Parameters
    ----------
    parts : (C, P) read
    out : (P,) written
    """
    count, size = parts.shape
    for p in range(size):
        out[p] = parts[0, p]
    for k in range(1, count):
        part = parts[k]
        for p in range(size):
            out[p] += part[p]


@loop
def norm(gradient):
    """Euclidean norm of the vector, summed in float64. Not finite where the gradient is not."""
    total = 0.0
    for p in range(gradient.size):
        value = np.float64(gradient[p])
        total += value * value
    return math.sqrt(total)


# The next two take numbers: on the host they are plain Python, which would take longer to compile than to run.


def clipping(norm, clip_norm):
    """Factor for a gradient of that norm: a longer one is cut to `clip_norm` (Pascanu, Mikolov and Bengio, 2013)."""
    return 1.0 if norm <= clip_norm else clip_norm / norm


def checked_norm(failure, loss, norm, update):
    """Note the first update whose loss or norm is not finite, and stop `clipped_adam` from there on.

    Parameters
    ----------
    failure : (2,) float64, read and written: number of that update and its loss; number 0 while there is none
    loss, norm : float64
    update : (1,) int64: number of this update, counted from 1

    Returns
    -------
    float
        The norm; NaN if this update or one before it has failed.
    """
    if failure[0] == 0 and not (math.isfinite(loss) and math.isfinite(norm)):
        failure[0] = update[0]
        failure[1] = loss
    return norm if failure[0] == 0 else math.nan


@loop
def adam(parameters, gradient, first, second, scalars):
    """One step of AdamW (Loshchilov and Hutter, 2019, algorithm 2); without decay, of Adam.

    Parameters
    ----------
    parameters, first, second : (P,) read and written
    gradient : (P,) read
    scalars : (8,) read, of the parameters' type: gradient scale (clipping), learning rate, beta_1, beta_2,
        1 / (1 - beta_1^t), 1 / (1 - beta_2^t), epsilon, decay of this step
    """
    scale, rate, beta_1, beta_2 = scalars[0], scalars[1], scalars[2], scalars[3]
    correction_1, correction_2, epsilon = scalars[4], scalars[5], scalars[6]
    decay = scalars[7]
    for p in range(parameters.size):
        g = scale * gradient[p]
        first[p], second[p] = adam_moments(g, first[p], second[p], beta_1, beta_2)
        direction = adam_direction(first[p], second[p], correction_1, correction_2, epsilon)
        parameters[p] -= rate * direction + decay * parameters[p]


def clipped_adam(parameters, gradient, first, second, norm, clip_norm, scalars):
    """`adam` on a gradient whose norm is clipped; nothing changes where the norm is not finite.

    Not a loop that takes `adam` in: each copy of that has last bits of its own.

    Parameters
    ----------
    parameters, gradient, first, second
        As for `adam`; they may be a part of the vectors.
    norm : float64: that of the whole gradient
    clip_norm : float64; infinite if nothing is to be clipped
    scalars : (8,) read, of the parameters' type: as for `adam`; written: the gradient scale
    """
    if math.isfinite(norm):
        scalars[0] = clipping(norm, clip_norm)
        adam(parameters, gradient, first, second, scalars)
