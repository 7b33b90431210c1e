"""The loops over time of `tsrnn.kernels.rnn` for arrays on the device."""

from tsrnn.kernels.cuda.linear import affine_gradient
from tsrnn.kernels.cuda.machine.driver import cuda, kernel
from tsrnn.kernels.cuda.on_chip import rnn as on_chip
from tsrnn.kernels.cuda.on_chip.tiles import blocks_for, fitted, fitted_forward
from tsrnn.kernels.cuda.sequences import each_sequence, flat, project
from tsrnn.kernels.devices import contiguous
from tsrnn.kernels.rnn import cell, cell_gradient, relu_cell, relu_cell_gradient


@kernel
def _forward(a, h, weight, bias_hh, rectify, owned):
    """States from the input projections.

    Parameters
    ----------
    a : (T, B, H) read
    h : (T+1, B, H) slot 0 read; the rest written
    weight : (H, H) read: W_hh^T
    bias_hh : (H,) read
    rectify : bool
    owned : sequences of a block
    """
    steps, rows, size = a.shape
    start = cuda.blockIdx.x * owned * size
    stop = min(start + owned * size, rows * size)
    for t in range(steps):
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j = n // size, n % size
            pre = a[t, b, j] + bias_hh[j]
            for k in range(size):
                pre += h[t, b, k] * weight[k, j]
            h[t + 1, b, j] = relu_cell(pre) if rectify else cell(pre)
        cuda.syncthreads()


@kernel
def _backward(a, h, weight_hh, dy, dh, rectify, owned):
    """Gradients of the pre-activations and of h_0.

    Parameters
    ----------
    a : (T, B, H) written
    h : (T+1, B, H) read
    weight_hh : (H, H) read
    dy : (K, B, H) read
    dh : (B, H) read: further gradient of h_T; written: gradient of h_0
    rectify : bool
    owned : sequences of a block
    """
    steps, rows, size = a.shape
    first = steps - dy.shape[0]
    start = cuda.blockIdx.x * owned * size
    stop = min(start + owned * size, rows * size)
    for t in range(steps - 1, -1, -1):
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j = n // size, n % size
            d = dh[b, j]
            if t >= first:
                d += dy[t - first, b, j]
            out = h[t + 1, b, j]
            a[t, b, j] = relu_cell_gradient(out, d) if rectify else cell_gradient(out, d)
        cuda.syncthreads()
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j = n // size, n % size
            d = dh.dtype.type(0)
            for k in range(size):
                d += a[t, b, k] * weight_hh[k, j]
            dh[b, j] = d


def forward(x, weight_ih, bias_ih, a, h, weight_hh, bias_hh, rectify):
    """Twin of `tsrnn.kernels.rnn.forward`; `a` has a place for each step."""
    rows, size = h.shape[1:]
    tiles, projects = fitted_forward(on_chip.forward, on_chip.backward, x, a, size)
    if not projects:
        project(x, weight_ih, bias_ih, a)
    if tiles is None:
        each_sequence(_forward, rows, size, a, h, contiguous(weight_hh.T), bias_hh, rectify)
    else:
        x = contiguous(x) if projects else a  # which is not read then
        tiles.launch(blocks_for(rows), x, weight_ih, bias_ih, a, h, weight_hh, bias_hh, rectify)


def backward(a, h, weight_hh, dy, dh, d_weight_hh, d_bias_hh, rectify):
    """Twin of `tsrnn.kernels.rnn.backward`."""
    rows, size = dh.shape
    tiles = fitted(on_chip.backward, a, size)
    if tiles is None:
        each_sequence(_backward, rows, size, a, h, weight_hh, contiguous(dy), dh, rectify)
    else:
        tiles.launch(blocks_for(rows), a, h, weight_hh, contiguous(dy), dh, rectify)
    affine_gradient(flat(h[:-1]), flat(a), d_weight_hh, d_bias_hh)
