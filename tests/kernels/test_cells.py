"""The loops over time against the reference: states and every gradient, in both types, on awkward shapes."""

from types import SimpleNamespace

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from tsrnn.kernels.linear import affine, affine_gradient, affine_input_gradient
from tsrnn.network.cells import CELLS

TOLERANCE = {np.float64: 1e-10, np.float32: 1e-5}

SMALL = (4, 2, 2, 3)
# T, B, I, H: a single step, row, input and unit; rows that do not fill a chunk of 32; units that do not fill a
# vector register; inputs on both sides of linear.FEW_INPUTS.
SHAPES = [
    (1, 1, 1, 1),
    SMALL,
    (3, 1, 9, 5),
    (1, 33, 1, 16),
    (5, 33, 9, 5),
    (3, 45, 8, 17),
    (7, 1, 3, 33),
    (2, 45, 1, 1),
]

every_cell = pytest.mark.parametrize("cell", CELLS)
every_type = pytest.mark.parametrize("dtype", TOLERANCE)


def problem(cell, shape, dtype):
    """Random inputs, weights and gradients from above, with states that start and end away from zero."""
    steps, rows, inputs, size = shape
    rng = np.random.default_rng(0)
    outputs = len(CELLS[cell].gates) * size

    def normal(*shape, scale=1.0):
        return (scale * rng.standard_normal(shape)).astype(dtype)

    weights = {
        "weight_ih": normal(outputs, inputs, scale=inputs**-0.5),
        "weight_hh": normal(outputs, size, scale=size**-0.5),
        "bias_ih": normal(outputs, scale=0.5),
        "bias_hh": normal(outputs, scale=0.5),
    }
    n_states = CELLS[cell].n_states
    return SimpleNamespace(
        cell=cell,
        x=normal(*shape[:3]),
        weights=weights,
        states=[normal(rows, size) for _ in range(n_states)],
        dy=normal(steps, rows, size),
        d_states=[normal(rows, size) for _ in range(n_states)],
    )


def run_forward(q):
    """Work arrays after the kernels' forward pass. What a kernel promises to write starts as NaN."""
    cell, dtype = CELLS[q.cell], q.x.dtype
    (steps, rows, inputs), size = q.x.shape, q.states[0].shape[1]
    outputs = len(cell.gates) * size
    a = np.full((steps, rows, outputs), np.nan, dtype)
    memory = [np.full((steps + 1, rows, size), np.nan, dtype) for _ in cell.memory]
    for m, state in zip(memory, q.states, strict=False):
        m[0] = state
    w = q.weights
    affine(q.x.reshape(-1, inputs), w["weight_ih"], w["bias_ih"], a.reshape(-1, outputs))
    cell.forward(a, *memory, w["weight_hh"], w["bias_hh"])
    return a, memory


def run_backward(q, a, memory, dy, first=0):
    """Gradients by name through the steps from `first` on, as the reference names them."""
    cell, w = CELLS[q.cell], q.weights
    d = {name: np.full_like(weight, np.nan) for name, weight in w.items()}
    d_states = [state.copy() for state in q.d_states]
    x, a = q.x[first:], a[first:]
    cell.backward(a, *(m[first:] for m in memory), w["weight_hh"], dy, *d_states, d["weight_hh"], d["bias_hh"])
    flat_x, flat_a = x.reshape(-1, x.shape[2]), a.reshape(-1, a.shape[2])
    affine_gradient(flat_x, flat_a, d["weight_ih"], d["bias_ih"])
    d["x"] = np.full_like(x, np.nan)
    affine_input_gradient(flat_a, w["weight_ih"], d["x"].reshape(flat_x.shape))
    return d | dict(zip(("h0", "c0"), d_states, strict=False))


def in_float64(q):
    """The same numbers for the reference, which computes in float64."""
    weights = {name: weight.astype(float) for name, weight in q.weights.items()}
    return q.cell, q.x.astype(float), [state.astype(float) for state in q.states], weights


def assert_all_close(actual, expected, tolerance):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        assert_close(actual[name], value, tolerance)


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
