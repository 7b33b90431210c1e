"""Samples for the trainer: windows of a series, or rows of a table. Neither is ever laid out as a whole."""

from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.normalization import Units
from tsrnn.kernels.windows import gather_rows, gather_windows, measure_windows, read_only


class Table(NamedTuple):
    """Series one after the other, and what goes along with them.

    Attributes
    ----------
    values : (N, K) ndarray, float64 or float32
        NaN where missing.
    covariates : (N, E) ndarray
        In units of their own.
    ahead : int
        The columns of `covariates` from here on are known ahead.
    begin : (S,) ndarray, int64
        Row where each series begins.
    """

    values: np.ndarray
    covariates: np.ndarray
    ahead: int
    begin: np.ndarray


class SeriesWindows:
    """Windows of series at stride 1, each in units of its own, with the values that follow.

    Parameters
    ----------
    table : Table
    units : Units
    first : (S,) ndarray, int64
        Row of the first window of each series; before the series begins a window holds its first value.
    count : (S,) ndarray, int64
        Windows of each series.
    masks : bool
        Whether channels tell the network which values are observed.
    """

    rows = None

    def __init__(self, table: Table, units: Units, first: np.ndarray, count: np.ndarray, masks: bool = False):
        self._table = table._replace(values=read_only(table.values))
        self._units = units
        self._first = first
        self._stop = np.cumsum(count)
        self.size = int(self._stop[-1])
        self.masks = masks

    def gather(self, which: np.ndarray, x: np.ndarray, y: np.ndarray | None, known: np.ndarray | None = None) -> None:
        """Write windows and targets in the units of each window, and the covariates known ahead."""
        values, covariates, ahead, begin = self._table
        nothing = np.empty((len(which), 0), x.dtype)
        y, known = (nothing if array is None else array for array in (y, known))
        where = which, self._first, self._stop, begin
        gather_windows(values, covariates, ahead, *where, *self._units, self.masks, x, y, known)

    def measure(self, which: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Centre and scale (B, K) of windows of that length: `value = centre + scale * output`."""
        values, _, _, begin = self._table
        centre, scale = (np.empty((len(which), values.shape[1])) for _ in range(2))
        measure_windows(values, which, self._first, self._stop, begin, steps, *self._units, centre, scale)
        return centre, scale

    def weights(self, which: np.ndarray) -> np.ndarray:
        """Each window counts once."""
        return np.ones(len(which))


class TableRows:
    """Rows of a table of sequences.

    Parameters
    ----------
    table : (N, T, C) ndarray
    targets : (N, ...) ndarray or None
        In the units of the network's outputs, whatever the shape of one: (O,), or (P, C) with O = P * C; of a network
        with outputs at every step (T, O).
    weights : (N,) ndarray or None
    centre, scale : (C,) ndarray
        Units of each channel.
    """

    rows, masks = None, False

    def __init__(self, table, targets, weights, centre, scale):
        self.size = len(table)
        self._table = table
        self._targets = targets
        self._weights = weights
        self._centre = centre
        self._scale = scale

    def gather(self, which: np.ndarray, x: np.ndarray, y: np.ndarray | None, known: np.ndarray | None = None) -> None:
        gather_rows(self._table, which, self._centre, self._scale, x)
        if y is not None:
            steps = len(y) // len(which)
            y[...] = self._targets[which].reshape(len(which), steps, -1).transpose(1, 0, 2).reshape(y.shape)

    def weights(self, which: np.ndarray) -> np.ndarray:
        return np.ones(len(which)) if self._weights is None else self._weights[which]
