"""One step from one shared state for each of P inputs at once: parallel decoding (Lin et al., 2023, SegRNN).

    h_p = cell(x_p, h_0)        p = 1 .. P        or h_p, c_p = cell(x_p, h_0, c_0)

The equations are those of each cell's own `step`. The product W_hh h_0 is the same at every position and computed
once; its gradient is a product of the sum over the positions. The loops stand in for a cell's loops over time: the
same arguments in the same order, with positions in the place of times. What they read and write is alike in all cells:

a : (P, B, G H)
    `forward` reads: input projections W_ih x_p + b_ih; writes: activated gates. `backward` reads these and writes the
    gradient of the input projections.
h, c : (P+1, B, H)
    Slot 0 is read: the shared state. `forward` writes in slot p what the step with the input p gives; `backward` reads
    it. The same holds for what else a cell keeps, u and reset, whose slot 0 is unused; `backward` overwrites u.
weight_hh, bias_hh, weight_peephole : (G H, H), (G H,), (3, H)
    Read.
dy : (P, B, H)
    Read: gradients of all P outputs.
dh, dc : (B, H)
    Written, not read: gradients of h_0 and of c_0, sums over the positions.
d_weight_hh, d_bias_hh, d_weight_peephole : as the weights
    Written.
rectify, o_sees_previous : bool
    The options of the cells that have them.
"""

import numpy as np

from tsrnn.kernels import gru, gru_reset_before, lstm, lstm_peephole, rnn
from tsrnn.kernels._jit import loop
from tsrnn.kernels.linear import accumulate, affine_gradient, affine_input_gradient, column_sums
from tsrnn.kernels.products import add_outer_product, add_product, laid_out


@loop
def product(a, b):
    """a B (M, N), of `a` (M, K) and B (K, N)."""
    out = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    add_product(a, laid_out(b, a.shape[0]), out)
    return out


@loop
def rnn_forward(a, h, weight_hh, bias_hh, rectify):
    """RNN, one step for each input."""
    h_side = product(h[0], weight_hh.T)
    for p in range(a.shape[0]):
        accumulate(a[p], h_side)
        rnn.step(a[p], bias_hh, rectify, h[p + 1])


@loop
def rnn_backward(a, h, weight_hh, dy, dh, d_weight_hh, d_bias_hh, rectify):
    """Gradients of `rnn_forward`; `a` is written only."""
    da = np.zeros_like(a[0])
    for p in range(a.shape[0]):
        rnn.step_gradient(a[p], h[p + 1], rectify, dy[p])
        accumulate(da, a[p])
    affine_input_gradient(da, weight_hh, dh)
    affine_gradient(h[0], da, d_weight_hh, d_bias_hh)


@loop
def lstm_forward(a, h, c, weight_hh, bias_hh):
    """LSTM, one step for each input."""
    h_side = product(h[0], weight_hh.T)
    for p in range(a.shape[0]):
        accumulate(a[p], h_side)
        lstm.step(a[p], bias_hh, c[0], c[p + 1], h[p + 1])


@loop
def lstm_backward(a, h, c, weight_hh, dy, dh, dc, d_weight_hh, d_bias_hh):
    """Gradients of `lstm_forward`."""
    da = np.zeros_like(a[0])
    dc[...] = 0
    for p in range(a.shape[0]):
        dc_p = np.zeros_like(dc)
        lstm.step_gradient(a[p], c[0], c[p + 1], dy[p], dc_p)
        accumulate(da, a[p])
        accumulate(dc, dc_p)
    affine_input_gradient(da, weight_hh, dh)
    affine_gradient(h[0], da, d_weight_hh, d_bias_hh)


@loop
def lstm_peephole_forward(a, h, c, weight_hh, bias_hh, weight_peephole, o_sees_previous):
    """LSTM with peepholes, one step for each input."""
    h_side = product(h[0], weight_hh.T)
    for p in range(a.shape[0]):
        accumulate(a[p], h_side)
        lstm_peephole.step(a[p], bias_hh, weight_peephole, o_sees_previous, c[0], c[p + 1], h[p + 1])


@loop
def lstm_peephole_backward(
    a, h, c, weight_hh, weight_peephole, dy, dh, dc, d_weight_hh, d_bias_hh, d_weight_peephole, o_sees_previous
):
    """Gradients of `lstm_peephole_forward`."""
    da = np.zeros_like(a[0])
    dc[...] = 0
    d_weight_peephole[...] = 0
    for p in range(a.shape[0]):
        dc_p = np.zeros_like(dc)
        lstm_peephole.step_gradient(
            a[p], weight_peephole, o_sees_previous, c[0], c[p + 1], dy[p], dc_p, d_weight_peephole
        )
        accumulate(da, a[p])
        accumulate(dc, dc_p)
    affine_input_gradient(da, weight_hh, dh)
    affine_gradient(h[0], da, d_weight_hh, d_bias_hh)


@loop
def gru_forward(a, h, u, weight_hh, bias_hh):
    """GRU, one step for each input."""
    size = h.shape[2]
    gate_side = product(h[0], weight_hh[: 2 * size].T)
    u_side = product(h[0], weight_hh[2 * size :].T)
    for p in range(a.shape[0]):
        accumulate(a[p, :, : 2 * size], gate_side)
        u[p + 1] = 0
        accumulate(u[p + 1], u_side)
        gru.step(a[p], bias_hh, h[0], h[p + 1], u[p + 1])


@loop
def gru_backward(a, h, u, weight_hh, dy, dh, d_weight_hh, d_bias_hh):
    """Gradients of `gru_forward`."""
    da = np.zeros_like(a[0])
    past_gates = np.zeros_like(dh)
    for p in range(a.shape[0]):
        dh_p = dy[p].copy()
        gru.step_gradient(a[p], h[0], u[p + 1], dh_p)
        accumulate(da, a[p])
        accumulate(past_gates, dh_p)
    affine_input_gradient(da, weight_hh, dh)
    accumulate(dh, past_gates)
    affine_gradient(h[0], da, d_weight_hh, d_bias_hh)
    gru.to_input_side(a, u)


@loop
def gru_reset_before_forward(a, h, reset, weight_hh, bias_hh):
    """GRU with the reset gate before the product, one step for each input.

    The reset state r_p * h_0 differs from position to position: the products of r and z are shared, the candidate's
    is not.
    """
    size = h.shape[2]
    gate_side = product(h[0], weight_hh[: 2 * size].T)
    candidate = laid_out(weight_hh[2 * size :].T, a.shape[0] * a.shape[1])
    for p in range(a.shape[0]):
        accumulate(a[p, :, : 2 * size], gate_side)
        gru_reset_before.reset_step(a[p], bias_hh, h[0], reset[p + 1])
        add_product(reset[p + 1], candidate, a[p, :, 2 * size :])
        gru_reset_before.candidate_step(a[p], bias_hh, h[0], h[p + 1])


@loop
def gru_reset_before_backward(a, h, reset, weight_hh, dy, dh, d_weight_hh, d_bias_hh):
    """Gradients of `gru_reset_before_forward`, which says which products are shared."""
    size, total = dy.shape[2], dy.shape[0] * dy.shape[1]
    candidate = laid_out(weight_hh[2 * size :], total)
    da_gates = np.zeros((dy.shape[1], 2 * size), a.dtype)
    past_product = np.zeros_like(dh)
    for p in range(dy.shape[0]):
        dh_p, d_reset = dy[p].copy(), np.zeros_like(dh)
        gru_reset_before.candidate_step_gradient(a[p], h[0], dh_p)
        add_product(a[p, :, 2 * size :], candidate, d_reset)
        gru_reset_before.reset_step_gradient(a[p], h[0], d_reset, dh_p)
        accumulate(da_gates, a[p, :, : 2 * size])
        accumulate(past_product, dh_p)
    affine_input_gradient(da_gates, weight_hh[: 2 * size], dh)
    accumulate(dh, past_product)
    d_weight_hh[...] = 0
    add_outer_product(da_gates, h[0], d_weight_hh[: 2 * size])
    a_rows = a.reshape(total, 3 * size)
    add_outer_product(a_rows[:, 2 * size :], reset[1:].reshape(total, size), d_weight_hh[2 * size :])
    column_sums(a_rows, d_bias_hh)
