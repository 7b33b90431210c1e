"""The reference itself: its gradients are the central differences of its own forward functions."""

import numpy as np
import pytest

import naive
from gradcheck import assert_gradient

STEPS, ROWS, INPUTS, SIZE = 3, 2, 2, 2


@pytest.mark.parametrize("cell", naive.CELLS)
def test_backward(cell):
    rng = np.random.default_rng(0)
    state_names = naive.CELLS[cell].states
    shapes = {"x": (STEPS, ROWS, INPUTS)} | dict.fromkeys(state_names, (ROWS, SIZE))
    shapes |= naive.CELLS[cell].shapes(INPUTS, SIZE)
    dy = rng.standard_normal((STEPS, ROWS, SIZE))
    d_states = [rng.standard_normal((ROWS, SIZE)) for _ in state_names]

    def split(vector):
        stops = np.cumsum([np.prod(shape) for shape in shapes.values()])
        parts = np.split(vector, stops[:-1])
        arrays = {n: part.reshape(shape) for (n, shape), part in zip(shapes.items(), parts, strict=True)}
        return arrays.pop("x"), [arrays.pop(name) for name in state_names], arrays

    def value(vector):
        states = naive.forward(cell, *split(vector))
        last = sum(np.sum(s[-1] * d) for s, d in zip(states, d_states, strict=True))
        return np.sum(states[0][1:] * dy) + last

    vector = rng.standard_normal(sum(np.prod(shape) for shape in shapes.values()))
    gradients = naive.backward(cell, *split(vector), dy, d_states)
    assert_gradient(np.concatenate([gradients[name].ravel() for name in shapes]), value, vector)


def test_dense_gradient():
    rng = np.random.default_rng(0)
    x, weight, bias = rng.standard_normal((3, 2)), rng.standard_normal((4, 2)), rng.standard_normal(4)
    d_out = rng.standard_normal((3, 4))
    d_x, d_weight, d_bias = naive.dense_gradient(x, weight, d_out)

    def value_of(x=x, weight=weight, bias=bias):
        return np.sum(naive.dense(x, weight, bias) * d_out)

    assert_gradient(d_x.ravel(), lambda v: value_of(x=v.reshape(x.shape)), x.ravel())
    assert_gradient(d_weight.ravel(), lambda v: value_of(weight=v.reshape(weight.shape)), weight.ravel())
    assert_gradient(d_bias, lambda v: value_of(bias=v), bias)
