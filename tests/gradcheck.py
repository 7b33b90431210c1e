"""Gradients by central differences, and comparison of arrays relative to their size."""

import numpy as np

# About the cube root of the float64 rounding unit: there the errors of rounding and of truncation meet.
STEP = 1e-5


def central_differences(function, vector):
    """Gradient of `function` (float64 vector to float) at `vector`, one element after the other."""
    gradient = np.empty_like(vector)
    for k in range(vector.size):
        moved = vector.copy()
        moved[k] = vector[k] + STEP
        above = function(moved)
        moved[k] = vector[k] - STEP
        gradient[k] = (above - function(moved)) / (2 * STEP)
    return gradient


def assert_gradient(gradient, function, vector, tolerance=1e-6):
    """`gradient` is that of `function` at `vector`."""
    assert_close(gradient, central_differences(function, vector), tolerance)


def assert_close(actual, expected, tolerance):
    """Equal up to `tolerance` times the largest element expected; where all are zero, exactly."""
    expected = np.asarray(expected)
    size = np.max(np.abs(expected), initial=0.0)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * size)
