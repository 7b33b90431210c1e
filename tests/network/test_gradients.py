"""Gradients of the whole network by central differences, and what truncation leaves alone."""

import numpy as np
import pytest

from gradcheck import assert_gradient
from network.case import EVERY_CELL, Case
from tsrnn.training.losses import LOSSES

every_cell = pytest.mark.parametrize("cell", EVERY_CELL)


@every_cell
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_gradient_of_the_loss(cell, loss, layers, skip, dropout):
    case = Case(cell, steps=3, rows=2, size=2, layers=layers, skip=skip, dropout=dropout)
    output, weight = case.outputs(), np.array([0.7, 0.3])
    # On either side of zero and of Huber's corner, away from both: there a difference would straddle the kink.
    target = output + np.array([[0.4, -1.9], [1.6, -0.3]])
    d_out = np.empty_like(output)

    def value(vector):
        return LOSSES[loss](case.outputs(vector), target, weight, np.empty_like(output))

    LOSSES[loss](output, target, weight, d_out)
    assert_gradient(case.gradient(d_out), value, case.vector)


@every_cell
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_as_many_steps_as_there_are_is_no_truncation(cell, dtype, dropout):
    case = Case(cell, layers=2, skip=True, dropout=dropout, dtype=dtype)
    whole = case.gradient()
    for steps in (4, 5, 1000):
        np.testing.assert_array_equal(case.gradient(bptt_steps=steps), whole)
    assert not np.array_equal(case.gradient(bptt_steps=3), whole)


@every_cell
def test_truncation_changes_gradients_only(cell):
    case = Case(cell, layers=2, skip=True)
    outputs = case.outputs()
    for steps in (1, 3, None):
        case.gradient(bptt_steps=steps)
        np.testing.assert_array_equal(case.outputs(), outputs)


@every_cell
def test_head_and_linear_map_see_no_truncation(cell):
    case = Case(cell, layers=2, skip=True)
    whole, truncated = (case.network.layout.views(case.gradient(bptt_steps=k)) for k in (None, 1))
    for name, gradient in whole.items():
        assert np.array_equal(truncated[name], gradient) == name.startswith(("head", "linear"))
