"""The loops over time of `tsrnn.kernels.gru` for arrays on the device."""

from tsrnn.kernels.cuda.by_step import gru as by_step
from tsrnn.kernels.cuda.linear import affine_gradient
from tsrnn.kernels.cuda.machine.driver import cuda, kernel
from tsrnn.kernels.cuda.on_chip import gru as on_chip
from tsrnn.kernels.cuda.on_chip.tiles import blocks_for, fitted, fitted_forward
from tsrnn.kernels.cuda.paths import by_steps
from tsrnn.kernels.cuda.sequences import each_sequence, flat, project
from tsrnn.kernels.devices import contiguous
from tsrnn.kernels.gru import cell, cell_gradient


@kernel
def _forward(a, h, u, weight, bias_hh, owned):
    """States and gates from the input projections.

    Parameters
    ----------
    a : (T, B, 3H) read: input projections; written: activated gates r, z, n
    h : (T+1, B, H) slot 0 read; the rest written
    u : (T+1, B, H) slot 0 unused; the rest written
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
            j_z, j_n = j_r + size, j_r + 2 * size
            r = a[t, b, j_r] + bias_hh[j_r]
            z = a[t, b, j_z] + bias_hh[j_z]
            u_t = bias_hh[j_n]
            for k in range(size):
                h_k = h[t, b, k]
                r += h_k * weight[k, j_r]
                z += h_k * weight[k, j_z]
                u_t += h_k * weight[k, j_n]
            r, z, n_t, h_t = cell(r, z, a[t, b, j_n], u_t, h[t, b, j_r])
            a[t, b, j_r], a[t, b, j_z], a[t, b, j_n] = r, z, n_t
            u[t + 1, b, j_r], h[t + 1, b, j_r] = u_t, h_t
        cuda.syncthreads()


@kernel
def _backward(a, h, u, weight_hh, dy, dh, owned):
    """Gradients of the recurrent side W_hh h_{t-1} + b_hh, of the candidate's input side and of h_0.

    Parameters
    ----------
    a : (T, B, 3H) read: gates; written: gradient of the recurrent side
    h : (T+1, B, H) read
    u : (T+1, B, H) read; written: in slots 1 .. T the gradient of the candidate's input side
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
            b, j_r = n // size, n % size
            j_z, j_n = j_r + size, j_r + 2 * size
            d = dh[b, j_r]
            if t >= first:
                d += dy[t - first, b, j_r]
            r, z, input_side, recurrent_side, past_gates = cell_gradient(
                a[t, b, j_r], a[t, b, j_z], a[t, b, j_n], u[t + 1, b, j_r], h[t, b, j_r], d
            )
            a[t, b, j_r], a[t, b, j_z], a[t, b, j_n] = r, z, recurrent_side
            u[t + 1, b, j_r] = input_side
            dh[b, j_r] = past_gates
        cuda.syncthreads()
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j = n // size, n % size
            d = dh[b, j]
            for k in range(3 * size):
                d += a[t, b, k] * weight_hh[k, j]
            dh[b, j] = d


def forward(x, weight_ih, bias_ih, a, h, u, weight_hh, bias_hh):
    """Twin of `tsrnn.kernels.gru.forward`; `a` has a place for each step.

    Where its precision is "tf32", `backward` alone knows what gates are left there (`on_chip/saved.py`).
    """
    rows, size = h.shape[1:]
    tiles, projects = fitted_forward(on_chip.forward, on_chip.backward, x, a, size)
    if not projects:
        project(x, weight_ih, bias_ih, a)
    if tiles is not None:
        x = contiguous(x) if projects else a  # which is not read then
        tiles.launch(blocks_for(rows), x, weight_ih, bias_ih, a, h, u, weight_hh, bias_hh)
    elif by_steps(size):
        by_step.forward(a, h, u, contiguous(weight_hh), bias_hh)
    else:
        each_sequence(_forward, rows, size, a, h, u, contiguous(weight_hh.T), bias_hh)


def backward(a, h, u, weight_hh, dy, dh, d_weight_hh, d_bias_hh):
    """Twin of `tsrnn.kernels.gru.backward`."""
    rows, size = dh.shape
    tiles = fitted(on_chip.backward, a, size)
    if tiles is not None:
        tiles.launch(blocks_for(rows), a, h, u, weight_hh, contiguous(dy), dh)
    elif by_steps(size):
        by_step.backward(a, h, u, contiguous(weight_hh), contiguous(dy), dh)
    else:
        each_sequence(_backward, rows, size, a, h, u, weight_hh, contiguous(dy), dh)
    affine_gradient(flat(h[:-1]), flat(a), d_weight_hh, d_bias_hh)
    to_input_side(a, u)


def to_input_side(a, u):
    """Twin of `tsrnn.kernels.gru.to_input_side`."""
    a[:, :, 2 * u.shape[2] :] = u[1:]
