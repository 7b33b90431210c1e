"""Streams: states that are carried, gradients that stop at the edges, masks, series side by side."""

from dataclasses import replace

import numpy as np
import pytest

from gradcheck import assert_close
from network.case import EVERY_CELL
from training.problems import OPTIONS, gradient_of
from tsrnn.network.network import Network
from tsrnn.training.losses import LOSSES
from tsrnn.training.parallel import Workers
from tsrnn.training.passes import Passes
from tsrnn.training.trainer import Trainer

CHANNELS, OUTPUTS, SIZE = 2, 2, 3
SQUARED = LOSSES["squared_error"]
every_cell = pytest.mark.parametrize("cell", EVERY_CELL)


class ArrayStreams:
    """Sequences (N_b, C) with targets (N_b, O), each a stream of its own, in parts of `steps`."""

    masks = False

    def __init__(self, inputs, targets, steps):
        self.inputs, self.targets, self.steps, self.rows = inputs, targets, steps, len(inputs)
        self.n_parts = -(-max(map(len, inputs)) // steps)
        self.size = self.n_parts * self.rows

    def _parts(self, which):
        for column, k in enumerate(which):
            row, first = k % self.rows, k // self.rows * self.steps
            yield column, self.inputs[row][first : first + self.steps], self.targets[row][first : first + self.steps]

    def gather(self, which, x, y, known=None):
        x[...] = 7.0  # what lies beyond the end must not matter
        if y is not None:
            y[...] = 7.0
        for column, inputs, targets in self._parts(which):
            x[: len(inputs), column] = inputs
            if y is not None:
                y.reshape(self.steps, len(which), -1)[: len(inputs), column] = targets

    def weights(self, which):
        lengths = np.array([len(inputs) for _, inputs, _ in self._parts(which)])
        return (np.arange(self.steps) < lengths[:, None]).astype(float)

    def starts(self, which):
        return which < self.rows


def draws(*lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((n, CHANNELS)) for n in lengths], [rng.standard_normal((n, OUTPUTS)) for n in lengths]


def network_of(cell, steps, **options):
    return Network(cell, steps, CHANNELS, SIZE, 2, OUTPUTS, decoder="in_step", linear_skip=True, **options)


def vector_of(network):
    return 0.6 * np.random.default_rng(1).standard_normal(network.layout.size)


def run(streams, cell, vector=None, n_jobs=1):
    """Sums over the parts of loss and gradient, each as of a batch of weight one; outputs do not come out."""
    network = network_of(cell, streams.steps)
    vector = vector_of(network) if vector is None else vector
    losses, gradients = [], []
    with Workers(n_jobs) as workers:
        passes = Passes(network, vector, workers)
        for k in range(streams.n_parts):
            which = np.arange(k * streams.rows, (k + 1) * streams.rows)
            loss, gradient, weight = gradient_of(passes, streams, which, SQUARED)
            losses.append(loss * weight)
            gradients.append(gradient * weight)
        mean = passes.loss(streams, SQUARED)
    return np.array(losses), np.array(gradients), mean


@every_cell
def test_one_part_is_full_backpropagation(cell):
    """A part as long as the series, and parts of any length beyond it."""
    inputs, targets = draws(9)
    network = network_of(cell, 9)
    work = network.allocate(1, np.float64)
    work.x[...] = inputs[0][:, None]
    views = network.layout.views(np.empty(network.layout.size))
    out = network.forward(network.layout.views(vector_of(network)), work)
    d_out = 2 * (out - targets[0]) / OUTPUTS / 9
    network.backward(network.layout.views(vector_of(network)), views, d_out, work)
    whole = np.concatenate([view.ravel() for view in views.values()]) * 9
    for steps in (9, 10, 30):
        losses, gradients, _ = run(ArrayStreams(inputs, targets, steps), cell)
        assert len(gradients) == 1
        assert_close(gradients[0], whole, 1e-14)
        assert losses[0] == pytest.approx(((out - targets[0]) ** 2).sum() / OUTPUTS, rel=1e-14)


@every_cell
@pytest.mark.parametrize("steps", [1, 2, 4, 5])
def test_values_do_not_depend_on_the_length_of_the_parts(cell, steps):
    """The states are carried: the loss of all parts is that of one, whatever gradients do."""
    inputs, targets = draws(9)
    whole, _, mean = run(ArrayStreams(inputs, targets, 9), cell)
    losses, _, mean_of_parts = run(ArrayStreams(inputs, targets, steps), cell)
    assert losses.sum() == pytest.approx(whole.sum(), rel=1e-13)
    assert mean_of_parts == pytest.approx(mean, rel=1e-13)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("steps", [1, 2, 4, 5])
def test_edges_of_parts_are_detached_states(cell, steps):
    torch = pytest.importorskip("torch")
    inputs, targets = draws(9, 9, 9)
    network = network_of(cell, steps)
    p = {
        name: torch.from_numpy(view.copy()).requires_grad_()
        for name, view in network.layout.views(vector_of(network)).items()
    }
    rnn = getattr(torch.nn, cell.upper())(CHANNELS, SIZE, num_layers=2).double()
    x, y = (torch.from_numpy(np.stack(arrays, axis=1)) for arrays in (inputs, targets))
    own = {name.removeprefix("rnn."): array for name, array in p.items() if name.startswith("rnn.")}
    states, total = None, 0
    for first in range(0, 9, steps):
        part = x[first : first + steps]
        h, states = torch.func.functional_call(rnn, own, (part,) if states is None else (part, states))
        states = tuple(s.detach() for s in states) if isinstance(states, tuple) else states.detach()
        out = h @ p["head.weight"].T + p["head.bias"] + part @ p["linear.weight"].T + p["linear.bias"]
        total = total + ((out - y[first : first + steps]) ** 2).sum() / OUTPUTS
    total.backward()
    _, gradients, _ = run(ArrayStreams(inputs, targets, steps), cell)
    for name, gradient in network.layout.views(gradients.sum(axis=0)).items():
        assert_close(gradient, p[name].grad.numpy(), 1e-10)


@every_cell
def test_masked_streams_are_those_run_one_by_one(cell):
    """Streams of unequal length side by side; what lies beyond an end, and in the other rows, does not matter."""
    inputs, targets = draws(9, 4, 7, 1)
    losses, gradients, mean = run(ArrayStreams(inputs, targets, 3), cell)
    alone = [run(ArrayStreams([i], [t], 3), cell) for i, t in zip(inputs, targets, strict=True)]
    assert losses.sum() == pytest.approx(sum(a[0].sum() for a in alone), rel=1e-13)
    assert_close(gradients.sum(axis=0), sum(a[1].sum(axis=0) for a in alone), 1e-13)
    assert mean == pytest.approx(losses.sum() / sum(map(len, inputs)), rel=1e-13)


@every_cell
def test_two_series_never_mix(cell):
    """Another series in the row beside it moves no loss of this one."""
    inputs, targets = draws(9, 9)
    targets[1][...] = np.nan  # its own loss is none of ours: the row has no weight

    class First(ArrayStreams):
        def gather(self, which, x, y, known=None):
            super().gather(which, x, y)
            if y is not None:
                y[np.isnan(y)] = 0

        def weights(self, which):
            return super().weights(which) * (which % self.rows == 0)[:, None]

    before = run(First(inputs, targets, 2), cell)
    inputs[1] = 100 * inputs[1][::-1]
    after = run(First(inputs, targets, 2), cell)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_new_series_in_the_same_row_starts_from_zero():
    inputs, targets = draws(6, 6)

    class InTurn(ArrayStreams):
        """Both series one after the other in one row."""

        def __init__(self, inputs, targets):
            super().__init__([np.concatenate(inputs)], [np.concatenate(targets)], 2)

        def starts(self, which):
            return which % 3 == 0

    losses, _, _ = run(InTurn(inputs, targets), "lstm")
    alone = [run(ArrayStreams([i], [t], 2), "lstm")[0] for i, t in zip(inputs, targets, strict=True)]
    np.testing.assert_allclose(losses, np.concatenate(alone), rtol=1e-13)


def test_many_rows_in_several_chunks_on_any_number_of_threads():
    inputs, targets = draws(*range(3, 73))
    one, two = (run(ArrayStreams(inputs, targets, 5), "gru", n_jobs=n) for n in (1, 2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    alone = [run(ArrayStreams([i], [t], 5), "gru")[1].sum(axis=0) for i, t in zip(inputs, targets, strict=True)]
    assert_close(one[1].sum(axis=0), sum(alone), 1e-12)


def test_trainer_reads_the_parts_in_order_and_learns():
    """The sum of the last four inputs: farther back than a part, so that the carried state is needed."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, 400, 1))
    total = np.stack([np.convolve(row[:, 0], np.ones(4))[:400] for row in x])[..., None]
    network = Network("gru", 2, 1, 16, 1, 1, decoder="in_step")
    options = replace(OPTIONS, max_iter=40, learning_rate_init=0.01, learning_rate="cosine", bptt_steps=2)
    asked = []

    class Recorded(ArrayStreams):
        def starts(self, which):
            asked.append(which[0])
            return super().starts(which)

    streams = Recorded(list(x), list(total), 2)
    trainer = Trainer(network, network.initialize(rng, np.float64), options, streams, None, rng)
    trainer.run()
    assert trainer.total_steps == trainer.history.n_steps == 40 * 200
    assert asked[:200] == list(range(0, 1600, 8))
    # Without the state before a part a step sees two inputs at most: half of the variance of 4 is beyond it.
    assert trainer.history.loss[-1] < 0.5
