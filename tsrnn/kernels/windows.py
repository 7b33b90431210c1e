"""Gathering a mini-batch: windows are cut from the series, or rows from a table, when they are needed.

Nothing is ever laid out for all windows; a batch is written straight into the time-major input of a network.
"""

import math

import numpy as np

from tsrnn.kernels._jit import formula, loop
from tsrnn.kernels._shared import shared

# What a window is measured by: the whole series' mean and standard deviation; the window's own last value or mean and
# its own standard deviation; its last value and the standard deviation of the whole series; or this deviation and, in
# place of the last value, what lies somewhat nearer to the mean of the series.
SERIES, LAST, MEAN, DIFFERENCE, REVERTING = 0, 1, 2, 3, 4
REVERSION = 0.05  # part of the way to that mean: enough for a window to tell where in its series it lies

PART = 1024  # values of a series that are measured at once

ENOUGH_VALUES = 100_000  # of a series, evenly spaced, that say how low one in a hundred of them is

# Share of the series' scale that is added to a window's, so that a flat window has one.
SCALE_FLOOR = 0.01


def read_only(values: np.ndarray) -> np.ndarray:
    """A view that cannot be written. To Numba such an array is of a type of its own: given all series in this way, the
    loops are compiled once for our own arrays and for those of others, mapped files among them."""
    view = values.view()
    view.flags.writeable = False
    return view


@formula
def normalize(value, centre, scale):
    """A value in units of its window."""
    return (value - centre) / scale


@formula
def reverting(last, series_centre):
    """What a window is measured from that is to tell how far from the mean of its series it ends."""
    return last + type(series_centre)(REVERSION) * (series_centre - last)


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


@shared
def centre_and_scale(window, centring, series_centre, series_scale):
    """Centre and scale of a window, in float64: a large level does not cost the digits of small changes.

    Parameters
    ----------
    window : (L,) read; missing values, NaN, are left out
    centring : SERIES, LAST, MEAN, DIFFERENCE or REVERTING
    series_centre, series_scale : float

    Returns
    -------
    float, float
    """
    mean, count, last = 0.0, 0, series_centre
    for t in range(window.size):
        value = np.float64(window[t])
        if value == value:
            mean += value
            count += 1
            last = value
    if centring == SERIES or count == 0:
        return series_centre, series_scale
    if centring == DIFFERENCE:
        return last, series_scale
    if centring == REVERTING:
        return reverting(last, series_centre), series_scale
    mean /= count
    variance = 0.0
    for t in range(window.size):
        value = np.float64(window[t])
        if value == value:
            variance += (value - mean) * (value - mean)
    scale = math.sqrt(variance / count) + SCALE_FLOOR * series_scale
    return (mean if centring == MEAN else last), scale


@shared
def between(window, t):
    """What a window reads at `t`, where a value is missing, in float64.

    It lies on the straight line between the observed values beside it; at either end it is the nearest one. A centre
    there would be a step to and fro.

    Parameters
    ----------
    window : (L,) read; missing values, NaN, are left out
    t : int

    Returns
    -------
    float
        NaN where nothing is observed.
    """
    before, after = t, t
    while before >= 0 and window[before] != window[before]:
        before -= 1
    while after < window.size and window[after] != window[after]:
        after += 1
    if before < 0 and after == window.size:
        return np.nan
    left = np.float64(window[max(before, 0)])
    right = np.float64(window[min(after, window.size - 1)])
    if before < 0 or after == window.size:
        return right if before < 0 else left
    return left + (right - left) * (t - before) / (after - before)


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


@loop
def place(number, first, stop):
    """Series of the window of that number, and the row of its first step.

    Parameters
    ----------
    number : int
        Windows are counted through all series.
    first : (S,) int64, read: row of the first window of each series
    stop : (S,) int64, read: number of the first window after those of each series
    """
    series, after = 0, stop.size - 1
    while series < after:  # by halves: NumPy's `searchsorted` takes longer to compile than all else here
        middle = (series + after) // 2
        if number < stop[middle]:
            after = middle
        else:
            series = middle + 1
    return series, first[series] + number - (stop[series - 1] if series > 0 else 0)


@loop
def measure_windows(values, which, first, stop, begin, steps, centring, series_centre, series_scale, centre, scale):
    """Units of windows.

    Parameters
    ----------
    values : (N, K) read: K series that are forecast together, NaN where missing
    which : (B,) int64, read: numbers of windows
    first, stop : (S,) int64, read: see `place`
    begin : (S,) int64, read: where each series begins; a window may begin before
    steps : int: length of a window
    centring : SERIES, LAST, MEAN, DIFFERENCE or REVERTING
    series_centre, series_scale : (S, K) read: units of the whole series, see `centre_and_scale`
    centre, scale : (B, K) written: units of the windows
    """
    for b in range(which.size):
        series, start = place(which[b], first, stop)
        window = values[max(start, begin[series]) : start + steps]
        for k in range(values.shape[1]):
            centre[b, k], scale[b, k] = centre_and_scale(
                window[:, k], centring, series_centre[series, k], series_scale[series, k]
            )


@loop
def gather_windows(
    values, covariates, ahead, which, first, stop, begin, centring, series_centre, series_scale, masks, x, y, known
):
    """Normalised windows, the values that follow them and the covariates that are known for these.

    Before its series begins a window holds the series' first value. Where a value is missing the window holds what
    lies `between`, or zero, its centre, if it has no value at all; and the target NaN.

    Parameters
    ----------
    values, which, first, stop, begin, centring, series_centre, series_scale
        As for `measure_windows`.
    covariates : (N, E) read, in units of their own
    ahead : int: the columns of `covariates` from here on, F of them, are known ahead
    masks : bool: whether K channels at the end tell which values are observed
    x : (L, B, K + E [+ K]) written: the windows
    y : (B, P * K) written: the P steps after each window, in its units; P may be 0
    known : (B, Q * F) written: the covariates known ahead of the Q steps after each window
    """
    steps, rows = x.shape[0], x.shape[1]
    k_count, e_count = values.shape[1], covariates.shape[1]
    f_count = e_count - ahead
    for b in range(rows):
        series, start = place(which[b], first, stop)
        after, held = start + steps, max(start, begin[series])
        for k in range(k_count):
            window = values[held:after, k]
            middle, width = centre_and_scale(window, centring, series_centre[series, k], series_scale[series, k])
            for t in range(steps):
                inside = max(start + t - held, 0)
                value = np.float64(window[inside])
                observed = value == value
                if not observed:
                    value = between(window, inside)
                x[t, b, k] = normalize(value, middle, width) if value == value else 0.0
                if masks:
                    x[t, b, k_count + e_count + k] = 1.0 if observed and start + t >= held else 0.0
            for p in range(y.shape[1] // k_count):
                y[b, p * k_count + k] = normalize(values[after + p, k], middle, width)
        for t in range(steps):
            for e in range(e_count):
                x[t, b, k_count + e] = covariates[max(start + t, held), e]
        for f in range(f_count):
            for p in range(known.shape[1] // f_count):
                known[b, p * f_count + f] = covariates[after + p, ahead + f]


@loop
def gather_rows(table, rows, centre, scale, x):
    """Rows of a table of sequences, each channel in its own units.

    Parameters
    ----------
    table : (N, T, C) read
    rows : (B,) int64, read
    centre, scale : (C,) read
    x : (T, B, C) written
    """
    steps, count, channels = x.shape
    for b in range(count):
        row = table[rows[b]]
        for t in range(steps):
            for k in range(channels):
                x[t, b, k] = normalize(row[t, k], centre[k], scale[k])


@loop
def gather_row_targets(targets, rows, y):
    """Targets of rows of a table, step after step.

    Parameters
    ----------
    targets : (N, S * O) read: of each row the O outputs of its first step, then those of the next
    rows : (B,) int64, read
    y : (S * B, O) written: in row s * B + b step s of the target of row b; S is 1 but for outputs at every step
    """
    count, size = rows.size, y.shape[1]
    for b in range(count):
        target = targets[rows[b]]
        for s in range(y.shape[0] // count):
            for o in range(size):
                y[s * count + b, o] = target[s * size + o]


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
