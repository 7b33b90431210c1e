"""The registry of cells: what a layer has to know about one. No other place compares the name of a cell."""

from collections.abc import Callable
from dataclasses import dataclass

from tsrnn.kernels import gru, lstm, rnn


@dataclass(frozen=True)
class Cell:
    """A recurrent cell.

    Attributes
    ----------
    gates : tuple of str
        Names of the blocks of rows of `weight_ih` and `weight_hh`, in torch's order.
    memory : tuple of str
        Names of the arrays (T+1, B, H) that `forward` fills and `backward` reads, h first.
    n_states : int
        How many of `memory` are states, handed from step to step; the rest is kept for `backward` only.
    forward, backward : callable
        The loops over time: see kernels/rnn.py, lstm.py and gru.py.
    """

    gates: tuple[str, ...]
    memory: tuple[str, ...]
    n_states: int
    forward: Callable
    backward: Callable


CELLS = {
    "rnn": Cell(("h",), ("h",), 1, rnn.forward, rnn.backward),
    "lstm": Cell(("i", "f", "g", "o"), ("h", "c"), 2, lstm.forward, lstm.backward),
    "gru": Cell(("r", "z", "n"), ("h", "u"), 1, gru.forward, gru.backward),
}
