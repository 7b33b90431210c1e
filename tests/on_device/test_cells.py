"""The loops over time on the device against the reference: states and every gradient, in both types."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from kernels.case import TOLERANCE, assert_all_close, every_cell, every_type, in_float64, problem, recurrent
from on_device.case import initial_gradients, on_device, on_host, unwritten
from tsrnn.kernels.cuda.machine.arrays import On
from tsrnn.kernels.devices import run
from tsrnn.kernels.linear import affine_gradient, affine_input_gradient
from tsrnn.network.cells import CELLS

SMALL = (4, 3, 2, 3)
# T, B, I, H: one of each; blocks of two sequences, the last with one; more units than a block has threads, and fewer
# than would fill it; many sequences in one block.
SHAPES = [(1, 1, 1, 1), SMALL, (3, 2, 5, 9), (2, 1, 1, 5), (2, 10, 3, 1)]


@pytest.fixture(autouse=True)
def shrunk(small_tiles, small_blocks):
    """Small problems take several blocks, and loops over units several turns."""


def run_forward(q, precision="float32"):
    """Work arrays on the device after the forward pass. What a kernel promises to write starts as NaN."""
    cell, dtype = CELLS[q.cell], q.x.dtype
    (steps, rows, _), size = q.x.shape, q.states[0].shape[1]
    a = On(dtype, precision).empty((steps, rows, len(cell.gates) * size))
    a[...] = np.nan
    memory = [unwritten(steps + 1, rows, size, dtype=dtype) for _ in cell.memory]
    for m, state in zip(memory, q.states, strict=False):
        m[0] = state
    w = on_device(q.weights)
    run(cell.forward, on_device(q.x), w["weight_ih"], w["bias_ih"], a, *memory, *recurrent(w), *cell.options)
    return a, memory


def run_backward(q, a, memory, dy, first=0):
    """Gradients by name through the steps from `first` on, as the reference names them."""
    cell, w = CELLS[q.cell], on_device(q.weights)
    d = {name: unwritten(*weight.shape, dtype=weight.dtype) for name, weight in w.items()}
    d_states = on_device(q.d_states)
    x, a = on_device(q.x)[first:], a[first:]
    memory = [m[first:] for m in memory]
    weights = recurrent(w, "bias_hh")
    run(cell.backward, a, *memory, *weights, on_device(dy), *d_states, *recurrent(d), *cell.options)
    flat_x, flat_a = x.reshape(-1, x.shape[2]), a.reshape(-1, a.shape[2])
    run(affine_gradient, flat_x, flat_a, d["weight_ih"], d["bias_ih"])
    d["x"] = unwritten(*x.shape, dtype=x.dtype)
    run(affine_input_gradient, flat_a, w["weight_ih"], d["x"].reshape(flat_x.shape))
    return on_host(d) | initial_gradients(d_states)


@every_cell
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


@every_cell
@every_type
@pytest.mark.parametrize("outputs", [0, 1, 3])
def test_gradients_of_the_last_outputs(cell, dtype, outputs):
    q = problem(cell, SMALL, dtype)
    first = len(q.x) - outputs
    actual = run_backward(q, *run_forward(q), q.dy[first:])
    q.dy[:first] = 0
    assert_all_close(actual, naive.backward(*in_float64(q), q.dy, q.d_states), TOLERANCE[dtype])


@every_cell
def test_truncation_takes_the_states_before_as_constants(cell):
    q = problem(cell, SMALL, np.float64)
    first = len(q.x) - 2
    actual = run_backward(q, *run_forward(q), q.dy[-1:], first)
    _, x, states, weights = in_float64(q)
    before = [state[first] for state in naive.forward(cell, x, states, weights)]
    q.dy[:-1] = 0
    expected = naive.backward(cell, x[first:], before, weights, q.dy[first:], q.d_states)
    assert_all_close(actual, expected, TOLERANCE[np.float64])


@every_cell
def test_a_sequence_comes_out_the_same_in_any_company(cell):
    """To the bit: neither the other sequences nor the blocks enter into it."""
    q = problem(cell, SMALL, np.float32)
    _, together = run_forward(q)
    q.x, q.states = q.x[:, 1:2], [state[1:2] for state in q.states]
    _, alone = run_forward(q)
    for m, m_alone in zip(on_host(together), on_host(alone), strict=True):
        np.testing.assert_array_equal(m[1:, 1:2], m_alone[1:])


@every_cell
def test_nan_spoils_its_own_row_from_its_step_on(cell):
    q = problem(cell, SMALL, np.float32)
    clean = on_host(run_forward(q)[1])
    q.x[2, 1, 1] = np.nan
    spoilt = on_host(run_forward(q)[1])
    for before, after in zip(clean[: len(q.states)], spoilt, strict=False):
        assert np.isnan(after[3:, 1]).all()
        np.testing.assert_array_equal(after[:3], before[:3])
        np.testing.assert_array_equal(after[:, ::2], before[:, ::2])


@every_cell
def test_nan_comes_back_in_the_gradients(cell):
    q = problem(cell, SMALL, np.float32)
    a, memory = run_forward(q)
    q.dy[2, 1] = np.nan
    gradients = run_backward(q, a, memory, q.dy)
    for name in q.weights:
        assert np.isnan(gradients[name]).all()
    assert np.isnan(gradients["x"][:3, 1]).all()
    assert np.isfinite(gradients["x"][:, ::2]).all()
