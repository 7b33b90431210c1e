"""A fitted estimator as an ONNX graph: units, recurrent operators, dense layers.

Sequences are (T, n, I), time first, as in the network and as ONNX wants them; the network computes in float32, for
which onnxruntime has the recurrent operators, and the units around it in float64, so that a high level does not cost
the digits of small changes.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from tsrnn.forecasting.normalization import Units
from tsrnn.kernels.windows import LAST, MEAN, SCALE_FLOOR, SERIES
from tsrnn.network.cells import CELLS
from tsrnn.network.inspection import directions
from tsrnn.network.network import Network
from tsrnn.network.recurrent import Recurrent
from tsrnn.network.residual import Residual

OPSET, IR_VERSION = 14, 8  # old enough for every onnxruntime of the last years

Weights = dict[str, np.ndarray]


def load_onnx():
    """The module onnx; if it is missing, the error says how to get it."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise ModuleNotFoundError(
            'to_onnx needs onnx, which is not installed: pip install "tsrnn[onnx]"', name="onnx"
        ) from error
    return onnx


class Graph:
    """Nodes and constants of a graph to be. A value is known by its name; an array becomes a constant of its own.

    Parameters
    ----------
    outer : Graph, optional
        The graph around this one, the body of a loop: it holds the constants of both.
    """

    def __init__(self, outer: "Graph | None" = None):
        self._onnx = load_onnx()
        self._outer = outer or self
        self._nodes, self._inputs, self._outputs = [], [], []
        if outer is None:
            self._constants, self._count = [], 0

    def _new_name(self, kind: str) -> str:
        self._outer._count += 1
        return f"{kind}_{self._outer._count}"

    def _constant(self, value) -> str:
        name = self._new_name("constant")
        self._outer._constants.append(self._onnx.numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def add(self, operator: str, *inputs, n_outputs: int = 1, **attributes):
        """Append a node and name its output; a list of names for several. An input of "" is left out."""
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        outputs = [self._new_name(operator.lower()) for _ in range(n_outputs)]
        self._nodes.append(self._onnx.helper.make_node(operator, names, outputs, **attributes))
        return outputs[0] if n_outputs == 1 else outputs

    def cast(self, value: str, dtype) -> str:
        """The value in another type."""
        return self.add("Cast", value, to=self._kind(dtype))

    def _kind(self, dtype) -> int:
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def _declared(self, name: str, dtype, shape):
        return self._onnx.helper.make_tensor_value_info(name, self._kind(dtype), shape)

    def input(self, name: str, dtype, *shape: int | str) -> str:
        """Declare an input; an axis may have a name instead of a length."""
        name = name if self._outer is self else self._new_name(name)
        self._inputs.append(self._declared(name, dtype, shape))
        return name

    def output(self, value: str, name: str, dtype, *shape: int | str) -> None:
        """Declare the value an output, under this name."""
        name = name if self._outer is self else self._new_name(name)
        self._nodes.append(self._onnx.helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._declared(name, dtype, shape))

    def proto(self):
        """The finished GraphProto."""
        constants = self._constants if self._outer is self else []
        return self._onnx.helper.make_graph(self._nodes, "tsrnn", self._inputs, self._outputs, constants)

    def model(self, version: str, doc: str):
        """A checked ModelProto."""
        helper = self._onnx.helper
        model = helper.make_model(
            self.proto(),
            producer_name="tsrnn",
            producer_version=version,
            doc_string=doc,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        self._onnx.checker.check_model(model, full_check=True)
        return model


def _float32(weights: Weights, layer) -> list[np.ndarray]:
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
    operator: str,
    gates: tuple[str, ...],
    peepholes: tuple[str, ...] = (),
    activation: str | None = None,
    **attributes,
) -> str:
    """States (T, n, D * H) of one of ONNX's recurrent operators, which stacks gates in the order `gates`."""
    size, w, r, b, p = directions[0].hidden_size, [], [], [], []
    for direction in directions:
        names = direction.cell.gates
        weight_ih, weight_hh, *rest = _float32(weights, direction)
        w.append(_reordered(weight_ih, names, gates))
        r.append(_reordered(weight_hh, names, gates))
        b.append(np.concatenate([_reordered(bias, names, gates) for bias in rest[:2]]))
        if peepholes:
            p.append(_reordered(rest[2], direction.cell.peepholes, peepholes).ravel())
    inputs = [x, np.stack(w), np.stack(r), np.stack(b)]
    if peepholes:
        inputs += ["", "", "", np.stack(p)]  # between them lengths and initial states
    if activation:
        attributes["activations"] = [activation] * len(directions)
    direction = "bidirectional" if len(directions) == 2 else "forward"
    y = graph.add(operator, *inputs, hidden_size=size, direction=direction, **attributes)
    y = graph.add("Transpose", y, perm=[0, 2, 1, 3])  # (T, D, n, H) to (T, n, D, H)
    return graph.add("Reshape", y, np.array([0, 0, len(directions) * size]))


def _scan_peephole_previous(graph: Graph, x: str, weights: Weights, directions: tuple[Recurrent, ...]) -> str:
    """States (T, n, D * H) of the LSTM whose output gate sees c_{t-1}: a Scan, since ONNX's own sees c_t."""
    rows = graph.add("Gather", graph.add("Shape", x), np.array([1]))
    states = []
    for k, direction in enumerate(directions):
        size = direction.hidden_size
        weight_ih, weight_hh, bias_ih, bias_hh, (p_i, p_f, p_o) = _float32(weights, direction)
        a = graph.add("Add", graph.add("MatMul", x, weight_ih.T), bias_ih + bias_hh)
        zero = graph.add("ConstantOfShape", graph.add("Concat", rows, np.array([size]), axis=0))

        step = Graph(outer=graph)
        h, c = (step.input(name, np.float32, "n", size) for name in ("h", "c"))
        a_t = step.input("a", np.float32, "n", 4 * size)
        a_t = step.add("Add", a_t, step.add("MatMul", h, weight_hh.T))
        i, f, g, o = step.add("Split", a_t, np.full(4, size), axis=1, n_outputs=4)
        i, f, o = (
            step.add("Sigmoid", step.add("Add", gate, step.add("Mul", c, p)))
            for gate, p in ((i, p_i), (f, p_f), (o, p_o))
        )
        c = step.add("Add", step.add("Mul", f, c), step.add("Mul", i, step.add("Tanh", g)))
        h = step.add("Mul", o, step.add("Tanh", c))
        for name, value in (("h", h), ("c", c), ("y", h)):
            step.output(value, f"{name}_next", np.float32, "n", size)

        *_, y = graph.add(
            "Scan",
            zero,
            zero,
            a,
            n_outputs=3,
            body=step.proto(),
            num_scan_inputs=1,
            scan_input_directions=[k],  # 1 is from the end
            scan_output_directions=[k],
        )
        states.append(y)
    return graph.add("Concat", *states, axis=2)


_LSTM = partial(_operator, operator="LSTM", gates=("i", "o", "f", "g"))
_GRU = partial(_operator, operator="GRU", gates=("z", "r", "n"))

# Cells in ONNX: functions of a graph, the name of a sequence, the weights and the directions of a layer.
CELLS_IN_ONNX: dict[str, Callable[[Graph, str, Weights, tuple[Recurrent, ...]], str]] = {
    "rnn": partial(_operator, operator="RNN", gates=("h",), activation="Tanh"),
    "rnn_relu": partial(_operator, operator="RNN", gates=("h",), activation="Relu"),
    "lstm": _LSTM,
    "lstm_peephole": partial(_LSTM, peepholes=("i", "o", "f")),
    "lstm_peephole_previous": _scan_peephole_previous,
    "gru": partial(_GRU, linear_before_reset=1),
    "gru_reset_before": partial(_GRU, linear_before_reset=0),
}


def cell_name(network: Network) -> str:
    """Name of the cell that the network was built of; the estimator's parameter may have changed since."""
    cell = directions(network.layers[0])["forward"].cell
    return next(name for name in CELLS if CELLS[name] is cell)


def _dense(graph: Graph, x: str, weights: Weights, layer) -> str:
    return graph.add("Gemm", x, *_float32(weights, layer), transB=1)


def _network(graph: Graph, x: str, network: Network, weights: Weights) -> str:
    """Outputs (n, O) of the windows x (n, T, C), both float32; without dropout."""
    name = cell_name(network)
    if name not in CELLS_IN_ONNX:
        raise ValueError(f"cell={name!r} cannot be written to ONNX; these can: {', '.join(CELLS_IN_ONNX)}")
    y = x
    if network.segment:
        length, steps = network.segment.length, network.recurrent_steps
        filled = np.maximum(np.arange(steps * length) - (steps * length - network.steps), 0)
        y = graph.add("Gather", y, filled, axis=1)  # the first value repeated on the left
        y = graph.add("Reshape", y, np.array([-1, length * network.input_size]))
        y = graph.add("Relu", _dense(graph, y, weights, network.segment))
        y = graph.add("Reshape", y, np.array([-1, steps, network.segment.output_size]))
    y = graph.add("Transpose", y, perm=[1, 0, 2])
    for layer in network.layers:
        states = CELLS_IN_ONNX[name](graph, y, weights, tuple(directions(layer).values()))
        y = graph.add("Add", states, y) if isinstance(layer, Residual) else states
    last = graph.add("Gather", y, np.int64(-1), axis=0)
    if len(directions(network.layers[-1])) == 2:  # the second direction ends at the first step
        first, size = graph.add("Gather", y, np.int64(0), axis=0), np.full(2, network.head.input_size // 2)
        onward, _ = graph.add("Split", last, size, axis=1, n_outputs=2)
        _, back = graph.add("Split", first, size, axis=1, n_outputs=2)
        last = graph.add("Concat", onward, back, axis=1)
    out = _dense(graph, last, weights, network.head)
    if network.linear:
        columns = graph.add("Reshape", x, np.array([-1, network.steps * network.input_size]))
        out = graph.add("Add", out, _dense(graph, columns, weights, network.linear))
    return out


def rows_graph(
    network: Network,
    weights: Weights,
    x_units: tuple[np.ndarray, np.ndarray],
    y_units: tuple[np.ndarray, np.ndarray],
    flat_rows: bool,
    target_shape: tuple[int, ...],
) -> Graph:
    """Rows "X" to "prediction", both float64 and in the user's units.

    Parameters
    ----------
    network : Network
    weights : dict of str to ndarray
    x_units, y_units : pairs of ndarray
        Means and standard deviations of channels and of targets.
    flat_rows : bool
        Rows (n, T * C) rather than (n, T, C).
    target_shape : tuple of int
        Of one row's prediction: () for (n,), (O,), or (P, C) where O = P * C.
    """
    graph = Graph()
    steps, channels = network.steps, network.input_size
    if flat_rows:
        x = graph.input("X", np.float64, "n", steps * channels)
        x = graph.add("Reshape", x, np.array([-1, steps, channels]))
    else:
        x = graph.input("X", np.float64, "n", steps, channels)
    x = graph.add("Div", graph.add("Sub", x, x_units[0]), x_units[1])
    out = graph.cast(_network(graph, graph.cast(x, np.float32), network, weights), np.float64)
    y = graph.add("Add", graph.add("Mul", out, y_units[1]), y_units[0])
    y = graph.add("Reshape", y, np.array([-1, *target_shape]))
    graph.output(y, "prediction", np.float64, "n", *target_shape)
    return graph


def windows_graph(network: Network, weights: Weights, units: Units) -> Graph:
    """Windows "y" (n, lookback) to "forecast" (n, outputs), both float64 and in the units of the series."""
    graph = Graph()
    window = graph.input("y", np.float64, "n", network.steps)
    centre, scale = _measure(graph, window, units)
    x = graph.add("Div", graph.add("Sub", window, centre), scale)
    x = graph.add("Reshape", graph.cast(x, np.float32), np.array([-1, network.steps, 1]))
    out = graph.cast(_network(graph, x, network, weights), np.float64)
    forecast = graph.add("Add", centre, graph.add("Mul", scale, out))
    graph.output(forecast, "forecast", np.float64, "n", network.output_size)
    return graph


def _measure(graph: Graph, window: str, units: Units) -> tuple:
    """Centre and scale of each window, as `tsrnn.kernels.windows.centre_and_scale` takes them."""
    if units.centring == SERIES:
        return np.float64(units.series_centre), np.float64(units.series_scale)
    mean = graph.add("ReduceMean", window, axes=[1], keepdims=1)
    off = graph.add("Sub", window, mean)
    deviation = graph.add("Sqrt", graph.add("ReduceMean", graph.add("Mul", off, off), axes=[1], keepdims=1))
    scale = graph.add("Add", deviation, np.float64(SCALE_FLOOR * units.series_scale))
    centre = {MEAN: mean, LAST: graph.add("Gather", window, np.array([-1]), axis=1)}[units.centring]
    return centre, scale
