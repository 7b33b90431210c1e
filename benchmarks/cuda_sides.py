"""A recurrent layer and a training step on a GPU, by tsrnn and by torch (cuDNN), from the same weights and inputs.

Inputs lie on the device before anything is timed. Both sides take others at each step, so many that together they are
larger than the GPU's second cache.
"""

import itertools
import math
from contextlib import ExitStack
from unittest import mock

import numpy as np
import torch
from cell_shapes import GATES, Shape
from cuda_precision import chosen
from cuda_timing import Side, repeated

from tsrnn.forecasting.samples.windows import TableRows
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.network.network import Network
from tsrnn.network.recurrent import Recurrent
from tsrnn.training.devices import workers_on
from tsrnn.training.trainer import Trainer, TrainingOptions

RATE, CLIP = 1e-3, 1.0
CACHE = 128 * 2**20  # bytes of inputs that no cache holds
MOST_SETS = 64
EPOCH = 256  # updates between two looks at the weights, about as many as a fit of real data makes


class Problem:
    """A layer's weights, and what makes inputs for it."""

    def __init__(self, cell: str, shape: Shape):
        self.cell, self.shape = cell, shape
        rng = np.random.default_rng(0)
        rows = GATES[cell] * shape.H
        shapes = {"weight_ih": (rows, shape.I), "weight_hh": (rows, shape.H), "bias_ih": (rows,), "bias_hh": (rows,)}
        edge = shape.H**-0.5
        self.weights = {name: rng.uniform(-edge, edge, size).astype(shape.dtype) for name, size in shapes.items()}

    @property
    def sets(self) -> int:
        """How many inputs take turns."""
        s = self.shape
        return min(MOST_SETS, 1 + math.ceil(CACHE / (s.T * s.B * (s.I + s.H) * np.dtype(s.dtype).itemsize)))

    def batches(self, count: int, device: str) -> list[tuple]:
        """Inputs (T, B, I) and gradients of the states (T, B, H), torch's tensors."""
        s, generator = self.shape, torch.Generator(device).manual_seed(0)
        options = {"generator": generator, "device": device, "dtype": getattr(torch, s.dtype)}
        return [tuple(torch.randn(s.T, s.B, width, **options) for width in (s.I, s.H)) for _ in range(count)]


class Ours:
    """A layer of tsrnn; `device` is "cuda"."""

    def __init__(self, problem: Problem, precision: str = "float32"):
        self.problem, self._stack = problem, ExitStack()
        self._precision = precision

    def __enter__(self):
        shape = self.problem.shape
        self._workers = self._stack.enter_context(workers_on("cuda", None, **chosen(self._precision)))
        dtype = self._workers.dtype(np.dtype(shape.dtype))
        self.layer = Recurrent(self.problem.cell, shape.I, shape.H)
        self.p = {name: self._workers.enter(weight) for name, weight in self.problem.weights.items()}
        self.g = {name: self._workers.enter(np.full_like(a, np.nan)) for name, a in self.problem.weights.items()}
        self.work = self.layer.allocate(shape.T, shape.B, dtype)
        return self

    def __exit__(self, *exception):
        self._stack.close()

    def forward(self, x: Array) -> Array:
        """States of all steps, (T, B, H)."""
        return self.layer.forward(self.p, x, self.work)

    def backward(self, x: Array, dy: Array, need_dx: bool = False) -> Array | None:
        """Gradients of the weights, into `g`, and if asked for of the inputs."""
        return self.layer.backward(self.p, self.g, x, dy, self.work, [(0, len(x))], need_dx)

    def timed(self, batches: list[tuple]) -> dict[str, Side]:
        """The layer forward, and forward and backward."""
        turns = itertools.cycle([tuple(map(Array.borrowed, batch)) for batch in batches])

        def forward_backward():
            x, dy = next(turns)
            self.forward(x)
            self.backward(x, dy)

        return {"forward": repeated(lambda: self.forward(next(turns)[0])), "both": repeated(forward_backward)}

    def training(self, table: torch.Tensor, targets: torch.Tensor, records: bool = True) -> Side:
        """Updates by the trainer of the library: samples are drawn and gathered, losses read and checked.

        They are replayed as a CUDA graph, or if it `records` none asked for call by call.
        """
        shape = self.problem.shape
        network = Network(self.problem.cell, shape.T, shape.I, shape.H, 1, 1)
        start = network.initialize(np.random.default_rng(0), np.dtype(shape.dtype))
        rows, targets = (Array.borrowed(t) for t in (table.transpose(0, 1).contiguous(), targets.double()))
        numbers = np.arange(EPOCH * shape.B) % len(rows)
        samples = TableRows(rows, targets, None, np.zeros(shape.I), np.ones(shape.I), numbers)

        def run(count: int) -> None:
            options = TrainingOptions(
                loss="squared_error",
                alpha=0.0,
                learning_rate="constant",
                learning_rate_init=RATE,
                clip_norm=CLIP,
                batch_size=shape.B,
                max_iter=count,
                max_steps=count,
                bptt_steps=None,
                n_iter_no_change=count,
                tol=0.0,
                n_jobs=None,
                device="cuda",
                **chosen(self._precision),
            )
            with mock.patch("tsrnn.training.cuda.Device.records", records):
                Trainer(network, start, options, samples, None, np.random.default_rng(0)).run()

        return Side(run, prepares=True)


class Torch:
    """torch's layer on the GPU; `tf32` sets whether cuDNN and cuBLAS may use it."""

    def __init__(self, problem: Problem, tf32: bool, device: str = "cuda"):
        self.problem, self._tf32, self._device = problem, tf32, device
        shape = problem.shape
        self.module = getattr(torch.nn, problem.cell.upper())(shape.I, shape.H)
        self.module.load_state_dict({f"{name}_l0": torch.tensor(array) for name, array in problem.weights.items()})
        self.module = self.module.to(device)

    def _allow(self) -> None:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = self._tf32

    def timed(self, batches: list[tuple]) -> dict[str, Side]:
        """As `Ours.timed`."""
        turns, weights = itertools.cycle(batches), list(self.module.parameters())

        def forward():
            self._allow()
            self.module(next(turns)[0])

        def forward_backward():
            self._allow()
            x, dy = next(turns)
            torch.autograd.grad(self.module(x)[0], weights, dy)

        return {"forward": repeated(forward), "both": repeated(forward_backward)}

    def training(self, table: torch.Tensor, targets: torch.Tensor) -> Side:
        """Updates: a batch gathered, the layer and a head on its last state, clipping, Adam in one kernel."""
        shape, head = self.problem.shape, torch.nn.Linear(self.problem.shape.H, 1).to(table)
        weights = [*self.module.parameters(), *head.parameters()]
        optimizer = torch.optim.Adam(weights, lr=RATE, fused=self._device == "cuda")
        batches = itertools.cycle(torch.arange(table.shape[1], device=self._device).split(shape.B))

        def step():
            self._allow()
            which = next(batches)
            _, last = self.module(table[:, which])
            out = head((last[0] if isinstance(last, tuple) else last)[-1])
            optimizer.zero_grad()
            ((out - targets[which]) ** 2).mean().backward()
            torch.nn.utils.clip_grad_norm_(weights, CLIP)
            optimizer.step()

        return repeated(step)


def reference(problem: Problem, x, dy, states) -> dict[str, np.ndarray]:
    """By torch's layer in float64 on the host: states, and gradients of sum(states * dy), by name."""
    module = getattr(torch.nn, problem.cell.upper())(problem.shape.I, problem.shape.H).double()
    module.load_state_dict({f"{name}_l0": torch.tensor(array) for name, array in problem.weights.items()})
    x, *states = (torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in (x, *states))
    first = tuple(state[None] for state in states)
    y, _ = module(x, first if len(first) == 2 else first[0])
    (y * torch.tensor(dy, dtype=torch.float64)).sum().backward()
    found = {"y": y.detach(), "x": x.grad} | {n: s.grad for n, s in zip(("h0", "c0"), states, strict=False)}
    found |= {name.removesuffix("_l0"): weight.grad for name, weight in module.named_parameters()}
    return {name: value.numpy() for name, value in found.items()}


def checked(problem: Problem, precision: str = "float32", some: int = 8) -> dict:
    """Errors of a layer's states and gradients, relative to those in float64, and whether all of them are written.

    All rows are computed; `some` of them, from the first to the last, have gradients and are compared.
    """
    shape, rng = problem.shape, np.random.default_rng(1)
    rows = np.unique(np.linspace(0, shape.B - 1, some).astype(int))
    x = rng.standard_normal((shape.T, shape.B, shape.I)).astype(shape.dtype)
    dy = np.zeros((shape.T, shape.B, shape.H), shape.dtype)
    dy[:, rows] = rng.standard_normal((shape.T, len(rows), shape.H))
    with Ours(problem, precision) as ours:
        count = ours.layer.cell.n_states
        states = [0.5 * rng.standard_normal((shape.B, shape.H)).astype(shape.dtype) for _ in range(count)]
        for array in (ours.work.a, ours.work.dx, *ours.work.memory, *ours.work.d_states):
            array[...] = np.nan
        ours.layer.start(ours.work, list(map(Array.from_host, states)))
        entered = Array.from_host(x)
        found = {"y": ours.forward(entered).to_host()}
        found["x"] = ours.backward(entered, Array.from_host(dy), need_dx=True).to_host()
        d_states = ours.layer.initial_gradients(ours.work)
        found |= {name: d.to_host() for name, d in zip(("h0", "c0"), d_states, strict=False)}
        found |= {name: gradient.to_host() for name, gradient in ours.g.items()}
    written = all(np.isfinite(array).all() for array in found.values())
    expected = reference(problem, x[:, rows], dy[:, rows], [state[rows] for state in states])
    for name in ("y", "x"):
        found[name] = found[name][:, rows]
    found |= {name: found[name][rows] for name in ("h0", "c0") if name in found}
    errors = {name: float(np.linalg.norm(found[name] - e) / np.linalg.norm(e)) for name, e in expected.items()}
    return {
        "error_states": errors.pop("y"),
        "error_gradients": max(errors.values()),
        "worst_gradient": max(errors, key=errors.get),
        "all_written": bool(written),
    }
