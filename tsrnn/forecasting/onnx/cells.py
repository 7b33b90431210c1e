"""Recurrent cells as nodes of an ONNX graph, over sequences (T, n, I) in float32.

States are (D, n, H) as ONNX wants them, with D directions. onnxruntime has the recurrent operators in float32 alone.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from tsrnn.forecasting.onnx.nodes import Graph
from tsrnn.network.recurrent import Recurrent

Weights = dict[str, np.ndarray]


def float32(weights: Weights, layer) -> list[np.ndarray]:
    """Arrays of a layer in its own order."""
    return [weights[name].astype(np.float32) for name in layer.shapes()]


def _reordered(weight: np.ndarray, names: tuple[str, ...], wanted: tuple[str, ...]) -> np.ndarray:
    """Blocks of rows named `names`, in the order `wanted`."""
    blocks = dict(zip(names, np.split(weight, len(names)), strict=True))
    return np.concatenate([blocks[name] for name in wanted])


def _operator(
    graph: Graph,
    x: str,
    weights: Weights,
    directions: tuple[Recurrent, ...],
    states: list[str] | None,
    operator: str,
    gates: tuple[str, ...],
    peepholes: tuple[str, ...] = (),
    activation: str | None = None,
    **attributes,
) -> tuple[str, list[str]]:
    """One of ONNX's recurrent operators, which stacks gates in the order `gates`."""
    cell, size, w, r, b, p = directions[0].cell, directions[0].hidden_size, [], [], [], []
    for direction in directions:
        weight_ih, weight_hh, *rest = float32(weights, direction)
        w.append(_reordered(weight_ih, cell.gates, gates))
        r.append(_reordered(weight_hh, cell.gates, gates))
        b.append(np.concatenate([_reordered(bias, cell.gates, gates) for bias in rest[:2]]))
        if peepholes:
            p.append(_reordered(rest[2], cell.peepholes, peepholes).ravel())
    inputs = [x, np.stack(w), np.stack(r), np.stack(b), "", *(states or [""] * cell.n_states)]  # "": of one length
    if peepholes:
        inputs.append(np.stack(p))
    while isinstance(inputs[-1], str) and not inputs[-1]:
        inputs.pop()
    if activation:
        attributes["activations"] = [activation] * len(directions)
    direction = "bidirectional" if len(directions) == 2 else "forward"
    y, *last = graph.add(
        operator, *inputs, n_outputs=1 + cell.n_states, hidden_size=size, direction=direction, **attributes
    )
    y = graph.add("Transpose", y, perm=[0, 2, 1, 3])  # (T, D, n, H) to (T, n, D, H)
    return graph.add("Reshape", y, np.array([0, 0, len(directions) * size])), last


def _scan_peephole_previous(
    graph: Graph, x: str, weights: Weights, directions: tuple[Recurrent, ...], states: list[str] | None
) -> tuple[str, list[str]]:
    """The LSTM whose output gate sees c_{t-1}: a Scan, since ONNX's own sees c_t."""
    sides = [_scan_one_way(graph, x, weights, direction, k, states) for k, direction in enumerate(directions)]
    y, h, c = zip(*sides, strict=True)
    last = [graph.add("Concat", *(graph.add("Unsqueeze", s, np.array([0])) for s in own), axis=0) for own in (h, c)]
    return graph.add("Concat", *y, axis=2), last


def _scan_one_way(
    graph: Graph, x: str, weights: Weights, direction: Recurrent, reverse: int, states: list[str] | None
) -> tuple[str, str, str]:
    """States h (T, n, H) and after the last step h and c (n, H)."""
    size = direction.hidden_size
    weight_ih, weight_hh, bias_ih, bias_hh, (p_i, p_f, p_o) = float32(weights, direction)
    a = graph.add("Add", graph.add("MatMul", x, weight_ih.T), bias_ih + bias_hh)
    if states is None:
        rows = graph.add("Gather", graph.add("Shape", x), np.array([1]))
        start = [graph.add("ConstantOfShape", graph.add("Concat", rows, np.array([size]), axis=0))] * 2
    else:
        start = [graph.add("Squeeze", state, np.array([0])) for state in states]

    step = Graph(around=graph)
    h, c = (step.input(name, np.float32, "n", size) for name in ("h", "c"))
    a_t = step.input("a", np.float32, "n", 4 * size)
    a_t = step.add("Add", a_t, step.add("MatMul", h, weight_hh.T))
    i, f, g, o = step.add("Split", a_t, np.full(4, size), axis=1, n_outputs=4)
    i, f, o = (
        step.add("Sigmoid", step.add("Add", gate, step.add("Mul", c, p))) for gate, p in ((i, p_i), (f, p_f), (o, p_o))
    )
    c = step.add("Add", step.add("Mul", f, c), step.add("Mul", i, step.add("Tanh", g)))
    h = step.add("Mul", o, step.add("Tanh", c))
    for name, value in (("h", h), ("c", c), ("y", h)):
        step.output(value, f"{name}_next", np.float32, "n", size)

    h, c, y = graph.add(
        "Scan",
        *start,
        a,
        n_outputs=3,
        body=step.proto(),
        num_scan_inputs=1,
        scan_input_directions=[reverse],  # 1 is from the end
        scan_output_directions=[reverse],
    )
    return y, h, c


_LSTM = partial(_operator, operator="LSTM", gates=("i", "o", "f", "g"))
_GRU = partial(_operator, operator="GRU", gates=("z", "r", "n"))

# Cells in ONNX: functions of a graph, the name of a sequence, the weights, the directions of a layer and the names of
# its first states or None, for zeros. They return the outputs (T, n, D * H) and the last states.
CELLS_IN_ONNX: dict[str, Callable[..., tuple[str, list[str]]]] = {
    "rnn": partial(_operator, operator="RNN", gates=("h",), activation="Tanh"),
    "rnn_relu": partial(_operator, operator="RNN", gates=("h",), activation="Relu"),
    "lstm": _LSTM,
    "lstm_peephole": partial(_LSTM, peepholes=("i", "o", "f")),
    "lstm_peephole_previous": _scan_peephole_previous,
    "gru": partial(_GRU, linear_before_reset=1),
    "gru_reset_before": partial(_GRU, linear_before_reset=0),
}
