"""Units: what a window is measured by, and the way back to the user's."""

from typing import NamedTuple

import numpy as np

from tsrnn.kernels.series import low_values, measure_series, read_only, touch_zero
from tsrnn.kernels.smoothing import LARGEST_LOG
from tsrnn.kernels.windows import DIFFERENCE, LAST, MEAN, REVERTING, SERIES

CENTRINGS = {"last": LAST, "mean": MEAN, "series": SERIES, "difference": DIFFERENCE, "reverting": REVERTING}

ROWS_TOGETHER = 1 << 16  # of which logarithms are taken

TOUCHING = 0.005  # of the values, that tell a floor from a chance: a temperature is seldom just 0.0
OF_EACH = ("centre", "scale", "floor", "lowest")  # of the units, what each series has its own of

LOG = "log_"  # before the name of a centring: that of the logarithms
NORMALIZATIONS = (*CENTRINGS, *(LOG + name for name in CENTRINGS))


def varies(centre, deviation):
    """Whether a channel or column varies by more than rounding."""
    return np.logical_not(deviation <= 1e-12 * np.abs(centre))  # as what is not finite does


def scale_or_one(centre, deviation):
    """The deviation of a channel or column, by which it is divided; 1 where it does not vary."""
    return np.where(varies(centre, deviation), deviation, 1.0)


def flat_scale(centre):
    """Scale of a series that does not vary: a share of its level; 1 at zero."""
    level = 0.01 * np.abs(centre)
    return np.where(level > 0, level, 1.0)


def to_log(values, floor):
    """Logarithms of values that are not below zero, which end at zero: from twice the floor down they go straight.

        log(y)                  y >= 2 floor
        log(floor + y / 2)      below; log(floor) at zero

    What is below zero counts as zero.
    """
    return np.log(np.where(values < 2 * floor, floor + np.maximum(values, 0) / 2, values))


def from_log(logs, floor):
    """The values of which `to_log` makes these logarithms."""
    values = np.exp(np.minimum(logs, LARGEST_LOG))
    return np.where(values < 2 * floor, np.maximum(2 * (values - floor), 0), values)


class Units(NamedTuple):
    """How windows of each series are measured; see `tsrnn.kernels.windows.centre_and_scale`.

    Attributes
    ----------
    centring : int
    centre, scale : (S, K) ndarray
        Of the whole series; of its logarithms where there is a floor.
    floor : (S, K) ndarray, optional
        The series are measured by their logarithms, see `to_log`. Default: as they are.
    lowest : (S, K) ndarray, optional
        What no forecast goes below: 0 of a series that touches zero and never falls below it, else minus infinity.
    """

    centring: int
    centre: np.ndarray
    scale: np.ndarray
    floor: np.ndarray | None = None
    lowest: np.ndarray | None = None

    @classmethod
    def of(cls, values: np.ndarray, begin: np.ndarray, end: np.ndarray, normalize: str) -> "Units":
        """Units of series: mean and standard deviation; where one does not vary, a share of its level.

        Logarithms of which each window is divided by its own deviation have 1 as their scale: that of two series is
        comparable.

        Parameters
        ----------
        values : (N, K) ndarray
            NaN where missing.
        begin, end : (S,) ndarray
            Rows of each series, in order, none of them empty.
        normalize : str
            One of `NORMALIZATIONS`.
        """
        centring = CENTRINGS[normalize.removeprefix(LOG)]
        lowest = _lowest(values, begin, end)
        if not normalize.startswith(LOG):
            return cls(centring, *mean_and_deviation(values, begin, end), lowest=lowest)
        floor = _floors(values, begin, end)
        logs = _logarithms(values, begin, floor)
        centre, scale = mean_and_deviation(logs, begin, end)
        return cls(centring, centre, np.ones_like(scale) if centring in (LAST, MEAN) else scale, floor, lowest)

    @property
    def by_window(self) -> bool:
        """Whether windows have scales of their own."""
        return self.centring in (LAST, MEAN)

    @property
    def measure(self) -> tuple[int, np.ndarray, np.ndarray]:
        """What the kernels want to know."""
        return self.centring, self.centre, self.scale

    def enter(self, values: np.ndarray, lengths: np.ndarray | int) -> np.ndarray:
        """Values (N, K) of all series, one after the other, as windows of them are measured: themselves, or logarithms.

        Parameters
        ----------
        values : (N, K) ndarray
        lengths : (S,) ndarray or int
            Rows of each series.
        """
        if self.floor is None:
            return values
        begin = np.cumsum(np.broadcast_to(lengths, len(self.floor))) - lengths
        return _logarithms(values, begin, self.floor)

    def leave(self, values: np.ndarray) -> np.ndarray:
        """The way back, for values (S, P, K)."""
        return values if self.floor is None else from_log(values, self.floor[:, None])

    def bounded(self, forecast: np.ndarray) -> np.ndarray:
        """Forecasts (S, P, K) that go nowhere below the `lowest` value."""
        return forecast if self.lowest is None else np.maximum(forecast, self.lowest[:, None])

    def unbounded_by(self, values: np.ndarray, begin: np.ndarray) -> "Units":
        """These, but with no `lowest` value of series that begin at these rows and have been below zero."""
        if self.lowest is None:
            return self
        below = np.fmin.reduceat(values, begin, axis=0) < 0
        return self._replace(lowest=np.where(below, -np.inf, self.lowest))

    def only(self, numbers: np.ndarray | slice) -> "Units":
        """Those of some of the series."""
        there = {name: getattr(self, name) for name in OF_EACH}
        return self._replace(**{name: array[numbers] for name, array in there.items() if array is not None})

    def with_those_of(self, other: "Units", own: np.ndarray, others: np.ndarray) -> "Units":
        """These, but for the series `own`: they take those that `other` has for the series `others`."""
        changed = {}
        for name in OF_EACH:
            array = getattr(self, name)
            if array is not None:
                changed[name] = array.copy()
                changed[name][own] = getattr(other, name)[others]
        return self._replace(**changed)


def _floors(values: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """What stands for zero in each series and column, (S, K); 1 where nothing is positive.

    Half of the smallest positive values, below which lie one in a hundred.
    """
    low = np.empty((len(begin), values.shape[1]))
    low_values(read_only(values), begin, end, low)
    return np.where(low > 0, np.maximum(0.5 * low, np.finfo(np.float64).tiny), 1.0)


def _lowest(values: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    found = np.empty((len(begin), values.shape[1]), np.bool_)
    touch_zero(read_only(values), begin, end, TOUCHING, found)
    return np.where(found, 0.0, -np.inf)


def _logarithms(values: np.ndarray, begin: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Logarithms of series that begin at these rows, in float64; some rows at a time, for each wants a few arrays."""
    logs = np.empty(values.shape)
    for first in range(0, len(values), ROWS_TOGETHER):
        last = min(len(values), first + ROWS_TOGETHER)
        lowest, highest = np.searchsorted(begin, [first, last - 1], side="right") - 1  # series with rows among these
        there = slice(lowest, highest + 1)
        edges = np.append(np.maximum(begin[there], first), last)
        logs[first:last] = to_log(values[first:last], np.repeat(floor[there], np.diff(edges), axis=0))
    return logs


def mean_and_deviation(values: np.ndarray, begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each series and column, (S, K); the deviation of one that does not vary is a share of its level."""
    centre, scale = (np.empty((len(begin), values.shape[1])) for _ in range(2))
    measure_series(read_only(values), begin, end, centre, scale)
    return centre, np.where(scale > 0, scale, flat_scale(centre))
