"""Folding consecutive steps into one, and the rectifier of the embedding that follows."""

from tsrnn.kernels._jit import loop
from tsrnn.kernels.activations import relu, relu_gradient


@loop
def fold_steps(x, out):
    """Lay `length` consecutive steps side by side; the first step stands in for what is missing on the left.

    Parameters
    ----------
    x : (T, B, C) read
    out : (S, B, length * C) written; S * length is at least T
    """
    steps, rows, channels = x.shape
    length = out.shape[2] // channels
    missing = out.shape[0] * length - steps
    for s in range(out.shape[0]):
        for b in range(rows):
            row = out[s, b]
            for k in range(length):
                t = max(s * length + k - missing, 0)
                for c in range(channels):
                    row[k * channels + c] = x[t, b, c]


@loop
def rectify(a):
    """a = relu(a), in place; a : (R, H)."""
    for r in range(a.shape[0]):
        row = a[r]
        for j in range(row.size):
            row[j] = relu(row[j])


@loop
def rectify_gradient(y, dy):
    """Turn the gradient of relu's output into that of its input, in place.

    Parameters
    ----------
    y : (R, H) read: the output
    dy : (R, H) read and written
    """
    for r in range(y.shape[0]):
        y_row, dy_row = y[r], dy[r]
        for j in range(y_row.size):
            dy_row[j] *= relu_gradient(y_row[j])
