"""Samples for the trainer: windows of a series, or rows of a table. Neither is ever laid out as a whole."""

import numpy as np

from tsrnn.forecasting.normalization import Units
from tsrnn.kernels.windows import gather_rows, gather_windows


class SeriesWindows:
    """Windows of one series at stride 1, each in units of its own, with the values that follow.

    Parameters
    ----------
    series : (N,) ndarray
    first, size : int
        Start of the first window, and number of windows.
    units : Units
    """

    rows = None

    def __init__(self, series: np.ndarray, first: int, size: int, units: Units):
        self.size = size
        self._series = series
        self._first = first
        self.units = units

    def gather(self, which: np.ndarray, x: np.ndarray, y: np.ndarray | None) -> None:
        """Write windows and targets, in the units of each window."""
        targets = np.empty((len(which), 0), x.dtype) if y is None else y
        gather_windows(self._series, which + self._first, *self.units, x, targets)

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

    rows = None

    def __init__(self, table, targets, weights, centre, scale):
        self.size = len(table)
        self._table = table
        self._targets = targets
        self._weights = weights
        self._centre = centre
        self._scale = scale

    def gather(self, which: np.ndarray, x: np.ndarray, y: np.ndarray | None) -> None:
        gather_rows(self._table, which, self._centre, self._scale, x)
        if y is not None:
            steps = len(y) // len(which)
            y[...] = self._targets[which].reshape(len(which), steps, -1).transpose(1, 0, 2).reshape(y.shape)

    def weights(self, which: np.ndarray) -> np.ndarray:
        return np.ones(len(which)) if self._weights is None else self._weights[which]
