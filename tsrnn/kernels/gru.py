"""Gated recurrent unit, reset gate after the product (Cho et al., 2014; this form: torch and cuDNN).

    r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
    z_t = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
    u_t = W_hn h_{t-1} + b_hn
    n_t = tanh(W_in x_t + b_in + r_t * u_t)
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}

The update gate z keeps the old state; the mirrored form found in some papers only swaps z for 1 - z.
Layouts are torch's: gates in the order r z n, `weight_ih` (3H, I), `weight_hh` (3H, H).
"""

from tsrnn.kernels._jit import apart, formula, loop
from tsrnn.kernels._shared import shared
from tsrnn.kernels.activations import sigmoid, sigmoid_gradient, tanh, tanh_gradient
from tsrnn.kernels.linear import accumulate, affine_gradient, projected, steps_together
from tsrnn.kernels.products import add_product, laid_out


@formula
def update(z, n, h_prev):
    """h_t between the candidate and h_{t-1}."""
    return n + z * (h_prev - n)


@formula
def update_gradient(z, n, h_prev, dh):
    """Gradients of the pre-activations of z and n, and of h_{t-1} past the gates, from that of h_t."""
    one = type(z)(1)
    return dh * (h_prev - n) * sigmoid_gradient(z), dh * (one - z) * tanh_gradient(n), dh * z


@formula
def cell(a_r, a_z, x_n, u, h_prev):
    """Activated gates and h_t from the pre-activations, the two sides of the candidate and h_{t-1}."""
    r = sigmoid(a_r)
    z = sigmoid(a_z)
    n = tanh(x_n + r * u)
    return r, z, n, update(z, n, h_prev)


@formula
def cell_gradient(r, z, n, u, h_prev, dh):
    """Gradients of a_r, a_z, x_n and u, and of h_{t-1} past the gates, from that of h_t."""
    da_z, dx_n, dh_prev = update_gradient(z, n, h_prev, dh)
    da_r = dx_n * u * sigmoid_gradient(r)
    return da_r, da_z, dx_n, dx_n * r, dh_prev


@loop
def gates_of(row):
    """The blocks r, z, n of a row (3H,)."""
    size = row.size // 3
    return row[:size], row[size : 2 * size], row[2 * size :]


@loop
def step_row(r, z, n, b_r, b_z, b_n, h_prev, h, u):
    """A row of `step`, its gates apart."""
    apart()
    for j in range(h.size):
        u[j] += b_n[j]
        r[j], z[j], n[j], h[j] = cell(r[j] + b_r[j], z[j] + b_z[j], n[j], u[j], h_prev[j])


@loop
def step(a, bias_hh, h_prev, h, u):
    """One time step, after its products.

    Parameters
    ----------
    a : (B, 3H) read: W_ih x_t + b_ih, in r and z with W_hh h_{t-1}; written: activated gates r, z, n
    bias_hh : (3H,) read
    h_prev : (B, H) read: h_{t-1}
    h : (B, H) written: h_t
    u : (B, H) read: W_hn h_{t-1}; written: u_t
    """
    b_r, b_z, b_n = gates_of(bias_hh)
    for b in range(h.shape[0]):
        r, z, n = gates_of(a[b])
        step_row(r, z, n, b_r, b_z, b_n, h_prev[b], h[b], u[b])


@loop
def step_gradient_row(r, z, n, h_prev, u, dh):
    """A row of `step_gradient`, its gates apart."""
    apart()
    for j in range(dh.size):
        r[j], z[j], u[j], n[j], dh[j] = cell_gradient(r[j], z[j], n[j], u[j], h_prev[j], dh[j])


@shared
def step_gradient(a, h_prev, u, dh):
    """Gradient of one time step.

    Parameters
    ----------
    a : (B, 3H) read: gates; written: gradient of the recurrent side W_hh h_{t-1} + b_hh
    h_prev : (B, H) read: h_{t-1}
    u : (B, H) read: u_t; written: gradient of the candidate's input side x_n
    dh : (B, H) read: gradient of h_t; written: gradient of h_{t-1} past the gates
    """
    for b in range(dh.shape[0]):
        r, z, n = gates_of(a[b])
        step_gradient_row(r, z, n, h_prev[b], u[b], dh[b])


@shared
def to_input_side(a, u):
    """Turn the gradient of the recurrent side into that of the input side: they differ in the candidate alone.

    Parameters
    ----------
    a : (T, B, 3H) read and written
    u : (T+1, B, H) read: in slots 1 .. T the gradient of x_n
    """
    steps, rows, size = a.shape[0], a.shape[1], u.shape[2]
    for t in range(steps):
        for b in range(rows):
            a_n, u_row = a[t, b, 2 * size :], u[t + 1, b]
            for j in range(size):
                a_n[j] = u_row[j]


@loop
def forward(x, weight_ih, bias_ih, a, h, u, weight_hh, bias_hh):
    """GRU over a sequence, keeping what `backward` needs.

    Parameters
    ----------
    x : (T, B, I) read
    weight_ih : (3H, I) read
    bias_ih : (3H,) read
    a : (T, B, 3H) written: activated gates r, z, n; or fewer places, without `backward`: see `projected`
    h : (T+1, B, H) slot 0 read: the initial state; the rest written
    u : (T+1, B, H) slot 0 unused; the rest written: the candidate's recurrent side u_1 .. u_T
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
            u[t + 1] = 0
            add_product(h[t], candidate, u[t + 1])
            step(a_t, bias_hh, h[t], h[t + 1], u[t + 1])


@loop
def backward(a, h, u, weight_hh, dy, dh, d_weight_hh, d_bias_hh):
    """Gradients of `forward`, back through all the steps given.

    Parameters
    ----------
    a : (T, B, 3H) read: gates as `forward` left them; written: gradient of the input projections
    h : (T+1, B, H) read, as `forward` left it
    u : (T+1, B, H) read, as `forward` left it; overwritten
    weight_hh : (3H, H) read
    dy : (K, B, H) read: gradients of the last K outputs, from the layer above
    dh : (B, H) read: further gradient of h_T; written: gradient of h_0
    d_weight_hh : (3H, H) written
    d_bias_hh : (3H,) written
    """
    steps, rows, size = a.shape[0], a.shape[1], h.shape[2]
    first = steps - dy.shape[0]
    recurrent = laid_out(weight_hh, steps * rows)
    for t in range(steps - 1, -1, -1):
        if t >= first:
            accumulate(dh, dy[t - first])
        step_gradient(a[t], h[t], u[t + 1], dh)
        add_product(a[t], recurrent, dh)
    affine_gradient(h[:steps].reshape(steps * rows, size), a.reshape(steps * rows, 3 * size), d_weight_hh, d_bias_hh)
    to_input_side(a, u)
