"""What goes on inside a network: its gates and states, and how far back the gradient reaches."""

from types import SimpleNamespace

import numpy as np

from tsrnn.network.bidirectional import Bidirectional
from tsrnn.network.layers import Views
from tsrnn.network.recurrent import Recurrent
from tsrnn.network.residual import Residual
from tsrnn.network.stack import Network

DIRECTIONS = ("forward", "backward")


def directions(layer) -> dict[str, Recurrent]:
    """The recurrent layers within a layer of a network, by direction."""
    if isinstance(layer, Residual):
        layer = layer.layer
    sides = layer.directions if isinstance(layer, Bidirectional) else (layer,)
    return dict(zip(DIRECTIONS, sides, strict=False))


def work_of(layer, work: SimpleNamespace, direction: str) -> SimpleNamespace:
    """The part of a layer's work space that belongs to one of its `directions`."""
    if isinstance(layer, Residual):
        layer, work = layer.layer, work.layer
    return work.directions[DIRECTIONS.index(direction)] if isinstance(layer, Bidirectional) else work


def in_order(direction: str) -> slice:
    """From order of time into a direction's own order of steps, or back."""
    return slice(None) if direction == DIRECTIONS[0] else slice(None, None, -1)


def gates_and_states(network: Network, work: SimpleNamespace, layer: int, direction: str) -> dict[str, np.ndarray]:
    """Activated gates, then states, of one layer after `network.forward`.

    Parameters
    ----------
    network : Network
    work : SimpleNamespace
        As `forward` left it; read.
    layer : int
    direction : str
        A key of what `directions` returns for the layer.

    Returns
    -------
    dict of str to (T, B, H) ndarray
        In order of time for either direction: the backward layer's state at t is the one after it has read x_t.
        Without gates where the cell has none.
    """
    recurrent = directions(network.layers[layer])[direction]
    space = work_of(network.layers[layer], work.layers[layer], direction)
    cell, size = recurrent.cell, recurrent.hidden_size
    # Where a block of `a` has the name of a state, it is no gate, and the cell left its input in it.
    quantities = {
        name: space.a[:, :, k * size : (k + 1) * size] for k, name in enumerate(cell.gates) if name not in cell.memory
    }
    quantities |= {name: space.memory[k][1:] for k, name in enumerate(cell.memory[: cell.n_states])}
    return {name: values[in_order(direction)].copy() for name, values in quantities.items()}


def time_constant(gate: np.ndarray) -> np.ndarray:
    """Steps after which a state that a gate multiplies at each step has fallen to 1/e: -1 / log(gate).

    Parameters
    ----------
    gate : ndarray
        From 0, where the time constant is 0, to 1, where it is infinite.

    References
    ----------
    Tallec and Ollivier (2018), Can recurrent neural networks warp time? Mahto, Vo, Turek and Huth (2021),
    Multi-timescale representation learning in LSTM language models.
    """
    with np.errstate(divide="ignore"):
        return 1 / np.abs(np.log(np.asarray(gate, np.float64)))


def state_gradients(
    network: Network, p: Views, d_out: np.ndarray, work: SimpleNamespace
) -> dict[tuple[int, str], np.ndarray]:
    """Gradients of all states h_1 .. h_T of all layers, from those of the outputs, after `network.forward`.

    All paths count: through later steps, and through the layers above. The layers go back one step at a time, and
    through the whole window.

    Parameters
    ----------
    network : Network
    p : dict of str to ndarray
    d_out : (B, O) read
    work : SimpleNamespace
        As `forward` left it, without dropout; overwritten.

    Returns
    -------
    dict of (int, str) to (T, B, H) ndarray
        By layer, from the lowest on, and direction. Each direction in its own order: the last is the state after
        its last step.
    """
    scrap = network.layout.views(np.empty(network.layout.size, d_out.dtype))
    steps, (rows, _) = network.recurrent_steps, d_out.shape
    d_last = np.empty((rows, network.head.input_size), d_out.dtype)
    network.head.input_gradient(p, d_out, d_last)
    dy = np.zeros((steps, *d_last.shape), d_out.dtype)
    network.layers[-1].add_to_outputs(dy, d_last[None])
    gradients = {}
    for k in reversed(range(len(network.layers))):
        layer, x = network.layers[k], work.inputs[k]
        dx = np.zeros(x.shape, x.dtype)
        if isinstance(layer, Residual):
            dx += dy
        for n, (direction, recurrent) in enumerate(directions(layer).items()):
            size, order = recurrent.hidden_size, in_order(direction)
            own_dy = dy[order, :, n * size : (n + 1) * size]
            space = work_of(layer, work.layers[k], direction)
            gradients[k, direction], d_inputs = _back_step_by_step(recurrent, p, scrap, x[order], own_dy, space)
            dx += d_inputs[order]
        dy = dx
    return {
        (k, direction): gradients[k, direction]
        for k, layer in enumerate(network.layers)
        for direction in directions(layer)
    }


def _back_step_by_step(
    recurrent: Recurrent, p: Views, scrap: Views, x: np.ndarray, dy: np.ndarray, work: SimpleNamespace
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients (T, B, H) of h_1 .. h_T, and (T, B, I) of the inputs, from those of all outputs."""
    x, dy = np.ascontiguousarray(x), np.ascontiguousarray(dy)
    d_h, dx = np.empty_like(dy), np.empty_like(x)
    for d_state in work.d_states:
        d_state[...] = 0
    for t in reversed(range(len(x))):
        d_h[t] = work.d_states[0] + dy[t]
        here = slice(t, t + 1)
        step = SimpleNamespace(
            a=work.a[here], memory=[m[t : t + 2] for m in work.memory], d_states=work.d_states, dx=work.dx[here]
        )
        dx[here] = recurrent.backward(p, scrap, x[here], dy[here], step, 1, need_dx=True, continued=True)
    return d_h, dx
