"""The loops over time of `tsrnn.kernels.lstm` for arrays on the device."""

from tsrnn.kernels.cuda.by_step import lstm as by_step
from tsrnn.kernels.cuda.linear import affine_gradient
from tsrnn.kernels.cuda.machine.driver import cuda, kernel
from tsrnn.kernels.cuda.on_chip import lstm as on_chip
from tsrnn.kernels.cuda.on_chip.tiles import blocks_for, fitted, fitted_forward
from tsrnn.kernels.cuda.paths import by_steps
from tsrnn.kernels.cuda.sequences import each_sequence, flat, project
from tsrnn.kernels.devices import contiguous
from tsrnn.kernels.lstm import cell, cell_gradient


@kernel
def _forward(a, h, c, weight, bias_hh, owned):
    """States and gates from the input projections.

    Parameters
    ----------
    a : (T, B, 4H) read: input projections; written: activated gates i, f, g, o
    h, c : (T+1, B, H) slot 0 read; the rest written
    weight : (H, 4H) read: W_hh^T
    bias_hh : (4H,) read
    owned : sequences of a block
    """
    steps, rows, size = a.shape[0], a.shape[1], h.shape[2]
    start = cuda.blockIdx.x * owned * size
    stop = min(start + owned * size, rows * size)
    for t in range(steps):
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j_i = n // size, n % size
            j_f, j_g, j_o = j_i + size, j_i + 2 * size, j_i + 3 * size
            i = a[t, b, j_i] + bias_hh[j_i]
            f = a[t, b, j_f] + bias_hh[j_f]
            g = a[t, b, j_g] + bias_hh[j_g]
            o = a[t, b, j_o] + bias_hh[j_o]
            for k in range(size):
                h_k = h[t, b, k]
                i += h_k * weight[k, j_i]
                f += h_k * weight[k, j_f]
                g += h_k * weight[k, j_g]
                o += h_k * weight[k, j_o]
            i, f, g, o, c_t, h_t = cell(i, f, g, o, c[t, b, j_i])
            a[t, b, j_i], a[t, b, j_f], a[t, b, j_g], a[t, b, j_o] = i, f, g, o
            c[t + 1, b, j_i], h[t + 1, b, j_i] = c_t, h_t
        cuda.syncthreads()


@kernel
def _backward(a, c, weight_hh, dy, dh, dc, owned):
    """Gradients of the pre-activations, of h_0 and of c_0.

    Parameters
    ----------
    a : (T, B, 4H) read: gates; written: gradient of the pre-activations
    c : (T+1, B, H) read
    weight_hh : (4H, H) read
    dy : (K, B, H) read
    dh, dc : (B, H) read: further gradients of h_T and of c_T; written: gradients of h_0 and of c_0
    owned : sequences of a block
    """
    steps, rows, size = a.shape[0], a.shape[1], dh.shape[1]
    first = steps - dy.shape[0]
    start = cuda.blockIdx.x * owned * size
    stop = min(start + owned * size, rows * size)
    for t in range(steps - 1, -1, -1):
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j_i = n // size, n % size
            j_f, j_g, j_o = j_i + size, j_i + 2 * size, j_i + 3 * size
            d = dh[b, j_i]
            if t >= first:
                d += dy[t - first, b, j_i]
            i, f, g, o, d_memory = cell_gradient(
                a[t, b, j_i], a[t, b, j_f], a[t, b, j_g], a[t, b, j_o], c[t, b, j_i], c[t + 1, b, j_i], d, dc[b, j_i]
            )
            a[t, b, j_i], a[t, b, j_f], a[t, b, j_g], a[t, b, j_o] = i, f, g, o
            dc[b, j_i] = d_memory
        cuda.syncthreads()
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j = n // size, n % size
            d = dh.dtype.type(0)
            for k in range(4 * size):
                d += a[t, b, k] * weight_hh[k, j]
            dh[b, j] = d


def forward(x, weight_ih, bias_ih, a, h, c, weight_hh, bias_hh):
    """Twin of `tsrnn.kernels.lstm.forward`; `a` has a place for each step.

    Where its precision is "tf32", `backward` alone knows what gates are left there (`on_chip/saved.py`).
    """
    rows, size = h.shape[1:]
    tiles, projects = fitted_forward(on_chip.forward, on_chip.backward, x, a, size)
    if not projects:
        project(x, weight_ih, bias_ih, a)
    if tiles is not None:
        x = contiguous(x) if projects else a  # which is not read then
        tiles.launch(blocks_for(rows), x, weight_ih, bias_ih, a, h, c, weight_hh, bias_hh)
    elif by_steps(size):
        by_step.forward(a, h, c, contiguous(weight_hh), bias_hh)
    else:
        each_sequence(_forward, rows, size, a, h, c, contiguous(weight_hh.T), bias_hh)


def backward(a, h, c, weight_hh, dy, dh, dc, d_weight_hh, d_bias_hh):
    """Twin of `tsrnn.kernels.lstm.backward`."""
    rows, size = dh.shape
    tiles = fitted(on_chip.backward, a, size)
    if tiles is not None:
        tiles.launch(blocks_for(rows), a, c, weight_hh, contiguous(dy), dh, dc)
    elif by_steps(size):
        by_step.backward(a, c, contiguous(weight_hh), contiguous(dy), dh, dc)
    else:
        each_sequence(_backward, rows, size, a, c, weight_hh, contiguous(dy), dh, dc)
    affine_gradient(flat(h[:-1]), flat(a), d_weight_hh, d_bias_hh)
