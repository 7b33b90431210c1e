"""Twins of `tsrnn.kernels.windows`: first the place and the units of each window, then a thread for each element."""

import numpy as np

from tsrnn.kernels import windows
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import cuda, device, each, kernel
from tsrnn.kernels.windows import normalize

_centre_and_scale, _between = device(windows.centre_and_scale), device(windows.between)


@device
def _place(number, first, stop):
    """As `tsrnn.kernels.windows.place`."""
    low, high = 0, stop.size
    while low < high:
        middle = (low + high) // 2
        if stop[middle] > number:
            high = middle
        else:
            low = middle + 1
    return low, first[low] + number - (stop[low - 1] if low > 0 else 0)


@kernel
def _measure(values, which, first, stop, begin, steps, centring, series_centre, series_scale, centre, scale, places):
    """A thread for each channel of a window; `places` (B, 2) takes its first row and the first one that is held."""
    n = cuda.grid(1)
    if n < centre.size:
        b, k = n // centre.shape[1], n % centre.shape[1]
        series, start = _place(which[b], first, stop)
        held = max(start, begin[series])
        centre[b, k], scale[b, k] = _centre_and_scale(
            values[held : start + steps, k], centring, series_centre[series, k], series_scale[series, k]
        )
        if k == 0:
            places[b, 0] = start
            places[b, 1] = held


def measure_windows(
    values, which, first, stop, begin, steps, centring, series_centre, series_scale, centre, scale
) -> None:
    """Twin of `tsrnn.kernels.windows.measure_windows`."""
    _measured(values, which, first, stop, begin, steps, centring, series_centre, series_scale, centre, scale)


def _measured(values, which, *others) -> Array:
    """The places of windows, whose units are written."""
    places = Array.empty((len(which), 2), np.int64)
    each(_measure, len(which) * values.shape[1], values, which, *others, places)
    return places


@kernel
def _gather_windows(values, covariates, places, centre, scale, x):
    n = cuda.grid(1)
    if n < x.size:
        rows, channels = x.shape[1], x.shape[2]
        t, b, c = n // (rows * channels), n // channels % rows, n % channels
        start, held = places[b, 0], places[b, 1]
        row = max(start + t, held)
        k_count, e_count = values.shape[1], covariates.shape[1]
        if c < k_count:
            value = np.float64(values[row, c])
            if value != value:
                value = _between(values[held : start + x.shape[0], c], row - held)
            x[t, b, c] = normalize(value, centre[b, c], scale[b, c]) if value == value else 0.0
        elif c < k_count + e_count:
            x[t, b, c] = covariates[row, c - k_count]
        else:
            value = values[row, c - k_count - e_count]
            x[t, b, c] = 1.0 if value == value and start + t >= held else 0.0


@kernel
def _gather_targets(values, places, steps, centre, scale, y):
    n = cuda.grid(1)
    if n < y.size:
        b, column = n // y.shape[1], n % y.shape[1]
        p, k = column // values.shape[1], column % values.shape[1]
        y[b, column] = normalize(values[places[b, 0] + steps + p, k], centre[b, k], scale[b, k])


@kernel
def _gather_known(covariates, ahead, places, steps, known):
    n = cuda.grid(1)
    if n < known.size:
        b, column = n // known.shape[1], n % known.shape[1]
        f_count = covariates.shape[1] - ahead
        p, f = column // f_count, column % f_count
        known[b, column] = covariates[places[b, 0] + steps + p, ahead + f]


def gather_windows(
    values, covariates, ahead, which, first, stop, begin, centring, series_centre, series_scale, masks, x, y, known
) -> None:
    """Twin of `tsrnn.kernels.windows.gather_windows`."""
    steps = len(x)
    centre, scale = (Array.empty((len(which), values.shape[1]), np.float64) for _ in range(2))
    units = centring, series_centre, series_scale, centre, scale
    places = _measured(values, which, first, stop, begin, steps, *units)
    each(_gather_windows, x.size, values, covariates, places, centre, scale, x)
    each(_gather_targets, y.size, values, places, steps, centre, scale, y)
    each(_gather_known, known.size, covariates, ahead, places, steps, known)


@kernel
def _gather_rows(table, rows, centre, scale, x):
    n = cuda.grid(1)
    if n < x.size:
        count, channels = x.shape[1], x.shape[2]
        t, b, k = n // (count * channels), n // channels % count, n % channels
        x[t, b, k] = normalize(table[rows[b], t, k], centre[k], scale[k])


def gather_rows(table: Array, rows: Array, centre: Array, scale: Array, x: Array) -> None:
    """Twin of `tsrnn.kernels.windows.gather_rows`."""
    each(_gather_rows, x.size, table, rows, centre, scale, x)


@kernel
def _gather_row_targets(targets, rows, y):
    n = cuda.grid(1)
    if n < y.size:
        size = y.shape[1]
        place, o = n // size, n % size
        s, b = place // rows.size, place % rows.size
        y[place, o] = targets[rows[b], s * size + o]


def gather_row_targets(targets: Array, rows: Array, y: Array) -> None:
    """Twin of `tsrnn.kernels.windows.gather_row_targets`."""
    each(_gather_row_targets, y.size, targets, rows, y)
