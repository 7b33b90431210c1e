"""A layer with a shortcut: what it adds to its input is learnt (He et al., 2016; between LSTMs: Wu et al., 2016)."""

from types import SimpleNamespace

import numpy as np

from tsrnn.kernels.devices import empty
from tsrnn.network.initialization import uniform
from tsrnn.network.layers import Dense, Spans, Views, flat_rows


class Residual:
    """output + input of a layer; where the widths differ, the input goes through an affine map (He et al., eq. 2).

    Parameters
    ----------
    layer : Recurrent or Bidirectional
    prefix, suffix : str
        Set around `shortcut_weight` and `shortcut_bias`, the parameters of that map.
    """

    def __init__(self, layer, prefix: str = "", suffix: str = ""):
        self.layer = layer
        self.input_size = layer.input_size
        self.output_size = layer.output_size
        self.n_keys = layer.n_keys
        self.final = layer.final
        self.add_to_outputs = layer.add_to_outputs
        self.projection = None
        if self.input_size != self.output_size:
            self.projection = Dense(self.input_size, self.output_size, f"{prefix}shortcut_", suffix)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**self.layer.shapes(), **(self.projection.shapes() if self.projection else {})}

    def initialize(self, p: Views, rng: np.random.Generator, recurrent_init: str) -> None:
        self.layer.initialize(p, rng, recurrent_init)
        for name in self.projection.shapes() if self.projection else ():
            uniform(p[name], self.input_size**-0.5, rng)

    def allocate(self, steps: int, rows: int, dtype: np.dtype, for_backward: bool = True) -> SimpleNamespace:
        shape = (steps, rows, self.output_size)
        layer = self.layer.allocate(steps, rows, dtype, for_backward)
        work = SimpleNamespace(layer=layer, y=empty(shape, dtype))
        if self.projection:
            work.projected = empty(shape, dtype)
        return work

    def forward(self, p: Views, x: np.ndarray, work: SimpleNamespace, keys: np.ndarray | None = None) -> np.ndarray:
        """Outputs (T, B, O) for the sequence `x` (T, B, I)."""
        shortcut = x
        if self.projection:
            shortcut = work.projected
            self.projection.forward(p, flat_rows(x), flat_rows(shortcut))
        return np.add(self.layer.forward(p, x, work.layer, keys), shortcut, out=work.y)

    def start(self, work: SimpleNamespace, states: list[np.ndarray]) -> None:
        self.layer.start(work.layer, states)

    def final_states(self, work: SimpleNamespace) -> list[np.ndarray]:
        return self.layer.final_states(work.layer)

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
        """As the layer's own `backward`; the shortcut hands `dy` on, through its map where it has one."""
        dx = self.layer.backward(p, g, x, dy, work.layer, spans, need_dx, d_states)
        if self.projection is None:
            if need_dx:
                self.add_to_outputs(dx, dy)
            return dx
        every = np.zeros_like(work.y)
        self.add_to_outputs(every, dy)
        self.projection.backward(g, flat_rows(x), flat_rows(every))
        if need_dx:
            through = np.empty_like(x)
            self.projection.input_gradient(p, flat_rows(every), flat_rows(through))
            dx += through[len(x) - len(dx) :]
        return dx

    def initial_gradients(self, work: SimpleNamespace) -> list[np.ndarray]:
        return self.layer.initial_gradients(work.layer)
