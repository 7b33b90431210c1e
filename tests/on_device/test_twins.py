"""What stands in for a loop takes what the loop takes."""

import inspect

import pytest

from tsrnn.kernels.cuda.twins import TWINS
from tsrnn.network.cells import CELLS


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_every_loop_of_a_cell_has_a_twin(cell):
    assert {cell.forward, cell.backward, cell.parallel_forward, cell.parallel_backward} <= TWINS.keys()


@pytest.mark.parametrize("loop", TWINS, ids=lambda loop: f"{loop.__module__}.{loop.__name__}")
def test_a_twin_has_the_name_and_the_arguments_of_its_loop(loop):
    twin, function = TWINS[loop], getattr(loop, "py_func", loop)
    assert twin.__name__ == function.__name__
    assert list(inspect.signature(twin).parameters) == list(inspect.signature(function).parameters)
