"""Every loop that the floors above hand to `run` has a twin with its arguments."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import tsrnn
from network.case import EVERY_CELL
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.network.cells import CELLS


def handed_to_run():
    """Loops by name: the first arguments of all calls of `run` above the kernels, where they are loops' names."""
    found = {}
    for path in Path(tsrnn.__file__).parent.rglob("*.py"):
        parts = path.relative_to(Path(tsrnn.__file__).parent.parent).with_suffix("").parts
        if "kernels" in parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "run":
                first = node.args[0]
                if isinstance(first, ast.Name) and hasattr(importlib.import_module(".".join(parts)), first.id):
                    found[first.id] = getattr(importlib.import_module(".".join(parts)), first.id)
    for name in EVERY_CELL:
        cell = CELLS[name]
        loops = (cell.forward, cell.backward, cell.parallel_forward, cell.parallel_backward)
        found |= {f"{loop.__module__}.{loop.__name__}": loop for loop in loops}
    return found


LOOPS = handed_to_run()


def test_loops_are_found():
    assert {"affine", "gather_windows", "clipped_adam", "fold_steps", "tsrnn.kernels.gru.forward"} <= LOOPS.keys()


@pytest.mark.parametrize("name", LOOPS)
def test_twins_take_the_arguments_of_their_loops(name):
    loop = LOOPS[name]
    function = getattr(loop, "py_func", loop)
    assert list(inspect.signature(Array.twin(loop)).parameters) == list(inspect.signature(function).parameters)
