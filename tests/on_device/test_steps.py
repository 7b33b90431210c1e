"""Steps that are launches of their own, as many units have them: against the reference, and against the other loops."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from kernels.case import TOLERANCE, assert_all_close, every_type, in_float64, problem
from on_device.case import on_host
from on_device.test_cells import SMALL, run_backward, run_forward
from tsrnn.kernels.cuda import paths
from tsrnn.kernels.cuda.machine.driver import SIMULATED
from tsrnn.kernels.cuda.tilings import Tile

steps_of = pytest.mark.parametrize("cell", ["lstm", "gru"])
# T, B, I, H: one of each; less than a tile; tiles that the last rows and the last units do not fill.
SHAPES = [(1, 1, 1, 1), SMALL, (2, 6, 1, 6)]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch, small_tiles):
    """Few units are many; a GPU has the tiles compiled in."""
    monkeypatch.setattr(paths, "WIDE", 0)
    if SIMULATED:
        tiles = {
            1: (Tile(down=1, across=1, rows=4, columns=4, groups=4, depth=2),),
            3: (Tile(down=1, across=1, rows=4, columns=12, groups=4, depth=2),),
            4: (Tile(down=1, across=2, rows=4, columns=4, groups=2, depth=2),),
        }
        monkeypatch.setattr(paths, "STEP_TILES", dict.fromkeys(paths.STEP_TILES, tiles))


@steps_of
@every_type
@pytest.mark.parametrize("shape", SHAPES)
def test_states_and_gradients(cell, dtype, shape):
    q = problem(cell, shape, dtype)
    a, memory = run_forward(q)
    for actual, states in zip(on_host(memory), naive.forward(*in_float64(q)), strict=False):
        assert actual.dtype == dtype
        assert_close(actual, states, TOLERANCE[dtype])
    expected = naive.backward(*in_float64(q), q.dy, q.d_states)
    assert_all_close(run_backward(q, a, memory, q.dy), expected, TOLERANCE[dtype])


@steps_of
@pytest.mark.parametrize("outputs", [0, 1])
def test_gradients_of_the_last_outputs(cell, outputs):
    q = problem(cell, SMALL, np.float64)
    first = len(q.x) - outputs
    actual = run_backward(q, *run_forward(q), q.dy[first:])
    q.dy[:first] = 0
    assert_all_close(actual, naive.backward(*in_float64(q), q.dy, q.d_states), TOLERANCE[np.float64])


@steps_of
def test_the_same_as_the_loops_for_few_units(monkeypatch, cell):
    """All that is handed on to the passes backward, not the states alone."""
    q = problem(cell, SMALL, np.float64)
    a, memory = run_forward(q)
    monkeypatch.setattr(paths, "WIDE", 128)
    a_plain, memory_plain = run_forward(q)
    for actual, expected in zip(on_host([a, *memory]), on_host([a_plain, *memory_plain]), strict=True):
        assert_close(actual[1:], expected[1:], 1e-13)


@pytest.mark.skipif(SIMULATED, reason="takes a GPU's time")
@steps_of
@every_type
@pytest.mark.parametrize("shape", [(5, 70, 3, 200), (3, 600, 2, 130), (3, 9, 17, 512)])
def test_shapes_that_take_each_tile(cell, dtype, shape):
    test_states_and_gradients(cell, dtype, shape)


@pytest.mark.skipif(SIMULATED, reason="the tiles are others")
def test_tiles_are_large_where_there_are_enough():
    for kind, tiles in paths.STEP_TILES.items():
        assert paths.step_tile(4, 4096, 512, kind) == tiles[4][0]
        assert paths.step_tile(4, 1, 129, kind) == tiles[4][-1]
