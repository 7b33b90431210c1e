"""Two recurrent layers over the same window, one from its start and one from its end (Schuster and Paliwal, 1997)."""

from types import SimpleNamespace

import numpy as np

from tsrnn.kernels.devices import contiguous, empty
from tsrnn.network.layers import Spans, Views
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
    dropout : float
        As for `Recurrent`; each direction has a mask of its own.
    """

    def __init__(
        self, cell: str, input_size: int, hidden_size: int, prefix: str = "", suffix: str = "", dropout: float = 0.0
    ):
        self.input_size = input_size
        self.output_size = 2 * hidden_size
        self.directions = (
            Recurrent(cell, input_size, hidden_size, prefix, suffix, dropout),
            Recurrent(cell, input_size, hidden_size, prefix, f"{suffix}_reverse", dropout),
        )
        self.n_keys = sum(direction.n_keys for direction in self.directions)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**self.directions[0].shapes(), **self.directions[1].shapes()}

    def initialize(self, p: Views, rng: np.random.Generator, recurrent_init: str) -> None:
        for direction in self.directions:
            direction.initialize(p, rng, recurrent_init)

    def allocate(self, steps: int, rows: int, dtype: np.dtype, for_backward: bool = True) -> SimpleNamespace:
        return SimpleNamespace(
            directions=[direction.allocate(steps, rows, dtype, for_backward) for direction in self.directions],
            flipped=empty((steps, rows, self.input_size), dtype),
            y=empty((steps, rows, self.output_size), dtype),
            dx=empty((steps, rows, self.input_size), dtype),
        )

    def forward(self, p: Views, x: np.ndarray, work: SimpleNamespace, keys: np.ndarray | None = None) -> np.ndarray:
        """Outputs (T, B, 2H) for the sequence `x` (T, B, I), in order of time."""
        size = self.output_size // 2
        work.flipped[...] = x[::-1]
        onward, back = self.directions
        own = (None, None) if keys is None else (keys[: onward.n_keys], keys[onward.n_keys :])
        work.y[:, :, :size] = onward.forward(p, x, work.directions[0], own[0])
        work.y[:, :, size:] = back.forward(p, work.flipped, work.directions[1], own[1])[::-1]
        return work.y

    def final(self, y: np.ndarray) -> np.ndarray:
        """The output of each direction after the whole window, (1, B, 2H)."""
        size = self.output_size // 2
        return np.concatenate([y[-1:, :, :size], y[:1, :, size:]], axis=2)

    def final_states(self, work: SimpleNamespace) -> list[np.ndarray]:
        """States (B, 2H) of both directions, each after its last step, side by side; h first."""
        onward, back = (d.final_states(w) for d, w in zip(self.directions, work.directions, strict=True))
        return [np.concatenate(pair, axis=1) for pair in zip(onward, back, strict=True)]

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
        spans: Spans,
        need_dx: bool,
        d_states: list[np.ndarray] | None = None,
    ) -> np.ndarray | None:
        """Gradients within the spans, which each direction counts in its own order of steps.

        Parameters
        ----------
        p, g : dict of str to ndarray
        x : (T, B, I) the input of `forward`
        dy : (T, B, 2H) gradients of all outputs, or (1, B, 2H) of `final`
        spans : list of (int, int)
        need_dx : bool
        d_states : list of (B, 2H), optional
            Further gradients of `final_states`.

        Returns
        -------
        (T, B, I) gradient of the inputs, or None
        """
        size, first = self.output_size // 2, spans[0][0]
        kept = min(len(x) - first, len(dy))  # outputs before the first span are constants
        dy_back = dy[::-1] if len(dy) == len(x) else dy
        dx = []
        for direction, space, sequence, own_dy, units in (
            (self.directions[0], work.directions[0], x, dy, slice(size)),
            (self.directions[1], work.directions[1], work.flipped, dy_back, slice(size, None)),
        ):
            own_dy = contiguous(own_dy[len(own_dy) - kept :, :, units])
            own_states = None if d_states is None else [d[:, units] for d in d_states]
            dx.append(direction.backward(p, g, sequence, own_dy, space, spans, need_dx, own_states))
        if not need_dx:
            return None
        work.dx[...] = 0
        work.dx[first:] += dx[0]
        work.dx[: len(x) - first] += dx[1][::-1]
        return work.dx
