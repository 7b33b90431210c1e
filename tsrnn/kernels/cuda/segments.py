"""Twins of `tsrnn.kernels.segments`: a thread for each element."""

from tsrnn.kernels.activations import relu, relu_gradient
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import cuda, each, kernel


@kernel
def _fold_steps(x, out):
    n = cuda.grid(1)
    if n < out.size:
        rows, width = out.shape[1], out.shape[2]
        channels = x.shape[2]
        length = width // channels
        s, b, j = n // (rows * width), n // width % rows, n % width
        t = s * length + j // channels - (out.shape[0] * length - x.shape[0])
        out[s, b, j] = x[max(t, 0), b, j % channels]


def fold_steps(x: Array, out: Array) -> None:
    """Twin of `tsrnn.kernels.segments.fold_steps`."""
    each(_fold_steps, out.size, x, out)


@kernel
def _rectify(a):
    n = cuda.grid(1)
    if n < a.size:
        r, j = n // a.shape[1], n % a.shape[1]
        a[r, j] = relu(a[r, j])


def rectify(a: Array) -> None:
    """Twin of `tsrnn.kernels.segments.rectify`."""
    each(_rectify, a.size, a)


@kernel
def _rectify_gradient(y, dy):
    n = cuda.grid(1)
    if n < dy.size:
        r, j = n // dy.shape[1], n % dy.shape[1]
        dy[r, j] *= relu_gradient(y[r, j])


def rectify_gradient(y: Array, dy: Array) -> None:
    """Twin of `tsrnn.kernels.segments.rectify_gradient`."""
    each(_rectify_gradient, dy.size, y, dy)
