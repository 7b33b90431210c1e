"""The linear map beside the network, fitted by itself: where a network starts from that learns what is left."""

import numpy as np
from scipy.linalg import solve

from tsrnn.network.network import Network
from tsrnn.training.parallel import Workers, single_threaded_blas
from tsrnn.training.passes import Samples

MOST_SAMPLES = 20_000  # more change the coefficients by less than the noise does
MOST_INPUTS = 2000  # the squares of more would not fit into the caches, nor the fit into seconds
PENALTY = 30.0  # in samples: as if so many had said that all coefficients are zero
REWEIGHTINGS = 3  # of least squares, toward least absolute errors
LEAST_ERROR = 0.05  # of the mean: what errors below it count as, or exact samples would outweigh all others
BLOCK = 256  # samples that are laid out at once
PARTS = 4  # sums over blocks that are made side by side; a number of its own, whatever that of the threads


def fit_linear(
    network: Network, samples: Samples, dtype: np.dtype, loss: str, rng: np.random.Generator, n_jobs: int | None
) -> np.ndarray | None:
    """Coefficients (I + 1, O), the constant last, of a ridge regression by the linear map of a network.

    Samples have the weights that they have in training. For the absolute error the regression is reweighted
    (iteratively reweighted least squares). Samples that lack a target are left out.

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

    Returns
    -------
    (I + 1, O) ndarray or None
        None where there is no map of whole windows, or one of too many inputs.
    """
    if network.linear is None or network.decoder.every_step or network.linear.input_size > MOST_INPUTS:
        return None
    which = some_of(samples, MOST_SAMPLES, rng)
    importance = samples.weights(which)
    with single_threaded_blas(), Workers(n_jobs) as workers:
        blocks = _Blocks(network, samples, which, dtype, workers)
        coefficients = blocks.solve(importance)
        for _ in range(REWEIGHTINGS - 1 if loss != "squared_error" else 0):
            errors = blocks.errors(coefficients)
            known = np.isfinite(errors)
            least = LEAST_ERROR * errors[known].mean() if known.any() else 0.0
            if least == 0:  # nothing to learn from, or nothing left to learn
                break
            coefficients = blocks.solve(np.nan_to_num(importance / np.maximum(errors, least)))
    return coefficients


def some_of(samples: Samples, most: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers of all samples, or of so many drawn from them."""
    return np.arange(samples.size) if samples.size <= most else rng.integers(samples.size, size=most)


def start_linear(network: Network, parameters: np.ndarray, coefficients: np.ndarray) -> None:
    """Set the linear map to these coefficients, and the network's own head to zero: it learns what is left."""
    p = network.layout.views(parameters)
    p["linear.weight"][...], p["linear.bias"][...] = coefficients[:-1].T, coefficients[-1]
    p["head.weight"][...] = p["head.bias"][...] = 0


def draw_back(network: Network, parameters: np.ndarray, coefficients: np.ndarray, share: float) -> None:
    """Leave only a share of what training has changed since `start_linear`.

    The outputs are those of the linear map it started with, and of the trained network, in these parts.
    """
    p, start = network.layout.views(parameters), (coefficients[:-1].T, coefficients[-1])
    for name, begin in zip(("linear.weight", "linear.bias"), start, strict=True):
        p[name][...] = (1 - share) * begin + share * p[name]
    for name in ("head.weight", "head.bias"):
        p[name] *= share


def joined(network: Network, coefficients: np.ndarray, apart: Network, trained: np.ndarray, share: float) -> np.ndarray:
    """Parameters with which a network makes the outputs of a linear map and of the same network without one.

    Parameters
    ----------
    network : Network
        With a linear map.
    coefficients : (I + 1, O) ndarray
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
    draw_back(network, parameters, coefficients, share)
    return parameters


def linear_outputs(
    network: Network, samples: Samples, coefficients: list[np.ndarray], dtype: np.dtype
) -> tuple[list[np.ndarray], np.ndarray]:
    """What linear maps (I + 1, O) make of all samples, each (size, O), and the targets (size, O)."""
    with single_threaded_blas(), Workers(1) as workers:  # the same bits, whatever BLAS may use elsewhere
        blocks = _Blocks(network, samples, np.arange(samples.size), dtype, workers)
        return blocks.outputs(coefficients)


def linear_samples(
    network: Network, samples: Samples, which: np.ndarray, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """What the linear map reads of the samples `which`, (B, I) float64, and their targets (B, O)."""
    x = np.empty((network.steps, len(which), network.input_size), dtype)
    y = np.empty((len(which), network.output_size), dtype)
    samples.gather(which, x, y, np.empty((len(which), network.known_size), dtype))
    inputs = x[:, :, : network.skip_channels].transpose(1, 0, 2).reshape(len(which), -1)
    return inputs.astype(np.float64), y.astype(np.float64)


class _Blocks:
    """Windows side by side with a one, and their targets, block by block: never all of them at once."""

    def __init__(self, network: Network, samples: Samples, which: np.ndarray, dtype: np.dtype, workers: Workers):
        self._network, self._samples, self._dtype, self._workers = network, samples, dtype, workers
        self._blocks = np.array_split(which, max(1, -(-len(which) // BLOCK)))
        self._edges = np.cumsum([0, *map(len, self._blocks)])

    def _laid_out(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = linear_samples(self._network, self._samples, self._blocks[number], self._dtype)
        return np.column_stack([x, np.ones(len(x))]), y

    def solve(self, weights: np.ndarray) -> np.ndarray:
        """Coefficients (I + 1, O), the constant last."""
        size, outputs = self._network.linear.input_size + 1, self._network.output_size
        products = [(np.zeros((size, size)), np.zeros((size, outputs)), np.zeros(2)) for _ in range(PARTS)]

        def part(worker: int, k: int) -> None:
            squares, mixed, total = products[k]
            for number in range(k, len(self._blocks), PARTS):
                x, y = self._laid_out(number)
                own = weights[self._edges[number] : self._edges[number + 1]]
                known = ~np.isnan(y).any(axis=1)
                own = np.where(known, own, 0)
                weighted = x * own[:, None]
                squares += x.T @ weighted
                mixed += weighted.T @ np.nan_to_num(y)
                total += own.sum(), known.sum()

        self._workers.run(part, PARTS)
        squares, mixed, total = (sum(each[1:], each[0]) for each in zip(*products, strict=True))
        squares[np.diag_indices(size)] += PENALTY * (total[0] / max(total[1], 1) or 1.0)
        return solve(squares, mixed, assume_a="pos")

    def errors(self, coefficients: np.ndarray) -> np.ndarray:
        """Mean absolute error of each sample; NaN where a target is missing."""
        found = np.empty(self._edges[-1])

        def block(worker: int, number: int) -> None:
            x, y = self._laid_out(number)
            found[self._edges[number] : self._edges[number + 1]] = np.abs(y - x @ coefficients).mean(axis=1)

        self._workers.run(block, len(self._blocks))
        return found

    def outputs(self, coefficients: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
        """For each of the coefficients what they make of the samples; and the targets."""
        found = [np.empty((self._edges[-1], self._network.output_size)) for _ in (*coefficients, "targets")]
        for number in range(len(self._blocks)):
            x, y = self._laid_out(number)
            rows = slice(*self._edges[number : number + 2])
            for made, each in zip(found, coefficients, strict=False):
                made[rows] = x @ each
            found[-1][rows] = y
        return found[:-1], found[-1]
