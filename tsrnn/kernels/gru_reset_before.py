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
from tsrnn.kernels._shared import shared
from tsrnn.kernels.activations import sigmoid, sigmoid_gradient, tanh
from tsrnn.kernels.gru import update, update_gradient
from tsrnn.kernels.linear import accumulate, column_sums, projected, steps_together
from tsrnn.kernels.products import add_outer_product, add_product, laid_out


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
def reset_step(a, bias_hh, h_prev, reset):
    """First half of a time step, after the gates' products.

    Parameters
    ----------
    a : (B, 3H) read: in r and z W_ih x_t + b_ih + W_hh h_{t-1}; written: gates r, z
    bias_hh : (3H,) read
    h_prev : (B, H) read: h_{t-1}
    reset : (B, H) written: r_t * h_{t-1}
    """
    rows, size = reset.shape
    b_r, b_z = bias_hh[:size], bias_hh[size : 2 * size]
    for b in range(rows):
        r, z = a[b, :size], a[b, size : 2 * size]
        h_prev_row, reset_row = h_prev[b], reset[b]
        for j in range(size):
            r[j], z[j], reset_row[j] = reset_cell(r[j] + b_r[j], z[j] + b_z[j], h_prev_row[j])


@loop
def candidate_step(a, bias_hh, h_prev, h):
    """Second half of a time step, after the candidate's product.

    Parameters
    ----------
    a : (B, 3H) read: gate z, and in n W_in x_t + b_in + W_hn (r_t * h_{t-1}); written: the candidate n
    bias_hh : (3H,) read
    h_prev : (B, H) read: h_{t-1}
    h : (B, H) written: h_t
    """
    rows, size = h.shape
    b_n = bias_hh[2 * size :]
    for b in range(rows):
        z, n = a[b, size : 2 * size], a[b, 2 * size :]
        h_prev_row, h_row = h_prev[b], h[b]
        for j in range(size):
            n[j], h_row[j] = candidate_cell(n[j] + b_n[j], z[j], h_prev_row[j])


@shared
def candidate_step_gradient(a, h_prev, dh):
    """Gradient of `candidate_step`.

    Parameters
    ----------
    a : (B, 3H) read: gates; written: gradients of the pre-activations of z and n
    h_prev : (B, H) read: h_{t-1}
    dh : (B, H) read: gradient of h_t; written: gradient of h_{t-1} past the gates
    """
    rows, size = dh.shape
    for b in range(rows):
        z, n = a[b, size : 2 * size], a[b, 2 * size :]
        h_prev_row, dh_row = h_prev[b], dh[b]
        for j in range(size):
            z[j], n[j], dh_row[j] = update_gradient(z[j], n[j], h_prev_row[j], dh_row[j])


@shared
def reset_step_gradient(a, h_prev, d_reset, dh):
    """Gradient of `reset_step`.

    Parameters
    ----------
    a : (B, 3H) read: gate r; written: gradient of a_r
    h_prev : (B, H) read: h_{t-1}
    d_reset : (B, H) read: gradient of the reset state
    dh : (B, H) read and written: the share of h_{t-1} in the reset state is added
    """
    rows, size = dh.shape
    for b in range(rows):
        r, h_prev_row, d_reset_row, dh_row = a[b, :size], h_prev[b], d_reset[b], dh[b]
        for j in range(size):
            r[j], through_reset = reset_gradient(r[j], h_prev_row[j], d_reset_row[j])
            dh_row[j] += through_reset


@loop
def forward(x, weight_ih, bias_ih, a, h, reset, weight_hh, bias_hh):
    """GRU over a sequence, keeping what `backward` needs.

    Parameters
    ----------
    x : (T, B, I) read
    weight_ih : (3H, I) read
    bias_ih : (3H,) read
    a : (T, B, 3H) written: activated gates r, z, n; or fewer places, without `backward`: see `projected`
    h : (T+1, B, H) slot 0 read: the initial state; the rest written
    reset : (T+1, B, H) slot 0 unused; the rest written: r_t * h_{t-1}
    weight_hh : (3H, H) read
    bias_hh : (3H,) read
    """
    steps, rows, size = x.shape[0], x.shape[1], h.shape[2]
    inputs = laid_out(weight_ih.T, steps * rows)
    gates = laid_out(weight_hh[: 2 * size].T, steps * rows)
    candidate = laid_out(weight_hh[2 * size :].T, steps * rows)
    for first in range(0, steps, steps_together(rows, a.shape[2])):
        part = projected(x, first, inputs, bias_ih, a)
        for t in range(first, first + part.shape[0]):
            a_t = part[t - first]
            add_product(h[t], gates, a_t[:, : 2 * size])
            reset_step(a_t, bias_hh, h[t], reset[t + 1])
            add_product(reset[t + 1], candidate, a_t[:, 2 * size :])
            candidate_step(a_t, bias_hh, h[t], h[t + 1])


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
    gates = laid_out(weight_hh[: 2 * size], steps * rows)
    candidate = laid_out(weight_hh[2 * size :], steps * rows)
    d_reset = np.empty_like(dh)
    for t in range(steps - 1, -1, -1):
        if t >= first:
            accumulate(dh, dy[t - first])
        candidate_step_gradient(a[t], h[t], dh)
        d_reset[...] = 0
        add_product(a[t, :, 2 * size :], candidate, d_reset)
        reset_step_gradient(a[t], h[t], d_reset, dh)
        add_product(a[t, :, : 2 * size], gates, dh)
    total = steps * rows
    a_rows = a.reshape(total, 3 * size)
    d_weight_hh[...] = 0
    add_outer_product(a_rows[:, : 2 * size], h[:steps].reshape(total, size), d_weight_hh[: 2 * size])
    add_outer_product(a_rows[:, 2 * size :], reset[1:].reshape(total, size), d_weight_hh[2 * size :])
    column_sums(a_rows, d_bias_hh)
