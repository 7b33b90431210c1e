"""Layers. Each knows the shapes of its parameters, its work space, its forward and its backward pass.

A layer holds no parameters and no activations: both are passed in, so that threads may share it. Sequences are
(T, B, I) arrays, time first; `p` and `g` are the named views of the parameters and of their gradients.
"""

from types import SimpleNamespace

import numpy as np

from tsrnn.kernels.dropout import dropout
from tsrnn.kernels.linear import affine, affine_gradient, affine_input_gradient
from tsrnn.network.cells import CELLS
from tsrnn.network.initialization import orthogonal_blocks, uniform

Views = dict[str, np.ndarray]


def _flat_rows(a: np.ndarray) -> np.ndarray:
    """(T, B, I) seen as (T * B, I)."""
    return a.reshape(-1, a.shape[-1])


class Recurrent:
    """One recurrent layer in one direction.

    Parameters
    ----------
    cell : str
        A key of `CELLS`.
    input_size, hidden_size : int
    prefix, suffix : str
        Set around `weight_ih` and so on, as torch names them: `rnn.weight_ih_l0`.
    """

    def __init__(self, cell: str, input_size: int, hidden_size: int, prefix: str = "", suffix: str = ""):
        self.cell = CELLS[cell]
        self.input_size = input_size
        self.hidden_size = hidden_size
        rows = len(self.cell.gates) * hidden_size
        shapes = {
            "weight_ih": (rows, input_size),
            "weight_hh": (rows, hidden_size),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
        }
        if self.cell.peepholes:
            shapes["weight_peephole"] = (len(self.cell.peepholes), hidden_size)
        self._shapes = {f"{prefix}{name}{suffix}": shape for name, shape in shapes.items()}
        self._name = dict(zip(shapes, self._shapes, strict=True))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self._shapes

    def initialize(self, p: Views, rng: np.random.Generator, recurrent_init: str) -> None:
        """Uniform within 1 / sqrt(H), as torch; an LSTM's forget gate starts open, with a bias of 1 in all.

        Gers, Schmidhuber and Cummins (2000) and Jozefowicz, Zaremba and Sutskever (2015) say why.
        """
        for name in self._shapes:
            uniform(p[name], self.hidden_size**-0.5, rng)
        if recurrent_init == "orthogonal":
            orthogonal_blocks(p[self._name["weight_hh"]], rng)
        if "f" in self.cell.gates:
            start = self.cell.gates.index("f") * self.hidden_size
            forget = slice(start, start + self.hidden_size)
            p[self._name["bias_ih"]][forget] = 1
            p[self._name["bias_hh"]][forget] = 0

    def _arrays(self, views: Views, *skipped: str) -> list[np.ndarray]:
        """What the loops over time take, in their order; without the names skipped."""
        names = ("weight_hh", "bias_hh", "weight_peephole")
        return [views[self._name[n]] for n in names if n in self._name and n not in skipped]

    def allocate(self, steps: int, rows: int, dtype: np.dtype) -> SimpleNamespace:
        size = self.hidden_size
        return SimpleNamespace(
            a=np.empty((steps, rows, len(self.cell.gates) * size), dtype),
            memory=[np.zeros((steps + 1, rows, size), dtype) for _ in self.cell.memory],
            d_states=[np.empty((rows, size), dtype) for _ in range(self.cell.n_states)],
            dx=np.empty((steps, rows, self.input_size), dtype),
        )

    def forward(self, p: Views, x: np.ndarray, work: SimpleNamespace) -> np.ndarray:
        """States h_1 .. h_T (T, B, H) of the sequence `x` (T, B, I), from a zero state."""
        affine(_flat_rows(x), p[self._name["weight_ih"]], p[self._name["bias_ih"]], _flat_rows(work.a))
        self.cell.forward(work.a, *work.memory, *self._arrays(p), *self.cell.options)
        return work.memory[0][1:]

    def backward(
        self,
        p: Views,
        g: Views,
        x: np.ndarray,
        dy: np.ndarray,
        work: SimpleNamespace,
        steps: int,
        need_dx: bool,
    ) -> np.ndarray | None:
        """Gradients through the last `steps` steps; what lies before is taken as a constant.

        Parameters
        ----------
        p, g : dict of str to ndarray
            `p` is read, `g` is written.
        x : (T, B, I) the input of `forward`
        dy : (K, B, H) gradients of the last K outputs, K at most `steps`
        steps : int
        need_dx : bool

        Returns
        -------
        (steps, B, I) gradient of the last inputs, or None
        """
        first = len(x) - steps
        a = work.a[first:]
        for d_state in work.d_states:
            d_state[...] = 0
        memory = [m[first:] for m in work.memory]
        weights, gradients = self._arrays(p, "bias_hh"), self._arrays(g)
        self.cell.backward(a, *memory, *weights, dy, *work.d_states, *gradients, *self.cell.options)
        affine_gradient(_flat_rows(x[first:]), _flat_rows(a), g[self._name["weight_ih"]], g[self._name["bias_ih"]])
        if not need_dx:
            return None
        dx = work.dx[first:]
        affine_input_gradient(_flat_rows(a), p[self._name["weight_ih"]], _flat_rows(dx))
        return dx


class Dropout:
    """Sets a share `rate` of the values to zero while training and scales the others up."""

    def __init__(self, rate: float):
        self.threshold = np.uint64(rate * 2**32)
        self.scale = 1 / (1 - rate)

    def apply(self, a: np.ndarray, out: np.ndarray, key: np.uint64, first_step: int) -> None:
        """Forward, and on gradients backward too: the same key gives the same mask.

        `a` and `out` are (K, B, H): the steps of the sequence from `first_step` on. `out` may be `a`.
        """
        first = np.uint64(first_step * a[0].size)
        dropout(a.reshape(-1), out.reshape(-1), key, first, self.threshold, a.dtype.type(self.scale))


class Dense:
    """Affine map of the rows of a matrix: `weight` (O, I) and `bias` (O,), as torch's Linear."""

    def __init__(self, input_size: int, output_size: int, prefix: str):
        self.input_size = input_size
        self.output_size = output_size
        self._names = (f"{prefix}weight", f"{prefix}bias")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return dict(zip(self._names, [(self.output_size, self.input_size), (self.output_size,)], strict=True))

    def forward(self, p: Views, x: np.ndarray, out: np.ndarray) -> None:
        """out (B, O) from x (B, I)."""
        affine(x, p[self._names[0]], p[self._names[1]], out)

    def backward(self, g: Views, x: np.ndarray, d_out: np.ndarray) -> None:
        """Gradients of the parameters."""
        affine_gradient(x, d_out, g[self._names[0]], g[self._names[1]])

    def input_gradient(self, p: Views, d_out: np.ndarray, dx: np.ndarray) -> None:
        """dx (B, I) from d_out (B, O)."""
        affine_input_gradient(d_out, p[self._names[0]], dx)
