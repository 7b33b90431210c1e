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
    "layer norm": {"layer_norm": True, "bidirectional": True},
    "unequal residual": {"sizes": (2, 3), "residual": True},
}
every_kind = pytest.mark.parametrize("kind", KINDS)


class Inspected:
    """A network with random parameters after a forward pass, and the same by the reference."""

    def __init__(self, cell, layers=2, dtype=np.float64, decoder="direct", sizes=None, **kind):
        rng = np.random.default_rng(1)
        self.cell, self.layers, self.kind = cell, layers, kind
        self.sizes = (sizes or (SIZE, SIZE))[:layers]
        self.network = Network(
            cell, STEPS, INPUTS, self.sizes, layers, OUTPUTS, linear_skip=True, decoder=decoder, **kind
        )
        vector = (0.6 * rng.standard_normal(self.network.layout.size)).astype(dtype)
        self.p = self.network.layout.views(vector)
        self.work = self.network.allocate(ROWS, dtype)
        self.work.x[...] = rng.standard_normal(self.work.x.shape)
        shape = (self.network.output_rows * ROWS, OUTPUTS)
        self.d_out = rng.standard_normal(shape).astype(dtype)
        self.targets = rng.standard_normal(shape).astype(dtype)
        self.start = [
            [np.zeros((ROWS, layer.output_size)) for _ in naive.CELLS[cell].states] for layer in self.network.layers
        ]
        self.forward()

    def forward(self):
        self.network.forward(self.p, self.work, None, self.targets)

    def begin(self):
        """Start from random states, and ask for the outputs after the last step alone, as of a stream."""
        rng = np.random.default_rng(2)
        self.start = [[rng.uniform(-1, 1, state.shape) for state in layer] for layer in self.start]
        self.d_out[:-ROWS] = 0
        self.network.start(self.work, self.start)
        self.forward()

    @property
    def directions(self):
        return ("forward", "backward") if self.kind.get("bidirectional") else ("forward",)

    def weights(self, layer, direction):
        suffix = "_reverse" if direction == "backward" else ""
        names = naive.CELLS[self.cell].shapes(1, 1)
        return {name: self.p[f"rnn.{name}_l{layer}{suffix}"] for name in names}

    def states(self, x, layer, direction, bump=None):
        """States of one direction in its own order, (T, B, H) each; `bump` (t, value) is added to h after step t."""
        x = x if direction == "forward" else x[::-1]
        weights, cell, size = self.weights(layer, direction), naive.CELLS[self.cell], self.sizes[layer]
        history = [np.zeros((len(x), ROWS, size)) for _ in cell.states]
        for b in range(ROWS):
            states = [start[b, :size] for start in self.start[layer]]  # of two directions: zeros
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
        """sum(outputs * d_out), apart from the linear map, with states moved: (layer, direction) -> (t, value).

        The layers are the reference's; what decodes is the network's, which has tests of its own.
        """
        x, states = self.inputs(), []
        for k in range(self.layers):
            sides = {d: self.states(x, k, d, bumps.get((k, d))) for d in self.directions}
            states.append([np.concatenate([s[-1] for s in own], axis=1) for own in zip(*sides.values(), strict=True)])
            last = states[-1][0]
            y = np.concatenate([s[0] if d == "forward" else s[0][::-1] for d, s in sides.items()], axis=2)
            if self.kind.get("residual") and k:
                shortcut = self.shortcut(x, k)
                y, last = y + shortcut, last + self.last_of(shortcut)
            if self.kind.get("layer_norm"):
                y, last = self.norm(y, k), self.norm(last, k)
            x = y
        decoder = self.network.decoder
        work = decoder.allocate(len(x), ROWS, np.float64)
        out = decoder.forward(
            self.p, y if decoder.every_step else last[None], states, None, None, work, None, self.targets
        )
        return np.sum(out * self.d_out)

    def shortcut(self, x, layer):
        """What a residual layer adds to its output."""
        if f"rnn.shortcut_weight_l{layer}" not in self.p:
            return x
        return x @ self.p[f"rnn.shortcut_weight_l{layer}"].T + self.p[f"rnn.shortcut_bias_l{layer}"]

    def norm(self, y, layer):
        z = (y - y.mean(axis=-1, keepdims=True)) / np.sqrt(y.var(axis=-1, keepdims=True) + 1e-5)
        return z * self.p[f"rnn.norm_weight_l{layer}"] + self.p[f"rnn.norm_bias_l{layer}"]

    def last_of(self, y):
        """What is beside the last state of each direction."""
        if len(self.directions) == 1:
            return y[-1]
        return np.concatenate([y[-1, :, :SIZE], y[0, :, SIZE:]], axis=1)

    def assert_right(self):
        """Gradients of all states by central differences."""
        gradients = state_gradients(self.network, self.p, self.d_out, self.work)
        assert list(gradients) == [(k, d) for k in range(self.layers) for d in self.directions]
        for where, gradient in gradients.items():
            shape = (ROWS, self.sizes[where[0]])
            assert gradient.shape == (self.network.recurrent_steps, *shape)
            expected = [
                central_differences(
                    lambda v, t=t: self.loss({where: (t, v.reshape(shape))}),  # noqa: B023
                    np.zeros(np.prod(shape)),
                )
                for t in range(len(gradient))
            ]
            assert_close(gradient, np.reshape(expected, gradient.shape), 1e-6)


@every_cell
@pytest.mark.parametrize("kind", ["plain", "residual bidirectional"])
def test_gradients_of_states_by_central_differences(cell, kind):
    Inspected(cell, **KINDS[kind]).assert_right()


@pytest.mark.parametrize("cell", ["lstm_peephole", "gru_reset_before"])
@every_kind
@pytest.mark.parametrize("layers", [1, 2])
def test_gradients_of_states_in_every_structure(cell, kind, layers):
    """Of the cells with the most to carry back: what lies around a cell does not know which it is."""
    Inspected(cell, layers, **KINDS[kind]).assert_right()


@pytest.mark.parametrize(
    ("cell", "decoder"),
    [(cell, decoder) for cell in EVERY_CELL for decoder in ("parallel", "seq2seq")]
    + [(cell, "in_step") for cell in ("lstm_peephole", "gru_reset_before")],
)
def test_gradients_of_states_through_decoders(cell, decoder):
    """Through every cell by the decoders that have one of their own."""
    Inspected(cell, decoder=decoder, **KINDS["residual bidirectional"]).assert_right()


@every_cell
def test_gradients_of_states_of_a_stream(cell):
    case = Inspected(cell, decoder="in_step", residual=True)
    case.begin()
    case.assert_right()


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
    case.forward()
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
