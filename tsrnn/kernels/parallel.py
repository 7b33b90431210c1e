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
from tsrnn.kernels.linear import accumulate, affine_gradient, column_sums


@loop
def rnn_forward(a, h, weight_hh, bias_hh, rectify):
    """RNN, one step for each input; `a` is read only."""
    h_side = np.dot(h[0], weight_hh.T)
    for p in range(a.shape[0]):
        rnn.step(a[p], h_side, bias_hh, rectify, h[p + 1])


@loop
def rnn_backward(a, h, weight_hh, dy, dh, d_weight_hh, d_bias_hh, rectify):
    """Gradients of `rnn_forward`; `a` is written only."""
    da = np.zeros_like(a[0])
    for p in range(a.shape[0]):
        rnn.step_gradient(a[p], h[p + 1], rectify, dy[p])
        accumulate(da, a[p])
    np.dot(da, weight_hh, dh)
    affine_gradient(h[0], da, d_weight_hh, d_bias_hh)


@loop
def lstm_forward(a, h, c, weight_hh, bias_hh):
    """LSTM, one step for each input."""
    h_side = np.dot(h[0], weight_hh.T)
    for p in range(a.shape[0]):
        lstm.step(a[p], h_side, bias_hh, c[0], c[p + 1], h[p + 1])


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
    np.dot(da, weight_hh, dh)
    affine_gradient(h[0], da, d_weight_hh, d_bias_hh)


@loop
def lstm_peephole_forward(a, h, c, weight_hh, bias_hh, weight_peephole, o_sees_previous):
    """LSTM with peepholes, one step for each input."""
    h_side = np.dot(h[0], weight_hh.T)
    for p in range(a.shape[0]):
        lstm_peephole.step(a[p], h_side, bias_hh, weight_peephole, o_sees_previous, c[0], c[p + 1], h[p + 1])


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
    np.dot(da, weight_hh, dh)
    affine_gradient(h[0], da, d_weight_hh, d_bias_hh)


@loop
def gru_forward(a, h, u, weight_hh, bias_hh):
    """GRU, one step for each input."""
    h_side = np.dot(h[0], weight_hh.T)
    for p in range(a.shape[0]):
        gru.step(a[p], h_side, bias_hh, h[0], h[p + 1], u[p + 1])


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
    np.dot(da, weight_hh, dh)
    accumulate(dh, past_gates)
    affine_gradient(h[0], da, d_weight_hh, d_bias_hh)
    gru.to_input_side(a, u)


@loop
def gru_reset_before_forward(a, h, reset, weight_hh, bias_hh):
    """GRU with the reset gate before the product, one step for each input.

    The reset state r_p * h_0 differs from position to position: the products of r and z are shared, the candidate's
    is not. It is one product for the rows of all positions.
    """
    positions, rows, size = reset.shape[0] - 1, reset.shape[1], reset.shape[2]
    weight_rz, weight_n = weight_hh[: 2 * size], weight_hh[2 * size :]
    side_rz = np.dot(h[0], weight_rz.T)
    for p in range(positions):
        gru_reset_before.reset_step(a[p], side_rz, bias_hh, h[0], reset[p + 1])
    side_n = np.dot(reset[1:].reshape(positions * rows, size), weight_n.T).reshape(positions, rows, size)
    for p in range(positions):
        gru_reset_before.candidate_step(a[p], side_n[p], bias_hh, h[0], h[p + 1])


@loop
def gru_reset_before_backward(a, h, reset, weight_hh, dy, dh, d_weight_hh, d_bias_hh):
    """Gradients of `gru_reset_before_forward`, which says which products are shared."""
    positions, rows, size = dy.shape
    total = positions * rows
    weight_rz, weight_n = weight_hh[: 2 * size], weight_hh[2 * size :]
    da_n = np.empty_like(dy)
    past_product = np.zeros_like(dh)
    for p in range(positions):
        dh_p = dy[p].copy()
        gru_reset_before.candidate_step_gradient(a[p], h[0], dh_p, da_n[p])
        accumulate(past_product, dh_p)
    d_reset = np.dot(da_n.reshape(total, size), weight_n).reshape(positions, rows, size)
    da_rz = np.zeros((rows, 2 * size), a.dtype)
    da_rz_p = np.empty_like(da_rz)
    for p in range(positions):
        gru_reset_before.reset_step_gradient(a[p], h[0], d_reset[p], past_product, da_rz_p)
        accumulate(da_rz, da_rz_p)
    np.dot(da_rz, weight_rz, dh)
    accumulate(dh, past_product)
    np.dot(da_rz.T, h[0], d_weight_hh[: 2 * size])
    np.dot(da_n.reshape(total, size).T, reset[1:].reshape(total, size), d_weight_hh[2 * size :])
    column_sums(a.reshape(total, 3 * size), d_bias_hh)
