"""Two recurrent layers over the same window, one from its start and one from its end (Schuster and Paliwal, 1997)."""

from types import SimpleNamespace

import numpy as np

from tsrnn.network.layers import Views
from tsrnn.network.recurrent import Recurrent


class Bidirectional:
    """Outputs of both directions side by side, (T, B, 2H). It sees the window and nothing after it.

    Parameters
    ----------
    cell : str
    input_size, hidden_size : int
        Units of each direction.
    prefix, suffix : str
        As for `Recurrent`; the second direction adds `_reverse`, as torch does.
    """

    def __init__(self, cell: str, input_size: int, hidden_size: int, prefix: str = "", suffix: str = ""):
        self.output_size = 2 * hidden_size
        self.directions = (
            Recurrent(cell, input_size, hidden_size, prefix, suffix),
            Recurrent(cell, input_size, hidden_size, prefix, f"{suffix}_reverse"),
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**self.directions[0].shapes(), **self.directions[1].shapes()}

    def initialize(self, p: Views, rng: np.random.Generator, recurrent_init: str) -> None:
        for direction in self.directions:
            direction.initialize(p, rng, recurrent_init)

    def allocate(self, steps: int, rows: int, dtype: np.dtype) -> SimpleNamespace:
        input_size = self.directions[0].input_size
        return SimpleNamespace(
            directions=[direction.allocate(steps, rows, dtype) for direction in self.directions],
            flipped=np.empty((steps, rows, input_size), dtype),
            y=np.empty((steps, rows, self.output_size), dtype),
            dx=np.empty((steps, rows, input_size), dtype),
        )

    def forward(self, p: Views, x: np.ndarray, work: SimpleNamespace) -> np.ndarray:
        """Outputs (T, B, 2H) for the sequence `x` (T, B, I), in order of time."""
        size = self.output_size // 2
        work.flipped[...] = x[::-1]
        onward, back = self.directions
        work.y[:, :, :size] = onward.forward(p, x, work.directions[0])
        work.y[:, :, size:] = back.forward(p, work.flipped, work.directions[1])[::-1]
        return work.y

    def final(self, y: np.ndarray) -> np.ndarray:
        """What each direction has in its state after the whole window, (1, B, 2H)."""
        size = self.output_size // 2
        return np.concatenate([y[-1:, :, :size], y[:1, :, size:]], axis=2)

    def add_to_outputs(self, dx: np.ndarray, dy: np.ndarray) -> None:
        """Add gradients of outputs, as `backward` takes them, to those of a sequence (T, B, 2H)."""
        size = self.output_size // 2
        if len(dy) == len(dx):
            dx += dy
        else:
            dx[-1, :, :size] += dy[0, :, :size]
            dx[0, :, size:] += dy[0, :, size:]

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
        """Gradients through the last `steps` steps of each direction, the last in its own order.

        Parameters
        ----------
        p, g : dict of str to ndarray
        x : (T, B, I) the input of `forward`
        dy : (T, B, 2H) gradients of all outputs, or (1, B, 2H) of `final`
        steps : int
        need_dx : bool

        Returns
        -------
        (T, B, I) gradient of the inputs, or None
        """
        size = self.output_size // 2
        onward, back = self.directions
        dy_back = dy[::-1] if len(dy) == len(x) else dy
        kept = min(steps, len(dy))
        dx_onward = onward.backward(
            p, g, x, np.ascontiguousarray(dy[-kept:, :, :size]), work.directions[0], steps, need_dx
        )
        dx_back = back.backward(
            p, g, work.flipped, np.ascontiguousarray(dy_back[-kept:, :, size:]), work.directions[1], steps, need_dx
        )
        if not need_dx:
            return None
        work.dx[...] = 0
        work.dx[-steps:] += dx_onward
        work.dx[:steps] += dx_back[::-1]
        return work.dx
