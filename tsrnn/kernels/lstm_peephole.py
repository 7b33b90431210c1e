"""LSTM with peepholes (Gers and Schmidhuber, 2000): the gates see the cell state through diagonal weights.

    i_t = sigmoid(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi + p_i * c_{t-1})
    f_t = sigmoid(W_if x_t + b_if + W_hf h_{t-1} + b_hf + p_f * c_{t-1})
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
    c_t = f_t * c_{t-1} + i_t * g_t
    o_t = sigmoid(W_io x_t + b_io + W_ho h_{t-1} + b_ho + p_o * c_t)        or + p_o * c_{t-1}: `o_sees_previous`
    h_t = o_t * tanh(c_t)

The equations from c_t on are those of `lstm`, and called from there. Layouts are those of `lstm`, gates in the order
i f g o; `weight_peephole` (3, H) holds p_i, p_f and p_o.
"""

from tsrnn.kernels._jit import formula, loop
from tsrnn.kernels.linear import accumulate, affine_gradient, projected, steps_together
from tsrnn.kernels.lstm import read_memory, read_memory_gradient, write_memory, write_memory_gradient
from tsrnn.kernels.products import add_product, laid_out


@formula
def peep(a, p, c):
    """A gate's pre-activation with its view of the cell state."""
    return a + p * c


@formula
def peep_gradient(dc, p, da):
    """Gradient of the cell state with what a gate that sees it adds."""
    return dc + p * da


@loop
def step(a, bias_hh, peephole, o_sees_previous, c_prev, c, h):
    """One time step, after its products.

    Parameters
    ----------
    a : (B, 4H) read: W_ih x_t + b_ih + W_hh h_{t-1}; written: activated gates i, f, g, o
    bias_hh : (4H,) read
    peephole : (3, H) read
    o_sees_previous : bool: whether the output gate sees c_{t-1} in place of c_t
    c_prev : (B, H) read: c_{t-1}
    c, h : (B, H) written: c_t, h_t
    """
    rows, size = h.shape
    b_i, b_f, b_g, b_o = bias_hh[:size], bias_hh[size : 2 * size], bias_hh[2 * size : 3 * size], bias_hh[3 * size :]
    p_i, p_f, p_o = peephole[0], peephole[1], peephole[2]
    for b in range(rows):
        gates = a[b]
        i, f, g, o = gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size], gates[3 * size :]
        c_prev_row, c_row, h_row = c_prev[b], c[b], h[b]
        for j in range(size):
            i[j], f[j], g[j], c_row[j] = write_memory(
                peep(i[j] + b_i[j], p_i[j], c_prev_row[j]),
                peep(f[j] + b_f[j], p_f[j], c_prev_row[j]),
                g[j] + b_g[j],
                c_prev_row[j],
            )
        seen = c_prev_row if o_sees_previous else c_row
        for j in range(size):
            o[j], h_row[j] = read_memory(peep(o[j] + b_o[j], p_o[j], seen[j]), c_row[j])


@loop  # shared, it was a sixth slower
def step_gradient(a, peephole, o_sees_previous, c_prev, c, dh, dc, d_peephole):
    """Gradient of one time step.

    Parameters
    ----------
    a : (B, 4H) read: gates; written: gradient of the pre-activations
    peephole : (3, H) read
    o_sees_previous : bool
    c_prev, c : (B, H) read: c_{t-1}, c_t
    dh : (B, H) read: gradient of h_t
    dc : (B, H) read: gradient of c_t from later steps; written: gradient of c_{t-1}
    d_peephole : (3, H) added to
    """
    rows, size = dh.shape
    p_i, p_f, p_o = peephole[0], peephole[1], peephole[2]
    dp_i, dp_f, dp_o = d_peephole[0], d_peephole[1], d_peephole[2]
    for b in range(rows):
        gates = a[b]
        i, f, g, o = gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size], gates[3 * size :]
        c_prev_row, c_row, dh_row, dc_row = c_prev[b], c[b], dh[b], dc[b]
        for j in range(size):
            o[j], through_h = read_memory_gradient(o[j], c_row[j], dh_row[j])
            dc_row[j] += through_h
        if not o_sees_previous:
            for j in range(size):
                dc_row[j] = peep_gradient(dc_row[j], p_o[j], o[j])
        for j in range(size):
            i[j], f[j], g[j], dc_row[j] = write_memory_gradient(i[j], f[j], g[j], c_prev_row[j], dc_row[j])
        for j in range(size):
            dc_row[j] = peep_gradient(peep_gradient(dc_row[j], p_i[j], i[j]), p_f[j], f[j])
            dp_i[j] += i[j] * c_prev_row[j]
            dp_f[j] += f[j] * c_prev_row[j]
        seen = c_prev_row if o_sees_previous else c_row
        for j in range(size):
            dp_o[j] += o[j] * seen[j]
        if o_sees_previous:
            for j in range(size):
                dc_row[j] = peep_gradient(dc_row[j], p_o[j], o[j])


@loop
def forward(x, weight_ih, bias_ih, a, h, c, weight_hh, bias_hh, weight_peephole, o_sees_previous):
    """LSTM over a sequence, keeping what `backward` needs.

    Parameters
    ----------
    x : (T, B, I) read
    weight_ih : (4H, I) read
    bias_ih : (4H,) read
    a : (T, B, 4H) written: activated gates i, f, g, o; or fewer places, without `backward`: see `projected`
    h, c : (T+1, B, H) slot 0 read: the initial state; the rest written
    weight_hh : (4H, H) read
    bias_hh : (4H,) read
    weight_peephole : (3, H) read
    o_sees_previous : bool
    """
    steps, rows = x.shape[:2]
    inputs = laid_out(weight_ih.T, steps * rows)
    recurrent = laid_out(weight_hh.T, steps * rows)
    for first in range(0, steps, steps_together(rows, a.shape[2])):
        part = projected(x, first, inputs, bias_ih, a)
        for t in range(first, first + part.shape[0]):
            a_t = part[t - first]
            add_product(h[t], recurrent, a_t)
            step(a_t, bias_hh, weight_peephole, o_sees_previous, c[t], c[t + 1], h[t + 1])


@loop
def backward(
    a, h, c, weight_hh, weight_peephole, dy, dh, dc, d_weight_hh, d_bias_hh, d_weight_peephole, o_sees_previous
):
    """Gradients of `forward`, back through all the steps given.

    Parameters
    ----------
    a : (T, B, 4H) read: gates as `forward` left them; written: gradient of the input projections
    h, c : (T+1, B, H) read, as `forward` left them
    weight_hh : (4H, H) read
    weight_peephole : (3, H) read
    dy : (K, B, H) read: gradients of the last K outputs, from the layer above
    dh, dc : (B, H) read: further gradients of h_T and of c_T; written: gradients of h_0 and of c_0
    d_weight_hh : (4H, H) written
    d_bias_hh : (4H,) written
    d_weight_peephole : (3, H) written
    o_sees_previous : bool
    """
    steps, rows, size = a.shape[0], a.shape[1], h.shape[2]
    first = steps - dy.shape[0]
    recurrent = laid_out(weight_hh, steps * rows)
    for k in range(3):
        for j in range(size):
            d_weight_peephole[k, j] = 0
    for t in range(steps - 1, -1, -1):
        if t >= first:
            accumulate(dh, dy[t - first])
        step_gradient(a[t], weight_peephole, o_sees_previous, c[t], c[t + 1], dh, dc, d_weight_peephole)
        dh[...] = 0
        add_product(a[t], recurrent, dh)
    affine_gradient(h[:steps].reshape(steps * rows, size), a.reshape(steps * rows, 4 * size), d_weight_hh, d_bias_hh)
