"""Twins of `tsrnn.kernels.layer_norm`: some threads side by side take a row, a block some rows."""

from tsrnn.kernels.cuda.arrays import Array
from tsrnn.kernels.cuda.driver import cuda, device, each, kernel, launch
from tsrnn.kernels.cuda.optimization import sum_in_order
from tsrnn.kernels.layer_norm import inverse_deviation, normalized, normalized_gradient

LANES = 32  # threads that take a row, a power of two
ROWS = 4  # of a block
SUMMED = 128  # rows over which one thread sums the gradients of a gain and a shift
_MOST_THREADS = 256


@device
def _sum_of_row(value, held, lanes):
    """The sum over the threads of a row, for all of them. All threads of the block have to come here."""
    i = cuda.threadIdx.x
    lane = i % lanes
    held[i] = value
    cuda.syncthreads()
    half = lanes // 2
    while half > 0:
        if lane < half:
            held[i] += held[i + half]
        cuda.syncthreads()
        half //= 2
    found = held[i - lane]
    cuda.syncthreads()  # before the next sum is written there
    return found


@kernel
def _layer_norm(x, gain, shift, z, inverse, out, lanes):
    held = cuda.shared.array(_MOST_THREADS, x.dtype)
    rows, size = x.shape
    r, lane = cuda.grid(1) // lanes, cuda.grid(1) % lanes
    width = size if r < rows else 0  # threads beyond the last row add nothing, but meet the others
    kind = x.dtype.type
    value = kind(0)
    for j in range(lane, width, lanes):
        value += x[r, j]
    mean = _sum_of_row(value, held, lanes) / kind(size)
    value = kind(0)
    for j in range(lane, width, lanes):
        value += (x[r, j] - mean) * (x[r, j] - mean)
    scale = inverse_deviation(_sum_of_row(value, held, lanes) / kind(size))
    for j in range(lane, width, lanes):
        value = normalized(x[r, j], mean, scale)
        z[r, j] = value
        out[r, j] = gain[j] * value + shift[j]
    if lane == 0 and width > 0:
        inverse[r] = scale


def layer_norm(x: Array, gain: Array, shift: Array, z: Array, inverse: Array, out: Array) -> None:
    """Sums over a row are taken by several threads, each over some of it."""
    _on_rows(_layer_norm, x.shape[0], x, gain, shift, z, inverse, out)


@kernel
def _parameter_gradients(d, z, parts, summed):
    size = d.shape[1]
    n = cuda.grid(1)
    part, j = n // size, n % size
    if part < parts.shape[1]:
        along, value = d.dtype.type(0), d.dtype.type(0)
        for r in range(part * summed, min((part + 1) * summed, d.shape[0])):
            along += d[r, j] * z[r, j]
            value += d[r, j]
        parts[0, part, j] = along
        parts[1, part, j] = value


@kernel
def _row_gradients(d, z, inverse, gain, lanes):
    held = cuda.shared.array(_MOST_THREADS, d.dtype)
    rows, size = d.shape
    r, lane = cuda.grid(1) // lanes, cuda.grid(1) % lanes
    width = size if r < rows else 0
    kind = d.dtype.type
    value, product = kind(0), kind(0)
    for j in range(lane, width, lanes):
        dz = d[r, j] * gain[j]
        value += dz
        product += dz * z[r, j]
    mean = _sum_of_row(value, held, lanes) / kind(size)
    along = _sum_of_row(product, held, lanes) / kind(size)
    for j in range(lane, width, lanes):
        d[r, j] = normalized_gradient(d[r, j] * gain[j], mean, z[r, j], along, inverse[r])


def layer_norm_gradient(d: Array, z: Array, inverse: Array, gain: Array, d_gain: Array, d_shift: Array) -> None:
    """Sums over rows are taken in parts, which are added in order."""
    rows, size = d.shape
    parts = Array.empty((2, -(-rows // SUMMED), size), d.dtype)
    each(_parameter_gradients, parts[0].size, d, z, parts, SUMMED)
    sum_in_order(parts[0], d_gain)
    sum_in_order(parts[1], d_shift)
    _on_rows(_row_gradients, rows, d, z, inverse, gain)


def _on_rows(kernel, rows: int, *arguments) -> None:
    launch(kernel, -(-rows // ROWS), ROWS * LANES, *arguments, LANES)
