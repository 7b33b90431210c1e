"""What goes on inside a network: its gates and states, and how far back the gradient reaches."""

from types import SimpleNamespace

import numpy as np

from tsrnn.network.bidirectional import Bidirectional
from tsrnn.network.layers import Views
from tsrnn.network.network import Network
from tsrnn.network.recurrent import Recurrent
from tsrnn.network.residual import Residual

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
        Of the host, as `forward` left it; read. A device may have left there what its `backward` alone can read.
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
    """Gradients of all states h_1 .. h_T of the layers that read the window, after `network.forward`.

    All paths count: through later steps, through the layers above and through the decoder. The layers go back one
    step at a time, and through the whole window.

    Parameters
    ----------
    network : Network
    p : dict of str to ndarray
    d_out : (B, O) read; in step (T * B, O)
        Gradients of the outputs.
    work : SimpleNamespace
        As `forward` left it, without dropout and of the decoder "seq2seq" with targets; overwritten.

    Returns
    -------
    dict of (int, str) to (T, B, H) ndarray
        By layer, from the lowest on, and direction. Each direction in its own order: the last is the state after
        its last step.
    """
    scrap = network.layout.views(np.empty(network.layout.size, d_out.dtype))
    spaces = {
        (k, direction): work_of(layer, work.layers[k], direction)
        for k, layer in enumerate(network.layers)
        for direction in directions(layer)
    }
    for space in spaces.values():
        space.d_h = np.empty_like(space.memory[0][1:])
    network.backward(p, scrap, d_out, work)
    found = {place: space.d_h for place, space in spaces.items()}
    for space in spaces.values():
        space.d_h = None
    return found
