"""The linear map beside the network, fitted by itself: where a network starts from that learns what is left."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag, solve

from tsrnn.network.network import Network
from tsrnn.training.parallel import Workers, single_threaded_blas
from tsrnn.training.passes import Samples

MOST_SAMPLES = 20_000  # more change the coefficients by less than the noise does
MOST_INPUTS = 2000  # of the end of a window: the squares of more would not fit into caches, nor the fit into seconds
PENALTY = 30.0  # in samples: as if so many had said that all coefficients are zero
REWEIGHTINGS = 3  # of least squares, toward least absolute errors
LEAST_ERROR = 0.05  # of the mean: what errors below it count as, or exact samples would outweigh all others
BLOCK = 256  # samples that are laid out at once
PARTS = 4  # sums over blocks that are made side by side; a number of its own, whatever that of the threads


class LinearMap(NamedTuple):
    """From a window x, and for each step p of the horizon from what is known ahead of it, z_p.

        y_p = W_p (x, 1) + V_p z_p

    A step has nothing of what is known of others: maps of all of it are worse wherever there is little to learn from.

    Attributes
    ----------
    window : (I + 1, O) ndarray
        Coefficients of the window; the constant is last.
    known : (P, F, K) ndarray
        For each step those of what is known of it; O = P * K. F may be 0.
    """

    window: np.ndarray
    known: np.ndarray

    def outputs(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """(B, O) from windows (B, I + 1), or their ends, with a one at the end, and what is known (P, B, F)."""
        return x @ self.window[-x.shape[1] :] + (z @ self.known).transpose(1, 0, 2).reshape(len(x), -1)

    def by_name(self) -> dict[str, np.ndarray]:
        """As parameters of a network."""
        found = {"linear.weight": self.window[:-1].T, "linear.bias": self.window[-1]}
        if self.known.size:
            found["known.weight"] = block_diag(*self.known.transpose(0, 2, 1))
            found["known.bias"] = np.zeros(len(found["linear.bias"]))
        return found


def fit_linear(
    network: Network,
    samples: Samples,
    dtype: np.dtype,
    loss: str,
    rng: np.random.Generator,
    n_jobs: int | None,
    spans: tuple[float, ...],
) -> LinearMap | None:
    """A ridge regression by the linear maps of a network: that of the window, and that of what is known ahead.

    Samples have the weights that they have in training. For the absolute error the regression is reweighted
    (iteratively reweighted least squares). Samples that lack a target are left out. Of windows of more than
    `MOST_INPUTS` values the last ones are regressed on; the map has zeros before.

    Parameters
    ----------
    network : Network
    samples : Samples
    dtype : dtype
        In which samples are gathered; the regression is in float64.
    loss : str
        A key of `tsrnn.training.losses.LOSSES`.
    rng : Generator
        Draws the samples where there are more than are needed.
    n_jobs : int or None
    spans : tuple of float
        Parts of a window, its end, from which it is regressed: the mean of these maps is found, a map of the whole
        window.

    Returns
    -------
    LinearMap or None
        None where there is no map of whole windows, or where a single step has too many values.
    """
    if network.linear is None or network.decoder.every_step or not can_fit(network.skip_channels):
        return None
    which = some_of(samples, MOST_SAMPLES, rng)
    importance = samples.weights(which)
    with single_threaded_blas(), Workers(n_jobs) as workers:
        blocks = _Blocks(network, samples, which, dtype, workers)
        found = blocks.solve(importance, spans)
        for _ in range(REWEIGHTINGS - 1 if loss != "squared_error" else 0):
            errors = blocks.errors(found)
            known = np.isfinite(errors)
            least = LEAST_ERROR * errors[known].mean() if known.any() else 0.0
            if least == 0:  # nothing to learn from, or nothing left to learn
                break
            found = blocks.solve(np.nan_to_num(importance / np.maximum(errors, least)), spans)
    return found


def can_fit(channels: int) -> bool:
    """Whether windows of so many values a step are not too wide for `fit_linear`."""
    return channels <= MOST_INPUTS


def some_of(samples: Samples, most: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers of all samples, or of so many drawn from them."""
    return np.arange(samples.size) if samples.size <= most else rng.integers(samples.size, size=most)


def start_linear(network: Network, parameters: np.ndarray, linear: LinearMap) -> None:
    """Set the network's linear map to this one, and its own head to zero: it learns what is left."""
    p = network.layout.views(parameters)
    for name, values in linear.by_name().items():
        p[name][...] = values
    p["head.weight"][...] = p["head.bias"][...] = 0


def draw_back(network: Network, parameters: np.ndarray, linear: LinearMap, share: float) -> None:
    """Leave only a share of what training has changed since `start_linear`, of a decoder that reads no outputs.

    The outputs are those of the linear map it started with, and of the trained network, in these parts.
    """
    p = network.layout.views(parameters)
    for name, begin in linear.by_name().items():
        p[name][...] = (1 - share) * begin + share * p[name]
    for name in ("head.weight", "head.bias"):
        p[name] *= share


def joined(network: Network, linear: LinearMap, apart: Network, trained: np.ndarray, share: float) -> np.ndarray:
    """Parameters with which a network makes the outputs of a linear map and of the same network without one.

    Its decoder must not read its own outputs.

    Parameters
    ----------
    network : Network
        With a linear map.
    linear : LinearMap
    apart : Network
        Without one.
    trained : ndarray
        Its parameters.
    share : float
        Of the trained network in the outputs; the linear map has the rest.
    """
    parameters = np.zeros(network.layout.size, trained.dtype)
    p = network.layout.views(parameters)
    for name, values in apart.layout.views(trained).items():
        p[name][...] = values
    draw_back(network, parameters, linear, share)
    return parameters


def linear_outputs(
    network: Network, samples: Samples, linear: LinearMap, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """What a linear map makes of all samples, (size, O), and the targets (size, O)."""
    with single_threaded_blas(), Workers(1) as workers:  # the same bits, whatever BLAS may use elsewhere
        return _Blocks(network, samples, np.arange(samples.size), dtype, workers).outputs(linear)


class _Blocks:
    """Windows side by side with a one, and their targets, block by block: never all of them at once."""

    def __init__(self, network: Network, samples: Samples, which: np.ndarray, dtype: np.dtype, workers: Workers):
        self._network, self._samples, self._dtype, self._workers = network, samples, dtype, workers
        self._blocks = np.array_split(which, max(1, -(-len(which) // BLOCK)))
        self._edges = np.cumsum([0, *map(len, self._blocks)])
        steps = network.target_steps
        known = network.known_size // steps
        self._read = min(network.linear.input_size, MOST_INPUTS // network.skip_channels * network.skip_channels)
        self._sizes = self._read + 1, steps, known, network.output_size // steps

    def _laid_out(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of a block the ends of windows (B, 1 + those read), what is known ahead (P, B, F), and targets (B, O)."""
        network, which = self._network, self._blocks[number]
        x = np.empty((network.steps, len(which), network.input_size), self._dtype)
        y = np.empty((len(which), network.output_size), self._dtype)
        z = np.empty((len(which), network.known_size), self._dtype)
        self._samples.gather(which, x, y, z)
        windows = x[:, :, : network.skip_channels].transpose(1, 0, 2).reshape(len(which), -1)
        windows = windows[:, -self._read :]
        _, steps, known, _ = self._sizes
        z = z.reshape(len(which), steps, known).transpose(1, 0, 2)
        return (
            np.column_stack([windows.astype(np.float64), np.ones(len(which))]),
            z.astype(np.float64),
            y.astype(np.float64),
        )

    def solve(self, weights: np.ndarray, spans: tuple[float, ...]) -> LinearMap:
        """The mean of the maps of least squares from some spans of the window, each sample with its weight."""
        size, steps, known, width = self._sizes
        shapes = (
            (size, size),
            (size, steps * width),
            (size, steps * known),
            (steps, known, known),
            (steps, known, width),
        )
        sums = [[np.zeros(shape) for shape in (*shapes, 2)] for _ in range(PARTS)]

        def part(worker: int, k: int) -> None:
            squares, mixed, across, own, told, total = sums[k]
            for number in range(k, len(self._blocks), PARTS):
                x, z, y = self._laid_out(number)
                weight = weights[self._edges[number] : self._edges[number + 1]]
                complete = ~np.isnan(y).any(axis=1)
                weight, y = np.where(complete, weight, 0), np.nan_to_num(y)
                weighted = x * weight[:, None]
                squares += x.T @ weighted
                mixed += weighted.T @ y
                total += weight.sum(), complete.sum()
                if known:
                    across += weighted.T @ z.transpose(1, 0, 2).reshape(len(x), -1)
                    turned = (z * weight[:, None]).transpose(0, 2, 1)
                    own += turned @ z
                    told += turned @ y.reshape(len(y), steps, width).transpose(1, 0, 2)

        self._workers.run(part, PARTS)
        squares, mixed, across, own, told, total = (sum(each[1:], each[0]) for each in zip(*sums, strict=True))
        penalty = PENALTY * (total[0] / max(total[1], 1) or 1.0)
        squares[np.diag_indices(size)] += penalty
        own += penalty * np.eye(known)
        network = self._network
        columns = [1 + max(1, round(span * network.steps)) * network.skip_channels for span in spans]
        maps = [_solved(squares, mixed, across, own, told, last) for last in columns]
        found = LinearMap(*(sum(each[1:], each[0]) / len(maps) for each in zip(*maps, strict=True)))
        unread = np.zeros((network.linear.input_size - self._read, network.output_size))
        return found._replace(window=np.concatenate([unread, found.window]))

    def errors(self, linear: LinearMap) -> np.ndarray:
        """Mean absolute error of each sample; NaN where a target is missing."""
        found = np.empty(self._edges[-1])

        def block(worker: int, number: int) -> None:
            x, z, y = self._laid_out(number)
            found[self._edges[number] : self._edges[number + 1]] = np.abs(y - linear.outputs(x, z)).mean(axis=1)

        self._workers.run(block, len(self._blocks))
        return found

    def outputs(self, linear: LinearMap) -> tuple[np.ndarray, np.ndarray]:
        """What a map makes of the samples; and the targets."""
        found, targets = (np.empty((self._edges[-1], self._network.output_size)) for _ in range(2))
        for number in range(len(self._blocks)):
            x, z, y = self._laid_out(number)
            rows = slice(*self._edges[number : number + 2])
            found[rows], targets[rows] = linear.outputs(x, z), y
        return found, targets


def _solved(
    squares: np.ndarray, mixed: np.ndarray, across: np.ndarray, own: np.ndarray, told: np.ndarray, last: int
) -> LinearMap:
    """The map whose normal equations these are: of each step those of the window and of what is known of that step.

        squares W + across_p V_p = mixed_p        across_p' W + own_p V_p = told_p

    The window's part is the same for all steps, and taken apart once. Only its `last` rows count; of the others W has
    zeros.
    """
    steps, known, width = told.shape
    outputs = mixed.shape[1]
    squares, mixed, across, window = squares[-last:, -last:], mixed[-last:], across[-last:], np.zeros_like(mixed)
    apart = solve(squares, np.column_stack([mixed, across]), assume_a="pos")
    window[-last:], told_by, found = apart[:, :outputs], apart[:, outputs:], np.zeros(told.shape)
    for p in range(steps) if known else ():
        z, y = slice(p * known, (p + 1) * known), slice(p * width, (p + 1) * width)
        left = own[p] - across[:, z].T @ told_by[:, z]
        found[p] = solve(left, told[p] - across[:, z].T @ window[-last:, y], assume_a="pos")
        window[-last:, y] -= told_by[:, z] @ found[p]
    return LinearMap(window, found)
