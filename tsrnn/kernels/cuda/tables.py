"""What is to be known of a table on the device before networks read it: that it is finite, and its units."""

import math

import numpy as np

from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import cuda, each, kernel
from tsrnn.kernels.cuda.reductions import store_sum, total

SLICES = 256  # at most, whose number squared is that of the parts of a sum; fewer where there are many channels
_PARTS = 2**16  # of all channels together, about


@kernel
def _count_infinite(values, parts):
    """The number of infinite values; NaN where one is NaN."""
    count = 0.0
    for n in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        value = values[n]
        if not math.isfinite(value):
            count += math.nan if value != value else 1.0
    store_sum(count, parts)


def what_is_not_finite(table: Array) -> float | None:
    """NaN if a value of a contiguous array is NaN, infinity if one is infinite, None if all are finite."""
    values = table.reshape(-1)
    count = total(_count_infinite, values.size, values).to_host()[0]
    return np.nan if np.isnan(count) else np.inf if count else None


@kernel
def _add_channels(table, shares, centre, squared, parts):
    """A thread for each channel of each part. Neighbours read neighbouring numbers."""
    i = cuda.grid(1)
    if i < parts.size:
        channels = table.shape[2]
        part, k = i // channels, i % channels
        sum_ = 0.0
        for m in range(part, table.shape[0] * table.shape[1], parts.shape[0]):
            n, t = m // table.shape[1], m % table.shape[1]
            if shares[n] > 0:  # what does not count may be too large for its square
                deviation = table[n, t, k] - centre[k]
                sum_ += shares[n] * (deviation * deviation if squared else deviation)
        parts[part, k] = sum_


def sums_of_channels(table: Array, shares: np.ndarray, centre: np.ndarray | None = None) -> np.ndarray:
    """Weighted sums of each channel over rows and steps, in float64 and always in the same order.

    Parameters
    ----------
    table : (N, T, C) Array, contiguous
    shares : (N,) ndarray
        Of the rows.
    centre : (C,) ndarray, optional
        With it the sums are of the squares of the deviations from it.

    Returns
    -------
    (C,) ndarray
    """
    rows, steps, channels = table.shape
    slices = math.ceil(math.sqrt(min(rows * steps, SLICES**2, max(1, _PARTS // channels))))
    parts = Array.empty((slices**2, channels), np.float64)
    shift = np.zeros(channels) if centre is None else centre
    each(_add_channels, parts.size, table, *map(Array.from_host, (shares, shift)), centre is not None, parts)
    return parts.reshape(slices, slices, channels).sum(0).sum(0).to_host()
