"""Gates against the reference's states, gradients of states by central differences."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close, central_differences
from network.case import EVERY_CELL
from tsrnn.network.inspection import directions, gates_and_states, state_gradients, time_constant
from tsrnn.network.network import Network

every_cell = pytest.mark.parametrize("cell", EVERY_CELL)
STEPS, ROWS, INPUTS, SIZE, OUTPUTS = 5, 2, 2, 3, 2
KINDS = {
    "plain": {},
    "bidirectional": {"bidirectional": True},
    "residual": {"residual": True},
    "residual bidirectional": {"bidirectional": True, "residual": True},
    "segment": {"segment": 2},
}
every_kind = pytest.mark.parametrize("kind", KINDS)


class Inspected:
    """A network with random parameters after a forward pass, and the same by the reference."""

    def __init__(self, cell, layers=2, dtype=np.float64, **kind):
        rng = np.random.default_rng(1)
        self.cell, self.layers, self.kind = cell, layers, kind
        self.network = Network(cell, STEPS, INPUTS, SIZE, layers, OUTPUTS, linear_skip=True, **kind)
        vector = (0.6 * rng.standard_normal(self.network.layout.size)).astype(dtype)
        self.p = self.network.layout.views(vector)
        self.work = self.network.allocate(ROWS, dtype)
        self.work.x[...] = rng.standard_normal(self.work.x.shape)
        self.d_out = rng.standard_normal((ROWS, OUTPUTS)).astype(dtype)
        self.network.forward(self.p, self.work)

    @property
    def directions(self):
        return ("forward", "backward") if self.kind.get("bidirectional") else ("forward",)

    def weights(self, layer, direction):
        suffix = "_reverse" if direction == "backward" else ""
        names = naive.CELLS[self.cell].shapes(1, SIZE)
        return {name: self.p[f"rnn.{name}_l{layer}{suffix}"] for name in names}

    def states(self, x, layer, direction, bump=None):
        """States of one direction in its own order, (T, B, H) each; `bump` (t, value) is added to h after step t."""
        x = x if direction == "forward" else x[::-1]
        weights, cell = self.weights(layer, direction), naive.CELLS[self.cell]
        history = [np.zeros((len(x), ROWS, SIZE)) for _ in cell.states]
        for b in range(ROWS):
            states = [np.zeros(SIZE) for _ in cell.states]
            for t in range(len(x)):
                after = cell.step(x[t, b], *states, weights)
                states = list(after) if isinstance(after, tuple) else [after]
                if bump is not None and bump[0] == t:
                    states[0] = states[0] + bump[1][b]
                for kept, state in zip(history, states, strict=True):
                    kept[t, b] = state
        return history

    def inputs(self):
        """What enters the first layer."""
        return self.work.segment.y if self.network.segment else self.work.x

    def loss(self, bumps):
        """sum(outputs * d_out), apart from the linear map, with states moved: (layer, direction) -> (t, value)."""
        x = self.inputs()
        for k in range(self.layers):
            sides = {d: self.states(x, k, d, bumps.get((k, d)))[0] for d in self.directions}
            last = np.concatenate([h[-1] for h in sides.values()], axis=1)
            y = np.concatenate([h if d == "forward" else h[::-1] for d, h in sides.items()], axis=2)
            if self.kind.get("residual") and k:
                y, last = y + x, last + self.last_of_input(x)
            x = y
        return np.sum(naive.dense(last, self.p["head.weight"], self.p["head.bias"]) * self.d_out)

    def last_of_input(self, x):
        """The shortcut beside the last state of each direction."""
        if len(self.directions) == 1:
            return x[-1]
        return np.concatenate([x[-1, :, :SIZE], x[0, :, SIZE:]], axis=1)


@every_cell
@every_kind
@pytest.mark.parametrize("layers", [1, 2])
def test_gradients_of_states_by_central_differences(cell, kind, layers):
    case = Inspected(cell, layers, **KINDS[kind])
    gradients = state_gradients(case.network, case.p, case.d_out, case.work)
    assert list(gradients) == [(k, d) for k in range(layers) for d in case.directions]
    for where, gradient in gradients.items():
        assert gradient.shape == (case.network.recurrent_steps, ROWS, SIZE)
        expected = [
            central_differences(
                lambda v, t=t: case.loss({where: (t, v.reshape(ROWS, SIZE))}),  # noqa: B023
                np.zeros(ROWS * SIZE),
            )
            for t in range(len(gradient))
        ]
        assert_close(gradient, np.reshape(expected, gradient.shape), 1e-6)


@every_cell
@every_kind
def test_states_are_those_of_the_reference(cell, kind):
    case = Inspected(cell, layers=1, **KINDS[kind])
    for direction in case.directions:
        found = gates_and_states(case.network, case.work, 0, direction)
        for name, expected in zip(("h", "c"), case.states(case.inputs(), 0, direction), strict=False):
            assert_close(found[name], expected if direction == "forward" else expected[::-1], 1e-12)


@every_cell
@pytest.mark.parametrize("kind", ["plain", "residual bidirectional"])
def test_gates_make_the_states(cell, kind):
    """By the last line of each cell's equations, from the state of the step before in the layer's own order."""
    case = Inspected(cell, **KINDS[kind])
    for direction in case.directions:
        q = gates_and_states(case.network, case.work, 1, direction)
        expected_names = {"rnn": ["h"], "lstm": ["i", "f", "g", "o", "h", "c"], "gru": ["r", "z", "n", "h"]}
        assert list(q) == expected_names[cell.partition("_")[0]]
        before = {
            name: np.concatenate([np.zeros((1, ROWS, SIZE)), q[name][:-1]])
            if direction == "forward"
            else np.concatenate([q[name][1:], np.zeros((1, ROWS, SIZE))])
            for name in q
            if name in "hc"
        }
        if "c" in q:
            assert_close(q["c"], q["f"] * before["c"] + q["i"] * q["g"], 1e-12)
            assert_close(q["h"], q["o"] * np.tanh(q["c"]), 1e-12)
        elif "z" in q:
            assert_close(q["h"], (1 - q["z"]) * q["n"] + q["z"] * before["h"], 1e-12)


@every_cell
def test_what_is_returned_is_a_copy(cell):
    case = Inspected(cell)
    found = gates_and_states(case.network, case.work, 0, "forward")
    kept = {name: values.copy() for name, values in found.items()}
    state_gradients(case.network, case.p, case.d_out, case.work)
    for name, values in kept.items():
        np.testing.assert_array_equal(found[name], values)


@every_cell
def test_step_by_step_is_the_whole_way_at_once(cell):
    """The gradients of h_0 of one call over all steps and of one call a step."""
    case = Inspected(cell, layers=1)
    state_gradients(case.network, case.p, case.d_out, case.work)
    stepwise = case.work.layers[0].d_states[0].copy()
    case.network.forward(case.p, case.work)
    g = case.network.layout.views(np.empty(case.network.layout.size))
    case.network.backward(case.p, g, case.d_out, case.work)
    assert_close(stepwise, case.work.layers[0].d_states[0], 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_are_kept(dtype):
    case = Inspected("gru", dtype=dtype)
    assert {q.dtype for q in gates_and_states(case.network, case.work, 0, "forward").values()} == {np.dtype(dtype)}
    assert {g.dtype for g in state_gradients(case.network, case.p, case.d_out, case.work).values()} == {np.dtype(dtype)}


def test_directions():
    for residual in (False, True):
        case = Inspected("lstm", bidirectional=True, residual=residual)
        assert [list(directions(layer)) for layer in case.network.layers] == [["forward", "backward"]] * 2
        case = Inspected("lstm", residual=residual)
        assert [list(directions(layer)) for layer in case.network.layers] == [["forward"]] * 2


def test_time_constant():
    gate = np.array([0, np.exp(-1), 0.5, np.exp(-1 / 24), 1])
    expected = [0, 1, 1 / np.log(2), 24, np.inf]
    np.testing.assert_allclose(time_constant(gate), expected)
    assert time_constant(gate.astype(np.float32)).dtype == np.float64
