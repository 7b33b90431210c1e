"""The loops over time of `tsrnn.kernels.gru` for many units: a launch for each step, as in `lstm.py`."""

from functools import lru_cache

import numpy as np

from tsrnn.kernels.cuda.machine.driver import cuda, kernel, launch
from tsrnn.kernels.cuda.paths import STEP_TILES, each_step
from tsrnn.kernels.cuda.products import add_products, dealt, gather
from tsrnn.kernels.cuda.tilings import TYPES, Tile
from tsrnn.kernels.gru import cell, cell_gradient

GATES = 3


@lru_cache
def _forward_step(tile: Tile, dtype: str):
    n_shared, n_held = tile.sizes()
    height, width, threads, units = tile.height, tile.width, tile.threads, tile.width // GATES

    def forward_step(t, a, h, u, weight_hh, bias_hh):
        """Gates and state of step t.

        Parameters
        ----------
        t : int
        a : (T, B, 3H) read: input projections; written: activated gates r, z, n
        h : (T+1, B, H) slot t read; slot t + 1 written
        u : (T+1, B, H) slot t + 1 written
        weight_hh : (3H, H) read
        bias_hh : (3H,) read
        """
        shared = cuda.shared.array(n_shared, a.dtype, alignment=16)
        held = cuda.local.array(n_held, a.dtype)
        rows, size = h.shape[1], h.shape[2]
        across = (size + units - 1) // units
        first_row, first_unit = cuda.blockIdx.x // across * height, cuda.blockIdx.x % across * units
        h_rows, weight_rows = (first_row, rows, height, 0), (first_unit, size, units, size)
        add_products(held, shared, h[t], weight_hh, h_rows, weight_rows, 0, size, tile, True, True)
        gather(held, shared, tile)
        n, start, turn = dealt(units, threads)
        if first_unit + n < size:
            j = first_unit + n
            j_r, j_z, j_n = np.uint64(j), np.uint64(j + size), np.uint64(j + 2 * size)
            b_r, b_z, b_n = bias_hh[j_r], bias_hh[j_z], bias_hh[j_n]
            for m in range(start, min(height, rows - first_row), turn):
                b, k = np.uint64(first_row + m), m * width + n
                u_t = b_n + shared[k + 2 * units]
                r, z, n_t, h_t = cell(
                    a[t, b, j_r] + b_r + shared[k],
                    a[t, b, j_z] + b_z + shared[k + units],
                    a[t, b, j_n],
                    u_t,
                    h[t, b, j_r],
                )
                a[t, b, j_r], a[t, b, j_z], a[t, b, j_n] = r, z, n_t
                u[t + 1, b, j_r], h[t + 1, b, j_r] = u_t, h_t

    return kernel(forward_step, f"{dtype}_{tile.name}", tile.bounds)


@lru_cache
def _backward_step(tile: Tile, dtype: str):
    n_shared, n_held = tile.sizes()
    height, width, threads = tile.height, tile.width, tile.threads

    def backward_step(t, a, h, u, weight_hh, dy, dh):
        """Gradients of step t from those of step t + 1; of h_0 at the step before the first, t = -1.

        Parameters
        ----------
        t : int
        a : (T, B, 3H) step t + 1 read: gradient of its recurrent side; step t read: gates; written: that gradient
        h : (T+1, B, H) slot t read
        u : (T+1, B, H) slot t + 1 read; written: the gradient of the candidate's input side
        weight_hh : (3H, H) read
        dy : (K, B, H) read
        dh : (B, H) read: gradient of h_{t+1} past the gates; written: of h_t, and at last all of that of h_0
        """
        shared = cuda.shared.array(n_shared, a.dtype, alignment=16)
        held = cuda.local.array(n_held, a.dtype)
        steps, rows, size = a.shape[0], dh.shape[0], dh.shape[1]
        first = steps - dy.shape[0]
        across = (size + width - 1) // width
        first_row, first_unit = cuda.blockIdx.x // across * height, cuda.blockIdx.x % across * width
        later = min(t + 1, steps - 1)
        terms = GATES * size if t + 1 < steps else 0
        a_rows, weight_rows = (first_row, rows, height, 0), (first_unit, size, width, 0)
        add_products(held, shared, a[later], weight_hh, a_rows, weight_rows, 0, terms, tile, True, False)
        gather(held, shared, tile)
        n, start, turn = dealt(width, threads)
        if first_unit + n < size:
            j = first_unit + n
            j_r, j_z, j_n = np.uint64(j), np.uint64(j + size), np.uint64(j + 2 * size)
            for m in range(start, min(height, rows - first_row), turn):
                b = np.uint64(first_row + m)
                d = dh[b, j_r] + shared[m * width + n]
                if t < 0:
                    dh[b, j_r] = d
                else:
                    if t >= first:
                        d += dy[t - first, b, j_r]
                    r, z, input_side, recurrent_side, past_gates = cell_gradient(
                        a[t, b, j_r], a[t, b, j_z], a[t, b, j_n], u[t + 1, b, j_r], h[t, b, j_r], d
                    )
                    a[t, b, j_r], a[t, b, j_z], a[t, b, j_n] = r, z, recurrent_side
                    u[t + 1, b, j_r], dh[b, j_r] = input_side, past_gates

    return kernel(backward_step, f"{dtype}_{tile.name}", tile.bounds)


for _kind, _tiles in STEP_TILES.items():  # here, so that the check of the machine code finds them all
    for _tile in _tiles[GATES]:
        _forward_step(_tile, TYPES[_kind])
    for _tile in _tiles[1]:
        _backward_step(_tile, TYPES[_kind])


def forward(a, h, u, weight_hh, bias_hh):
    """States and gates from the input projections: see `tsrnn.kernels.cuda.gru`."""
    step, blocks, threads = each_step(_forward_step, GATES, h)
    for t in range(len(a)):
        launch(step, blocks, threads, t, a, h, u, weight_hh, bias_hh)


def backward(a, h, u, weight_hh, dy, dh):
    """Gradients of the recurrent side, of the candidate's input side and of h_0."""
    step, blocks, threads = each_step(_backward_step, 1, dh)
    for t in reversed(range(-1, len(a))):
        launch(step, blocks, threads, t, a, h, u, weight_hh, dy, dh)
