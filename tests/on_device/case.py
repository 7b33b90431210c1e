"""Arrays of the tests moved to the device and back."""

import numpy as np

from tsrnn.kernels.cuda.machine.arrays import Array


def on_device(values):
    """A copy of an array, of the arrays of a list or of those of a dictionary."""
    return _each(Array.from_host, np.ndarray, values)


def on_host(arrays):
    """The way back."""
    return _each(Array.to_host, Array, arrays)


def unwritten(*shape, dtype):
    """An array of NaN on the device."""
    return Array.from_host(np.full(shape, np.nan, dtype))


def initial_gradients(d_states):
    """Gradients of the states, named as the reference names them."""
    return dict(zip(("h0", "c0"), on_host(d_states), strict=False))


def _each(function, kind, values):
    if isinstance(values, kind):
        return function(values)
    if isinstance(values, dict):
        return {name: function(value) for name, value in values.items()}
    return [function(value) for value in values]
