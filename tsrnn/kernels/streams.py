"""Gathering the next steps of several streams: parts of series that are read from start to end, one after the other.

A step reads `segment` values; after each step the values that follow are asked for.
"""

import math

import numpy as np

from tsrnn.kernels._jit import loop
from tsrnn.kernels.windows import LAST, normalize


@loop
def typical_change(values, segment):
    """Root of the mean squared change over `segment` values, in float64.

    Parameters
    ----------
    values : (N,) read, more than `segment`
    segment : int

    Returns
    -------
    float
    """
    squares = 0.0
    for t in range(segment, values.size):
        squares += (np.float64(values[t]) - np.float64(values[t - segment])) ** 2
    return math.sqrt(squares / (values.size - segment))


@loop
def gather_streams(values, begin, end, first, steps, segment, centring, centre, scale, x, y):
    """Normalised steps of each stream and the values that follow each of them.

    With LAST a step is measured from the value before it, and what follows from the step's last value: a series
    may wander off its old levels. With SERIES all are measured alike.

    Parameters
    ----------
    values : (N,) read: all series, one after the other
    begin, end : (B,) int64, read: where the series of each stream begins and ends
    first, steps : (B,) int64, read: where the stream goes on, and how many steps it has left, at least 0
    segment : int: values that a step reads
    centring : SERIES or LAST
    centre, scale : (B,) read: units of each stream's series; with LAST the centre is not used
    x : (K * segment, B, 1) written: the steps; zero beyond the stream's end
    y : (K * B, O) written: what follows step k of stream b, in row k * B + b; zero where the series has ended
    """
    rows = first.size
    count, outputs = x.shape[0] // segment, y.shape[1]
    for k in range(count):
        for b in range(rows):
            start = first[b] + k * segment
            stop = start + segment
            if k >= steps[b]:
                for i in range(segment):
                    x[k * segment + i, b, 0] = 0
                for j in range(outputs):
                    y[k * rows + b, j] = 0
                continue
            before = np.float64(values[max(start - 1, begin[b])]) if centring == LAST else centre[b]
            for i in range(segment):
                x[k * segment + i, b, 0] = normalize(values[start + i], before, scale[b])
            last = np.float64(values[stop - 1]) if centring == LAST else centre[b]
            for j in range(outputs):
                y[k * rows + b, j] = normalize(values[stop + j], last, scale[b]) if stop + j < end[b] else 0
