"""The registry of cells: what a layer has to know about one. No other place compares the name of a cell."""

from collections.abc import Callable
from dataclasses import dataclass

from tsrnn.kernels import gru, gru_reset_before, lstm, lstm_peephole, rnn


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
        The loops over time: see kernels/lstm.py for the order of their arguments.
    peepholes : tuple of str
        Gates that see the cell state, in the order of the rows of `weight_peephole`.
    options : tuple of bool
        Last arguments of both loops: which variant of the equations they compute.
    keep_gate : str or None
        The gate that the old state is multiplied by: at 1 all of it is kept.
    """

    gates: tuple[str, ...]
    memory: tuple[str, ...]
    n_states: int
    forward: Callable
    backward: Callable
    peepholes: tuple[str, ...] = ()
    options: tuple[bool, ...] = ()
    keep_gate: str | None = None


_RNN = (("h",), ("h",), 1, rnn.forward, rnn.backward)
_LSTM = (("i", "f", "g", "o"), ("h", "c"), 2)
_PEEPHOLE = (*_LSTM, lstm_peephole.forward, lstm_peephole.backward, ("i", "f", "o"))
_GRU = ("r", "z", "n")

CELLS = {
    "rnn": Cell(*_RNN, options=(False,)),
    "rnn_relu": Cell(*_RNN, options=(True,)),
    "lstm": Cell(*_LSTM, lstm.forward, lstm.backward, keep_gate="f"),
    "lstm_peephole": Cell(*_PEEPHOLE, options=(False,), keep_gate="f"),
    "lstm_peephole_previous": Cell(*_PEEPHOLE, options=(True,), keep_gate="f"),
    "gru": Cell(_GRU, ("h", "u"), 1, gru.forward, gru.backward, keep_gate="z"),
    "gru_reset_before": Cell(
        _GRU, ("h", "reset"), 1, gru_reset_before.forward, gru_reset_before.backward, keep_gate="z"
    ),
}
