"""Long short-term memory (Hochreiter and Schmidhuber, 1997; forget gate: Gers, Schmidhuber and Cummins, 2000).

    i_t, f_t, o_t = sigmoid(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)      each by its own rows of the weights
    g_t           = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)
    c_t = f_t * c_{t-1} + i_t * g_t
    h_t = o_t * tanh(c_t)

Layouts are torch's: gates in the order i f g o, `weight_ih` (4H, I), `weight_hh` (4H, H).
"""

from tsrnn.kernels._jit import apart, formula, loop
from tsrnn.kernels._shared import shared
from tsrnn.kernels.activations import sigmoid, sigmoid_gradient, tanh, tanh_gradient
from tsrnn.kernels.linear import accumulate, affine_gradient, projected, steps_together
from tsrnn.kernels.products import add_product, laid_out


@formula
def write_memory(a_i, a_f, a_g, c_prev):
    """Activated gates i, f, g and c_t from the pre-activations and c_{t-1}."""
    i = sigmoid(a_i)
    f = sigmoid(a_f)
    g = tanh(a_g)
    return i, f, g, f * c_prev + i * g


@formula
def read_memory(a_o, c):
    """Activated gate o and h_t from its pre-activation and c_t."""
    o = sigmoid(a_o)
    return o, o * tanh(c)


@formula
def read_memory_gradient(o, c, dh):
    """Gradients of a_o and of c_t from that of h_t."""
    tanh_c = tanh(c)
    return dh * tanh_c * sigmoid_gradient(o), dh * o * tanh_gradient(tanh_c)


@formula
def write_memory_gradient(i, f, g, c_prev, dc):
    """Gradients of a_i, a_f, a_g and of c_{t-1} from that of c_t."""
    da_i = dc * g * sigmoid_gradient(i)
    da_f = dc * c_prev * sigmoid_gradient(f)
    da_g = dc * i * tanh_gradient(g)
    return da_i, da_f, da_g, dc * f


@formula
def cell(a_i, a_f, a_g, a_o, c_prev):
    """Activated gates, c_t and h_t from the pre-activations and c_{t-1}."""
    i, f, g, c = write_memory(a_i, a_f, a_g, c_prev)
    o, h = read_memory(a_o, c)
    return i, f, g, o, c, h


@formula
def cell_gradient(i, f, g, o, c_prev, c, dh, dc):
    """Gradients of the pre-activations and of c_{t-1} from those of h_t and c_t."""
    da_o, dc_through_h = read_memory_gradient(o, c, dh)
    da_i, da_f, da_g, dc_prev = write_memory_gradient(i, f, g, c_prev, dc + dc_through_h)
    return da_i, da_f, da_g, da_o, dc_prev


@loop
def gates_of(row):
    """The blocks i, f, g, o of a row (4H,)."""
    size = row.size // 4
    return row[:size], row[size : 2 * size], row[2 * size : 3 * size], row[3 * size :]


@loop
def step_row(i, f, g, o, b_i, b_f, b_g, b_o, c_prev, c, h):
    """A row of `step`, its gates apart."""
    apart()
    for j in range(h.size):
        i[j], f[j], g[j], o[j], c[j], h[j] = cell(i[j] + b_i[j], f[j] + b_f[j], g[j] + b_g[j], o[j] + b_o[j], c_prev[j])


@loop
def step(a, bias_hh, c_prev, c, h):
    """One time step, after its products.

    Parameters
    ----------
    a : (B, 4H) read: W_ih x_t + b_ih + W_hh h_{t-1}; written: activated gates i, f, g, o
    bias_hh : (4H,) read
    c_prev : (B, H) read: c_{t-1}
    c, h : (B, H) written: c_t, h_t
    """
    b_i, b_f, b_g, b_o = gates_of(bias_hh)
    for b in range(h.shape[0]):
        i, f, g, o = gates_of(a[b])
        step_row(i, f, g, o, b_i, b_f, b_g, b_o, c_prev[b], c[b], h[b])


@loop
def step_gradient_row(i, f, g, o, c_prev, c, dh, dc):
    """A row of `step_gradient`, its gates apart."""
    apart()
    for j in range(dh.size):
        i[j], f[j], g[j], o[j], dc[j] = cell_gradient(i[j], f[j], g[j], o[j], c_prev[j], c[j], dh[j], dc[j])


@shared
def step_gradient(a, c_prev, c, dh, dc):
    """Gradient of one time step.

    Parameters
    ----------
    a : (B, 4H) read: gates; written: gradient of the pre-activations
    c_prev, c : (B, H) read: c_{t-1}, c_t
    dh : (B, H) read: gradient of h_t
    dc : (B, H) read: gradient of c_t from later steps; written: gradient of c_{t-1}
    """
    for b in range(dh.shape[0]):
        i, f, g, o = gates_of(a[b])
        step_gradient_row(i, f, g, o, c_prev[b], c[b], dh[b], dc[b])


@loop
def forward(x, weight_ih, bias_ih, a, h, c, weight_hh, bias_hh):
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
    """
    steps, rows = x.shape[:2]
    inputs = laid_out(weight_ih.T, steps * rows)
    recurrent = laid_out(weight_hh.T, steps * rows)
    for first in range(0, steps, steps_together(rows, a.shape[2])):
        part = projected(x, first, inputs, bias_ih, a)
        for t in range(first, first + part.shape[0]):
            a_t = part[t - first]
            add_product(h[t], recurrent, a_t)
            step(a_t, bias_hh, c[t], c[t + 1], h[t + 1])


@loop
def backward(a, h, c, weight_hh, dy, dh, dc, d_weight_hh, d_bias_hh):
    """Gradients of `forward`, back through all the steps given.

    Parameters
    ----------
    a : (T, B, 4H) read: gates as `forward` left them; written: gradient of the input projections
    h, c : (T+1, B, H) read, as `forward` left them
    weight_hh : (4H, H) read
    dy : (K, B, H) read: gradients of the last K outputs, from the layer above
    dh, dc : (B, H) read: further gradients of h_T and of c_T; written: gradients of h_0 and of c_0
    d_weight_hh : (4H, H) written
    d_bias_hh : (4H,) written
    """
    steps, rows, size = a.shape[0], a.shape[1], h.shape[2]
    first = steps - dy.shape[0]
    recurrent = laid_out(weight_hh, steps * rows)
    for t in range(steps - 1, -1, -1):
        if t >= first:
            accumulate(dh, dy[t - first])
        step_gradient(a[t], c[t], c[t + 1], dh, dc)
        dh[...] = 0
        add_product(a[t], recurrent, dh)
    affine_gradient(h[:steps].reshape(steps * rows, size), a.reshape(steps * rows, 4 * size), d_weight_hh, d_bias_hh)
