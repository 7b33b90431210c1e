"""One recurrent layer in one direction."""

from types import SimpleNamespace

import numpy as np

from tsrnn.kernels.devices import empty, on_host, run, zeros
from tsrnn.kernels.linear import affine_gradient, affine_input_gradient, steps_together
from tsrnn.network.cells import CELLS
from tsrnn.network.initialization import orthogonal_blocks, uniform
from tsrnn.network.layers import Dropout, Spans, Views, flat_rows


class Recurrent:
    """One recurrent layer in one direction.

    Parameters
    ----------
    cell : str
        A key of `CELLS`.
    input_size, hidden_size : int
    prefix, suffix : str
        Set around `weight_ih` and so on, as torch names them: `rnn.weight_ih_l0`.
    dropout : float
        Share of the state's units that the recurrent products do not see while training: one mask for all steps
        (Gal and Ghahramani, 2016). The mask is laid on the columns of `weight_hh`, so that the sequences of one
        call share it.

    Attributes
    ----------
    n_keys : int
        Keys that `forward` wants while training; 0 without dropout.
    """

    def __init__(
        self, cell: str, input_size: int, hidden_size: int, prefix: str = "", suffix: str = "", dropout: float = 0.0
    ):
        self.cell = CELLS[cell]
        self.input_size = input_size
        self.hidden_size = self.output_size = hidden_size
        self.dropout = Dropout(dropout) if dropout else None
        self.n_keys = 1 if dropout else 0
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
        self.name = dict(zip(shapes, self._shapes, strict=True))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self._shapes

    def initialize(self, p: Views, rng: np.random.Generator, recurrent_init: str) -> None:
        """Uniform within 1 / sqrt(H), as torch; an LSTM's forget gate starts open, with a bias of 1 in all.

        Gers, Schmidhuber and Cummins (2000) and Jozefowicz, Zaremba and Sutskever (2015) say why.
        """
        for name in self._shapes:
            uniform(p[name], self.hidden_size**-0.5, rng)
        if recurrent_init == "orthogonal":
            orthogonal_blocks(p[self.name["weight_hh"]], rng)
        if "f" in self.cell.gates:
            start = self.cell.gates.index("f") * self.hidden_size
            forget = slice(start, start + self.hidden_size)
            p[self.name["bias_ih"]][forget] = 1
            p[self.name["bias_hh"]][forget] = 0

    def arrays(self, views: Views, work: SimpleNamespace | None = None) -> list[np.ndarray]:
        """What the loops over time take, in their order; with `work` its masked weights in place of the plain."""
        found = [views[self.name[n]] for n in ("weight_hh", "bias_hh", "weight_peephole") if n in self.name]
        if work is not None and work.mask is not None:
            found[0] = work.masked
        return found

    def allocate(self, steps: int, rows: int, dtype: np.dtype, for_backward: bool = True) -> SimpleNamespace:
        size = self.hidden_size
        gates = len(self.cell.gates) * size
        kept = steps if for_backward or not on_host(dtype) else min(steps, steps_together(rows, gates))
        return SimpleNamespace(
            a=empty((kept, rows, gates), dtype),
            memory=[zeros((steps + 1, rows, size), dtype) for _ in self.cell.memory],
            d_states=[empty((rows, size), dtype) for _ in range(self.cell.n_states)],
            dx=empty((steps, rows, self.input_size), dtype),
            mask=None,
            d_h=None,  # an array (T, B, H) here has `backward` write the gradients of all states into it
        )

    def start(self, work: SimpleNamespace, states: list[np.ndarray]) -> None:
        """Set the states (B, H) before the first step; without it they are zero."""
        for memory, state in zip(work.memory, states, strict=False):
            memory[0] = state

    def mask(self, p: Views, work: SimpleNamespace, keys: np.ndarray | None) -> None:
        """Lay this pass's recurrent dropout on the weights; none without keys."""
        work.mask = None
        if self.dropout and keys is not None:
            weight = p[self.name["weight_hh"]]
            work.mask = np.empty_like(weight, shape=(1, 1, self.hidden_size))
            work.mask[...] = 1
            self.dropout.apply(work.mask, work.mask, keys[0])
            work.mask = work.mask[0, 0]
            work.masked = weight * work.mask

    def forward(self, p: Views, x: np.ndarray, work: SimpleNamespace, keys: np.ndarray | None = None) -> np.ndarray:
        """States h_1 .. h_T (T, B, H) of the sequence `x` (T, B, I), from the states that `start` set."""
        self.mask(p, work, keys)
        inputs = (x, p[self.name["weight_ih"]], p[self.name["bias_ih"]])
        run(self.cell.forward, *inputs, work.a, *work.memory, *self.arrays(p, work), *self.cell.options)
        return work.memory[0][1:]

    def final(self, y: np.ndarray) -> np.ndarray:
        """The output after the whole window, (1, B, H)."""
        return y[-1:]

    def final_states(self, work: SimpleNamespace) -> list[np.ndarray]:
        """States (B, H) after the last step, h first; views of the work space."""
        return [memory[-1] for memory in work.memory[: self.cell.n_states]]

    def initial_gradients(self, work: SimpleNamespace) -> list[np.ndarray]:
        """Gradients (B, H) of the states before the first step, after `backward` through all steps."""
        return work.d_states

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
        spans: Spans,
        need_dx: bool,
        d_states: list[np.ndarray] | None = None,
    ) -> np.ndarray | None:
        """Gradients within the spans; the states before a span are taken as constants.

        Parameters
        ----------
        p, g : dict of str to ndarray
            `p` is read, `g` is written.
        x : (T, B, I) the input of `forward`
        dy : (K, B, H) gradients of the last K outputs, none of them before the first span
        spans : list of (int, int)
            The last ends with the sequence.
        need_dx : bool
        d_states : list of (B, H), optional
            Further gradients of the states after the last step, h first.

        Returns
        -------
        (T - first, B, I) gradient of the inputs from the first span on, or None
        """
        for k, d_state in enumerate(work.d_states):
            d_state[...] = 0 if d_states is None else d_states[k]
        written = self.arrays(g)
        before = len(x) - len(dy)
        for first, stop in reversed(spans):
            own = dy[max(first - before, 0) : max(stop - before, 0)]
            if stop == len(x):
                self._span(p, work, own, first, stop, written)
                continue
            for d_state in work.d_states:
                d_state[...] = 0
            part = [np.empty_like(array) for array in written]
            self._span(p, work, own, first, stop, part)
            for array, more in zip(written, part, strict=True):
                array += more
        if work.mask is not None:
            written[0] *= work.mask
        first = spans[0][0]
        a, dx = work.a[first:], work.dx[first:]
        run(affine_gradient, flat_rows(x[first:]), flat_rows(a), g[self.name["weight_ih"]], g[self.name["bias_ih"]])
        if not need_dx:
            return None
        run(affine_input_gradient, flat_rows(a), p[self.name["weight_ih"]], flat_rows(dx))
        return dx

    def _span(self, p: Views, work: SimpleNamespace, dy: np.ndarray, first: int, stop: int, written: list) -> None:
        """Back through the steps of one span; `work.d_states` go in and out."""
        memory = [m[first : stop + 1] for m in work.memory]
        weight, _, *peephole = self.arrays(p, work)
        if work.d_h is None:
            others = *memory, weight, *peephole, dy, *work.d_states, *written, *self.cell.options
            run(self.cell.backward, work.a[first:stop], *others)
            return
        # One step at a time, to see the gradient of each state on its way; that of the weights is not asked for.
        before = stop - len(dy)
        for t in reversed(range(first, stop)):
            own = dy[max(t - before, 0) : max(t + 1 - before, 0)]
            work.d_h[t] = work.d_states[0] + (own[0] if len(own) else 0)
            memory = [m[t : t + 2] for m in work.memory]
            others = *memory, weight, *peephole, own, *work.d_states, *written, *self.cell.options
            run(self.cell.backward, work.a[t : t + 1], *others)
