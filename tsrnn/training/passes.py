"""One pass over samples: the loss, its gradient, or the outputs."""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from tsrnn.kernels.optimization import sum_in_order
from tsrnn.network.stack import Network
from tsrnn.training.parallel import Workers, chunk_bounds


class Samples(Protocol):
    """Where mini-batches come from."""

    size: int

    def gather(self, which: np.ndarray, x: np.ndarray, y: np.ndarray | None) -> None:
        """Write the samples numbered `which` into x (T, B, C) and, if given, y (B, O)."""

    def weights(self, which: np.ndarray) -> np.ndarray:
        """Weights (B,) of those samples, float64, above zero."""


class Passes:
    """Forward and backward passes over samples, chunk by chunk on the workers.

    Parameters
    ----------
    network : Network
    parameters : (P,) ndarray
        Read at each pass: the caller may change them in between.
    workers : Workers
    """

    def __init__(self, network: Network, parameters: np.ndarray, workers: Workers):
        self._network = network
        self._dtype = parameters.dtype
        self._p = network.layout.views(parameters)
        self._workers = workers
        self._spaces: dict[tuple[int, int], tuple] = {}
        self._parts = np.zeros((0, parameters.size), parameters.dtype)
        self._part_views: list = []
        self._gradient = np.zeros_like(parameters)

    def gradient(
        self,
        samples: Samples,
        which: np.ndarray,
        loss: Callable,
        keys: np.ndarray | None = None,
        bptt_steps: int | None = None,
    ) -> tuple[float, np.ndarray, float]:
        """Mean loss of a batch, its gradient (overwritten by the next call) and the weight of the batch."""
        bounds = chunk_bounds(len(which))
        self._reserve(len(bounds))
        weights, total = self._normalized(samples, which)
        losses = np.zeros(len(bounds))

        def chunk(worker: int, k: int) -> None:
            lo, hi = bounds[k]
            work, y, d_out = self._space(worker, hi - lo)
            samples.gather(which[lo:hi], work.x, y)
            key = None if keys is None else keys[k]
            out = self._network.forward(self._p, work, key)
            losses[k] = loss(out, y, weights[lo:hi], d_out)
            self._network.backward(self._p, self._part_views[k], d_out, work, key, bptt_steps)

        self._workers.run(chunk, len(bounds))
        sum_in_order(self._parts[: len(bounds)], self._gradient)
        return math.fsum(losses), self._gradient, total

    def loss(self, samples: Samples, loss: Callable) -> float:
        """Mean loss of all samples."""
        which = np.arange(samples.size)
        bounds = chunk_bounds(samples.size)
        weights, _ = self._normalized(samples, which)
        losses = np.zeros(len(bounds))

        def chunk(worker: int, k: int) -> None:
            lo, hi = bounds[k]
            work, y, d_out = self._space(worker, hi - lo)
            samples.gather(which[lo:hi], work.x, y)
            losses[k] = loss(self._network.forward(self._p, work), y, weights[lo:hi], d_out)

        self._workers.run(chunk, len(bounds))
        return math.fsum(losses)

    def outputs(self, samples: Samples) -> np.ndarray:
        """Outputs (size, O) of the network for all samples."""
        outputs = np.empty((samples.size, self._network.output_size), self._dtype)
        bounds = chunk_bounds(samples.size)

        def chunk(worker: int, k: int) -> None:
            lo, hi = bounds[k]
            work, _, _ = self._space(worker, hi - lo)
            samples.gather(np.arange(lo, hi), work.x, None)
            outputs[lo:hi] = self._network.forward(self._p, work)

        self._workers.run(chunk, len(bounds))
        return outputs

    def _normalized(self, samples: Samples, which: np.ndarray) -> tuple[np.ndarray, float]:
        """Weights that add up to 1 / (number of outputs), and their sum before."""
        weights = samples.weights(which)
        total = float(weights.sum())
        return (weights / (total * self._network.output_size)).astype(self._dtype), total

    def _reserve(self, n: int) -> None:
        if n > len(self._parts):
            self._parts = np.zeros((n, self._parts.shape[1]), self._dtype)
            self._part_views = [self._network.layout.views(part) for part in self._parts]

    def _space(self, worker: int, rows: int) -> tuple:
        """Work space of a worker, kept from batch to batch: warm in the caches, never allocated twice."""
        key = (worker, rows)
        if key not in self._spaces:
            y = np.empty((rows, self._network.output_size), self._dtype)
            self._spaces[key] = (self._network.allocate(rows, self._dtype), y, np.empty_like(y))
        return self._spaces[key]
