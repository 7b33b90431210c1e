"""Twin of `tsrnn.kernels.streams`: a thread for each element."""

import numpy as np

from tsrnn.kernels.cuda.machine.driver import cuda, each, kernel
from tsrnn.kernels.windows import LAST, normalize


@kernel
def _gather_steps(values, begin, first, steps, segment, centring, centre, scale, x):
    n = cuda.grid(1)
    if n < x.size:
        t, b = n // x.shape[1], n % x.shape[1]
        k = t // segment
        start = first[b] + k * segment
        if k < steps[b]:
            before = np.float64(values[max(start - 1, begin[b])]) if centring == LAST else centre[b]
            x[t, b, 0] = normalize(values[start + t % segment], before, scale[b])
        else:
            x[t, b, 0] = 0


@kernel
def _gather_targets(values, end, first, steps, segment, centring, centre, scale, y):
    n = cuda.grid(1)
    if n < y.size:
        row, j = n // y.shape[1], n % y.shape[1]
        k, b = row // first.size, row % first.size
        stop = first[b] + (k + 1) * segment
        if k < steps[b] and stop + j < end[b]:
            last = np.float64(values[stop - 1]) if centring == LAST else centre[b]
            y[row, j] = normalize(values[stop + j], last, scale[b])
        else:
            y[row, j] = 0


def gather_streams(values, begin, end, first, steps, segment, centring, centre, scale, x, y) -> None:
    """Twin of `tsrnn.kernels.streams.gather_streams`."""
    each(_gather_steps, x.size, values, begin, first, steps, segment, centring, centre, scale, x)
    each(_gather_targets, y.size, values, end, first, steps, segment, centring, centre, scale, y)
