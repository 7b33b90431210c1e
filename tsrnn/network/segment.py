"""Segments: consecutive values enter the recurrent layers as one step (Lin et al., 2023, SegRNN)."""

from types import SimpleNamespace

import numpy as np

from tsrnn.kernels.devices import empty, run
from tsrnn.kernels.segments import fold_steps, rectify, rectify_gradient
from tsrnn.network.initialization import uniform
from tsrnn.network.layers import Dense, Views, flat_rows


class Segment:
    """Folds `length` steps into one and embeds it: relu(W x + b). A window of 504 hours becomes 21 days.

    Where `length` does not divide the window, its first value is repeated on the left.

    Parameters
    ----------
    length : int
    input_size, output_size : int
        Channels a step, and width of the embedding.
    """

    def __init__(self, length: int, input_size: int, output_size: int):
        self.length = length
        self.output_size = output_size
        self._dense = Dense(length * input_size, output_size, prefix="segment.")
        self.shapes = self._dense.shapes

    def steps(self, window: int) -> int:
        """Steps that a window of that many values is folded into."""
        return -(-window // self.length)

    def initialize(self, p: Views, rng: np.random.Generator) -> None:
        for name in self.shapes():
            uniform(p[name], self._dense.input_size**-0.5, rng)

    def allocate(self, window: int, rows: int, dtype: np.dtype) -> SimpleNamespace:
        steps = self.steps(window)
        return SimpleNamespace(
            folded=empty((steps, rows, self._dense.input_size), dtype),
            y=empty((steps, rows, self.output_size), dtype),
        )

    def forward(self, p: Views, x: np.ndarray, work: SimpleNamespace) -> np.ndarray:
        """Embedded segments (S, B, H) of the window `x` (T, B, C)."""
        run(fold_steps, x, work.folded)
        self._dense.forward(p, flat_rows(work.folded), flat_rows(work.y))
        run(rectify, flat_rows(work.y))
        return work.y

    def backward(self, g: Views, dy: np.ndarray, work: SimpleNamespace) -> None:
        """Gradients of the parameters from those of the last segments, dy (K, B, H), which is overwritten."""
        first = len(work.y) - len(dy)
        run(rectify_gradient, flat_rows(work.y[first:]), flat_rows(dy))
        self._dense.backward(g, flat_rows(work.folded[first:]), flat_rows(dy))
