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

# Share of the series' scale that is added to a window's, so that a flat window has one.
SCALE_FLOOR = 0.01


@formula
def normalize(value, centre, scale):
    """A value in units of its window."""
    return (value - centre) / scale


@formula
def reverting(last, series_centre):
    """What a window is measured from that is to tell how far from the mean of its series it ends."""
    return last + type(series_centre)(REVERSION) * (series_centre - last)


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
