"""The loops over time of `tsrnn.kernels.gru_reset_before` for arrays on the device."""

from tsrnn.kernels.cuda.linear import column_sums, outer_product
from tsrnn.kernels.cuda.machine.driver import cuda, kernel
from tsrnn.kernels.cuda.sequences import each_sequence, flat, project
from tsrnn.kernels.devices import contiguous
from tsrnn.kernels.gru import update_gradient
from tsrnn.kernels.gru_reset_before import candidate_cell, reset_cell, reset_gradient


@kernel
def _forward(a, h, reset, weight, bias_hh, owned):
    """States and gates from the input projections.

    Parameters
    ----------
    a : (T, B, 3H) read: input projections; written: activated gates r, z, n
    h : (T+1, B, H) slot 0 read; the rest written
    reset : (T+1, B, H) slot 0 unused; the rest written
    weight : (H, 3H) read: W_hh^T
    bias_hh : (3H,) read
    owned : sequences of a block
    """
    steps, rows, size = a.shape[0], a.shape[1], h.shape[2]
    start = cuda.blockIdx.x * owned * size
    stop = min(start + owned * size, rows * size)
    for t in range(steps):
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j_r = n // size, n % size
            j_z = j_r + size
            r = a[t, b, j_r] + bias_hh[j_r]
            z = a[t, b, j_z] + bias_hh[j_z]
            for k in range(size):
                h_k = h[t, b, k]
                r += h_k * weight[k, j_r]
                z += h_k * weight[k, j_z]
            a[t, b, j_r], a[t, b, j_z], reset[t + 1, b, j_r] = reset_cell(r, z, h[t, b, j_r])
        cuda.syncthreads()
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j = n // size, n % size
            j_n = j + 2 * size
            pre = a[t, b, j_n] + bias_hh[j_n]
            for k in range(size):
                pre += reset[t + 1, b, k] * weight[k, j_n]
            a[t, b, j_n], h[t + 1, b, j] = candidate_cell(pre, a[t, b, j + size], h[t, b, j])
        cuda.syncthreads()


@kernel
def _backward(a, h, weight_hh, dy, dh, owned):
    """Gradients of the pre-activations and of h_0.

    Parameters
    ----------
    a : (T, B, 3H) read: gates; written: gradient of the pre-activations
    h : (T+1, B, H) read
    weight_hh : (3H, H) read
    dy : (K, B, H) read
    dh : (B, H) read: further gradient of h_T; written: gradient of h_0
    owned : sequences of a block
    """
    steps, rows, size = a.shape[0], a.shape[1], dh.shape[1]
    first = steps - dy.shape[0]
    start = cuda.blockIdx.x * owned * size
    stop = min(start + owned * size, rows * size)
    for t in range(steps - 1, -1, -1):
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j = n // size, n % size
            j_z, j_n = j + size, j + 2 * size
            d = dh[b, j]
            if t >= first:
                d += dy[t - first, b, j]
            a[t, b, j_z], a[t, b, j_n], dh[b, j] = update_gradient(a[t, b, j_z], a[t, b, j_n], h[t, b, j], d)
        cuda.syncthreads()
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j = n // size, n % size
            d_reset = dh.dtype.type(0)
            for k in range(2 * size, 3 * size):
                d_reset += a[t, b, k] * weight_hh[k, j]
            a[t, b, j], through_reset = reset_gradient(a[t, b, j], h[t, b, j], d_reset)
            dh[b, j] += through_reset
        cuda.syncthreads()
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j = n // size, n % size
            d = dh[b, j]
            for k in range(2 * size):
                d += a[t, b, k] * weight_hh[k, j]
            dh[b, j] = d


def forward(x, weight_ih, bias_ih, a, h, reset, weight_hh, bias_hh):
    """Twin of `tsrnn.kernels.gru_reset_before.forward`; `a` has a place for each step."""
    project(x, weight_ih, bias_ih, a)
    each_sequence(_forward, *h.shape[1:], a, h, reset, contiguous(weight_hh.T), bias_hh)


def backward(a, h, reset, weight_hh, dy, dh, d_weight_hh, d_bias_hh):
    """Twin of `tsrnn.kernels.gru_reset_before.backward`."""
    each_sequence(_backward, *dh.shape, a, h, weight_hh, contiguous(dy), dh)
    size = dh.shape[1]
    outer_product(flat(a[:, :, : 2 * size]), flat(h[:-1]), d_weight_hh[: 2 * size])
    outer_product(flat(a[:, :, 2 * size :]), flat(reset[1:]), d_weight_hh[2 * size :])
    column_sums(flat(a), d_bias_hh)
