"""The loops over time against the reference: states and every gradient, in both types, on awkward shapes."""

from types import SimpleNamespace

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from kernels.case import TOLERANCE, assert_all_close, every_cell, every_type, in_float64, problem, recurrent
from tsrnn.kernels.linear import affine_gradient, affine_input_gradient, steps_together
from tsrnn.network.cells import CELLS

SMALL = (4, 2, 2, 3)
# T, B, I, H: a single step, row, input and unit; rows that do not fill a chunk of 32; units that do not fill a
# vector register; inputs projected at one time, in several parts and step by step.
SHAPES = [
    (1, 1, 1, 1),
    SMALL,
    (3, 1, 9, 5),
    (1, 33, 1, 16),
    (5, 33, 9, 5),
    (3, 45, 8, 17),
    (7, 1, 3, 33),
    (2, 45, 1, 1),
    (12, 45, 3, 64),
    (17, 33, 2, 16),
]


def test_every_cell_has_a_reference():
    assert naive.CELLS.keys() == CELLS.keys()


def run_forward(q, places=None):
    """Work arrays after the kernels' forward pass. What a kernel promises to write starts as NaN.

    `places` are those of the gates; by default there is one for each step.
    """
    cell, dtype = CELLS[q.cell], q.x.dtype
    (steps, rows, _), size = q.x.shape, q.states[0].shape[1]
    a = np.full((places or steps, rows, len(cell.gates) * size), np.nan, dtype)
    memory = [np.full((steps + 1, rows, size), np.nan, dtype) for _ in cell.memory]
    for m, state in zip(memory, q.states, strict=False):
        m[0] = state
    w = q.weights
    cell.forward(q.x, w["weight_ih"], w["bias_ih"], a, *memory, *recurrent(w), *cell.options)
    return a, memory


def run_backward(q, a, memory, dy, first=0):
    """Gradients by name through the steps from `first` on, as the reference names them."""
    cell, w = CELLS[q.cell], q.weights
    d = {name: np.full_like(weight, np.nan) for name, weight in w.items()}
    d_states = [state.copy() for state in q.d_states]
    x, a = q.x[first:], a[first:]
    memory = [m[first:] for m in memory]
    cell.backward(a, *memory, *recurrent(w, "bias_hh"), dy, *d_states, *recurrent(d), *cell.options)
    flat_x, flat_a = x.reshape(-1, x.shape[2]), a.reshape(-1, a.shape[2])
    affine_gradient(flat_x, flat_a, d["weight_ih"], d["bias_ih"])
    d["x"] = np.full_like(x, np.nan)
    affine_input_gradient(flat_a, w["weight_ih"], d["x"].reshape(flat_x.shape))
    return d | dict(zip(("h0", "c0"), d_states, strict=False))


@every_cell
@every_type
@pytest.mark.parametrize("shape", SHAPES)
def test_states(cell, dtype, shape):
    q = problem(cell, shape, dtype)
    _, memory = run_forward(q)
    expected = naive.forward(*in_float64(q))
    assert len(expected) == CELLS[cell].n_states
    for actual, states in zip(memory, expected, strict=False):
        assert actual.dtype == dtype
        assert_close(actual, states, TOLERANCE[dtype])


@every_cell
@every_type
@pytest.mark.parametrize("shape", SHAPES)
def test_states_do_not_depend_on_the_places_for_gates(cell, dtype, shape):
    q = problem(cell, shape, dtype)
    a, memory = run_forward(q)
    places = steps_together(*a.shape[1:])
    few, other = run_forward(q, min(places, len(a)))
    for actual, expected in zip(other, memory, strict=True):
        np.testing.assert_array_equal(actual, expected)
    last = len(a) - 1
    np.testing.assert_array_equal(few[last % places], a[last])


@every_cell
@every_type
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients(cell, dtype, shape):
    q = problem(cell, shape, dtype)
    actual = run_backward(q, *run_forward(q), q.dy)
    assert_all_close(actual, naive.backward(*in_float64(q), q.dy, q.d_states), TOLERANCE[dtype])


@every_cell
@every_type
def test_gradients_of_the_last_output_alone(cell, dtype):
    q = problem(cell, SMALL, dtype)
    actual = run_backward(q, *run_forward(q), q.dy[-1:])
    q.dy[:-1] = 0
    assert_all_close(actual, naive.backward(*in_float64(q), q.dy, q.d_states), TOLERANCE[dtype])


@every_cell
@every_type
@pytest.mark.parametrize("outputs", [1, 2])
def test_truncation_takes_the_states_before_as_constants(cell, dtype, outputs):
    q = problem(cell, SMALL, dtype)
    first = len(q.x) - 2
    actual = run_backward(q, *run_forward(q), q.dy[-outputs:], first)
    _, x, states, weights = in_float64(q)
    before = [state[first] for state in naive.forward(cell, x, states, weights)]
    q.dy[:-outputs] = 0
    expected = naive.backward(cell, x[first:], before, weights, q.dy[first:], q.d_states)
    assert_all_close(actual, expected, TOLERANCE[dtype])


@every_cell
@every_type
def test_nan_spoils_its_own_row_from_its_step_on(cell, dtype):
    q = problem(cell, SMALL, dtype)
    _, clean = run_forward(q)
    q.x[2, 0, 1] = np.nan
    _, spoilt = run_forward(q)
    for before, after in zip(clean[: len(q.states)], spoilt, strict=False):
        assert np.isnan(after[3:, 0]).all()
        np.testing.assert_array_equal(after[:3], before[:3])
        np.testing.assert_array_equal(after[:, 1:], before[:, 1:])


@every_cell
@every_type
def test_nan_comes_back_in_the_gradients(cell, dtype):
    q = problem(cell, SMALL, dtype)
    a, memory = run_forward(q)
    q.dy[2, 0] = np.nan
    gradients = run_backward(q, a, memory, q.dy)
    for name in q.weights:
        assert np.isnan(gradients[name]).all()
    assert np.isnan(gradients["x"][:3, 0]).all()
    assert np.isfinite(gradients["x"][:, 1:]).all()


# Where two cells have to agree: of each pair one is judged by torch.


def with_weights_of(cell, q):
    """The same problem for another cell, which takes of the weights what it has."""
    shared = naive.CELLS[cell].shapes(q.x.shape[2], q.states[0].shape[1])
    return SimpleNamespace(**vars(q) | {"cell": cell, "weights": {name: q.weights[name] for name in shared}})


PEEPHOLES = pytest.mark.parametrize("cell", ["lstm_peephole", "lstm_peephole_previous"])


@PEEPHOLES
@every_type
def test_without_its_peepholes_it_is_the_lstm(cell, dtype):
    q = problem(cell, SMALL, dtype)
    q.weights["weight_peephole"][...] = 0
    plain = with_weights_of("lstm", q)
    (a, memory), expected = run_forward(q), run_forward(plain)
    for actual, states in zip(memory, expected[1], strict=True):
        assert_close(actual, states, TOLERANCE[dtype] / 10)
    gradients = run_backward(q, a, memory, q.dy)
    # Weights of zero have a gradient nevertheless.
    assert gradients.pop("weight_peephole").all()
    assert_all_close(gradients, run_backward(plain, *expected, q.dy), TOLERANCE[dtype] / 10)


@every_type
def test_the_peepholes_differ_in_what_the_output_gate_sees(dtype):
    q = problem("lstm_peephole", SMALL, dtype)
    previous = with_weights_of("lstm_peephole_previous", q)
    (h, c), (h_previous, c_previous) = run_forward(q)[1], run_forward(previous)[1]
    assert (h[1:] != h_previous[1:]).all()
    # c_1 depends on no output gate yet.
    np.testing.assert_array_equal(c[1], c_previous[1])
    # The weights are shared: without the third peephole, the output gate's, both are the same cell.
    q.weights["weight_peephole"][2] = 0
    for states, states_previous in zip(run_forward(q)[1], run_forward(previous)[1], strict=True):
        assert_close(states, states_previous, TOLERANCE[dtype] / 10)


@every_type
def test_the_place_of_the_reset_gate_does_not_matter_to_a_diagonal_product(dtype):
    """W_hn (r h) = r (W_hn h) for a diagonal W_hn, and the bias inside or outside is none."""
    q = problem("gru_reset_before", SMALL, dtype)
    size = SMALL[3]
    q.weights["weight_hh"][2 * size :] *= np.eye(size, dtype=dtype)
    q.weights["bias_hh"][2 * size :] = 0
    after = with_weights_of("gru", q)
    (a, memory), expected = run_forward(q), run_forward(after)
    assert_close(memory[0], expected[1][0], TOLERANCE[dtype])
    gradients, gradients_after = run_backward(q, a, memory, q.dy), run_backward(after, *expected, q.dy)
    # Not those of W_hn and b_hn: off the diagonal, and off zero, the cells differ.
    for name in ("x", "h0", "weight_ih", "bias_ih"):
        assert_close(gradients[name], gradients_after[name], TOLERANCE[dtype])
