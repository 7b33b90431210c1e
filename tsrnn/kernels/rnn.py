"""The vanilla recurrent network (Elman, 1990).

    h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)       or relu(...): `rectify`

Layouts are torch's: one gate, `weight_ih` (H, I), `weight_hh` (H, H).
"""

from tsrnn.kernels._jit import formula, loop
from tsrnn.kernels._shared import shared
from tsrnn.kernels.activations import relu, relu_gradient, tanh, tanh_gradient
from tsrnn.kernels.linear import accumulate, affine_gradient, projected, steps_together
from tsrnn.kernels.products import add_product, laid_out


@formula
def cell(a):
    """h_t from the pre-activation."""
    return tanh(a)


@formula
def cell_gradient(h, dh):
    """Gradient of the pre-activation from that of h_t."""
    return dh * tanh_gradient(h)


@formula
def relu_cell(a):
    """h_t from the pre-activation, rectified."""
    return relu(a)


@formula
def relu_cell_gradient(h, dh):
    """Gradient of the pre-activation from that of a rectified h_t."""
    return dh * relu_gradient(h)


@loop
def step(a, bias_hh, rectify, h):
    """One time step, after its products.

    Parameters
    ----------
    a : (B, H) read: W_ih x_t + b_ih + W_hh h_{t-1}
    bias_hh : (H,) read
    rectify : bool
    h : (B, H) written: h_t
    """
    rows, size = h.shape
    for b in range(rows):
        a_row, h_row = a[b], h[b]
        if rectify:
            for j in range(size):
                h_row[j] = relu_cell(a_row[j] + bias_hh[j])
        else:
            for j in range(size):
                h_row[j] = cell(a_row[j] + bias_hh[j])


@shared
def step_gradient(a, h, rectify, dh):
    """Gradient of one time step.

    Parameters
    ----------
    a : (B, H) written: gradient of the pre-activations
    h : (B, H) read: h_t
    rectify : bool
    dh : (B, H) read: gradient of h_t
    """
    rows, size = h.shape
    for b in range(rows):
        a_row, h_row, dh_row = a[b], h[b], dh[b]
        if rectify:
            for j in range(size):
                a_row[j] = relu_cell_gradient(h_row[j], dh_row[j])
        else:
            for j in range(size):
                a_row[j] = cell_gradient(h_row[j], dh_row[j])


@loop
def forward(x, weight_ih, bias_ih, a, h, weight_hh, bias_hh, rectify):
    """RNN over a sequence.

    Parameters
    ----------
    x : (T, B, I) read
    weight_ih : (H, I) read
    bias_ih : (H,) read
    a : (T, B, H) overwritten; or fewer places, without `backward`: see `projected`
    h : (T+1, B, H) slot 0 read: the initial state; the rest written: h_1 .. h_T
    weight_hh : (H, H) read
    bias_hh : (H,) read
    rectify : bool: relu in place of tanh
    """
    steps, rows = x.shape[:2]
    inputs = laid_out(weight_ih.T, steps * rows)
    recurrent = laid_out(weight_hh.T, steps * rows)
    for first in range(0, steps, steps_together(rows, a.shape[2])):
        part = projected(x, first, inputs, bias_ih, a)
        for t in range(first, first + part.shape[0]):
            a_t = part[t - first]
            add_product(h[t], recurrent, a_t)
            step(a_t, bias_hh, rectify, h[t + 1])


@loop
def backward(a, h, weight_hh, dy, dh, d_weight_hh, d_bias_hh, rectify):
    """Gradients of `forward`, back through all the steps given.

    Parameters
    ----------
    a : (T, B, H) written: gradient of the input projections
    h : (T+1, B, H) read, as `forward` left it
    weight_hh : (H, H) read
    dy : (K, B, H) read: gradients of the last K outputs, from the layer above
    dh : (B, H) read: further gradient of h_T; written: gradient of h_0
    d_weight_hh : (H, H) written
    d_bias_hh : (H,) written
    rectify : bool
    """
    steps, rows, size = a.shape
    first = steps - dy.shape[0]
    recurrent = laid_out(weight_hh, steps * rows)
    for t in range(steps - 1, -1, -1):
        if t >= first:
            accumulate(dh, dy[t - first])
        step_gradient(a[t], h[t + 1], rectify, dh)
        dh[...] = 0
        add_product(a[t], recurrent, dh)
    affine_gradient(h[:steps].reshape(steps * rows, size), a.reshape(steps * rows, size), d_weight_hh, d_bias_hh)
