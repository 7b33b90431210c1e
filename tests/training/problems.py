"""A small problem that can be learnt, and training runs on it, for the tests of this folder and of threads."""

from dataclasses import replace

import numpy as np

from tsrnn.network.network import Network
from tsrnn.training.trainer import Trainer, TrainingOptions

STEPS, CHANNELS, OUTPUTS = 4, 2, 2

OPTIONS = TrainingOptions(
    loss="squared_error",
    alpha=0.0,
    learning_rate="constant",
    learning_rate_init=0.02,
    clip_norm=1.0,
    batch_size=70,  # three chunks, of 23 and 24 rows
    max_iter=3,
    max_steps=None,
    bptt_steps=None,
    n_iter_no_change=10,
    tol=0.0,
    n_jobs=1,
)


class ArraySamples:
    """Samples held in arrays: x (N, T, C), y (N, O), weights (N,), one by default, and what is known ahead (N, F)."""

    rows, masks = None, False

    def __init__(self, x, y, weight=None, known=None):
        self.x, self.y, self.known = x, y, known
        self.weight = np.ones(len(x)) if weight is None else weight
        self.size = len(x)

    def gather(self, which, x, y, known=None):
        x[...] = self.x[which].transpose(1, 0, 2)
        if y is not None:
            y[...] = self.y[which]
        if self.known is not None:
            known[...] = self.known[which]

    def weights(self, which):
        return self.weight[which]


def gradient_of(passes, samples, which, loss, keys=None, bptt_steps=None):
    """Mean loss of a batch on the CPU, its gradient (overwritten by the next call) and the weight of the batch."""
    weights, total = passes.weights(samples, which)
    return *passes.weighted_gradient(samples, which, weights, loss, keys, bptt_steps), total


def make_samples(size=100, seed=0, noise=0.0, weight=None):
    """Each output is a bounded function of the last steps of both channels, plus noise."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((size, STEPS, CHANNELS))
    y = np.tanh(np.stack([x[:, -1, 0] - x[:, -2, 1], x[:, -1, 1] + 0.5 * x[:, -3, 0]], axis=1))
    return ArraySamples(x, y + noise * rng.standard_normal(y.shape), weight)


def make_network(cell="lstm", hidden_size=4, num_layers=1, **options):
    return Network(cell, STEPS, CHANNELS, hidden_size, num_layers, OUTPUTS, **options)


def make_trainer(training=None, validation=None, network=None, seed=0, dtype=np.float64, **changes):
    """A trainer with `OPTIONS`, changed where `changes` say so."""
    rng = np.random.default_rng(seed)
    network = make_network() if network is None else network
    parameters = network.initialize(rng, dtype)
    training = make_samples() if training is None else training
    return Trainer(network, parameters, replace(OPTIONS, **changes), training, validation, rng)


def train(**arguments):
    """A trainer that has run."""
    trainer = make_trainer(**arguments)
    trainer.run()
    return trainer
