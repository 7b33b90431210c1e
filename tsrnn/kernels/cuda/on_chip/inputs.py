"""Inputs of few channels, which a kernel projects itself: sixteen columns more of what the weights are multiplied with.

The threads of a block copy them into a ring of stages in shared memory, some steps ahead. A thread copies the same few
elements of every step and reads no others, so that to wait for its own copies is enough. The barrier of a step lies
between reading a stage and copying into it anew.
"""

from tsrnn.kernels.cuda.machine.driver import cuda, device
from tsrnn.kernels.cuda.machine.instructions import (
    as_f32,
    await_copies,
    commit_copies,
    copy_async,
    load,
    load4,
    store,
    store4,
    to_tf32,
)
from tsrnn.kernels.cuda.on_chip.tiles import AHEAD, PAIR, ROWS, TILE, UNITS, ZERO, add_pair, write_row

STAGE = ROWS * PAIR  # numbers of the inputs of a step
RING = AHEAD * STAGE
LATER = AHEAD - 1  # steps that are on their way when one is read; stages are a power of two


@device
def keep_inputs(weight, size, tiles, exact, shared, stored):
    """As `keep_weights`, for weights (G H, I) of at most sixteen inputs, all of them in shared memory."""
    lane = cuda.threadIdx.x & 31
    for m in range(tiles):
        j = m * size + (cuda.threadIdx.x >> 5) * UNITS + (lane >> 2)
        for s in range(2):
            k = 4 * (lane & 3) + 2 * s
            w0, w1 = _input_weight(weight, j, k, exact), _input_weight(weight, j + 8, k, exact)
            w2, w3 = _input_weight(weight, j, k + 1, exact), _input_weight(weight, j + 8, k + 1, exact)
            store4(shared, stored + m * TILE + s * TILE // 2 + 4 * lane, w0, w1, w2, w3)


@device
def _input_weight(weight, j, k, exact):
    w = weight[j, k] if k < weight.shape[1] else ZERO
    return w if exact else as_f32(to_tf32(w))


@device
def start_inputs(x, places, shared, ring):
    """Say which inputs a thread copies, and begin to copy those of the first steps.

    Parameters
    ----------
    x : (T, B, I) read
    places : written: where in a step they stand; -1 where there is no such channel
    shared, ring : shared memory, and where in it the ring begins; written: zeros where there is no such channel
    """
    for s in range(places.size):
        slot = cuda.threadIdx.x + s * cuda.blockDim.x
        b, k = min(cuda.blockIdx.x * ROWS + slot // PAIR, x.shape[1] - 1), slot % PAIR
        places[s] = b * x.shape[2] + k if slot < STAGE and k < x.shape[2] else -1
        if slot < STAGE and k >= x.shape[2]:
            for t in range(AHEAD):
                store(shared, ring + t * STAGE + slot, ZERO)
    for t in range(LATER):
        _begin(x, t, places, shared, ring)


@device
def _begin(x, t, places, shared, ring):
    """Begin to copy the inputs of step t; past the last step there are none."""
    if t < x.shape[0]:
        first, stage = t * x.shape[1] * x.shape[2], ring + (t & LATER) * STAGE
        for s in range(places.size):
            if places[s] >= 0:
                copy_async(shared, stage + cuda.threadIdx.x + s * cuda.blockDim.x, x, first + places[s])
    commit_copies()


@device
def write_inputs(x, t, places, shared, ring, at, size, row, low, exact):
    """Write the inputs of step t behind the states, and begin to copy those of a later one."""
    _begin(x, t + LATER, places, shared, ring)
    await_copies(LATER)
    for s in range(places.size):
        slot = cuda.threadIdx.x + s * cuda.blockDim.x
        b, k = slot // PAIR, slot % PAIR
        if slot < STAGE:
            x_own = load(shared, ring + (t & LATER) * STAGE + slot)
            write_row(shared, at + b * row + ((size + k) ^ ((b // 2) << 3)), low, exact, x_own)


@device
def multiply_inputs(shared, at, low, tiles, chains, exact, stored, sums, small):
    """As `multiply`, for the inputs of a step, of which the thread's columns begin at `at`."""
    x = load4(shared, at)
    y = load4(shared, at + low) if exact else x
    for m in range(tiles):
        place = stored + m * TILE + 4 * (cuda.threadIdx.x & 31)
        add_pair(load4(shared, place), load4(shared, place + TILE // 2), x, y, 0, m, chains, exact, sums, small)
