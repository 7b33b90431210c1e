"""Units: what a window is measured by, and the way back to the user's."""

from typing import NamedTuple

import numpy as np

from tsrnn.kernels.windows import LAST, MEAN, SERIES

CENTRINGS = {"last": LAST, "mean": MEAN, "series": SERIES}


def flat_scale(centre):
    """Scale of a series that does not vary: a share of its level; 1 at zero."""
    level = 0.01 * np.abs(centre)
    return np.where(level > 0, level, 1.0)


class Units(NamedTuple):
    """How windows of each series are measured; see `tsrnn.kernels.windows.centre_and_scale`.

    Attributes
    ----------
    centring : int
    centre, scale : (S, K) ndarray
        Of the whole series.
    """

    centring: int
    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, begin: np.ndarray, end: np.ndarray, centring: int) -> "Units":
        """Units of series: mean and standard deviation; where one does not vary, a share of its level.

        Parameters
        ----------
        values : (N, K) ndarray
            NaN where missing.
        begin, end : (S,) ndarray
            Rows of each series, in order, none of them empty.
        centring : int
        """
        centre, scale = (np.empty((len(begin), values.shape[1])) for _ in range(2))
        # `reduceat` sums from each edge to the next: every second sum is that of a series. A row of NaN ends the last.
        edges = np.column_stack([begin, end]).ravel()
        for k in range(values.shape[1]):
            column = np.append(values[:, k], np.nan)
            observed = ~np.isnan(column)
            count = np.maximum(np.add.reduceat(observed.astype(np.int64), edges)[::2], 1)
            centre[:, k] = np.add.reduceat(np.where(observed, column, 0.0), edges)[::2] / count
            spread = np.zeros(len(column))
            for number, (first, stop) in enumerate(zip(begin, end, strict=True)):
                spread[first:stop] = column[first:stop] - centre[number, k]
            spread[~observed] = 0.0
            # In units of the largest: the square of a tiny number is zero.
            most = np.maximum.reduceat(np.abs(spread), edges)[::2]
            unit = np.where(most > 0, most, 1.0)
            for number, (first, stop) in enumerate(zip(begin, end, strict=True)):
                spread[first:stop] /= unit[number]
            deviation = unit * np.sqrt(np.add.reduceat(spread**2, edges)[::2] / count)
            varies = np.fmax.reduceat(column, edges)[::2] > np.fmin.reduceat(column, edges)[::2]
            scale[:, k] = np.where(varies, deviation, flat_scale(centre[:, k]))
        return cls(centring, centre, scale)
