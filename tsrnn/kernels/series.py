"""Whole series, one after the other in a table: their units, how much they change, copies of stretches."""

import math

import numpy as np

from tsrnn.kernels._jit import loop

PART = 1024  # values of a series that are measured at once
ENOUGH_VALUES = 100_000  # of a series, evenly spaced, that say how low one in a hundred of them is


def read_only(values: np.ndarray) -> np.ndarray:
    """A view that cannot be written. To Numba such an array is of a type of its own: given all series in this way, the
    loops are compiled once for our own arrays and for those of others, mapped files among them."""
    view = values.view()
    view.flags.writeable = False
    return view


@loop
def take_observed(column, held):
    """Write the values that are not missing, as float64, one after the other; returns their number.

    Parameters
    ----------
    column : (n,) read
    held : (n,) float64, written
    """
    count = 0
    for t in range(column.size):
        held[count] = column[t]
        count += held[count] == held[count]
    return count


@loop
def measure_series(values, begin, end, centre, scale):
    """Mean and standard deviation of series, in float64 whatever the type of the values.

    They are taken in parts of float64: sums do not depend on the type to the last bit, nor lose digits over a hundred
    million values, and nothing else is laid out.

    Parameters
    ----------
    values : (N, K) read; missing values, NaN, are left out
    begin, end : (S,) int64, read: rows of each series
    centre : (S, K) written: means; 0 of a series without values
    scale : (S, K) written: standard deviations; 0 where all values are alike
    """
    held = np.empty(PART)
    for s in range(begin.size):
        for k in range(values.shape[1]):
            mean, count, low, high = 0.0, 0, np.inf, -np.inf
            for first in range(begin[s], end[s], PART):
                n = take_observed(values[first : min(first + PART, end[s]), k], held)
                part = 0.0
                for i in range(n):
                    part += held[i]
                    low = min(low, held[i])
                    high = max(high, held[i])
                mean += part
                count += n
            mean /= max(count, 1)
            # In units of the largest deviation: the square of a tiny number is zero.
            unit, squares = max(mean - low, high - mean, 1e-300), 0.0
            if low < high:
                for first in range(begin[s], end[s], PART):
                    n = take_observed(values[first : min(first + PART, end[s]), k], held)
                    part = 0.0
                    for i in range(n):
                        deviation = (held[i] - mean) / unit
                        part += deviation * deviation
                    squares += part
            centre[s, k], scale[s, k] = mean, unit * math.sqrt(squares / max(count, 1))


@loop
def seasonal_changes(values, begin, end, season, found):
    """Mean absolute change over a season within each series, in float64; over one step in one without a whole season.

    Parameters
    ----------
    values : (N, K) read; NaN where missing
    begin, end : (S,) read: rows of each series
    season : int
    found : (S, K) written: 0 where no two values are so far apart
    """
    for number in range(begin.size):
        first, stop = begin[number], end[number]
        step = season if stop - first > season else 1
        for k in range(values.shape[1]):
            total, count = 0.0, 0
            for t in range(first + step, stop):
                change = abs(np.float64(values[t, k]) - np.float64(values[t - step, k]))
                if math.isfinite(change):
                    total += change
                    count += 1
            found[number, k] = total / max(count, 1)


@loop
def low_values(values, begin, end, found):
    """The value of each series below which lies one in a hundred of its positive ones, in float64.

    Parameters
    ----------
    values : (N, K) read; NaN where missing
    begin, end : (S,) read: rows of each series
    found : (S, K) written: 0 where no value is positive
    """
    lowest = np.empty(ENOUGH_VALUES // 100 + 1)  # in order, of those seen so far
    for number in range(begin.size):
        first, stop = begin[number], end[number]
        step = 1 + (stop - first - 1) // ENOUGH_VALUES
        for k in range(values.shape[1]):
            positive = 0
            for t in range(first, stop, step):
                positive += values[t, k] > 0
            wanted, held = (positive - 1) // 100 + 1, 0
            for t in range(first, stop, step):
                value = np.float64(values[t, k])
                if value > 0 and (held < wanted or value < lowest[held - 1]):
                    held = min(held + 1, wanted)
                    j = held - 1
                    while j > 0 and lowest[j - 1] > value:
                        lowest[j] = lowest[j - 1]
                        j -= 1
                    lowest[j] = value
            found[number, k] = lowest[held - 1] if held else 0.0


@loop
def touch_zero(values, begin, end, share, found):
    """Whether zero is the floor of a series: no value lies below it, and a share of them, two at least, lie on it.

    Parameters
    ----------
    values : (N, K) read; missing values, NaN, are left out
    begin, end : (S,) read: rows of each series
    share : float
    found : (S, K) bool, written
    """
    for s in range(begin.size):
        for k in range(values.shape[1]):
            zeros, count, above = 0, 0, True
            for t in range(begin[s], end[s]):
                value = values[t, k]
                above = above and not value < 0
                zeros += value == 0
                count += value == value
            found[s, k] = above and zeros >= max(share * count, 2)


@loop
def copy_stretches(table, begin, lengths, found):
    """Stretches of rows of a table, one after the other.

    Parameters
    ----------
    table : (N, K) read
    begin, lengths : (S,) int64, read: first row and number of rows of each stretch
    found : (sum of lengths, K) written
    """
    row = 0
    for s in range(begin.size):
        for t in range(begin[s], begin[s] + lengths[s]):
            for k in range(table.shape[1]):
                found[row, k] = table[t, k]
            row += 1
