"""Units: what a window is measured by, and the way back to the user's."""

from typing import NamedTuple

import numpy as np

from tsrnn.kernels.windows import LAST, MEAN, SERIES, measure_series, read_only

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

    def of_series(self, numbers) -> "Units":
        """Units of some of the series."""
        return Units(self.centring, self.centre[numbers], self.scale[numbers])

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
        measure_series(read_only(values), begin, end, centre, scale)
        return cls(centring, centre, np.where(scale > 0, scale, flat_scale(centre)))
