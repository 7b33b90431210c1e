"""The loops over time of `tsrnn.kernels.lstm` with the recurrent weights kept on the chip: see `tiles.py`."""

import numpy as np

from tsrnn.kernels.cuda.families import family
from tsrnn.kernels.cuda.machine.driver import cuda, device
from tsrnn.kernels.cuda.machine.instructions import load, store
from tsrnn.kernels.cuda.on_chip.inputs import RING, keep_inputs, multiply_inputs, start_inputs, write_inputs
from tsrnn.kernels.cuda.on_chip.saved import ask_for_rows, from_share, of_pair, saved_places, to_share, write_pairs
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
    gate_place,
    keep_weights,
    kept_pairs,
    multiply,
    read_gates,
    row_length,
    sequences_left,
    stored_weights,
    total,
    write_row,
)
from tsrnn.kernels.lstm import cell, cell_gradient

GATES = 4


@family
def forward(size: int, projects: bool, exact: bool):
    """The forward pass for layers of so many units.

    Parameters
    ----------
    size : int
    projects : bool
        Whether inputs, 16 at most, are projected on the way; else `a` holds their projections.
    exact : bool
        Whether products are as exact as float32, and gates kept in it.
    """
    pairs = size // PAIR
    kept = kept_pairs(size, pairs, GATES, exact)
    row = row_length(size + PAIR * projects)
    low = ROWS * row
    buffer = low * (1 + exact)
    weights_at = 2 * buffer
    inputs_at = weights_at + stored_weights(size, GATES, pairs - kept)
    ring = inputs_at + stored_weights(size, GATES, int(projects))
    end = ring + RING * projects
    threads = 2 * size
    n_inputs = -(-ROWS * PAIR // threads)
    n_own, n_bias = 4 * GATES, 2 * GATES
    n_weights, n_small = kept * GATES * FRAGMENT, n_own if exact else 1

    def kernel(x, weight_ih, bias_ih, a, h, c, weight_hh, bias_hh):
        """Gates and states.

        Parameters
        ----------
        x : (T, B, I) read, as weight_ih (4H, I) and bias_ih (4H,), if the kernel projects
        a : (T, B, 4H) read if it does not: input projections; written: activated gates i, f, g, o; unless
            exact in half of the places: see `saved.py`
        h, c : (T+1, B, H) slot 0 read; the rest written
        weight_hh : (4H, H) read
        bias_hh : (4H,) read
        """
        shared = cuda.shared.array(0, np.float32, 16)
        weights = cuda.local.array(n_weights, np.float32)
        sums, small = cuda.local.array(n_own, np.float32), cuda.local.array(n_small, np.float32)
        inputs, bias = cuda.local.array(n_own, np.float32), cuda.local.array(n_bias, np.float32)
        c_own = cuda.local.array(4, np.float32)
        of_gates, of_state = cuda.local.array(4, np.int64), cuda.local.array(4, np.int64)
        of_row, of_input = cuda.local.array(8, np.int64), cuda.local.array(n_inputs, np.int32)
        of_pairs = cuda.local.array(2, np.int64)
        steps, rows = a.shape[0], a.shape[1]
        warp = cuda.threadIdx.x >> 5
        element_places(size, rows, GATES, row, of_gates, of_state, of_row)
        saved_places(of_gates, of_pairs)
        left = sequences_left(rows)
        even, odd = columns_from(0, row), columns_from(1, row)

        stored, first = weights_at + warp * (pairs - kept) * GATES * TILE, warp * UNITS * size
        keep_weights(weight_hh, first, size, 1, size * size, pairs, kept, GATES, exact, weights, shared, stored)
        for m in range(GATES):
            for e in range(2):
                j = m * size + warp * UNITS + ((cuda.threadIdx.x & 31) >> 2) + 8 * e
                bias[2 * m + e] = load(bias_hh, j)
                if projects:
                    bias[2 * m + e] += load(bias_ih, j)
        for e in range(4):
            c_own[e] = load(c, of_state[e])
            write_row(shared, of_row[e], low, exact, load(h, of_state[e]))
        if projects:
            x_at = columns_from(pairs, row)
            stored_x = inputs_at + warp * GATES * TILE
            keep_inputs(weight_ih, size, GATES, exact, shared, stored_x)
            start_inputs(x, of_input, shared, ring)
            write_inputs(x, 0, of_input, shared, ring, 0, size, row, low, exact)
            for k in range(n_own):
                inputs[k] = ZERO
        else:
            read_gates(a, 0, size, of_gates, inputs)
        cuda.syncthreads()

        current, now, now_gates = 0, 0, 0
        for t in range(steps):
            for k in range(n_own):
                sums[k] = bias[2 * (k // 4) + k % 4 // 2]
            for k in range(n_small):
                small[k] = ZERO
            if projects:
                multiply_inputs(shared, current + x_at, low, GATES, 1, exact, stored_x, sums, small)
            else:
                ask_for(a, ((t + AHEAD) * rows + ROWS * cuda.blockIdx.x) * GATES * size, ROWS * GATES * size)
            multiply(
                shared, current + even, current + odd, low, pairs, kept, GATES, 1, exact, weights, stored, sums, small
            )
            current = buffer - current
            for k in range(n_own):
                sums[k] += inputs[k]
                if exact:
                    sums[k] += small[k]
            for e in range(4):
                i, f, g, o, c_t, h_t = cell(sums[e], sums[4 + e], sums[8 + e], sums[12 + e], c_own[e])
                sums[e], sums[4 + e], sums[8 + e], sums[12 + e] = i, f, to_share(g), o
                c_own[e] = c_t
                write_row(shared, current + of_row[e], low, exact, h_t)
                if e % 2 < left:
                    if exact:
                        at = now_gates + of_gates[e]
                        store(a, at, i)
                        store(a, at + size, f)
                        store(a, at + 2 * size, g)
                        store(a, at + 3 * size, o)
                    elif e >= 2:
                        write_pairs(a, now_gates + of_pairs[e - 2], size, e, sums)
                    at = now + rows * size + of_state[e]
                    store(c, at, c_t)
                    store(h, at, h_t)
            if projects and t + 1 < steps:
                write_inputs(x, t + 1, of_input, shared, ring, current, size, row, low, exact)
            now += rows * size
            now_gates += rows * GATES * size
            if not projects and t + 1 < steps:
                read_gates(a, now_gates, size, of_gates, inputs)
            cuda.syncthreads()

    return kernel, threads, 4 * end


@family
def backward(size: int, exact: bool):
    """The backward pass for layers of so many units."""
    pairs = GATES * size // PAIR
    kept = kept_pairs(size, pairs, 1, exact)
    chains = 2 if exact else 4
    row = row_length(GATES * size)
    low = ROWS * row
    buffer = low * (1 + exact)
    weights_at = 2 * buffer
    end = weights_at + stored_weights(size, 1, pairs - kept)
    n_saved = 4 if exact else 2
    n_own = n_saved * GATES
    n_weights, n_sums, n_small = kept * FRAGMENT, 4 * chains, 4 * chains if exact else 1

    def kernel(a, c, weight_hh, dy, dh, dc):
        """Gradients of the pre-activations, of h_0 and of c_0.

        Parameters
        ----------
        a : (T, B, 4H) read: gates as `forward` left them; written: gradient of the pre-activations
        c : (T+1, B, H) read
        weight_hh : (4H, H) read
        dy : (K, B, H) read
        dh, dc : (B, H) read: further gradients of h_T and of c_T; written: gradients of h_0 and of c_0
        """
        shared = cuda.shared.array(0, np.float32, 16)
        weights = cuda.local.array(n_weights, np.float32)
        sums, small = cuda.local.array(n_sums, np.float32), cuda.local.array(n_small, np.float32)
        gates, c_prev = cuda.local.array(n_own, np.float32), cuda.local.array(4, np.float32)
        c_own, d_out = cuda.local.array(4, np.float32), cuda.local.array(4, np.float32)
        dh_own, dc_own = cuda.local.array(4, np.float32), cuda.local.array(4, np.float32)
        of_gates, of_state = cuda.local.array(4, np.int64), cuda.local.array(4, np.int64)
        of_row, of_saved = cuda.local.array(8, np.int64), cuda.local.array(n_saved, np.int64)
        steps, rows = a.shape[0], a.shape[1]
        warp, block = cuda.threadIdx.x >> 5, ROWS * cuda.blockIdx.x
        element_places(size, rows, GATES, row, of_gates, of_state, of_row)
        saved_places(of_gates, of_saved)
        left = sequences_left(rows)
        even, odd = columns_from(0, row), columns_from(1, row)
        stored = weights_at + warp * (pairs - kept) * TILE
        keep_weights(weight_hh, warp * UNITS, 1, size, 0, pairs, kept, 1, exact, weights, shared, stored)

        first = steps - dy.shape[0]
        for e in range(4):
            dh_own[e], dc_own[e] = load(dh, of_state[e]), load(dc, of_state[e])
            c_own[e] = load(c, steps * rows * size + of_state[e])
        _read_step(steps - 1, first, size, rows, a, c, dy, of_saved, of_state, gates, c_prev, d_out)
        cuda.syncthreads()
        current = 0
        for t in range(steps - 1, -1, -1):
            for e in range(4):
                d = dh_own[e] + d_out[e]
                i, f, g, o = _gates_of(gates, e, exact)
                i, f, g, o, dc_own[e] = cell_gradient(i, f, g, o, c_prev[e], c_own[e], d, dc_own[e])
                c_own[e] = c_prev[e]
                write_row(shared, current + gate_place(0, e, size, of_row), low, exact, i)
                write_row(shared, current + gate_place(1, e, size, of_row), low, exact, f)
                write_row(shared, current + gate_place(2, e, size, of_row), low, exact, g)
                write_row(shared, current + gate_place(3, e, size, of_row), low, exact, o)
                if e % 2 < left:
                    at = t * rows * GATES * size + of_gates[e]
                    store(a, at, i)
                    store(a, at + size, f)
                    store(a, at + 2 * size, g)
                    store(a, at + 3 * size, o)
            if t > 0:
                _read_step(t - 1, first, size, rows, a, c, dy, of_saved, of_state, gates, c_prev, d_out)
            if t >= AHEAD:
                ahead = (t - AHEAD) * rows + block
                if exact:
                    ask_for(a, ahead * GATES * size, ROWS * GATES * size)
                else:
                    ask_for_rows(a, ahead * GATES * size, GATES * size, 2 * size)
                ask_for(c, ahead * size, ROWS * size)
                if t - AHEAD >= first:
                    ask_for(dy, (ahead - first * rows) * size, ROWS * size)
            cuda.syncthreads()
            for k in range(n_sums):
                sums[k] = ZERO
            for k in range(n_small):
                small[k] = ZERO
            multiply(
                shared, current + even, current + odd, low, pairs, kept, 1, chains, exact, weights, stored, sums, small
            )
            current = buffer - current
            for e in range(4):
                dh_own[e] = total(sums, small, e, chains, exact)
        for e in range(4):
            if e % 2 < left:
                store(dh, of_state[e], dh_own[e])
                store(dc, of_state[e], dc_own[e])

    return kernel, 2 * size, 4 * end


@device
def _gates_of(read, e, exact):
    """Gates of a thread's element, of what it has read of them."""
    if exact:
        return read[e], read[4 + e], read[8 + e], read[12 + e]
    return of_pair(read, 0, e), of_pair(read, 1, e), from_share(of_pair(read, 2, e)), of_pair(read, 3, e)


@device
def _read_step(t, first, size, rows, a, c, dy, of_saved, of_state, gates, c_prev, d_out):
    """What a thread reads of a step: gates, c_{t-1} and, from step `first` on, the gradient of h_t from above."""
    read_gates(a, t * rows * GATES * size, size * of_saved.size // 4, of_saved, gates)
    for e in range(4):
        c_prev[e] = load(c, t * rows * size + of_state[e])
        d_out[e] = ZERO
        if t >= first:
            d_out[e] = load(dy, (t - first) * rows * size + of_state[e])
