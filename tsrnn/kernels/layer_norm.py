"""Layer normalisation (Ba, Kiros and Hinton, 2016, equation 4): each row in units of its own mean and deviation.

z = (x - mean(x)) / sqrt(variance(x) + epsilon)
y = gain * z + shift
"""

import math

from tsrnn.kernels._jit import formula, loop

EPSILON = 1e-5  # torch's; a row without variance stays finite


@formula
def inverse_deviation(variance):
    """What deviations from the mean are multiplied by."""
    one = type(variance)(1)
    return one / math.sqrt(variance + type(variance)(EPSILON))


@formula
def normalized(x, mean, inverse):
    """z: a value in units of its row."""
    return (x - mean) * inverse


@formula
def normalized_gradient(d, mean, z, along, inverse):
    """Gradient of x from that of z, given over the row the mean of the latter and the mean of its products with z."""
    return inverse * (d - mean - z * along)


@loop
def layer_norm(x, gain, shift, z, inverse, out):
    """Normalise the rows.

    Parameters
    ----------
    x : (R, H) read
    gain, shift : (H,) read
    z : (R, H) written: the normalised rows, for the gradient
    inverse : (R,) written: 1 / sqrt(variance + epsilon)
    out : (R, H) written
    """
    rows, size = x.shape
    kind = x.dtype.type
    for r in range(rows):
        row, z_row, out_row = x[r], z[r], out[r]
        mean = kind(0)
        for j in range(size):
            mean += row[j]
        mean /= kind(size)
        variance = kind(0)
        for j in range(size):
            variance += (row[j] - mean) * (row[j] - mean)
        scale = inverse_deviation(variance / kind(size))
        inverse[r] = scale
        for j in range(size):
            z_row[j] = normalized(row[j], mean, scale)
            out_row[j] = gain[j] * z_row[j] + shift[j]


@loop
def layer_norm_gradient(d, z, inverse, gain, d_gain, d_shift):
    """Gradients of `layer_norm`.

    Parameters
    ----------
    d : (R, H) read: gradient of the output; written: gradient of x
    z : (R, H) read
    inverse : (R,) read
    gain : (H,) read
    d_gain, d_shift : (H,) written
    """
    rows, size = d.shape
    kind = d.dtype.type
    for j in range(size):
        d_gain[j] = 0
        d_shift[j] = 0
    for r in range(rows):
        d_row, z_row, scale = d[r], z[r], inverse[r]
        mean, along = kind(0), kind(0)
        for j in range(size):
            d_gain[j] += d_row[j] * z_row[j]
            d_shift[j] += d_row[j]
            d_row[j] *= gain[j]
            mean += d_row[j]
            along += d_row[j] * z_row[j]
        mean /= kind(size)
        along /= kind(size)
        for j in range(size):
            d_row[j] = normalized_gradient(d_row[j], mean, z_row[j], along, scale)
