"""Tables of sequences and their targets: the shapes they come in, and their units."""

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _check_sample_weight

from tsrnn.forecasting.samples.normalization import scale_or_one
from tsrnn.forecasting.samples.windows import TableRows


def as_sequences(X: np.ndarray, channels: int) -> np.ndarray:
    """X as (n, T, C); of two dimensions its rows hold `channels` values a step."""
    if X.ndim == 3:
        if 0 in X.shape:
            raise ValueError(f"X has {X.shape[1]} steps of {X.shape[2]} channels; a minimum of 1 is required")
        return X
    if X.ndim != 2:
        raise ValueError(f"X must have 2 dimensions, or 3 (samples, steps, channels), got {X.ndim}")
    if X.shape[1] % channels:
        raise ValueError(f"X has {X.shape[1]} columns, which n_channels={channels} does not divide")
    return X.reshape(len(X), -1, channels)


def in_layout(X, sequence: tuple[int, int], ndim: int):
    """X of the other layout, (n, T * C) or (n, T, C), brought into the one of `ndim` dimensions; else as it is."""
    shape = _shape(X)
    if ndim == 2 and shape[1:] == sequence:
        return np.asarray(X).reshape(len(X), -1)
    if ndim == 3 and shape[1:] == (sequence[0] * sequence[1],):
        return np.asarray(X).reshape(len(X), *sequence)
    return X


def flat_targets(y) -> tuple:
    """Targets with steps and channels side by side, (n, P * C), as scikit-learn takes them; and their shape before.

    Those of one or two dimensions stay as they are.
    """
    try:
        shape = _shape(y)
    except ValueError as error:
        raise ValueError(f"y must have rows of one shape, got rows that differ: {error}") from error
    if len(shape) < 3:
        return y, shape
    if len(shape) > 3 or 0 in shape:
        raise ValueError(
            f"y must have 1 or 2 dimensions, or 3 (samples, steps, channels), none of them empty, got shape {shape}"
        )
    return np.asarray(y).reshape(len(y), -1), shape


def target_steps(y: np.ndarray, decoder: str, steps: int) -> np.ndarray:
    """Targets as (n, P, C): steps, of which all that lie in one channel have one unit.

        y                (n,)        (n, O)                     (n, P, C)
        "direct"         (n, 1, 1)   (n, 1, O)                  (n, 1, P * C)
        "in_step"        -           (n, T, 1), where O = T     (n, T, C), where P = T
        "parallel",
        "seq2seq"        (n, 1, 1)   (n, O, 1)                  as it is

    Parameters
    ----------
    y : ndarray
    decoder : str
    steps : int
        Of the sequences that the targets belong to, T.
    """
    if decoder == "direct":
        return y.reshape(len(y), 1, -1)
    if decoder == "in_step" and y.shape[1:2] != (steps,):
        raise ValueError(
            f"y must have a target at each of the T={steps} steps of X with decoder='in_step', shape "
            f"(n_samples, {steps}) or (n_samples, {steps}, n_channels), got shape {y.shape}"
        )
    return y if y.ndim == 3 else y.reshape(len(y), -1, 1)


def check_weights(sample_weight, X: np.ndarray) -> np.ndarray:
    """Weights of the rows of X, (n,) float64; ones by default."""
    if sample_weight is None:
        return np.ones(len(X))
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("sample_weight is zero for every row; at least one must be positive")
    return weights


def _shape(values) -> tuple[int, ...]:
    # Not np.shape, which an array-like may refuse to be given to.
    return tuple(values.shape) if hasattr(values, "shape") else np.asarray(values).shape


class Sequences:
    """Sequences, their targets and weights; parts of them.

    Parameters
    ----------
    table : (n, T, C) ndarray
    targets : (n, P, K) ndarray
        See `target_steps`.
    weights : (n,) ndarray
    """

    def __init__(self, table: np.ndarray, targets: np.ndarray, weights: np.ndarray):
        self._table, self._targets, self._weights = table, targets, weights

    def part(self, rows: np.ndarray) -> "Sequences":
        """Those with these numbers, or where this is true."""
        return Sequences(self._table[rows], self._targets[rows], self._weights[rows])

    def of_weight(self) -> "Sequences":
        """Those with a weight above zero."""
        used = self._weights > 0
        return self if used.all() else self.part(used)  # all: without a copy

    def split(self, fraction: float, rng: np.random.Generator) -> tuple["Sequences", "Sequences"]:
        """Those to train on, and a share to validate on."""
        n = len(self._weights)
        if n < 2:
            raise ValueError(f"early_stopping needs at least 2 samples, got {n}")
        parts = train_test_split(np.arange(n), test_size=fraction, random_state=int(rng.integers(2**31)))
        return tuple(map(self.part, parts))

    def units(self) -> dict[str, np.ndarray]:
        """Weighted means and standard deviations of each channel of sequences and of targets."""
        share = self._weights / self._weights.sum()
        found = {}
        for name, values in (("x", self._table), ("y", self._targets)):
            mean = self._sums(values, share) / values.shape[1]
            deviation = np.sqrt(self._sums(values, share, mean) / values.shape[1])
            found |= {f"{name}_mean_": mean, f"{name}_scale_": scale_or_one(mean, deviation)}
        return found

    def _sums(self, values: np.ndarray, share: np.ndarray, centre: np.ndarray | None = None) -> np.ndarray:
        """Weighted sums of each channel; with a centre, of the squares of the deviations from it."""
        return np.einsum("n,ntc->c", share, values if centre is None else (values - centre) ** 2)

    def samples(self, units: dict[str, np.ndarray]) -> TableRows:
        """For the trainer, in these units."""
        targets = (self._targets - units["y_mean_"]) / units["y_scale_"]
        return TableRows(self._table, targets, self._weights, units["x_mean_"], units["x_scale_"])
