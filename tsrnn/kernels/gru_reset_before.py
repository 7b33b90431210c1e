"""Gated recurrent unit, reset gate before the product (Cho et al., 2014, equations 5 to 8).

    r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
    z_t = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
    n_t = tanh(W_in x_t + b_in + W_hn (r_t * h_{t-1}) + b_hn)
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}

The update gate z keeps the old state; the mirrored form found in some papers only swaps z for 1 - z. The candidate's
product has to wait for the reset state r_t * h_{t-1}, so that a step takes two products where `gru` takes one.
Layouts are those of `gru`: gates in the order r z n, `weight_ih` (3H, I), `weight_hh` (3H, H).
"""

import numpy as np

from tsrnn.kernels._jit import formula, loop
from tsrnn.kernels.activations import sigmoid, sigmoid_gradient, tanh
from tsrnn.kernels.gru import update, update_gradient
from tsrnn.kernels.linear import accumulate, column_sums


@formula
def reset_cell(a_r, a_z, h_prev):
    """Both gates and the reset state, before the candidate's product."""
    r = sigmoid(a_r)
    return r, sigmoid(a_z), r * h_prev


@formula
def candidate_cell(a_n, z, h_prev):
    """The candidate and h_t, after the product."""
    n = tanh(a_n)
    return n, update(z, n, h_prev)


@formula
def reset_gradient(r, h_prev, d_reset):
    """Gradients of a_r and of h_{t-1} from that of the reset state."""
    return d_reset * h_prev * sigmoid_gradient(r), d_reset * r


@loop
def reset_step(a, h_side, bias_hh, h_prev, reset):
    """First half of a time step: the gates.

    Parameters
    ----------
    a : (B, 3H) read: input projection; written: gates r, z
    h_side : (B, 2H) read: W_hr h_{t-1} and W_hz h_{t-1}
    bias_hh : (3H,) read
    h_prev : (B, H) read: h_{t-1}
    reset : (B, H) written: r_t * h_{t-1}
    """
    rows, size = reset.shape
    for b in range(rows):
        gates, h_side_row = a[b], h_side[b]
        for j in range(2 * size):
            gates[j] += h_side_row[j] + bias_hh[j]
        r, z = gates[:size], gates[size : 2 * size]
        h_prev_row, reset_row = h_prev[b], reset[b]
        for j in range(size):
            r[j], z[j], reset_row[j] = reset_cell(r[j], z[j], h_prev_row[j])


@loop
def candidate_step(a, h_side, bias_hh, h_prev, h):
    """Second half of a time step: the candidate and the state.

    Parameters
    ----------
    a : (B, 3H) read: gate z and the candidate's input projection; written: the candidate n
    h_side : (B, H) read: W_hn (r_t * h_{t-1})
    bias_hh : (3H,) read
    h_prev : (B, H) read: h_{t-1}
    h : (B, H) written: h_t
    """
    rows, size = h.shape
    b_n = bias_hh[2 * size :]
    for b in range(rows):
        z, n = a[b, size : 2 * size], a[b, 2 * size :]
        h_side_row, h_prev_row, h_row = h_side[b], h_prev[b], h[b]
        for j in range(size):
            n[j], h_row[j] = candidate_cell(n[j] + h_side_row[j] + b_n[j], z[j], h_prev_row[j])


@loop
def candidate_step_gradient(a, h_prev, dh, da_n):
    """Gradient of `candidate_step`.

    Parameters
    ----------
    a : (B, 3H) read: gates; written: gradients of the pre-activations of z and n
    h_prev : (B, H) read: h_{t-1}
    dh : (B, H) read: gradient of h_t; written: gradient of h_{t-1} past the gates
    da_n : (B, H) written: gradient of the candidate's pre-activation, contiguous for the product
    """
    rows, size = dh.shape
    for b in range(rows):
        z, n = a[b, size : 2 * size], a[b, 2 * size :]
        h_prev_row, dh_row, da_n_row = h_prev[b], dh[b], da_n[b]
        for j in range(size):
            z[j], da_n_row[j], dh_row[j] = update_gradient(z[j], n[j], h_prev_row[j], dh_row[j])
        for j in range(size):
            n[j] = da_n_row[j]


@loop
def reset_step_gradient(a, h_prev, d_reset, dh, da_rz):
    """Gradient of `reset_step`.

    Parameters
    ----------
    a : (B, 3H) read: gate r and the gradient of a_z; written: gradient of a_r
    h_prev : (B, H) read: h_{t-1}
    d_reset : (B, H) read: gradient of the reset state
    dh : (B, H) read and written: the share of h_{t-1} in the reset state is added
    da_rz : (B, 2H) written: gradients of a_r and a_z, contiguous for the product
    """
    rows, size = dh.shape
    for b in range(rows):
        gates, da_rz_row = a[b], da_rz[b]
        h_prev_row, d_reset_row, dh_row = h_prev[b], d_reset[b], dh[b]
        for j in range(size):
            gates[j], through_reset = reset_gradient(gates[j], h_prev_row[j], d_reset_row[j])
            dh_row[j] += through_reset
        for j in range(2 * size):
            da_rz_row[j] = gates[j]


@loop
def forward(a, h, reset, weight_hh, bias_hh):
    """GRU over a sequence, keeping what `backward` needs.

    Parameters
    ----------
    a : (T, B, 3H) read: input projections W_ih x_t + b_ih; written: activated gates r, z, n
    h : (T+1, B, H) slot 0 read: the initial state; the rest written
    reset : (T+1, B, H) slot 0 unused; the rest written: r_t * h_{t-1}
    weight_hh : (3H, H) read
    bias_hh : (3H,) read
    """
    steps, rows, size = a.shape[0], a.shape[1], h.shape[2]
    weight_rz, weight_n = weight_hh[: 2 * size], weight_hh[2 * size :]
    side_rz = np.empty((rows, 2 * size), a.dtype)
    side_n = np.empty((rows, size), a.dtype)
    for t in range(steps):
        np.dot(h[t], weight_rz.T, side_rz)
        reset_step(a[t], side_rz, bias_hh, h[t], reset[t + 1])
        np.dot(reset[t + 1], weight_n.T, side_n)
        candidate_step(a[t], side_n, bias_hh, h[t], h[t + 1])


@loop
def backward(a, h, reset, weight_hh, dy, dh, d_weight_hh, d_bias_hh):
    """Gradients of `forward`, back through all the steps given.

    Parameters
    ----------
    a : (T, B, 3H) read: gates as `forward` left them; written: gradient of the input projections
    h, reset : (T+1, B, H) read, as `forward` left them
    weight_hh : (3H, H) read
    dy : (K, B, H) read: gradients of the last K outputs, from the layer above
    dh : (B, H) read: further gradient of h_T; written: gradient of h_0
    d_weight_hh : (3H, H) written
    d_bias_hh : (3H,) written
    """
    steps, rows, size = a.shape[0], a.shape[1], h.shape[2]
    first = steps - dy.shape[0]
    weight_rz, weight_n = weight_hh[: 2 * size], weight_hh[2 * size :]
    da_rz = np.empty((steps, rows, 2 * size), a.dtype)
    da_n = np.empty((steps, rows, size), a.dtype)
    product = np.empty((rows, size), a.dtype)
    for t in range(steps - 1, -1, -1):
        if t >= first:
            accumulate(dh, dy[t - first])
        candidate_step_gradient(a[t], h[t], dh, da_n[t])
        np.dot(da_n[t], weight_n, product)
        reset_step_gradient(a[t], h[t], product, dh, da_rz[t])
        np.dot(da_rz[t], weight_rz, product)
        accumulate(dh, product)
    total = steps * rows
    np.dot(da_rz.reshape(total, 2 * size).T, h[:steps].reshape(total, size), d_weight_hh[: 2 * size])
    np.dot(da_n.reshape(total, size).T, reset[1:].reshape(total, size), d_weight_hh[2 * size :])
    column_sums(a.reshape(total, 3 * size), d_bias_hh)
