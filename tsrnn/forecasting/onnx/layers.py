"""A network as nodes of an ONNX graph: the stack and the decoders, in float32 and without dropout.

Sequences are (T, n, I), time first, as in the network and as ONNX wants them; states are (D, n, H) with D directions.
"""

from collections.abc import Callable

import numpy as np

from tsrnn.forecasting.onnx.cells import CELLS_IN_ONNX, Weights, float32
from tsrnn.forecasting.onnx.nodes import Graph
from tsrnn.kernels.layer_norm import EPSILON
from tsrnn.network.decoders import Direct, InStep, Parallel, Seq2Seq
from tsrnn.network.inspection import directions
from tsrnn.network.network import Network
from tsrnn.network.recurrent import Recurrent
from tsrnn.network.residual import Residual
from tsrnn.network.stack import Stack

States = list[list[str]]
"""For each layer the names of its states, h first."""


def _dense(graph: Graph, x: str, weights: Weights, layer) -> str:
    weight, bias = float32(weights, layer)
    return graph.add("Add", graph.add("MatMul", x, weight.T), bias)


def _sum(graph: Graph, value: str, more: str | None) -> str:
    return value if more is None else graph.add("Add", value, more)


def _layer_norm(graph: Graph, x: str, weights: Weights, norm) -> str:
    """As `tsrnn.kernels.layer_norm`; ONNX has an operator for it in later versions only."""
    gain, shift = float32(weights, norm)
    off = graph.add("Sub", x, graph.add("ReduceMean", x, axes=[-1], keepdims=1))
    variance = graph.add("ReduceMean", graph.add("Mul", off, off), axes=[-1], keepdims=1)
    z = graph.add("Div", off, graph.add("Sqrt", graph.add("Add", variance, np.float32(EPSILON))))
    return graph.add("Add", graph.add("Mul", z, gain), shift)


def _stack(
    graph: Graph,
    x: str,
    stack: Stack,
    cell: str,
    weights: Weights,
    states: States | None,
    last_only: bool = False,
) -> tuple[str, States]:
    """Outputs (T, n, D * H) of the top layer, with `last_only` (1, n, D * H), and the last states of all layers."""
    y, last = x, []
    for k, layer in enumerate(stack.layers):
        sides, below = tuple(directions(layer).values()), y
        y, after = CELLS_IN_ONNX[cell](graph, below, weights, sides, None if states is None else states[k])
        last.append(after)
        if isinstance(layer, Residual):
            y = graph.add("Add", y, _dense(graph, below, weights, layer.projection) if layer.projection else below)
        if last_only and layer is stack.layers[-1]:
            y = _final(graph, y, sides)
        if stack.norms:
            y = _layer_norm(graph, y, weights, stack.norms[k])
    return y, last


def _final(graph: Graph, y: str, directions: tuple[Recurrent, ...]) -> str:
    """The output (1, n, D * H) of each direction after the whole window: the second ends at the first step."""
    last = graph.add("Gather", y, np.array([-1]), axis=0)
    if len(directions) == 1:
        return last
    first, sizes = graph.add("Gather", y, np.array([0]), axis=0), np.array([d.hidden_size for d in directions])
    onward, _ = graph.add("Split", last, sizes, axis=2, n_outputs=2)
    _, back = graph.add("Split", first, sizes, axis=2, n_outputs=2)
    return graph.add("Concat", onward, back, axis=2)


def _one_direction(graph: Graph, states: list[str], layer) -> list[str]:
    """States (D, n, H) of a layer as (1, n, D * H)."""
    if len(directions(layer)) == 1:
        return states
    return [graph.add("Concat", *graph.add("Split", state, axis=0, n_outputs=2), axis=2) for state in states]


def _direct(graph: Graph, y: str, states: States, skip: str | None, network: Network, weights: Weights) -> str:
    out = graph.add("Squeeze", _dense(graph, y, weights, network.decoder.head), np.array([0]))
    return _sum(graph, out, skip)


def _in_step(graph: Graph, y: str, states: States, skip: str | None, network: Network, weights: Weights) -> str:
    out = graph.add("Transpose", _dense(graph, y, weights, network.decoder.head), perm=[1, 0, 2])
    return _sum(graph, out, skip)


def _parallel(graph: Graph, y: str, states: States, skip: str | None, network: Network, weights: Weights) -> str:
    decoder = network.decoder
    n, size = decoder.positions, decoder.recurrent.hidden_size
    # One step of the cell, whose rows are the positions of all windows.
    others = _one_direction(graph, states[-1][1:], network.layers[-1])
    start = [graph.add("Tile", state, np.array([n, 1, 1])) for state in (y, *others)]
    x = weights["decoder.position"].astype(np.float32)[:, None]
    x = graph.add("Expand", x, graph.add("Shape", start[0]))
    x, *start = (graph.add("Reshape", value, np.array([1, -1, size])) for value in (x, *start))
    s, _ = CELLS_IN_ONNX[network.cell](graph, x, weights, (decoder.recurrent,), start)
    s = graph.add("Reshape", s, np.array([n, -1, size]))
    return _sum(graph, _side_by_side(graph, _dense(graph, s, weights, decoder.head), decoder), skip)


def _seq2seq(graph: Graph, y: str, states: States, skip: str | None, network: Network, weights: Weights) -> str:
    """A Scan that reads the linear map's outputs step by step, and in its state its own outputs."""
    decoder = network.decoder
    n, width = decoder.positions, decoder.head.output_size
    states = [_one_direction(graph, own, layer) for own, layer in zip(states, network.layers, strict=True)]
    given = np.zeros((n, 1, 1), np.float32)  # a Scan has to read something
    if skip is not None:
        missing = n * width - decoder.output_size
        padded = graph.add("Pad", skip, np.array([0, 0, 0, missing])) if missing else skip
        given = graph.add("Transpose", graph.add("Reshape", padded, np.array([-1, n, width])), perm=[1, 0, 2])
    first = weights["decoder.first_input"].astype(np.float32)
    rows = graph.add("Gather", graph.add("Shape", y), np.array([1]))
    x = graph.add("Expand", first, graph.add("Concat", rows, np.array([width]), axis=0))

    step = Graph(around=graph)
    before = step.input("x", np.float32, "n", width)
    sizes = [layer.output_size for layer in decoder.stack.layers]
    own = [
        [step.input("state", np.float32, 1, "n", size) for _ in layer]
        for layer, size in zip(states, sizes, strict=True)
    ]
    skip_t = step.input("skip", np.float32, *(("n", width) if skip else (1, 1)))
    before = step.add("Unsqueeze", before, np.array([0]))
    y, after = _stack(step, before, decoder.stack, network.cell, weights, own)
    out = step.add("Squeeze", _dense(step, y, weights, decoder.head), np.array([0]))
    out = step.add("Add", out, skip_t)
    step.output(out, "x_next", np.float32, "n", width)
    for layer, size in zip(after, sizes, strict=True):
        for state in layer:
            step.output(state, "state_next", np.float32, 1, "n", size)
    step.output(out, "out", np.float32, "n", width)

    start = [state for layer in states for state in layer]
    *_, out = graph.add("Scan", x, *start, given, n_outputs=len(start) + 2, body=step.proto(), num_scan_inputs=1)
    return _side_by_side(graph, out, decoder)


def _side_by_side(graph: Graph, steps: str, decoder: Parallel | Seq2Seq) -> str:
    """(P, n, W) as (n, P * W), cut to the outputs there are."""
    n = decoder.positions * decoder.head.output_size
    out = graph.add("Reshape", graph.add("Transpose", steps, perm=[1, 0, 2]), np.array([-1, n]))
    if n == decoder.output_size:
        return out
    return graph.add("Slice", out, np.array([0]), np.array([decoder.output_size]), np.array([1]))


DECODERS_IN_ONNX: dict[type, Callable[..., str]] = {
    Direct: _direct,
    InStep: _in_step,
    Parallel: _parallel,
    Seq2Seq: _seq2seq,
}


def network_outputs(
    graph: Graph, x: str, network: Network, weights: Weights, states: States | None = None
) -> tuple[str, States]:
    """Outputs of a network, and the states after.

    Parameters
    ----------
    graph : Graph
    x : str
        Windows (n, T, C), float32; in step of any length that segments fill.
    network : Network
    weights : dict of str to ndarray
    states : list of lists of str, optional
        Those of each layer before the first step; default: zeros.

    Returns
    -------
    outputs : str
        (n, O), or in step (n, T, O).
    states : list of lists of str
        Those of each layer after the last step.
    """
    if network.cell not in CELLS_IN_ONNX:
        raise ValueError(f"cell={network.cell!r} cannot be written to ONNX; these can: {', '.join(CELLS_IN_ONNX)}")
    every_step = network.decoder.every_step
    y = _folded(graph, x, network) if network.segment else x
    skip = None
    if network.linear:
        seen = y if every_step else graph.add("Reshape", x, np.array([-1, network.steps * network.input_size]))
        skip = _dense(graph, seen, weights, network.linear)
    if network.segment:
        y = graph.add("Relu", _dense(graph, y, weights, network.segment))
    y = graph.add("Transpose", y, perm=[1, 0, 2])
    y, last = _stack(graph, y, network.stack, network.cell, weights, states, last_only=not every_step)
    return DECODERS_IN_ONNX[type(network.decoder)](graph, y, last, skip, network, weights), last


def _folded(graph: Graph, x: str, network: Network) -> str:
    """Windows (n, T, C) as segments (n, S, length * C)."""
    length = network.segment.length
    missing = network.recurrent_steps * length - network.steps
    if missing:  # the first value repeated on the left
        x = graph.add("Gather", x, np.maximum(np.arange(-missing, network.steps), 0), axis=1)
    return graph.add("Reshape", x, np.array([0, -1, length * network.input_size]))
