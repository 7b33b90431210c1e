"""Types of the arguments of every grid kernel, for the check of its machine code.

A kernel's entry says what it is launched with, one word an argument:

    f i u b     a number: of the floating type (float32 and float64 are both compiled), int64, uint64, bool
    f2 i1 u1    a C-contiguous array of so many dimensions of such numbers; h1 of int32
    f3*         an array of any strides
    d d1 s s1   float64, and float32, whatever the floating type

A kernel that is launched with several lists of types has a tuple of them. Who adds a kernel adds its entry: the tests
compare the names with the kernels that there are, and every launch in the simulator with its entry.
"""

import importlib
import pkgutil
from itertools import product

import numpy as np

import tsrnn.kernels.cuda as package
from tsrnn.kernels.cuda.families import FAMILIES
from tsrnn.kernels.cuda.machine.driver import KERNELS

SIGNATURES = {
    "machine.arrays._fill": "f3* f",
    "machine.arrays._copy": ("f3* f3*", "d3* s3*", "d3* i3*", "d3* h3*"),
    "machine.arrays._add": "f3* f3* f3*",
    "machine.arrays._multiply": "f3* f3* f3*",
    "machine.arrays._sum": "f3* f3*",
    "machine.arrays._take": "i1 i1 i1",
    "linear.affine": "f2 f2 f1 f2",
    "linear.product": "f2 f2 f2",
    "linear.outer_products": "f2 f2 i f3 f2",
    "linear._column_sums": "f2 i f2",
    "rnn._forward": "f3 f3 f2 f1 b i",
    "rnn._backward": "f3 f3 f2 f3 f2 b i",
    "on_chip.rnn.forward": "f3 f2 f1 f3 f3 f2 f1 b",
    "on_chip.rnn.backward": "f3 f3 f2 f3 f2 b",
    "lstm._forward": "f3 f3 f3 f2 f1 i",
    "lstm._backward": "f3 f3 f2 f3 f2 f2 i",
    "by_step.lstm.forward_step": "i f3 f3 f3 f2 f1",
    "by_step.lstm.backward_step": "i f3 f3 f2 f3 f2 f2",
    "on_chip.lstm.forward": "f3 f2 f1 f3 f3 f3 f2 f1",
    "on_chip.lstm.backward": "f3 f3 f2 f3 f2 f2",
    "lstm_peephole._forward": "f3 f3 f3 f2 f1 f2 b i",
    "lstm_peephole._backward": "f3 f3 f2 f2 f3 f2 f2 b i",
    "lstm_peephole._peephole_gradients": "f3 f3 b b i f3",
    "gru._forward": "f3 f3 f3 f2 f1 i",
    "gru._backward": "f3 f3 f3 f2 f3 f2 i",
    "by_step.gru.forward_step": "i f3 f3 f3 f2 f1",
    "by_step.gru.backward_step": "i f3 f3 f3 f2 f3 f2",
    "on_chip.gru.forward": "f3 f2 f1 f3 f3 f3 f2 f1",
    "on_chip.gru.backward": "f3 f3 f3 f2 f3 f2",
    "gru_reset_before._forward": "f3 f3 f3 f2 f1 i",
    "gru_reset_before._backward": "f3 f3 f2 f3 f2 i",
    "parallel._rnn_forward": "f3 f2 f3 b",
    "parallel._rnn_backward": "f3 f3 f3 f2 b",
    "parallel._lstm_forward": "f3 f2 f3 f3",
    "parallel._lstm_backward": "f3 f3 f3 f2 f2",
    "parallel._lstm_peephole_forward": "f3 f2 f3 f3 f2 b",
    "parallel._lstm_peephole_backward": "f3 f3 f2 f3 f2 f2 b",
    "parallel._gru_forward": "f3 f2 f3 f3",
    "parallel._gru_backward": "f3 f3 f3 f3 f2 f2",
    "parallel._reset": "f3 f2 f3 f3",
    "parallel._candidate": "f3 f2 f3",
    "parallel._candidate_backward": "f3 f3 f3 f2 f2",
    "parallel._reset_backward": "f3 f3 f2 f2 f2",
    "dropout._dropout": "f1 f1 u1 u u f",
    "layer_norm._layer_norm": "f2 f1 f1 f2 f1 f2 i",
    "layer_norm._column_products": "f2 f2 i f2",
    "layer_norm._row_gradients": "f2 f2 f1 f1 i",
    "segments._fold_steps": "f3 f3",
    "segments._rectify": "f2",
    "segments._rectify_gradient": "f2 f2",
    "reductions._finish": "d1 b",
    "losses._squared_error": "f2 f2 f1 f2 d1",
    "losses._absolute_error": "f2 f2 f1 f2 d1",
    "losses._huber_error": "f2 f2 f1 f2 d1",
    "losses._fill_missing": "f2 f2 f2",
    "optimization._sum_in_order": "f2 f1",
    "optimization._squares": "f1 d1",
    "optimization._check_norm": "d1 d1 d1 i1",
    "optimization._clipped_adam": "f1 f1 f1 f1 d1 d f1",
    "optimization._note": "d1 d1 i1 d2",
    "windows._measure": ("d2 i1 i1 i1 i1 i i d2 d2 d2 d2 i2", "s2 i1 i1 i1 i1 i i d2 d2 d2 d2 i2"),
    "windows._gather_windows": ("d2 d2 i2 d2 d2 f3", "s2 d2 i2 d2 d2 f3"),
    "windows._gather_targets": ("d2 i2 i d2 d2 f2", "s2 i2 i d2 d2 f2"),
    "windows._gather_known": "d2 i i2 i f2",
    "windows._gather_rows": ("d3 i1 d1 d1 f3", "s3 i1 d1 d1 f3"),
    "windows._gather_row_targets": "d2 i1 f2",
    "tables._count_infinite": "f1 d1",
    "tables._add_channels": ("d3 d1 d1 b d2", "s3 d1 d1 b d2"),
    "streams._gather_steps": ("d1 i1 i1 i1 i i d1 d1 f3", "s1 i1 i1 i1 i i d1 d1 f3"),
    "streams._gather_targets": ("d1 i1 i1 i1 i i d1 d1 f2", "s1 i1 i1 i1 i i d1 d1 f2"),
}

# Of the kernels that close over numbers, the choices of them whose machine code is looked at: units; whether inputs are
# projected, of a forward pass; whether products are as exact as float32. The others have fewer weights than these, or
# the same number of registers for them.
FITTED = {
    "on_chip.rnn.forward": [(128, True, True)],
    "on_chip.rnn.backward": [(128, True)],
}
for _cell in ("lstm", "gru"):
    FITTED[f"on_chip.{_cell}.forward"] = list(product((64, 96, 128), (False, True), (False, True)))
    FITTED[f"on_chip.{_cell}.backward"] = list(product((64, 96, 128), (False, True)))

FLOATING = (np.float32, np.float64)
NUMBERS = {"d": np.float64, "s": np.float32, "i": np.int64, "h": np.int32, "u": np.uint64, "b": np.bool_}


def all_kernels() -> dict:
    """Python functions behind the grid kernels of all modules, by name."""
    return _imported(KERNELS)


def all_families() -> dict:
    """What makes those of which there are several."""
    return _imported(FAMILIES)


def _imported(found: dict) -> dict:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith(".launching"):  # which has none, and which the simulator does without
            importlib.import_module(module.name)
    return found


def entry_of(name: str) -> str:
    """The name under which the table has a kernel: that of a variant goes on with its type and its configuration."""
    return name.partition("_float")[0]


def floating_types(name: str) -> list[type]:
    """Those that a kernel is made for: a variant says it in its name."""
    return [floating for floating in FLOATING if floating.__name__ in name] or list(FLOATING)


def signatures(name: str) -> tuple[tuple[str, ...], ...]:
    """What the kernel of that name is launched with."""
    entry = SIGNATURES[entry_of(name)]
    return tuple(tuple(words.split()) for words in ([entry] if isinstance(entry, str) else entry))


def parts(word: str, floating: type) -> tuple[np.dtype, int, bool]:
    """Type of the numbers, dimensions (0 of a number) and whether the strides may be any."""
    numbers = np.dtype(floating if word[0] == "f" else NUMBERS[word[0]])
    return numbers, int(word[1:].rstrip("*") or 0), word.endswith("*")


def fits(word: str, argument, floating: type) -> bool:
    """Whether an argument of a kernel in the simulator is of that type."""
    numbers, dimensions, any_strides = parts(word, floating)
    if not dimensions:
        return np.ndim(argument) == 0 and np.asarray(argument).dtype == numbers
    if argument.dtype != numbers or argument.ndim != dimensions:
        return False
    return any_strides or argument.flags.c_contiguous


def is_known(name: str, arguments) -> bool:
    """Whether a launch of a kernel in the simulator is one of those that its entry says."""
    return any(
        len(words) == len(arguments) and all(map(fits, words, arguments, [floating] * len(words)))
        for words in signatures(name)
        for floating in floating_types(name)
    )
