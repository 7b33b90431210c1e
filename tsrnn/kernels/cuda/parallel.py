"""The loops of `tsrnn.kernels.parallel` for arrays on the device: one step from one shared state for each of P inputs.

The share of the state in the gates, W_hh h_0 + b_hh, is computed once, as rows of `side` (B, G H). Then a thread takes
a unit (p, b, j) of a position; backward a unit (b, j) at all positions, whose gradients of the gates it adds up in
`total` (B, G H), in order.
"""

from tsrnn.kernels import gru, lstm, rnn
from tsrnn.kernels import gru_reset_before as reset_before
from tsrnn.kernels.cuda.gru import to_input_side
from tsrnn.kernels.cuda.linear import affine, affine_gradient, affine_input_gradient, column_sums, outer_product
from tsrnn.kernels.cuda.lstm_peephole import peephole_gradient, unit, unit_gradient
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import cuda, each, kernel
from tsrnn.kernels.cuda.sequences import flat
from tsrnn.kernels.devices import contiguous


def _side(h, weight_hh, bias_hh) -> Array:
    """W_hh h_0 + b_hh, (B, G H)."""
    side = Array.empty((h.shape[1], weight_hh.shape[0]), h.dtype)
    affine(h[0], weight_hh, bias_hh, side)
    return side


@kernel
def _rnn_forward(a, side, h, rectify):
    """a (P, B, H) and side (B, H) read; h (P+1, B, H) written from slot 1 on."""
    n = cuda.grid(1)
    if n < a.size:
        rows, size = a.shape[1], a.shape[2]
        p, b, j = n // (rows * size), n // size % rows, n % size
        pre = a[p, b, j] + side[b, j]
        h[p + 1, b, j] = rnn.relu_cell(pre) if rectify else rnn.cell(pre)


@kernel
def _rnn_backward(a, h, dy, total, rectify):
    """h (P+1, B, H) and dy (P, B, H) read; a (P, B, H), gradient of the gates, and total (B, H) written."""
    n = cuda.grid(1)
    if n < total.size:
        b, j = n // total.shape[1], n % total.shape[1]
        d_side = total.dtype.type(0)
        for p in range(a.shape[0]):
            out, d = h[p + 1, b, j], dy[p, b, j]
            d_a = rnn.relu_cell_gradient(out, d) if rectify else rnn.cell_gradient(out, d)
            a[p, b, j] = d_a
            d_side += d_a
        total[b, j] = d_side


def rnn_forward(a, h, weight_hh, bias_hh, rectify):
    """Twin of `tsrnn.kernels.parallel.rnn_forward`."""
    each(_rnn_forward, a.size, a, _side(h, weight_hh, bias_hh), h, rectify)


def rnn_backward(a, h, weight_hh, dy, dh, d_weight_hh, d_bias_hh, rectify):
    """Twin of `tsrnn.kernels.parallel.rnn_backward`."""
    total = Array.empty(a.shape[1:], a.dtype)
    each(_rnn_backward, dh.size, a, h, contiguous(dy), total, rectify)
    affine_input_gradient(total, weight_hh, dh)
    affine_gradient(h[0], total, d_weight_hh, d_bias_hh)


@kernel
def _lstm_forward(a, side, h, c):
    """a (P, B, 4H) read: input projections, written: gates; side (B, 4H) read; h, c (P+1, B, H), c_0 read."""
    n = cuda.grid(1)
    rows, size = a.shape[1], h.shape[2]
    if n < a.shape[0] * rows * size:
        p, b, j_i = n // (rows * size), n // size % rows, n % size
        j_f, j_g, j_o = j_i + size, j_i + 2 * size, j_i + 3 * size
        i, f = a[p, b, j_i] + side[b, j_i], a[p, b, j_f] + side[b, j_f]
        g, o = a[p, b, j_g] + side[b, j_g], a[p, b, j_o] + side[b, j_o]
        i, f, g, o, c_p, h_p = lstm.cell(i, f, g, o, c[0, b, j_i])
        a[p, b, j_i], a[p, b, j_f], a[p, b, j_g], a[p, b, j_o] = i, f, g, o
        c[p + 1, b, j_i], h[p + 1, b, j_i] = c_p, h_p


@kernel
def _lstm_backward(a, c, dy, dc, total):
    """a (P, B, 4H) read: gates, written: their gradient; c (P+1, B, H), dy (P, B, H) read; dc, total written."""
    n = cuda.grid(1)
    if n < dc.size:
        size = dc.shape[1]
        b, j_i = n // size, n % size
        j_f, j_g, j_o = j_i + size, j_i + 2 * size, j_i + 3 * size
        zero = dc.dtype.type(0)
        d_i = d_f = d_g = d_o = d_c = zero
        for p in range(a.shape[0]):
            i, f, g, o = a[p, b, j_i], a[p, b, j_f], a[p, b, j_g], a[p, b, j_o]
            i, f, g, o, d_prev = lstm.cell_gradient(i, f, g, o, c[0, b, j_i], c[p + 1, b, j_i], dy[p, b, j_i], zero)
            a[p, b, j_i], a[p, b, j_f], a[p, b, j_g], a[p, b, j_o] = i, f, g, o
            d_i, d_f, d_g, d_o, d_c = d_i + i, d_f + f, d_g + g, d_o + o, d_c + d_prev
        total[b, j_i], total[b, j_f], total[b, j_g], total[b, j_o] = d_i, d_f, d_g, d_o
        dc[b, j_i] = d_c


def lstm_forward(a, h, c, weight_hh, bias_hh):
    """Twin of `tsrnn.kernels.parallel.lstm_forward`."""
    each(_lstm_forward, a.size // 4, a, _side(h, weight_hh, bias_hh), h, c)


def lstm_backward(a, h, c, weight_hh, dy, dh, dc, d_weight_hh, d_bias_hh):
    """Twin of `tsrnn.kernels.parallel.lstm_backward`."""
    total = Array.empty(a.shape[1:], a.dtype)
    each(_lstm_backward, dc.size, a, c, contiguous(dy), dc, total)
    affine_input_gradient(total, weight_hh, dh)
    affine_gradient(h[0], total, d_weight_hh, d_bias_hh)


@kernel
def _lstm_peephole_forward(a, side, h, c, peephole, o_sees_previous):
    """As `_lstm_forward`; peephole (3, H) read."""
    n = cuda.grid(1)
    rows, size = a.shape[1], h.shape[2]
    if n < a.shape[0] * rows * size:
        p, b, j_i = n // (rows * size), n // size % rows, n % size
        j_f, j_g, j_o = j_i + size, j_i + 2 * size, j_i + 3 * size
        i, f = a[p, b, j_i] + side[b, j_i], a[p, b, j_f] + side[b, j_f]
        g, o = a[p, b, j_g] + side[b, j_g], a[p, b, j_o] + side[b, j_o]
        p_i, p_f, p_o = peephole[0, j_i], peephole[1, j_i], peephole[2, j_i]
        i, f, g, o, c_p, h_p = unit(i, f, g, o, p_i, p_f, p_o, o_sees_previous, c[0, b, j_i])
        a[p, b, j_i], a[p, b, j_f], a[p, b, j_g], a[p, b, j_o] = i, f, g, o
        c[p + 1, b, j_i], h[p + 1, b, j_i] = c_p, h_p


@kernel
def _lstm_peephole_backward(a, c, peephole, dy, dc, total, o_sees_previous):
    """As `_lstm_backward`; peephole (3, H) read."""
    n = cuda.grid(1)
    if n < dc.size:
        size = dc.shape[1]
        b, j_i = n // size, n % size
        j_f, j_g, j_o = j_i + size, j_i + 2 * size, j_i + 3 * size
        p_i, p_f, p_o = peephole[0, j_i], peephole[1, j_i], peephole[2, j_i]
        zero = dc.dtype.type(0)
        d_i = d_f = d_g = d_o = d_c = zero
        for p in range(a.shape[0]):
            i, f, g, o = a[p, b, j_i], a[p, b, j_f], a[p, b, j_g], a[p, b, j_o]
            c_0, c_p = c[0, b, j_i], c[p + 1, b, j_i]
            i, f, g, o, d_prev = unit_gradient(
                i, f, g, o, p_i, p_f, p_o, o_sees_previous, c_0, c_p, dy[p, b, j_i], zero
            )
            a[p, b, j_i], a[p, b, j_f], a[p, b, j_g], a[p, b, j_o] = i, f, g, o
            d_i, d_f, d_g, d_o, d_c = d_i + i, d_f + f, d_g + g, d_o + o, d_c + d_prev
        total[b, j_i], total[b, j_f], total[b, j_g], total[b, j_o] = d_i, d_f, d_g, d_o
        dc[b, j_i] = d_c


def lstm_peephole_forward(a, h, c, weight_hh, bias_hh, weight_peephole, o_sees_previous):
    """Twin of `tsrnn.kernels.parallel.lstm_peephole_forward`."""
    side = _side(h, weight_hh, bias_hh)
    each(_lstm_peephole_forward, a.size // 4, a, side, h, c, weight_peephole, o_sees_previous)


def lstm_peephole_backward(
    a, h, c, weight_hh, weight_peephole, dy, dh, dc, d_weight_hh, d_bias_hh, d_weight_peephole, o_sees_previous
):
    """Twin of `tsrnn.kernels.parallel.lstm_peephole_backward`."""
    total = Array.empty(a.shape[1:], a.dtype)
    each(_lstm_peephole_backward, dc.size, a, c, weight_peephole, contiguous(dy), dc, total, o_sees_previous)
    affine_input_gradient(total, weight_hh, dh)
    affine_gradient(h[0], total, d_weight_hh, d_bias_hh)
    peephole_gradient(a, c, o_sees_previous, True, d_weight_peephole)


@kernel
def _gru_forward(a, side, h, u):
    """a (P, B, 3H) read: input projections, written: gates; side (B, 3H), h_0 read; h, u (P+1, B, H) written."""
    n = cuda.grid(1)
    rows, size = a.shape[1], h.shape[2]
    if n < a.shape[0] * rows * size:
        p, b, j_r = n // (rows * size), n // size % rows, n % size
        j_z, j_n = j_r + size, j_r + 2 * size
        r, z, u_p = a[p, b, j_r] + side[b, j_r], a[p, b, j_z] + side[b, j_z], side[b, j_n]
        r, z, candidate, h_p = gru.cell(r, z, a[p, b, j_n], u_p, h[0, b, j_r])
        a[p, b, j_r], a[p, b, j_z], a[p, b, j_n] = r, z, candidate
        u[p + 1, b, j_r], h[p + 1, b, j_r] = u_p, h_p


@kernel
def _gru_backward(a, h, u, dy, past_gates, total):
    """Gradients of the recurrent side, as those of the loop over time, and their sums over the positions.

    a : (P, B, 3H) read: gates; written: gradient of the recurrent side
    h : (P+1, B, H) slot 0 read
    u : (P+1, B, H) read; written: gradient of the candidate's input side
    dy : (P, B, H) read
    past_gates : (B, H) written: gradient of h_0 past the gates
    total : (B, 3H) written
    """
    n = cuda.grid(1)
    if n < past_gates.size:
        size = past_gates.shape[1]
        b, j_r = n // size, n % size
        j_z, j_n = j_r + size, j_r + 2 * size
        d_r = d_z = d_u = d_h = total.dtype.type(0)
        for p in range(a.shape[0]):
            r, z, input_side, recurrent_side, d_past = gru.cell_gradient(
                a[p, b, j_r], a[p, b, j_z], a[p, b, j_n], u[p + 1, b, j_r], h[0, b, j_r], dy[p, b, j_r]
            )
            a[p, b, j_r], a[p, b, j_z], a[p, b, j_n] = r, z, recurrent_side
            u[p + 1, b, j_r] = input_side
            d_r, d_z, d_u, d_h = d_r + r, d_z + z, d_u + recurrent_side, d_h + d_past
        total[b, j_r], total[b, j_z], total[b, j_n] = d_r, d_z, d_u
        past_gates[b, j_r] = d_h


def gru_forward(a, h, u, weight_hh, bias_hh):
    """Twin of `tsrnn.kernels.parallel.gru_forward`."""
    each(_gru_forward, a.size // 3, a, _side(h, weight_hh, bias_hh), h, u)


def gru_backward(a, h, u, weight_hh, dy, dh, d_weight_hh, d_bias_hh):
    """Twin of `tsrnn.kernels.parallel.gru_backward`."""
    total, past_gates = Array.empty(a.shape[1:], a.dtype), Array.empty(dh.shape, dh.dtype)
    each(_gru_backward, dh.size, a, h, u, contiguous(dy), past_gates, total)
    affine_input_gradient(total, weight_hh, dh)
    dh += past_gates
    affine_gradient(h[0], total, d_weight_hh, d_bias_hh)
    to_input_side(a, u)


@kernel
def _reset(a, side, h, reset):
    """a (P, B, 3H) read and written in r and z; side (B, 2H), h_0 read; reset (P+1, B, H) written from slot 1 on."""
    n = cuda.grid(1)
    rows, size = a.shape[1], h.shape[2]
    if n < a.shape[0] * rows * size:
        p, b, j = n // (rows * size), n // size % rows, n % size
        r, z = a[p, b, j] + side[b, j], a[p, b, j + size] + side[b, j + size]
        a[p, b, j], a[p, b, j + size], reset[p + 1, b, j] = reset_before.reset_cell(r, z, h[0, b, j])


@kernel
def _candidate(a, side, h):
    """a (P, B, 3H) read, written in n; side (P * B, H): W_hn (r_p * h_0) + b_hn read; h (P+1, B, H) from slot 1 on."""
    n = cuda.grid(1)
    rows, size = a.shape[1], h.shape[2]
    if n < a.shape[0] * rows * size:
        p, b, j = n // (rows * size), n // size % rows, n % size
        pre = a[p, b, j + 2 * size] + side[p * rows + b, j]
        a[p, b, j + 2 * size], h[p + 1, b, j] = reset_before.candidate_cell(pre, a[p, b, j + size], h[0, b, j])


@kernel
def _candidate_backward(a, h, dy, d_n, past_gates):
    """Gradients of the pre-activations of z and n, and that of h_0 past the gates.

    a : (P, B, 3H) read; written in z and n
    h : (P+1, B, H) slot 0 read
    dy : (P, B, H) read
    d_n : (P * B, H) written: that of n once more, in one piece
    past_gates : (B, H) written: sum over the positions
    """
    n = cuda.grid(1)
    if n < past_gates.size:
        rows, size = past_gates.shape
        b, j = n // size, n % size
        d_h = past_gates.dtype.type(0)
        for p in range(a.shape[0]):
            z, candidate, d_past = gru.update_gradient(
                a[p, b, j + size], a[p, b, j + 2 * size], h[0, b, j], dy[p, b, j]
            )
            a[p, b, j + size], a[p, b, j + 2 * size], d_n[p * rows + b, j] = z, candidate, candidate
            d_h += d_past
        past_gates[b, j] = d_h


@kernel
def _reset_backward(a, h, d_reset, past_gates, total):
    """Gradient of the pre-activation of r, and the sums of those of r and z over the positions.

    a : (P, B, 3H) read; written in r
    h : (P+1, B, H) slot 0 read
    d_reset : (P * B, H) read: gradient of the reset states
    past_gates : (B, H) read and written: their share of h_0 is added
    total : (B, 2H) written
    """
    n = cuda.grid(1)
    if n < past_gates.size:
        rows, size = past_gates.shape
        b, j = n // size, n % size
        d_r = d_z = total.dtype.type(0)
        d_h = past_gates[b, j]
        for p in range(a.shape[0]):
            r, through_reset = reset_before.reset_gradient(a[p, b, j], h[0, b, j], d_reset[p * rows + b, j])
            a[p, b, j] = r
            d_r, d_z, d_h = d_r + r, d_z + a[p, b, j + size], d_h + through_reset
        total[b, j], total[b, j + size] = d_r, d_z
        past_gates[b, j] = d_h


def gru_reset_before_forward(a, h, reset, weight_hh, bias_hh):
    """Twin of `tsrnn.kernels.parallel.gru_reset_before_forward`."""
    size, units = h.shape[2], a.size // 3
    each(_reset, units, a, _side(h, weight_hh[: 2 * size], bias_hh[: 2 * size]), h, reset)
    side = Array.empty((units // size, size), a.dtype)
    affine(flat(reset[1:]), weight_hh[2 * size :], bias_hh[2 * size :], side)
    each(_candidate, units, a, side, h)


def gru_reset_before_backward(a, h, reset, weight_hh, dy, dh, d_weight_hh, d_bias_hh):
    """Twin of `tsrnn.kernels.parallel.gru_reset_before_backward`."""
    rows, size = dh.shape
    total, past_gates = Array.empty((rows, 2 * size), a.dtype), Array.empty(dh.shape, dh.dtype)
    d_n, d_reset = (Array.empty((len(a) * rows, size), a.dtype) for _ in range(2))
    each(_candidate_backward, dh.size, a, h, contiguous(dy), d_n, past_gates)
    affine_input_gradient(d_n, weight_hh[2 * size :], d_reset)
    each(_reset_backward, dh.size, a, h, d_reset, past_gates, total)
    affine_input_gradient(total, weight_hh[: 2 * size], dh)
    dh += past_gates
    outer_product(total, h[0], d_weight_hh[: 2 * size])
    outer_product(d_n, flat(reset[1:]), d_weight_hh[2 * size :])
    column_sums(flat(a), d_bias_hh)
