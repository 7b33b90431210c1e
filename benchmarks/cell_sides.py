"""The same recurrent network in tsrnn, torch and onnxruntime: one training step, one pass of inference.

All sides have the same weights and the same batch, time first. torch gets what is fastest there: Adam in one kernel
(`fused`), the head on the module's own last states; onnxruntime a graph of its recurrent operators and one Gemm.
"""

import numpy as np
import onnxruntime
import torch
from cell_shapes import GATES, Shape
from timing import Side

from tsrnn.forecasting.onnx.nodes import Graph
from tsrnn.forecasting.samples.windows import TableRows
from tsrnn.kernels.optimization import norm
from tsrnn.network.network import Network
from tsrnn.training.losses import LOSSES
from tsrnn.training.optimizers import AdamW
from tsrnn.training.parallel import Workers
from tsrnn.training.passes import Passes

RATE, CLIP = 1e-3, 1.0

# Where ONNX's operators have the blocks of torch's order, which is tsrnn's.
ONNX_ORDER = {"rnn": [0], "lstm": [0, 3, 1, 2], "gru": [1, 0, 2]}


class Problem:
    """A network with its weights, and a batch for it: what all sides start from."""

    def __init__(self, cell: str, shape: Shape):
        self.cell, self.shape = cell, shape
        rng = np.random.default_rng(0)
        sizes = (cell, shape.T, shape.I, shape.H, shape.layers, 1)
        self.network = Network(*sizes, bidirectional=shape.directions == 2)
        self.parameters = self.network.initialize(rng, np.dtype(shape.dtype))
        self.x = rng.standard_normal((shape.T, shape.B, shape.I)).astype(shape.dtype)
        self.y = rng.standard_normal((shape.B, 1)).astype(shape.dtype)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        return self.network.layout.views(self.parameters)

    def first_states(self) -> list[np.ndarray]:
        """States of a stream before its step: one for h, an LSTM's c too, (1, 1, H)."""
        rng = np.random.default_rng(1)
        count = 2 if self.cell == "lstm" else 1
        return [0.1 * rng.standard_normal((1, 1, self.shape.H)).astype(self.shape.dtype) for _ in range(count)]


class Tsrnn:
    """What the library does for a batch: chunks on the workers, each gathered from a table of rows."""

    name = "tsrnn"

    def __init__(self, problem: Problem, workers: Workers):
        self._problem, self._workers = problem, workers
        shape, table = problem.shape, np.ascontiguousarray(problem.x.transpose(1, 0, 2))
        self._samples = TableRows(table, problem.y, None, np.zeros(shape.I), np.ones(shape.I))

    def gradient(self) -> np.ndarray:
        """Of the mean squared error, in the order of the parameters."""
        return self._gradient(Passes(self._problem.network, self._problem.parameters, self._workers))

    def _gradient(self, passes: Passes) -> np.ndarray:
        which = np.arange(self._samples.size)
        weights, _ = passes.weights(self._samples, which)
        weights = self._workers.enter(weights)
        return passes.weighted_gradient(self._samples, which, weights, LOSSES["squared_error"])[1]

    def training(self) -> Side:
        parameters = self._problem.parameters.copy()
        passes = Passes(self._problem.network, parameters, self._workers)
        optimizer = AdamW(parameters.size, parameters.dtype, 0.0, CLIP)

        def step():
            gradient = self._gradient(passes)
            optimizer.update(parameters, gradient, norm(gradient), optimizer.scalars(RATE))

        return Side(step)

    def inference(self) -> Side:
        """Outputs of the batch; of a stream those of one step, which also gives the states that the next would take."""
        problem = self._problem
        if not problem.shape.streaming:
            passes = Passes(problem.network, problem.parameters, self._workers)
            return Side(lambda: passes.outputs(self._samples))
        network = Network(problem.cell, 1, problem.shape.I, problem.shape.H, 1, 1, decoder="in_step")
        views, work = network.layout.views(problem.parameters), network.allocate(1, problem.parameters.dtype)
        states = [[state[0] for state in problem.first_states()]]

        def step():
            work.x[...] = problem.x
            network.start(work, states)
            outputs = network.forward(views, work).copy()
            return outputs, [[state.copy() for state in layer] for layer in network.final_states(work)]

        return Side(lambda: step()[0])


class Torch:
    """Modules of torch.nn with the weights of the problem."""

    name = "torch"

    def __init__(self, problem: Problem):
        shape, kind = problem.shape, getattr(torch.nn, problem.cell.upper())
        recurrent = kind(shape.I, shape.H, shape.layers, bidirectional=shape.directions == 2)
        self._module = torch.nn.ModuleDict(
            {"rnn": recurrent, "head": torch.nn.Linear(shape.directions * shape.H, 1)}
        ).to(getattr(torch, shape.dtype))
        self._module.load_state_dict({name: torch.tensor(array) for name, array in problem.weights.items()})
        self._names, self._streaming = list(problem.weights), shape.streaming
        self._x, self._y = torch.tensor(problem.x), torch.tensor(problem.y)
        first = [torch.tensor(state) for state in problem.first_states()]
        self._first = tuple(first) if len(first) == 2 else first[0]

    def _outputs(self, first=None) -> torch.Tensor:
        _, last = self._module["rnn"](self._x, first)
        h = last[0] if isinstance(last, tuple) else last
        directions = 2 if self._module["rnn"].bidirectional else 1
        return self._module["head"](h[-1] if directions == 1 else torch.cat((h[-2], h[-1]), 1))

    def _backward(self) -> None:
        ((self._outputs() - self._y) ** 2).mean().backward()

    def gradient(self) -> np.ndarray:
        """As `Tsrnn.gradient`."""
        self._module.zero_grad()
        self._backward()
        found = dict(self._module.named_parameters())
        return np.concatenate([found[name].grad.numpy().ravel() for name in self._names])

    def training(self) -> Side:
        parameters = list(self._module.parameters())
        optimizer = torch.optim.Adam(parameters, lr=RATE, fused=True)

        def step():
            optimizer.zero_grad()
            self._backward()
            torch.nn.utils.clip_grad_norm_(parameters, CLIP)
            optimizer.step()

        return Side(step)

    def inference(self) -> Side:
        first = self._first if self._streaming else None

        def step():
            with torch.no_grad():
                return self._outputs(first).numpy()

        return Side(step)


class Onnxruntime:
    """A session over ONNX's recurrent operators, in float32: onnxruntime has them in no other type."""

    name = "onnxruntime"

    def __init__(self, problem: Problem, threads: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        model, self._feed = _onnx(problem)
        content = model.SerializeToString()
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def inference(self) -> Side:
        """Of a stream with the states after it, which the next step would take."""
        return Side(lambda: self._session.run(None, self._feed)[0])


def _onnx(problem: Problem) -> tuple:
    """The network as ONNX, and its inputs."""
    cell, shape, weights, graph = problem.cell, problem.shape, problem.weights, Graph()
    attributes = {"linear_before_reset": 1} if cell == "gru" else {}
    if shape.directions == 2:
        attributes["direction"] = "bidirectional"
    feed = {"x": problem.x}
    y = graph.input("x", np.float32, *problem.x.shape)
    states = []
    if shape.streaming:
        for name, state in zip("hc", problem.first_states(), strict=False):
            states.append(graph.input(name, np.float32, *state.shape))
            feed[name] = state
    for layer in range(shape.layers):
        suffixes = [f"_l{layer}", f"_l{layer}_reverse"][: shape.directions]
        w, r, *b = (
            np.stack([_blocks(weights[f"rnn.{name}{suffix}"], cell) for suffix in suffixes])
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        inputs = [y, w, r, np.concatenate(b, axis=1), *(["", *states] if states else [])]
        n_outputs = 3 if cell == "lstm" else 2
        outputs = graph.add(cell.upper(), *inputs, n_outputs=n_outputs, hidden_size=shape.H, **attributes)
        if layer < shape.layers - 1:  # (T, D, B, H) to (T, B, D * H)
            y = graph.add("Transpose", outputs[0], perm=[0, 2, 1, 3]) if shape.directions == 2 else outputs[0]
            y = graph.add("Reshape", y, np.array([shape.T, shape.B, shape.directions * shape.H]))
    h = outputs[1]
    if shape.directions == 2:
        h = graph.add("Transpose", h, perm=[1, 0, 2])
    h = graph.add("Reshape", h, np.array([shape.B, shape.directions * shape.H]))
    out = graph.add("Gemm", h, weights["head.weight"], weights["head.bias"], transB=1)
    graph.output(out, "out", np.float32, shape.B, 1)
    for name, state in zip("hc" if states else "", outputs[1:], strict=False):
        graph.output(state, f"{name}_next", np.float32, 1, 1, shape.H)
    return graph.model("0", "benchmark"), feed


def _blocks(weight: np.ndarray, cell: str) -> np.ndarray:
    """Rows by gate in ONNX's order."""
    return np.concatenate([np.split(weight, GATES[cell])[k] for k in ONNX_ORDER[cell]])
