"""One step for each of many inputs from one state: the reference one by one, the loops over time, differences."""

from functools import partial

import numpy as np
import pytest

import naive
from gradcheck import assert_close, assert_gradient
from kernels.case import TOLERANCE, assert_all_close, every_cell, every_type, in_float64, problem, recurrent
from tsrnn.kernels.linear import affine, affine_gradient, affine_input_gradient
from tsrnn.network.cells import CELLS

SMALL = (4, 2, 2, 3)
# P, B, I, H: a single position, row, input and unit, together and each alone; rows that do not fill a chunk of 32;
# units that do not fill a vector register; more positions than rows and fewer.
SHAPES = [
    (1, 1, 1, 1),
    SMALL,
    (1, 33, 1, 16),
    (5, 1, 2, 17),
    (3, 45, 8, 17),
    (9, 4, 3, 1),
    (48, 2, 1, 5),
]

# Not to the bit: a matrix product may group its sums differently for other numbers of rows, and of two loops that call
# the same step each may hold a copy of its own, in which other multiplications and additions are fused.
ROUNDING = {np.float64: 1e-12, np.float32: 2e-6}

STATES = ("h0", "c0")


def project(q):
    """Input projections a (P, B, G H)."""
    rows = len(q.weights["bias_ih"])
    a = np.full((*q.x.shape[:2], rows), np.nan, q.x.dtype)
    affine(q.x.reshape(-1, q.x.shape[2]), q.weights["weight_ih"], q.weights["bias_ih"], a.reshape(-1, rows))
    return a


def memory_of(q, steps, states):
    """Memory of a loop over that many steps: the initial states, and NaN for what a kernel promises to write."""
    memory = [np.full((steps + 1, *states[0].shape), np.nan, q.x.dtype) for _ in CELLS[q.cell].memory]
    for m, state in zip(memory, states, strict=False):
        m[0] = state
    return memory


def run(forward, backward, q, a, states, dy):
    """`a` and memory as `forward` leaves them, then gradients by name: `a`, the states' and those of the weights.

    The gradients of the states enter as zero for a loop over time, which adds to them, and as NaN for a parallel loop.
    """
    cell, w = CELLS[q.cell], q.weights
    memory = memory_of(q, len(a), states)
    forward(a, *memory, *recurrent(w), *cell.options)
    after = [array.copy() for array in (a, *memory)]
    start = 0 if backward is cell.backward else np.nan
    d_states = [np.full_like(state, start) for state in states]
    d = {name: np.full_like(w[name], np.nan) for name in w if not name.endswith("_ih")}
    given = dy.copy()
    backward(a, *memory, *recurrent(w, "bias_hh"), dy, *d_states, *recurrent(d), *cell.options)
    np.testing.assert_array_equal(dy, given)
    return after, d | {"a": a} | dict(zip(STATES, d_states, strict=False))


def time_loops(q, x):
    """The loops over time, which project their inputs themselves, with the arguments of the parallel ones."""
    cell, w = CELLS[q.cell], q.weights
    return partial(cell.forward, x, w["weight_ih"], w["bias_ih"]), cell.backward


def run_parallel(q, a=None):
    cell = CELLS[q.cell]
    return run(cell.parallel_forward, cell.parallel_backward, q, project(q) if a is None else a, q.states, q.dy)


def with_input_side(q, gradients):
    """The gradient of `a` handed on to the inputs and their weights, as the reference names them."""
    a = gradients.pop("a").reshape(-1, len(q.weights["bias_ih"]))
    x = q.x.reshape(-1, q.x.shape[2])
    d = {name: np.full_like(q.weights[name], np.nan) for name in ("weight_ih", "bias_ih")} | {"x": np.empty_like(q.x)}
    affine_gradient(x, a, d["weight_ih"], d["bias_ih"])
    affine_input_gradient(a, q.weights["weight_ih"], d["x"].reshape(x.shape))
    return gradients | d


@every_cell
@every_type
@pytest.mark.parametrize("shape", SHAPES)
def test_states(cell, dtype, shape):
    q = problem(cell, shape, dtype)
    (_, *memory), _ = run_parallel(q)
    expected = naive.parallel_forward(*in_float64(q))
    assert len(expected) == CELLS[cell].n_states
    for actual, states, shared in zip(memory, expected, q.states, strict=False):
        assert actual.dtype == dtype
        assert_close(actual[1:], states, TOLERANCE[dtype])
        np.testing.assert_array_equal(actual[0], shared)


@every_cell
@every_type
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients(cell, dtype, shape):
    q = problem(cell, shape, dtype)
    _, gradients = run_parallel(q)
    assert {value.dtype for value in gradients.values()} == {np.dtype(dtype)}
    expected = naive.parallel_backward(*in_float64(q), q.dy.astype(float))
    assert_all_close(with_input_side(q, gradients), expected, TOLERANCE[dtype])


@every_cell
def test_gradients_are_central_differences(cell):
    q = problem(cell, (3, 2, 1, 2), np.float64)
    a = project(q)
    _, gradients = run_parallel(q, a.copy())
    arrays = {"a": a} | dict(zip(STATES, q.states, strict=False))
    arrays |= {name: value for name, value in q.weights.items() if not name.endswith("_ih")}
    assert gradients.keys() == arrays.keys()
    for name, array in arrays.items():

        def value(vector, array=array):
            """sum(h * dy) with this array moved."""
            kept = array.copy()
            array[...] = vector.reshape(array.shape)
            memory = memory_of(q, len(q.x), q.states)
            CELLS[cell].parallel_forward(a.copy(), *memory, *recurrent(q.weights), *CELLS[cell].options)
            array[...] = kept
            return np.sum(memory[0][1:] * q.dy)

        assert_gradient(gradients[name].ravel(), value, array.ravel())


@every_cell
@every_type
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 5, 2, 3), (1, 33, 1, 17)])
def test_one_position_is_one_time_step(cell, dtype, shape):
    q = problem(cell, shape, dtype)
    after, gradients = run_parallel(q)
    unwritten = np.full_like(after[0], np.nan)
    expected_after, expected = run(*time_loops(q, q.x), q, unwritten, q.states, q.dy)
    for actual, array in zip(after, expected_after, strict=True):
        # Slot 0 of what is kept for `backward` alone stays as it was, NaN.
        np.testing.assert_allclose(actual, array, rtol=ROUNDING[dtype], atol=ROUNDING[dtype])
    assert_all_close(gradients, expected, ROUNDING[dtype])


@every_cell
@every_type
@pytest.mark.parametrize("shape", SHAPES)
def test_positions_are_rows_of_one_time_step_with_the_state_repeated(cell, dtype, shape):
    q = problem(cell, shape, dtype)
    positions, rows, _, size = shape
    (a, *memory), gradients = run_parallel(q)
    repeated = [np.tile(state, (positions, 1)) for state in q.states]
    one_step = (1, positions * rows, -1)
    loops, unwritten = time_loops(q, q.x.reshape(one_step)), np.full_like(a, np.nan).reshape(one_step)
    (a_rows, *memory_rows), expected = run(*loops, q, unwritten, repeated, q.dy.reshape(1, -1, size))
    assert_close(a.reshape(one_step), a_rows, ROUNDING[dtype])
    for m, m_rows in zip(memory, memory_rows, strict=True):
        assert_close(m[1:].reshape(-1, size), m_rows[1], ROUNDING[dtype])
    expected["a"] = expected["a"].reshape(a.shape)
    for name in STATES[: len(q.states)]:
        expected[name] = expected[name].reshape(positions, rows, size).sum(axis=0)
    assert_all_close(gradients, expected, 10 * ROUNDING[dtype])


@every_cell
@every_type
def test_nan_spoils_its_own_row_of_its_own_position(cell, dtype):
    q = problem(cell, SMALL, dtype)
    (_, *clean), _ = run_parallel(q)
    q.x[2, 0, 1] = np.nan
    (_, *spoilt), _ = run_parallel(q)
    for before, after in zip(clean[: len(q.states)], spoilt, strict=False):
        assert np.isnan(after[3, 0]).all()
        after[3, 0] = before[3, 0]
        np.testing.assert_array_equal(after, before)


@every_cell
@every_type
def test_nan_comes_back_in_the_gradients(cell, dtype):
    q = problem(cell, SMALL, dtype)
    q.dy[2, 0] = np.nan
    _, gradients = run_parallel(q)
    for name in gradients.keys() - {"a", *STATES}:
        assert np.isnan(gradients[name]).all()
    assert np.isnan(gradients["a"][2, 0]).all()
    for name in STATES[: len(q.states)]:
        assert np.isnan(gradients[name][0]).all()
        assert np.isfinite(gradients[name][1:]).all()
    gradients["a"][2, 0] = 0
    assert np.isfinite(gradients["a"]).all()
