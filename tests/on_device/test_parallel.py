"""One step for each of many inputs from one state, on the device, against the reference one by one."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from kernels.case import TOLERANCE, assert_all_close, every_cell, every_type, in_float64, problem, recurrent
from on_device.case import initial_gradients, on_device, on_host, unwritten
from tsrnn.kernels.devices import run
from tsrnn.kernels.linear import affine, affine_gradient, affine_input_gradient
from tsrnn.network.cells import CELLS

# P, B, I, H: one of each; more positions than rows and fewer.
SHAPES = [(1, 1, 1, 1), (4, 3, 2, 3), (2, 5, 3, 4)]


@pytest.fixture(autouse=True)
def shrunk(small_tiles, small_blocks):
    """Small problems take several blocks."""


def run_parallel(q):
    """Memory, then gradients by name, as the reference names them. What is promised to be written starts as NaN."""
    cell, w, dtype = CELLS[q.cell], on_device(q.weights), q.x.dtype
    x = on_device(q.x.reshape(-1, q.x.shape[2]))
    a = unwritten(*q.x.shape[:2], len(q.weights["bias_ih"]), dtype=dtype)
    flat_a = a.reshape(-1, a.shape[2])
    run(affine, x, w["weight_ih"], w["bias_ih"], flat_a)
    memory = [unwritten(len(q.x) + 1, *q.states[0].shape, dtype=dtype) for _ in cell.memory]
    for m, state in zip(memory, q.states, strict=False):
        m[0] = state
    run(cell.parallel_forward, a, *memory, *recurrent(w), *cell.options)
    after = on_host(memory)

    d_states = [unwritten(*state.shape, dtype=dtype) for state in q.states]
    d = {name: unwritten(*weight.shape, dtype=dtype) for name, weight in w.items()}
    weights = recurrent(w, "bias_hh")
    run(cell.parallel_backward, a, *memory, *weights, on_device(q.dy), *d_states, *recurrent(d), *cell.options)
    run(affine_gradient, x, flat_a, d["weight_ih"], d["bias_ih"])
    d["x"] = unwritten(*q.x.shape, dtype=dtype)
    run(affine_input_gradient, flat_a, w["weight_ih"], d["x"].reshape(x.shape))
    return after, on_host(d) | initial_gradients(d_states)


@every_cell
@every_type
@pytest.mark.parametrize("shape", SHAPES)
def test_states_and_gradients(cell, dtype, shape):
    q = problem(cell, shape, dtype)
    memory, gradients = run_parallel(q)
    for actual, states, shared in zip(memory, naive.parallel_forward(*in_float64(q)), q.states, strict=False):
        assert actual.dtype == dtype
        assert_close(actual[1:], states, TOLERANCE[dtype])
        np.testing.assert_array_equal(actual[0], shared)
    expected = naive.parallel_backward(*in_float64(q), q.dy.astype(float))
    assert_all_close(gradients, expected, TOLERANCE[dtype])


@every_cell
def test_nan_stays_in_its_row_and_comes_back_in_the_gradients(cell):
    q = problem(cell, (4, 3, 2, 3), np.float32)
    clean, _ = run_parallel(q)
    q.dy[2, 1] = np.nan
    _, gradients = run_parallel(q)
    for name in q.weights:
        assert np.isnan(gradients[name]).all()
    assert np.isfinite(np.delete(gradients["x"].reshape(12, 2), 7, axis=0)).all()
    q.x[2, 1, 1] = np.nan
    spoilt, _ = run_parallel(q)
    for before, after in zip(clean[: len(q.states)], spoilt, strict=False):
        assert np.isnan(after[3, 1]).all()
        after[3, 1] = before[3, 1]
        np.testing.assert_array_equal(after, before)
