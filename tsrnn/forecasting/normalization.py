"""Units: what a window is measured by, and the way back to the user's."""

from typing import NamedTuple

import numpy as np

from tsrnn.kernels.windows import LAST, MEAN, SERIES, centre_and_scale

CENTRINGS = {"last": LAST, "mean": MEAN, "series": SERIES}


class Units(NamedTuple):
    """How windows of a series are measured; the arguments of `tsrnn.kernels.windows.centre_and_scale`."""

    centring: int
    series_centre: float
    series_scale: float

    @classmethod
    def of(cls, values: np.ndarray, centring: int) -> "Units":
        """Units of a series: its mean and its standard deviation; where it does not vary, a share of its level."""
        centre, scale = float(values.mean()), float(values.std())
        return cls(centring, centre, scale if np.ptp(values) > 0 else 0.01 * abs(centre) or 1.0)

    def measure(self, window: np.ndarray) -> tuple[float, float]:
        """Centre and scale of one window: `value = centre + scale * output` leads back to the user's units."""
        return centre_and_scale(window, *self)
