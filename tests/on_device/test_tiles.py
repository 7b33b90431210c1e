"""The kernels that keep their weights on the chip, against the reference: as exact as their precision says."""

import numpy as np
import pytest

import naive
from kernels.case import in_float64, problem
from on_device.test_cells import run_backward, run_forward
from tsrnn.network.cells import CELLS

# Relative to the size of each array, as the square root of the mean square.
LIMIT = {"float32": 1e-6, "tf32": 1e-3}


def assert_near(actual, expected, limit, name=""):
    error, size = np.linalg.norm(np.float64(actual) - expected), np.linalg.norm(expected)
    print(name, error / size)
    assert error <= limit * size, name


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "rnn_relu"])
@pytest.mark.parametrize("precision", LIMIT)
@pytest.mark.parametrize("shape", [(3, 9, 1, 16), (1, 3, 17, 16), (2, 2, 3, 32)])
def test_states_and_gradients(cell, precision, shape):
    q = problem(cell, shape, np.float32)
    a, memory = run_forward(q, precision)
    for name, m, states in zip(CELLS[cell].memory, memory, naive.forward(*in_float64(q)), strict=False):
        assert_near(m.to_host(), states, LIMIT[precision], name)
    expected = naive.backward(*in_float64(q), q.dy, q.d_states)
    for name, gradient in run_backward(q, a, memory, q.dy).items():
        assert_near(gradient, expected[name], LIMIT[precision], name)
