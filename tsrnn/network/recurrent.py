"""One recurrent layer in one direction."""

from types import SimpleNamespace

import numpy as np

from tsrnn.kernels.linear import affine, affine_gradient, affine_input_gradient
from tsrnn.network.cells import CELLS
from tsrnn.network.initialization import orthogonal_blocks, uniform
from tsrnn.network.layers import Views, flat_rows


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
        self.hidden_size = self.output_size = hidden_size
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
        affine(flat_rows(x), p[self._name["weight_ih"]], p[self._name["bias_ih"]], flat_rows(work.a))
        self.cell.forward(work.a, *work.memory, *self._arrays(p), *self.cell.options)
        return work.memory[0][1:]

    def final(self, y: np.ndarray) -> np.ndarray:
        """The state after the whole window, (1, B, H)."""
        return y[-1:]

    def add_to_outputs(self, dx: np.ndarray, dy: np.ndarray) -> None:
        """Add gradients (K, B, H) of the last outputs to those of a sequence (T, B, H), in place."""
        dx[len(dx) - len(dy) :] += dy

    def backward(
        self,
        p: Views,
        g: Views,
        x: np.ndarray,
        dy: np.ndarray,
        work: SimpleNamespace,
        steps: int,
        need_dx: bool,
        continued: bool = False,
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
        continued : bool
            Add what `work.d_states` holds, gradients of the last states from later steps; they are zero without it.
            Afterwards it holds those of the states before the first of the steps.

        Returns
        -------
        (steps, B, I) gradient of the last inputs, or None
        """
        first = len(x) - steps
        a = work.a[first:]
        if not continued:
            for d_state in work.d_states:
                d_state[...] = 0
        memory = [m[first:] for m in work.memory]
        weights, gradients = self._arrays(p, "bias_hh"), self._arrays(g)
        self.cell.backward(a, *memory, *weights, dy, *work.d_states, *gradients, *self.cell.options)
        affine_gradient(flat_rows(x[first:]), flat_rows(a), g[self._name["weight_ih"]], g[self._name["bias_ih"]])
        if not need_dx:
            return None
        dx = work.dx[first:]
        affine_input_gradient(flat_rows(a), p[self._name["weight_ih"]], flat_rows(dx))
        return dx
