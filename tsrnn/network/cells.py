"""The registry of cells: what a layer has to know about one. No other place compares the name of a cell."""

from collections.abc import Callable
from dataclasses import dataclass

from tsrnn.kernels import gru, gru_reset_before, lstm, lstm_peephole, parallel, rnn


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
    parallel_forward, parallel_backward : callable
        The loops over inputs that each take one step from the same state: arguments as those of the loops over time,
        meaning as in kernels/parallel.py.
    peepholes : tuple of str
        Gates that see the cell state, in the order of the rows of `weight_peephole`.
    options : tuple of bool
        Last arguments of all four loops: which variant of the equations they compute.
    keep_gate : str or None
        The gate that the old state is multiplied by: at 1 all of it is kept.
    """

    gates: tuple[str, ...]
    memory: tuple[str, ...]
    n_states: int
    forward: Callable
    backward: Callable
    parallel_forward: Callable
    parallel_backward: Callable
    peepholes: tuple[str, ...] = ()
    options: tuple[bool, ...] = ()
    keep_gate: str | None = None


# What cells have in common: gates, memory, number of states, loops.
_RNN_LOOPS = (rnn.forward, rnn.backward, parallel.rnn_forward, parallel.rnn_backward)
_RNN = (("h",), ("h",), 1, *_RNN_LOOPS)
_LSTM = (("i", "f", "g", "o"), ("h", "c"), 2)
_LSTM_LOOPS = (lstm.forward, lstm.backward, parallel.lstm_forward, parallel.lstm_backward)
_PEEPHOLE_LOOPS = (
    lstm_peephole.forward,
    lstm_peephole.backward,
    parallel.lstm_peephole_forward,
    parallel.lstm_peephole_backward,
)
_PEEPHOLE = (*_LSTM, *_PEEPHOLE_LOOPS, ("i", "f", "o"))
_GRU = ("r", "z", "n")
_GRU_LOOPS = (gru.forward, gru.backward, parallel.gru_forward, parallel.gru_backward)
_RESET_BEFORE_LOOPS = (
    gru_reset_before.forward,
    gru_reset_before.backward,
    parallel.gru_reset_before_forward,
    parallel.gru_reset_before_backward,
)

CELLS = {
    "rnn": Cell(*_RNN, options=(False,)),
    "rnn_relu": Cell(*_RNN, options=(True,)),
    "lstm": Cell(*_LSTM, *_LSTM_LOOPS, keep_gate="f"),
    "lstm_peephole": Cell(*_PEEPHOLE, options=(False,), keep_gate="f"),
    "lstm_peephole_previous": Cell(*_PEEPHOLE, options=(True,), keep_gate="f"),
    "gru": Cell(_GRU, ("h", "u"), 1, *_GRU_LOOPS, keep_gate="z"),
    "gru_reset_before": Cell(_GRU, ("h", "reset"), 1, *_RESET_BEFORE_LOOPS, keep_gate="z"),
}
