"""A layer with a shortcut: what it adds to its input is learnt (He et al., 2016; between LSTMs: Wu et al., 2016)."""

from types import SimpleNamespace

import numpy as np

from tsrnn.network.layers import Views


class Residual:
    """output + input of a layer whose outputs are as wide as its inputs.

    Parameters
    ----------
    layer : Recurrent or Bidirectional
    """

    def __init__(self, layer):
        self.layer = layer
        self.output_size = layer.output_size
        self.shapes = layer.shapes
        self.initialize = layer.initialize
        self.final = layer.final
        self.add_to_outputs = layer.add_to_outputs

    def allocate(self, steps: int, rows: int, dtype: np.dtype) -> SimpleNamespace:
        return SimpleNamespace(
            layer=self.layer.allocate(steps, rows, dtype), y=np.empty((steps, rows, self.output_size), dtype)
        )

    def forward(self, p: Views, x: np.ndarray, work: SimpleNamespace) -> np.ndarray:
        """Outputs (T, B, D) for the sequence `x` (T, B, D)."""
        return np.add(self.layer.forward(p, x, work.layer), x, out=work.y)

    def backward(self, p: Views, g: Views, x, dy, work: SimpleNamespace, steps: int, need_dx: bool):
        """As the layer's own `backward`; the shortcut hands `dy` on as it is."""
        dx = self.layer.backward(p, g, x, dy, work.layer, steps, need_dx=need_dx)
        if need_dx:
            self.add_to_outputs(dx, dy)
        return dx
