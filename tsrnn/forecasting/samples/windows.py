"""Samples for the trainer: windows of a series, or rows of a table. Neither is ever laid out as a whole."""

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.samples.normalization import Units
from tsrnn.kernels.devices import run
from tsrnn.kernels.series import read_only
from tsrnn.kernels.windows import gather_row_targets, gather_rows, gather_windows, measure_windows


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


KEPT_WEIGHTS = 1_000_000  # windows whose weights are kept once they are known: 8 MB, and a GPU need not wait for them


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
    steps : int
        Length of a window.
    masks : bool
        Whether channels tell the network which values are observed.
    """

    rows = None

    def __init__(self, table: Table, units: Units, first, count, steps: int, masks: bool = False):
        self._table = table._replace(values=read_only(table.values))
        self._units = units
        self._first = first
        self._stop = np.cumsum(count)
        self.size = int(self._stop[-1])
        self.masks = masks
        self._steps = steps
        self._weights = np.full(self.size if self.size <= KEPT_WEIGHTS else 0, np.nan)
        self._entered = None

    @property
    def nbytes(self) -> int:
        """Bytes that gathering reads."""
        return self._table.values.nbytes + self._table.covariates.nbytes

    def entered(self, enter: Callable) -> "SeriesWindows":
        """The same windows, which are gathered into arrays of the device that `enter` sends arrays to."""
        sent = copy.copy(self)
        values, covariates, ahead, begin = self._table
        table = Table(enter(values), enter(covariates), ahead, enter(begin))
        centring, centre, scale = self._units.measure
        sent._entered = enter, table, enter(self._first), enter(self._stop), centring, enter(centre), enter(scale)
        return sent

    def gather(self, which: np.ndarray, x: np.ndarray, y: np.ndarray | None, known: np.ndarray | None = None) -> None:
        """Write windows and targets in the units of each window, and the covariates known ahead."""
        table, first, stop, measure = self._table, self._first, self._stop, self._units.measure
        if self._entered:
            enter, table, first, stop, *measure = self._entered
            which = enter(which)
        values, covariates, ahead, begin = table
        nothing = np.empty_like(x, shape=(len(which), 0))
        y, known = (nothing if array is None else array for array in (y, known))
        where = which, first, stop, begin
        run(gather_windows, values, covariates, ahead, *where, *measure, self.masks, x, y, known)

    def in_user_units(self, which: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Outputs (B, P * K), or targets, that are in the units of those windows, as values (B, P, K) of the series."""
        centre, scale = self.measure(which)
        values = outputs.reshape(len(which), -1, centre.shape[1]).astype(np.float64)
        return self._units.only(self.series(which)).leave(centre[:, None] + scale[:, None] * values)

    def measure(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centre and scale (B, K) of windows."""
        values, _, _, begin = self._table
        centre, scale = (np.empty((len(which), values.shape[1])) for _ in range(2))
        where = which, self._first, self._stop, begin
        measure_windows(values, *where, self._steps, *self._units.measure, centre, scale)
        return centre, scale

    def weights(self, which: np.ndarray) -> np.ndarray:
        """The root of each window's scale in units of the series': between errors measured by the one and the other."""
        if not self._units.by_window:
            return np.ones(len(which))
        if not self._weights.size:
            return self._measured_weights(which)
        found = self._weights[which]
        unknown = np.isnan(found)
        if unknown.any():
            found[unknown] = self._weights[which[unknown]] = self._measured_weights(which[unknown])
        return found

    def _measured_weights(self, which: np.ndarray) -> np.ndarray:
        _, scale = self.measure(which)
        return np.sqrt((scale / self._units.scale[self.series(which)]).mean(axis=1))

    def end(self, which: np.ndarray) -> np.ndarray:
        """Rows at which those windows end."""
        series = self.series(which)
        count = np.diff(self._stop, prepend=0)
        return self._first[series] + which - (self._stop - count)[series] + self._steps

    def series(self, which: np.ndarray) -> np.ndarray:
        """Numbers of the series of those windows."""
        return np.searchsorted(self._stop, which, side="right")


class TableRows:
    """Rows of a table of sequences.

    Parameters
    ----------
    table : (N, T, C) ndarray
        It and the targets may lie on a device, where they are then gathered.
    targets : (N, ...) ndarray or None
        In the units of the network's outputs, whatever the shape of one: (O,), or (P, C) with O = P * C; of a network
        with outputs at every step (T, O).
    weights : (N,) ndarray or None
    centre, scale : (C,) ndarray
        Units of each channel.
    numbers : (n,) ndarray, int64, optional
        Rows of the table and of the targets that these are. Default: all. The weights are those of these alone.
    """

    rows, masks = None, False

    def __init__(self, table, targets, weights, centre, scale, numbers=None):
        self.size = len(table) if numbers is None else len(numbers)
        self._table = table
        self._targets = None if targets is None else targets.reshape(len(targets), -1)
        if isinstance(self._targets, np.ndarray):
            self._targets = read_only(self._targets)
        self._weights = weights
        self._centre = centre
        self._scale = scale
        self._numbers = numbers
        self._enter = None

    @property
    def nbytes(self) -> int:
        """Bytes of the host that gathering reads."""
        return sum(array.nbytes for array in (self._table, self._targets) if isinstance(array, np.ndarray))

    def entered(self, enter: Callable) -> "TableRows":
        """The same rows, which are gathered into arrays of the device that `enter` sends arrays to."""
        sent = copy.copy(self)
        sent._enter = enter
        for name in ("_table", "_targets", "_centre", "_scale", "_numbers"):
            if isinstance(getattr(self, name), np.ndarray):
                setattr(sent, name, enter(getattr(self, name)))
        return sent

    def gather(self, which: np.ndarray, x: np.ndarray, y: np.ndarray | None, known: np.ndarray | None = None) -> None:
        which = self._enter(which) if self._enter else which
        rows = which if self._numbers is None else self._numbers.take(which)
        run(gather_rows, self._table, rows, self._centre, self._scale, x)
        if y is not None:
            run(gather_row_targets, self._targets, rows, y)

    def weights(self, which: np.ndarray) -> np.ndarray:
        return np.ones(len(which)) if self._weights is None else self._weights[which]
