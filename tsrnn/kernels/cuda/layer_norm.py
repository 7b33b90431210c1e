"""Twins of `tsrnn.kernels.layer_norm`: some threads side by side take a row, a block some rows."""

from tsrnn.kernels.cuda.linear import column_sums, in_slices
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import cuda, device, each, kernel, launch
from tsrnn.kernels.layer_norm import inverse_deviation, normalized, normalized_gradient

LANES = 32  # threads that take a row, a power of two
ROWS = 4  # of a block
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
    _on_rows(_layer_norm, len(x), x, gain, shift, z, inverse, out)


@kernel
def _column_products(a, b, length, out):
    """Products summed over the rows of each slice: a, b (R, H) read, out (S, H) written."""
    n = cuda.grid(1)
    if n < out.size:
        s, j = n // out.shape[1], n % out.shape[1]
        total = a.dtype.type(0)
        for r in range(s * length, min((s + 1) * length, a.shape[0])):
            total += a[r, j] * b[r, j]
        out[s, j] = total


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
    """Sums over rows are taken in slices, which are added in order."""

    def fill(length, parts):
        each(_column_products, parts.size, d, z, length, parts)

    in_slices(fill, len(d), 1, d_gain)
    column_sums(d, d_shift)
    _on_rows(_row_gradients, len(d), d, z, inverse, gain)


def _on_rows(kernel, rows: int, *arguments) -> None:
    launch(kernel, -(-rows // ROWS), ROWS * LANES, *arguments, LANES)
