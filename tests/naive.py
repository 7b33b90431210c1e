"""The specification: every formula of tsrnn as a textbook writes it, in plain NumPy, row by row, step by step.

It imports nothing of tsrnn and is as slow as it is obvious. Layouts are torch's: `weight_ih` (G H, I),
`weight_hh` (G H, H), `bias_ih` and `bias_hh` (G H,), the G gates in the order i f g o (LSTM) or r z n (GRU).

Sequences are `x` (T, B, I). Forward functions return each state at all times, (T+1, B, H), the initial one first.
Backward functions take the gradients of all outputs, `dy` (T, B, H), and those of the last states on top; they
return gradients by name: `x` (T, B, I), `h0` (and `c0`) (B, H), and those of the four parameters.
"""

import math

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# One time step of one row: x (I,), states (H,).


def rnn_step(x, h, w):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh)."""
    return np.tanh(w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ h + w["bias_hh"])


def rnn_step_gradient(x, h, w, dh_next):
    h_next = rnn_step(x, h, w)
    da = dh_next * (1 - h_next**2)
    return both_sides(x, h, w, da, da)


def lstm_gates(x, h, w):
    a = w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ h + w["bias_hh"]
    a_i, a_f, a_g, a_o = np.split(a, 4)
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


# name -> (step, its gradient, names of the initial states)
CELLS = {
    "rnn": (rnn_step, rnn_step_gradient, ("h0",)),
    "lstm": (lstm_step, lstm_step_gradient, ("h0", "c0")),
    "gru": (gru_step, gru_step_gradient, ("h0",)),
}


def forward(cell, x, states, weights):
    """All states, a list of (T+1, B, H), from the initial `states`, a list of (B, H)."""
    step, _, _ = CELLS[cell]
    history = [np.repeat(state[None], len(x) + 1, axis=0) for state in states]
    for t in range(x.shape[0]):
        for b in range(x.shape[1]):
            after = step(x[t, b], *(state[t, b] for state in history), weights)
            for state, value in zip(history, after if isinstance(after, tuple) else (after,), strict=True):
                state[t + 1, b] = value
    return history


def backward(cell, x, states, weights, dy, d_states):
    """Backpropagation through time: gradients of sum(y * dy) + sum(last states * d_states), by name."""
    _, step_gradient, names = CELLS[cell]
    history = forward(cell, x, states, weights)
    total = {"x": np.zeros_like(x)}
    total |= {name: np.zeros_like(state) for name, state in zip(names, states, strict=True)}
    total |= {name: np.zeros_like(weight) for name, weight in weights.items()}
    for b in range(x.shape[1]):
        d = [d_state[b] for d_state in d_states]
        for t in reversed(range(x.shape[0])):
            d[0] = d[0] + dy[t, b]
            gradient = step_gradient(x[t, b], *(state[t, b] for state in history), weights, *d)
            d = [gradient[name] for name in names]
            total["x"][t, b] = gradient["x"]
            for name in weights:
                total[name] += gradient[name]
        for name, value in zip(names, d, strict=True):
            total[name][b] = value
    return total


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

    `centring` is "series" (centre and scale of the whole series), "last" (the window's last value) or "mean". A
    window that has a scale of its own adds a hundredth of the series'.
    """
    inside = [float(value) for value in series[start : start + lookback]]
    after = [float(value) for value in series[start + lookback : start + lookback + horizon]]
    mean = math.fsum(inside) / lookback
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in inside) / lookback)
    centre, scale = {
        "series": (series_centre, series_scale),
        "last": (inside[-1], deviation + series_scale / 100),
        "mean": (mean, deviation + series_scale / 100),
    }[centring]
    scaled = [[(value - centre) / scale for value in values] for values in (inside, after)]
    return np.array(scaled[0]), np.array(scaled[1]), centre, scale
