"""The loops over time of `tsrnn.kernels.rnn` with the recurrent weights kept on the chip: see `tiles.py`."""

import numpy as np

from tsrnn.kernels.cuda.families import family
from tsrnn.kernels.cuda.machine.driver import cuda
from tsrnn.kernels.cuda.machine.instructions import load, store
from tsrnn.kernels.cuda.on_chip.inputs import RING, keep_inputs, multiply_inputs, start_inputs, write_inputs
from tsrnn.kernels.cuda.on_chip.tiles import (
    AHEAD,
    FRAGMENT,
    PAIR,
    ROWS,
    TILE,
    UNITS,
    ZERO,
    ask_for,
    columns_from,
    element_places,
    keep_weights,
    multiply,
    row_length,
    sequences_left,
    stored_weights,
    total,
    write_row,
)
from tsrnn.kernels.rnn import cell, cell_gradient, relu_cell, relu_cell_gradient


@family
def forward(size: int, projects: bool, exact: bool):
    """The forward pass for layers of so many units: see `lstm.forward`. All weights stay in registers."""
    pairs = size // PAIR
    chains = 2 if exact else 4
    row = row_length(size + PAIR * projects)
    low = ROWS * row
    buffer = low * (1 + exact)
    inputs_at = 2 * buffer
    ring = inputs_at + stored_weights(size, 1, int(projects))
    end = ring + RING * projects
    threads = 2 * size
    n_inputs, n_weights = -(-ROWS * PAIR // threads), pairs * FRAGMENT
    n_sums, n_small = 4 * chains, 4 * chains if exact else 1

    def kernel(x, weight_ih, bias_ih, a, h, weight_hh, bias_hh, rectify):
        """States.

        Parameters
        ----------
        x : (T, B, I) read, as weight_ih (H, I) and bias_ih (H,), if the kernel projects
        a : (T, B, H) read if it does not: input projections
        h : (T+1, B, H) slot 0 read; the rest written
        weight_hh : (H, H) read
        bias_hh : (H,) read
        rectify : bool
        """
        shared = cuda.shared.array(0, np.float32, 16)
        weights = cuda.local.array(n_weights, np.float32)
        sums, small = cuda.local.array(n_sums, np.float32), cuda.local.array(n_small, np.float32)
        inputs, bias = cuda.local.array(4, np.float32), cuda.local.array(2, np.float32)
        of_gates, of_state = cuda.local.array(4, np.int64), cuda.local.array(4, np.int64)
        of_row, of_input = cuda.local.array(8, np.int64), cuda.local.array(n_inputs, np.int32)
        steps, rows = a.shape[0], a.shape[1]
        warp = cuda.threadIdx.x >> 5
        element_places(size, rows, 1, row, of_gates, of_state, of_row)
        left = sequences_left(rows)
        even, odd = columns_from(0, row), columns_from(1, row)

        keep_weights(weight_hh, warp * UNITS * size, size, 1, 0, pairs, pairs, 1, exact, weights, shared, 0)
        for e in range(2):
            j = warp * UNITS + ((cuda.threadIdx.x & 31) >> 2) + 8 * e
            bias[e] = load(bias_hh, j)
            if projects:
                bias[e] += load(bias_ih, j)
        for e in range(4):
            write_row(shared, of_row[e], low, exact, load(h, of_state[e]))
        if projects:
            x_at = columns_from(pairs, row)
            stored_x = inputs_at + warp * TILE
            keep_inputs(weight_ih, size, 1, exact, shared, stored_x)
            start_inputs(x, of_input, shared, ring)
            write_inputs(x, 0, of_input, shared, ring, 0, size, row, low, exact)
        cuda.syncthreads()

        current, now = 0, 0
        for t in range(steps):
            for k in range(n_sums):
                sums[k] = ZERO
            for k in range(n_small):
                small[k] = ZERO
            for e in range(4):
                inputs[e] = bias[e // 2]
            if projects:
                multiply_inputs(shared, current + x_at, low, 1, chains, exact, stored_x, sums, small)
            else:
                for e in range(4):
                    inputs[e] += load(a, now + of_state[e])
                ask_for(a, ((t + AHEAD) * rows + ROWS * cuda.blockIdx.x) * size, ROWS * size)
            multiply(
                shared, current + even, current + odd, low, pairs, pairs, 1, chains, exact, weights, 0, sums, small
            )
            current = buffer - current
            now += rows * size
            for e in range(4):
                pre = inputs[e] + total(sums, small, e, chains, exact)
                h_t = relu_cell(pre) if rectify else cell(pre)
                write_row(shared, current + of_row[e], low, exact, h_t)
                if e % 2 < left:
                    store(h, now + of_state[e], h_t)
            if projects and t + 1 < steps:
                write_inputs(x, t + 1, of_input, shared, ring, current, size, row, low, exact)
            cuda.syncthreads()

    return kernel, threads, 4 * end


@family
def backward(size: int, exact: bool):
    """The backward pass for layers of so many units."""
    pairs = size // PAIR
    chains = 2 if exact else 4
    row = row_length(size)
    low = ROWS * row
    buffer = low * (1 + exact)
    n_weights, n_sums, n_small = pairs * FRAGMENT, 4 * chains, 4 * chains if exact else 1

    def kernel(a, h, weight_hh, dy, dh, rectify):
        """Gradients of the pre-activations and of h_0.

        Parameters
        ----------
        a : (T, B, H) written
        h : (T+1, B, H) read
        weight_hh : (H, H) read
        dy : (K, B, H) read
        dh : (B, H) read: further gradient of h_T; written: gradient of h_0
        rectify : bool
        """
        shared = cuda.shared.array(0, np.float32, 16)
        weights = cuda.local.array(n_weights, np.float32)
        sums, small = cuda.local.array(n_sums, np.float32), cuda.local.array(n_small, np.float32)
        h_own, d_out = cuda.local.array(4, np.float32), cuda.local.array(4, np.float32)
        dh_own = cuda.local.array(4, np.float32)
        of_gates, of_state = cuda.local.array(4, np.int64), cuda.local.array(4, np.int64)
        of_row = cuda.local.array(8, np.int64)
        steps, rows = a.shape[0], a.shape[1]
        warp, block = cuda.threadIdx.x >> 5, ROWS * cuda.blockIdx.x
        element_places(size, rows, 1, row, of_gates, of_state, of_row)
        left = sequences_left(rows)
        even, odd = columns_from(0, row), columns_from(1, row)
        keep_weights(weight_hh, warp * UNITS, 1, size, 0, pairs, pairs, 1, exact, weights, shared, 0)

        first = steps - dy.shape[0]
        for e in range(4):
            dh_own[e] = load(dh, of_state[e])
            h_own[e] = load(h, steps * rows * size + of_state[e])
            d_out[e] = load(dy, (steps - 1 - first) * rows * size + of_state[e]) if first < steps else ZERO
        current = 0
        for t in range(steps - 1, -1, -1):
            for e in range(4):
                d = dh_own[e] + d_out[e]
                d = relu_cell_gradient(h_own[e], d) if rectify else cell_gradient(h_own[e], d)
                write_row(shared, current + of_row[e], low, exact, d)
                if e % 2 < left:
                    store(a, t * rows * size + of_state[e], d)
                h_own[e] = load(h, t * rows * size + of_state[e])
                d_out[e] = load(dy, (t - 1 - first) * rows * size + of_state[e]) if t > first else ZERO
            if t >= AHEAD:
                ahead = (t - AHEAD) * rows + block
                ask_for(h, ahead * size, ROWS * size)
                if t - AHEAD >= first:
                    ask_for(dy, (ahead - first * rows) * size, ROWS * size)
            cuda.syncthreads()
            for k in range(n_sums):
                sums[k] = ZERO
            for k in range(n_small):
                small[k] = ZERO
            multiply(
                shared, current + even, current + odd, low, pairs, pairs, 1, chains, exact, weights, 0, sums, small
            )
            current = buffer - current
            for e in range(4):
                dh_own[e] = total(sums, small, e, chains, exact)
        for e in range(4):
            if e % 2 < left:
                store(dh, of_state[e], dh_own[e])

    return kernel, 2 * size, 4 * 2 * buffer
