"""The loops over time of `tsrnn.kernels.gru` with the recurrent weights kept on the chip: see `tiles.py`.

The candidate's recurrent side is kept apart from its input side.
"""

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
from tsrnn.kernels.gru import cell, cell_gradient

GATES = 3


@family
def forward(size: int, projects: bool, exact: bool):
    """The forward pass for layers of so many units: see `lstm.forward`."""
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
    n_own, n_bias, n_inputs = 4 * GATES, 2 * GATES, -(-ROWS * PAIR // threads)
    n_weights, n_small = kept * GATES * FRAGMENT, n_own if exact else 1

    def kernel(x, weight_ih, bias_ih, a, h, u, weight_hh, bias_hh):
        """Gates and states.

        Parameters
        ----------
        x : (T, B, I) read, as weight_ih (3H, I) and bias_ih (3H,), if the kernel projects
        a : (T, B, 3H) read if it does not: input projections; written: activated gates r, z, n; unless exact
            in half of the places: see `saved.py`
        h : (T+1, B, H) slot 0 read; the rest written
        u : (T+1, B, H) slot 0 unused; the rest written
        weight_hh : (3H, H) read
        bias_hh : (3H,) read
        """
        shared = cuda.shared.array(0, np.float32, 16)
        weights = cuda.local.array(n_weights, np.float32)
        sums, small = cuda.local.array(n_own, np.float32), cuda.local.array(n_small, np.float32)
        inputs, bias = cuda.local.array(n_own, np.float32), cuda.local.array(n_bias, np.float32)
        h_own = cuda.local.array(4, np.float32)
        x_bias = cuda.local.array(2, np.float32)
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
                if projects and m < 2:
                    bias[2 * m + e] += load(bias_ih, j)
                elif projects:
                    x_bias[e] = load(bias_ih, j)
        for e in range(4):
            h_own[e] = load(h, of_state[e])
            write_row(shared, of_row[e], low, exact, h_own[e])
        if projects:
            x_at = columns_from(pairs, row)
            stored_x = inputs_at + warp * GATES * TILE
            keep_inputs(weight_ih, size, GATES, exact, shared, stored_x)
            start_inputs(x, of_input, shared, ring)
            write_inputs(x, 0, of_input, shared, ring, 0, size, row, low, exact)
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
                for k in range(n_own):  # r and z want no more than the sum of both sides
                    inputs[k] = x_bias[k % 4 // 2] if k >= 8 else sums[k]
                multiply_inputs(shared, current + x_at, low, GATES, 1, exact, stored_x, inputs, small)
                for k in range(8):
                    sums[k] = inputs[k]
                if exact:
                    for k in range(8, n_own):
                        inputs[k] += small[k]
                        small[k] = ZERO
            else:
                ask_for(a, ((t + AHEAD) * rows + ROWS * cuda.blockIdx.x) * GATES * size, ROWS * GATES * size)
            multiply(
                shared, current + even, current + odd, low, pairs, kept, GATES, 1, exact, weights, stored, sums, small
            )
            current = buffer - current
            if exact:
                for k in range(n_own):
                    sums[k] += small[k]
            for e in range(4):
                r, z, u_t = sums[e], sums[4 + e], sums[8 + e]
                if not projects:
                    r, z = r + inputs[e], z + inputs[4 + e]
                r, z, n, h_t = cell(r, z, inputs[8 + e], u_t, h_own[e])
                sums[e], sums[4 + e], sums[8 + e] = r, z, to_share(n)
                h_own[e] = h_t
                write_row(shared, current + of_row[e], low, exact, h_t)
                if e % 2 < left:
                    if exact:
                        at = now_gates + of_gates[e]
                        store(a, at, r)
                        store(a, at + size, z)
                        store(a, at + 2 * size, n)
                    elif e >= 2:
                        write_pairs(a, now_gates + of_pairs[e - 2], size, e, sums)
                    at = now + rows * size + of_state[e]
                    store(u, at, u_t)
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

    def kernel(a, h, u, weight_hh, dy, dh):
        """Gradients of the recurrent side W_hh h_{t-1} + b_hh, of the candidate's input side and of h_0.

        Parameters
        ----------
        a : (T, B, 3H) read: gates as `forward` left them; written: gradient of the recurrent side
        h : (T+1, B, H) read
        u : (T+1, B, H) read; written: in slots 1 .. T the gradient of the candidate's input side
        weight_hh : (3H, H) read
        dy : (K, B, H) read
        dh : (B, H) read: further gradient of h_T; written: gradient of h_0
        """
        shared = cuda.shared.array(0, np.float32, 16)
        weights = cuda.local.array(n_weights, np.float32)
        sums, small = cuda.local.array(n_sums, np.float32), cuda.local.array(n_small, np.float32)
        gates, u_own = cuda.local.array(n_own, np.float32), cuda.local.array(4, np.float32)
        h_prev, d_out = cuda.local.array(4, np.float32), cuda.local.array(4, np.float32)
        dh_own = cuda.local.array(4, np.float32)
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
            dh_own[e] = load(dh, of_state[e])
        _read_step(steps - 1, first, size, rows, a, h, u, dy, of_saved, of_state, gates, u_own, h_prev, d_out)
        cuda.syncthreads()
        current = 0
        for t in range(steps - 1, -1, -1):
            for e in range(4):
                r, z, n = _gates_of(gates, e, exact)
                r, z, input_side, recurrent_side, dh_own[e] = cell_gradient(
                    r, z, n, u_own[e], h_prev[e], dh_own[e] + d_out[e]
                )
                write_row(shared, current + gate_place(0, e, size, of_row), low, exact, r)
                write_row(shared, current + gate_place(1, e, size, of_row), low, exact, z)
                write_row(shared, current + gate_place(2, e, size, of_row), low, exact, recurrent_side)
                if e % 2 < left:
                    at = t * rows * GATES * size + of_gates[e]
                    store(a, at, r)
                    store(a, at + size, z)
                    store(a, at + 2 * size, recurrent_side)
                    store(u, (t + 1) * rows * size + of_state[e], input_side)
            if t > 0:
                _read_step(t - 1, first, size, rows, a, h, u, dy, of_saved, of_state, gates, u_own, h_prev, d_out)
            if t >= AHEAD:
                ahead = (t - AHEAD) * rows + block
                if exact:
                    ask_for(a, ahead * GATES * size, ROWS * GATES * size)
                else:
                    ask_for_rows(a, ahead * GATES * size, GATES * size, size + size // 2)
                ask_for(h, ahead * size, ROWS * size)
                ask_for(u, (ahead + rows) * size, ROWS * size)
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
                dh_own[e] += total(sums, small, e, chains, exact)
        for e in range(4):
            if e % 2 < left:
                store(dh, of_state[e], dh_own[e])

    return kernel, 2 * size, 4 * end


@device
def _gates_of(read, e, exact):
    """Gates of a thread's element, of what it has read of them."""
    if exact:
        return read[e], read[4 + e], read[8 + e]
    return of_pair(read, 0, e), of_pair(read, 1, e), from_share(of_pair(read, 2, e))


@device
def _read_step(t, first, size, rows, a, h, u, dy, of_saved, of_state, gates, u_own, h_prev, d_out):
    """What a thread reads of a step: gates, u_t, h_{t-1} and, from step `first` on, the gradient of h_t from above."""
    read_gates(a, t * rows * GATES * size, size * of_saved.size // 4, of_saved, gates)
    for e in range(4):
        u_own[e] = load(u, (t + 1) * rows * size + of_state[e])
        h_prev[e] = load(h, t * rows * size + of_state[e])
        d_out[e] = ZERO
        if t >= first:
            d_out[e] = load(dy, (t - first) * rows * size + of_state[e])
