"""One pass over samples: the loss, its gradient, or the outputs."""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from tsrnn.kernels.devices import empty, run, zeros
from tsrnn.kernels.losses import fill_missing
from tsrnn.kernels.optimization import sum_in_order
from tsrnn.network.network import Network
from tsrnn.network.stack import States
from tsrnn.training.parallel import CHUNK_ROWS, Workers

VALIDATED = 1024 * CHUNK_ROWS  # samples whose loss is taken at once: their weights stay small beside the data


class Samples(Protocol):
    """Where mini-batches come from.

    Those whose data may lie on a device, too, have `nbytes`, the bytes of what they gather from, and `entered(enter)`,
    which sends it there by `enter` and returns samples that gather into the device's arrays.
    """

    size: int
    # Streams side by side, each carrying its state from sample to sample: sample k is the part k // rows of the
    # stream k % rows. None where samples have nothing to do with one another.
    rows: int | None
    # Whether targets may be missing, NaN: they have no loss.
    masks: bool

    def gather(self, which: np.ndarray, x: np.ndarray, y: np.ndarray | None, known: np.ndarray) -> None:
        """Write the samples numbered `which` into x (T, B, C) and, if given, y: (B, O), or in step (T * B, O).

        `known` (B, P * F) takes what is known ahead of each step of the horizon; F may be 0.
        """

    def weights(self, which: np.ndarray) -> np.ndarray:
        """Weights (B,) of those samples, float64, not below zero; of streams those of each step, (B, T)."""

    def starts(self, which: np.ndarray) -> np.ndarray:
        """Whether each of those samples is the first of a series, (B,); asked of streams alone."""


class Passes:
    """Forward and backward passes over samples, chunk by chunk on the workers.

    Parameters
    ----------
    network : Network
    parameters : (P,) ndarray
        Where the workers compute (`Workers.enter`). Read at each pass: the caller may change them in between.
    workers : Workers
        Threads of the CPU, or what stands in for them on a device.
    """

    def __init__(self, network: Network, parameters: np.ndarray, workers: Workers):
        self._network = network
        self._dtype = workers.dtype(parameters.dtype)
        self._p = network.layout.views(parameters)
        self._workers = workers
        self._spaces: dict[tuple[int, int, bool], tuple] = {}
        self._gradient = np.zeros_like(parameters)
        self._parts = zeros((0, parameters.size), self._dtype)
        self._part_views: list = []
        self._states: States | None = None

    def weights(self, samples: Samples, which: np.ndarray) -> tuple[np.ndarray, float]:
        """Weights of a batch as `weighted_gradient` takes them, and their sum as the samples say."""
        return self._normalized(samples.weights(which))

    def weighted_gradient(
        self, samples: Samples, which, weights, loss: Callable, keys=None, bptt_steps: int | None = None
    ) -> tuple[float, np.ndarray]:
        """Mean loss of a batch and its gradient, which the next call overwrites.

        Streams go on from the states in which the batch before has left them, and these are constants. The arrays given
        lie where the workers compute (`which`, where samples have no streams).
        """
        bounds = self._workers.bounds(len(which), self._network.work)
        self._reserve(len(bounds))
        self._reserve_states(samples)
        losses = [0.0] * len(bounds)

        def chunk(worker: int, k: int) -> None:
            lo, hi = bounds[k]
            work, y, d_out = self._space(worker, hi - lo, for_backward=True)
            key = None if keys is None else keys[k]
            out = self._forward(samples, which, lo, hi, work, y, key, forced=True)
            losses[k] = self._loss(loss, samples, y, out, weights[:, lo:hi], d_out)
            self._network.backward(self._p, self._part_views[k], d_out, work, key, bptt_steps)

        self._workers.run(chunk, len(bounds))
        if len(bounds) == 1:
            return self._workers.total(losses), self._parts[0]
        run(sum_in_order, self._parts[: len(bounds)], self._gradient)
        return self._workers.total(losses), self._gradient

    def loss(self, samples: Samples, loss: Callable) -> float:
        """Mean loss of all samples, of outputs as in prediction: none is told a target."""
        batch = samples.rows or VALIDATED
        losses, batch_weights = [], []
        self._reserve_states(samples)
        for first in range(0, samples.size, batch):
            which = np.arange(first, min(first + batch, samples.size))
            bounds = self._workers.bounds(len(which), self._network.work)
            weights, weight = self._normalized(samples.weights(which))
            part = [0.0] * len(bounds)

            def chunk(worker: int, k: int, which=which, bounds=bounds, weights=weights, part=part) -> None:
                lo, hi = bounds[k]
                work, y, d_out = self._space(worker, hi - lo)
                out = self._forward(samples, which, lo, hi, work, y)
                part[k] = self._loss(loss, samples, y, out, weights[:, lo:hi], d_out)

            self._workers.run(chunk, len(bounds))
            losses.append(self._workers.read(self._workers.total(part)))
            batch_weights.append(weight)
        total = math.fsum(batch_weights)
        return math.fsum(value * (weight / total) for value, weight in zip(losses, batch_weights, strict=True))

    def outputs(self, samples: Samples, stay: bool = False) -> np.ndarray:
        """Outputs (size, O) of the network for all samples, in step (size, T * O).

        They are brought to the host, unless they are to `stay` where they are computed.
        """
        steps, size = self._network.output_rows, self._network.output_size
        outputs = empty((samples.size, steps, size), self._dtype if stay else self._gradient.dtype)
        bounds = self._workers.bounds(samples.size, self._network.work)

        def chunk(worker: int, k: int) -> None:
            lo, hi = bounds[k]
            work, _, _ = self._space(worker, hi - lo)
            out = self._forward(samples, np.arange(lo, hi), 0, hi - lo, work, None)
            out = out if stay else self._workers.leave(out)
            outputs[lo:hi] = out.reshape(steps, hi - lo, size).transpose(1, 0, 2)

        self._workers.run(chunk, len(bounds))
        return outputs.reshape(samples.size, steps * size)

    def _forward(self, samples: Samples, which, lo: int, hi: int, work, y, key=None, forced: bool = False):
        """Outputs of the samples which[lo:hi]; the streams among them from their states, which they leave behind."""
        self._workers.samples(samples).gather(which[lo:hi], work.x, y, work.known)
        if samples.rows is None:
            return self._network.forward(self._p, work, key, y if forced else None)
        first = which[lo] % samples.rows  # the samples of a batch are neighbours
        states = [[state[first : first + hi - lo] for state in layer] for layer in self._states]
        fresh = samples.starts(which[lo:hi])
        for state in (state for layer in states for state in layer):
            for row in np.flatnonzero(fresh):
                state[row] = 0
        self._network.start(work, states)
        out = self._network.forward(self._p, work, key, y if forced else None)
        for layer, last in zip(states, self._network.final_states(work), strict=True):
            for state, new in zip(layer, last, strict=True):
                state[...] = new
        return out

    def _loss(self, loss: Callable, samples: Samples, y, out, weights: np.ndarray, d_out):
        """Weighted loss of a chunk, and its gradient in `d_out`; none where targets are missing."""
        target = y
        if samples.masks:
            target = np.empty_like(y)
            run(fill_missing, y, out, target)
        return run(loss, out, target, self._workers.enter(weights.reshape(-1)), d_out)

    def _reserve_states(self, samples: Samples) -> None:
        if samples.rows and (self._states is None or len(self._states[0][0]) != samples.rows):
            self._states = [
                [zeros((samples.rows, *state.shape[1:]), self._dtype) for state in layer]
                for layer in self._network.final_states(self._network.allocate(1, self._dtype))
            ]

    def _normalized(self, weights: np.ndarray) -> tuple[np.ndarray, float]:
        """Weights by step and sample that add up to 1 / (outputs of a step), and the sum of those given."""
        steps = self._network.output_rows
        total = float(weights.sum())
        if weights.ndim == 1:
            weights = np.broadcast_to(weights / steps, (steps, len(weights))).T
        share = (total or 1.0) * self._network.output_size  # a batch in which nothing counts has no loss
        return np.ascontiguousarray((weights.T / share).astype(self._gradient.dtype)), total

    def _reserve(self, n: int) -> None:
        if n > len(self._parts):
            self._parts = zeros((n, self._gradient.size), self._dtype)
            self._part_views = [self._network.layout.views(self._parts[k]) for k in range(n)]

    def _space(self, worker: int, rows: int, for_backward: bool = False) -> tuple:
        """Work space of a worker, kept from batch to batch: warm in the caches, never allocated twice."""
        key = (worker, rows, for_backward)
        if key not in self._spaces:
            y = empty((rows * self._network.output_rows, self._network.output_size), self._dtype)
            self._spaces[key] = (self._network.allocate(rows, self._dtype, for_backward), y, np.empty_like(y))
        return self._spaces[key]
