"""The loops over time of `tsrnn.kernels.lstm` for many units: a launch for each step.

A block takes a tile of rows and units, all gates of a unit. It sums the recurrent products of the tile and goes on with
the formulas of the cell where it stands; the next launch finds the states of all units written.
"""

from functools import lru_cache

import numpy as np

from tsrnn.kernels.cuda.machine.driver import cuda, kernel, launch
from tsrnn.kernels.cuda.paths import STEP_TILES, each_step
from tsrnn.kernels.cuda.products import add_products, dealt, gather
from tsrnn.kernels.cuda.tilings import TYPES, Tile
from tsrnn.kernels.lstm import cell, cell_gradient

GATES = 4


@lru_cache
def _forward_step(tile: Tile, dtype: str):
    n_shared, n_held = tile.sizes()
    height, width, threads, units = tile.height, tile.width, tile.threads, tile.width // GATES

    def forward_step(t, a, h, c, weight_hh, bias_hh):
        """Gates and states of step t.

        Parameters
        ----------
        t : int
        a : (T, B, 4H) read: input projections; written: activated gates i, f, g, o
        h, c : (T+1, B, H) slot t read; slot t + 1 written
        weight_hh : (4H, H) read
        bias_hh : (4H,) read
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
            j_i, j_f, j_g, j_o = np.uint64(j), np.uint64(j + size), np.uint64(j + 2 * size), np.uint64(j + 3 * size)
            b_i, b_f, b_g, b_o = bias_hh[j_i], bias_hh[j_f], bias_hh[j_g], bias_hh[j_o]
            for m in range(start, min(height, rows - first_row), turn):
                b, k = np.uint64(first_row + m), m * width + n
                i, f, g, o, c_t, h_t = cell(
                    a[t, b, j_i] + b_i + shared[k],
                    a[t, b, j_f] + b_f + shared[k + units],
                    a[t, b, j_g] + b_g + shared[k + 2 * units],
                    a[t, b, j_o] + b_o + shared[k + 3 * units],
                    c[t, b, j_i],
                )
                a[t, b, j_i], a[t, b, j_f], a[t, b, j_g], a[t, b, j_o] = i, f, g, o
                c[t + 1, b, j_i], h[t + 1, b, j_i] = c_t, h_t

    return kernel(forward_step, f"{dtype}_{tile.name}", tile.bounds)


@lru_cache
def _backward_step(tile: Tile, dtype: str):
    n_shared, n_held = tile.sizes()
    height, width, threads = tile.height, tile.width, tile.threads

    def backward_step(t, a, c, weight_hh, dy, dh, dc):
        """Gradients of step t from those of step t + 1; of h_0 at the step before the first, t = -1.

        Parameters
        ----------
        t : int
        a : (T, B, 4H) step t + 1 read: gradient of its pre-activations; step t read: gates; written: their gradient
        c : (T+1, B, H) read
        weight_hh : (4H, H) read
        dy : (K, B, H) read
        dh : (B, H) read: what there is of the gradient of h_{t+1} besides; written: of h_0 at last, else zeros
        dc : (B, H) read: gradient of c_{t+1}; written: of c_t
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
            j_i, j_f, j_g, j_o = np.uint64(j), np.uint64(j + size), np.uint64(j + 2 * size), np.uint64(j + 3 * size)
            for m in range(start, min(height, rows - first_row), turn):
                b = np.uint64(first_row + m)
                d = dh[b, j_i] + shared[m * width + n]
                if t < 0:
                    dh[b, j_i] = d
                else:
                    if t >= first:
                        d += dy[t - first, b, j_i]
                    i, f, g, o = a[t, b, j_i], a[t, b, j_f], a[t, b, j_g], a[t, b, j_o]
                    i, f, g, o, d_memory = cell_gradient(i, f, g, o, c[t, b, j_i], c[t + 1, b, j_i], d, dc[b, j_i])
                    a[t, b, j_i], a[t, b, j_f], a[t, b, j_g], a[t, b, j_o] = i, f, g, o
                    dh[b, j_i], dc[b, j_i] = 0, d_memory

    return kernel(backward_step, f"{dtype}_{tile.name}", tile.bounds)


for _kind, _tiles in STEP_TILES.items():  # here, so that the check of the machine code finds them all
    for _tile in _tiles[GATES]:
        _forward_step(_tile, TYPES[_kind])
    for _tile in _tiles[1]:
        _backward_step(_tile, TYPES[_kind])


def forward(a, h, c, weight_hh, bias_hh):
    """States and gates from the input projections: see `tsrnn.kernels.cuda.lstm`."""
    step, blocks, threads = each_step(_forward_step, GATES, h)
    for t in range(len(a)):
        launch(step, blocks, threads, t, a, h, c, weight_hh, bias_hh)


def backward(a, c, weight_hh, dy, dh, dc):
    """Gradients of the pre-activations, of h_0 and of c_0."""
    step, blocks, threads = each_step(_backward_step, 1, dh)
    for t in reversed(range(-1, len(a))):
        launch(step, blocks, threads, t, a, c, weight_hh, dy, dh, dc)
