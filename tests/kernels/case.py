"""A cell with random weights and inputs, and its comparison with the reference, for the tests of this folder."""

from types import SimpleNamespace

import numpy as np
import pytest

from tsrnn.network.cells import CELLS

# Gradients of many steps and rows differ by 1.5e-5 in float32 where no multiplication is fused with an addition.
TOLERANCE = {np.float64: 1e-10, np.float32: 3e-5}

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
    if CELLS[cell].peepholes:
        weights["weight_peephole"] = normal(len(CELLS[cell].peepholes), size)
    n_states = CELLS[cell].n_states
    return SimpleNamespace(
        cell=cell,
        x=normal(*shape[:3]),
        weights=weights,
        states=[normal(rows, size) for _ in range(n_states)],
        dy=normal(steps, rows, size),
        d_states=[normal(rows, size) for _ in range(n_states)],
    )


def recurrent(arrays, *skipped):
    """What the loops take of the weights or of their gradients, in their order."""
    names = ("weight_hh", "bias_hh", "weight_peephole")
    return [arrays[name] for name in names if name in arrays and name not in skipped]


def in_float64(q):
    """The same numbers for the reference, which computes in float64."""
    weights = {name: weight.astype(float) for name, weight in q.weights.items()}
    return q.cell, q.x.astype(float), [state.astype(float) for state in q.states], weights


def assert_all_close(actual, expected, tolerance):
    """Each array relative to its own size, but none as if it were less than a hundredth of the largest.

    A gradient of a single element may be the small difference of two large numbers: it has not all their digits.
    """
    assert actual.keys() == expected.keys()
    sizes = {name: abs(value).max() for name, value in expected.items()}
    smallest = max(sizes.values()) / 100
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=0, atol=tolerance * max(sizes[name], smallest))
