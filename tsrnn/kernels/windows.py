"""Gathering a mini-batch: windows are cut from the series, or rows from a table, when they are needed.

Nothing is ever laid out for all windows; a batch is written straight into the time-major input of a network.
"""

import math

import numpy as np

from tsrnn.kernels._jit import formula, loop

# What a window is measured by: the whole series' mean and standard deviation, or the window's own last value or
# mean and its own standard deviation.
SERIES, LAST, MEAN = 0, 1, 2

# Share of the series' scale that is added to a window's, so that a flat window has one.
SCALE_FLOOR = 0.01


@formula
def normalize(value, centre, scale):
    """A value in units of its window."""
    return (value - centre) / scale


@loop
def centre_and_scale(window, centring, series_centre, series_scale):
    """Centre and scale of a window, in float64: a large level does not cost the digits of small changes.

    Parameters
    ----------
    window : (L,) read
    centring : SERIES, LAST or MEAN
    series_centre, series_scale : float

    Returns
    -------
    float, float
    """
    if centring == SERIES:
        return series_centre, series_scale
    mean = 0.0
    for t in range(window.size):
        mean += np.float64(window[t])
    mean /= window.size
    variance = 0.0
    for t in range(window.size):
        variance += (np.float64(window[t]) - mean) ** 2
    scale = math.sqrt(variance / window.size) + SCALE_FLOOR * series_scale
    if centring == MEAN:
        return mean, scale
    return float(window[window.size - 1]), scale


@loop
def gather_windows(series, starts, centring, series_centre, series_scale, x, y):
    """Normalised windows and the values that follow them.

    Parameters
    ----------
    series : (N,) read
    starts : (B,) int64, read: first position of each window
    centring, series_centre, series_scale : see `centre_and_scale`
    x : (L, B, 1) written: the windows
    y : (B, O) written: the O values after each window, in its units; O may be 0
    """
    steps, rows = x.shape[0], x.shape[1]
    for b in range(rows):
        start = starts[b]
        window = series[start : start + steps]
        centre, scale = centre_and_scale(window, centring, series_centre, series_scale)
        for t in range(steps):
            x[t, b, 0] = normalize(window[t], centre, scale)
        for k in range(y.shape[1]):
            y[b, k] = normalize(series[start + steps + k], centre, scale)


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
