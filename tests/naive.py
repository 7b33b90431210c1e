"""The specification: every formula of tsrnn as a textbook writes it, in plain NumPy, row by row, step by step.

It imports nothing of tsrnn and is as slow as it is obvious. Layouts are torch's: `weight_ih` (G H, I),
`weight_hh` (G H, H), `bias_ih` and `bias_hh` (G H,), the G gates in the order i f g o (LSTM) or r z n (GRU). An
LSTM with peepholes has `weight_peephole` (3, H) besides, the diagonals p_i, p_f, p_o.

Sequences are `x` (T, B, I). Forward functions return each state at all times, (T+1, B, H), the initial one first.
Backward functions take the gradients of all outputs, `dy` (T, B, H), and those of the last states on top; they
return gradients by name: `x` (T, B, I), `h0` (and `c0`) (B, H), and those of the parameters.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# One time step of one row: x (I,), states (H,).


def pre_activation(x, h, w):
    return w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ h + w["bias_hh"]


def rnn_step(x, h, w):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh)."""
    return np.tanh(pre_activation(x, h, w))


def rnn_step_gradient(x, h, w, dh_next):
    h_next = rnn_step(x, h, w)
    da = dh_next * (1 - h_next**2)
    return both_sides(x, h, w, da, da)


def rnn_relu_step(x, h, w):
    """h' = max(0, W_ih x + b_ih + W_hh h + b_hh)."""
    return np.maximum(0, pre_activation(x, h, w))


def rnn_relu_step_gradient(x, h, w, dh_next):
    da = np.where(pre_activation(x, h, w) > 0, dh_next, 0)
    return both_sides(x, h, w, da, da)


def lstm_gates(x, h, w):
    a_i, a_f, a_g, a_o = np.split(pre_activation(x, h, w), 4)
    return sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)


def lstm_step(x, h, c, w):
    """c' = f c + i g, h' = o tanh(c')."""
    i, f, g, o = lstm_gates(x, h, w)
    c_next = f * c + i * g
    return o * np.tanh(c_next), c_next


def lstm_step_gradient(x, h, c, w, dh_next, dc_next):
    i, f, g, o = lstm_gates(x, h, w)
    c_next = f * c + i * g
    # h' = o tanh(c')
    do = dh_next * np.tanh(c_next)
    dc_next = dc_next + dh_next * o / np.cosh(c_next) ** 2
    # c' = f c + i g
    df, dc, di, dg = dc_next * c, dc_next * f, dc_next * g, dc_next * i
    da = np.concatenate([di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)])
    return both_sides(x, h, w, da, da) | {"c0": dc}


def lstm_peephole_gates(x, h, c, w, o_sees_previous):
    a_i, a_f, a_g, a_o = np.split(pre_activation(x, h, w), 4)
    p_i, p_f, p_o = w["weight_peephole"]
    i, f, g = sigmoid(a_i + p_i * c), sigmoid(a_f + p_f * c), np.tanh(a_g)
    c_next = f * c + i * g
    seen = c if o_sees_previous else c_next
    return i, f, g, sigmoid(a_o + p_o * seen), c_next, seen


def lstm_peephole_step(x, h, c, w, o_sees_previous):
    """The LSTM with p_i c and p_f c in the gates i and f, and with p_o c' (or p_o c) in the gate o."""
    _, _, _, o, c_next, _ = lstm_peephole_gates(x, h, c, w, o_sees_previous)
    return o * np.tanh(c_next), c_next


def lstm_peephole_step_gradient(x, h, c, w, dh_next, dc_next, o_sees_previous):
    i, f, g, o, c_next, seen = lstm_peephole_gates(x, h, c, w, o_sees_previous)
    p_i, p_f, p_o = w["weight_peephole"]
    # h' = o tanh(c')
    da_o = dh_next * np.tanh(c_next) * o * (1 - o)
    dc_next = dc_next + dh_next * o / np.cosh(c_next) ** 2
    if not o_sees_previous:
        dc_next = dc_next + p_o * da_o
    # c' = f c + i g
    da_i, da_f, da_g = dc_next * g * i * (1 - i), dc_next * c * f * (1 - f), dc_next * i * (1 - g**2)
    dc = dc_next * f + p_i * da_i + p_f * da_f
    if o_sees_previous:
        dc = dc + p_o * da_o
    da = np.concatenate([da_i, da_f, da_g, da_o])
    d_peephole = np.array([da_i * c, da_f * c, da_o * seen])
    return both_sides(x, h, w, da, da) | {"c0": dc, "weight_peephole": d_peephole}


def gru_gates(x, h, w):
    x_r, x_z, x_n = np.split(w["weight_ih"] @ x + w["bias_ih"], 3)
    h_r, h_z, h_n = np.split(w["weight_hh"] @ h + w["bias_hh"], 3)
    r = sigmoid(x_r + h_r)
    return r, sigmoid(x_z + h_z), np.tanh(x_n + r * h_n), h_n


def gru_step(x, h, w):
    """h' = (1 - z) n + z h, with n = tanh(W_in x + b_in + r (W_hn h + b_hn))."""
    _, z, n, _ = gru_gates(x, h, w)
    return (1 - z) * n + z * h


def gru_step_gradient(x, h, w, dh_next):
    r, z, n, h_n = gru_gates(x, h, w)
    # h' = (1 - z) n + z h
    dz, dn, dh = dh_next * (h - n), dh_next * (1 - z), dh_next * z
    # n = tanh(x_n + r h_n)
    da_n = dn * (1 - n**2)
    dr, dh_n = da_n * h_n, da_n * r
    da_r, da_z = dr * r * (1 - r), dz * z * (1 - z)
    gradient = both_sides(x, h, w, np.concatenate([da_r, da_z, da_n]), np.concatenate([da_r, da_z, dh_n]))
    gradient["h0"] = gradient["h0"] + dh
    return gradient


def gru_reset_before_gates(x, h, w):
    x_r, x_z, x_n = np.split(w["weight_ih"] @ x + w["bias_ih"], 3)
    w_r, w_z, w_n = np.split(w["weight_hh"], 3)
    b_r, b_z, b_n = np.split(w["bias_hh"], 3)
    r, z = sigmoid(x_r + w_r @ h + b_r), sigmoid(x_z + w_z @ h + b_z)
    return r, z, np.tanh(x_n + w_n @ (r * h) + b_n)


def gru_reset_before_step(x, h, w):
    """h' = (1 - z) n + z h, with n = tanh(W_in x + b_in + W_hn (r h) + b_hn)."""
    _, z, n = gru_reset_before_gates(x, h, w)
    return (1 - z) * n + z * h


def gru_reset_before_step_gradient(x, h, w, dh_next):
    r, z, n = gru_reset_before_gates(x, h, w)
    w_r, w_z, w_n = np.split(w["weight_hh"], 3)
    # h' = (1 - z) n + z h
    da_z, da_n, dh = dh_next * (h - n) * z * (1 - z), dh_next * (1 - z) * (1 - n**2), dh_next * z
    # n = tanh(x_n + W_hn (r h) + b_hn)
    d_reset = w_n.T @ da_n
    da_r, dh = d_reset * h * r * (1 - r), dh + d_reset * r
    da = np.concatenate([da_r, da_z, da_n])
    return {
        "x": w["weight_ih"].T @ da,
        "h0": dh + w_r.T @ da_r + w_z.T @ da_z,
        "weight_ih": np.outer(da, x),
        "weight_hh": np.concatenate([np.outer(da_r, h), np.outer(da_z, h), np.outer(da_n, r * h)]),
        "bias_ih": da,
        "bias_hh": da,
    }


def both_sides(x, h, w, d_input, d_recurrent):
    """Gradients of x, h and the parameters from those of W_ih x + b_ih and of W_hh h + b_hh."""
    return {
        "x": w["weight_ih"].T @ d_input,
        "h0": w["weight_hh"].T @ d_recurrent,
        "weight_ih": np.outer(d_input, x),
        "weight_hh": np.outer(d_recurrent, h),
        "bias_ih": d_input,
        "bias_hh": d_recurrent,
    }


class Cell(NamedTuple):
    step: Callable
    step_gradient: Callable
    states: tuple[str, ...]  # names of the initial ones
    gates: int
    peepholes: int = 0

    def shapes(self, inputs, size):
        """Those of the parameters, by name."""
        rows = self.gates * size
        shapes = {"weight_ih": (rows, inputs), "weight_hh": (rows, size), "bias_ih": (rows,), "bias_hh": (rows,)}
        return shapes | ({"weight_peephole": (self.peepholes, size)} if self.peepholes else {})


def lstm_peephole(o_sees_previous):
    step, gradient = (
        partial(function, o_sees_previous=o_sees_previous)
        for function in (lstm_peephole_step, lstm_peephole_step_gradient)
    )
    return Cell(step, gradient, ("h0", "c0"), gates=4, peepholes=3)


CELLS = {
    "rnn": Cell(rnn_step, rnn_step_gradient, ("h0",), gates=1),
    "rnn_relu": Cell(rnn_relu_step, rnn_relu_step_gradient, ("h0",), gates=1),
    "lstm": Cell(lstm_step, lstm_step_gradient, ("h0", "c0"), gates=4),
    "lstm_peephole": lstm_peephole(o_sees_previous=False),
    "lstm_peephole_previous": lstm_peephole(o_sees_previous=True),
    "gru": Cell(gru_step, gru_step_gradient, ("h0",), gates=3),
    "gru_reset_before": Cell(gru_reset_before_step, gru_reset_before_step_gradient, ("h0",), gates=3),
}


def forward(cell, x, states, weights):
    """All states, a list of (T+1, B, H), from the initial `states`, a list of (B, H)."""
    history = [np.repeat(state[None], len(x) + 1, axis=0) for state in states]
    for t in range(x.shape[0]):
        for b in range(x.shape[1]):
            after = CELLS[cell].step(x[t, b], *(state[t, b] for state in history), weights)
            for state, value in zip(history, after if isinstance(after, tuple) else (after,), strict=True):
                state[t + 1, b] = value
    return history


def backward(cell, x, states, weights, dy, d_states):
    """Backpropagation through time: gradients of sum(y * dy) + sum(last states * d_states), by name."""
    names = CELLS[cell].states
    history = forward(cell, x, states, weights)
    total = {"x": np.zeros_like(x)}
    total |= {name: np.zeros_like(state) for name, state in zip(names, states, strict=True)}
    total |= {name: np.zeros_like(weight) for name, weight in weights.items()}
    for b in range(x.shape[1]):
        d = [d_state[b] for d_state in d_states]
        for t in reversed(range(x.shape[0])):
            d[0] = d[0] + dy[t, b]
            gradient = CELLS[cell].step_gradient(x[t, b], *(state[t, b] for state in history), weights, *d)
            d = [gradient[name] for name in names]
            total["x"][t, b] = gradient["x"]
            for name in weights:
                total[name] += gradient[name]
        for name, value in zip(names, d, strict=True):
            total[name][b] = value
    return total


def parallel_forward(cell, x, states, weights):
    """One step from the same `states` for each x[p], one after the other: the states after it, a list of (P, B, H)."""
    after = [forward(cell, x[p : p + 1], states, weights) for p in range(len(x))]
    return [np.array([history[k][1] for history in after]) for k in range(len(states))]


def parallel_backward(cell, x, states, weights, dy):
    """Gradients of sum(h * dy) by name; of what all x[p] share, the initial states too, sums over them."""
    none = [np.zeros_like(state) for state in states]
    each = [backward(cell, x[p : p + 1], states, weights, dy[p : p + 1], none) for p in range(len(x))]
    total = {name: sum(gradient[name] for gradient in each) for name in each[0]}
    return total | {"x": np.concatenate([gradient["x"] for gradient in each])}


def dense(x, weight, bias):
    """W x + b for each row of x (R, I)."""
    return np.array([weight @ row + bias for row in x])


def dense_gradient(x, weight, d_out):
    """Gradients of x, of the weight and of the bias, from that of the output (R, O)."""
    d_weight = sum(np.outer(d_row, row) for d_row, row in zip(d_out, x, strict=True))
    return np.array([weight.T @ d_row for d_row in d_out]), d_weight, sum(d_out)


# Losses of one error: value and derivative.


def squared_error(error):
    return error**2, 2 * error


def absolute_error(error):
    return abs(error), math.copysign(1, error) if error else 0.0


def huber(error):
    """Half the square up to 1; beyond, the straight line that continues it."""
    if abs(error) <= 1:
        return error**2 / 2, error
    return abs(error) - 0.5, math.copysign(1, error)


LOSSES = {"squared_error": squared_error, "absolute_error": absolute_error, "huber": huber}


def loss(name, output, target, weight):
    """Sum over rows b and outputs k of weight_b * loss(output_bk - target_bk), and its gradient (B, O)."""
    total, gradient = 0.0, np.zeros(output.shape)
    for b, k in np.ndindex(*output.shape):
        value, slope = LOSSES[name](float(output[b, k]) - float(target[b, k]))
        total += float(weight[b]) * value
        gradient[b, k] = float(weight[b]) * slope
    return total, gradient


def adam_step(w, g, first, second, t, rate, decay=0.0, betas=(0.9, 0.999), epsilon=1e-8):
    """Step t = 1, 2, ... of AdamW, or without decay of Adam: new w, first, second moments."""
    first = betas[0] * first + (1 - betas[0]) * g
    second = betas[1] * second + (1 - betas[1]) * g**2
    mean, square = first / (1 - betas[0] ** t), second / (1 - betas[1] ** t)
    return w - rate * (mean / (np.sqrt(square) + epsilon) + decay * w), first, second


def window(series, start, lookback, horizon, centring, series_centre, series_scale):
    """A window and what follows it in the window's units, and the centre and scale of those units.

    `centring` is "series" (centre and scale of the whole series), "last" (the window's last value), "mean",
    "difference" (last value, scale of the series) or "reverting" (a twentieth of the way from the last value to the
    centre of the series, scale of the series). A window that has a scale of its own adds a hundredth of the series'.
    """
    inside = [float(value) for value in series[start : start + lookback]]
    after = [float(value) for value in series[start + lookback : start + lookback + horizon]]
    mean = math.fsum(inside) / lookback
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in inside) / lookback)
    centre, scale = {
        "series": (series_centre, series_scale),
        "last": (inside[-1], deviation + series_scale / 100),
        "mean": (mean, deviation + series_scale / 100),
        "difference": (inside[-1], series_scale),
        "reverting": (0.95 * inside[-1] + 0.05 * series_centre, series_scale),
    }[centring]
    scaled = [[(value - centre) / scale for value in values] for values in (inside, after)]
    return np.array(scaled[0]), np.array(scaled[1]), centre, scale
