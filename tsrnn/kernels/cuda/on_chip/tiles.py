"""What the kernels share that keep a layer's recurrent weights on the chip: how a block divides its product.

A block owns eight sequences and goes through all their steps alone. A warp of it makes the product for sixteen units,
on the tensor cores: a tile of sixteen rows of weights by the eight sequences, and of the gates a tile each. What the
tensor cores leave in a thread are four elements of such a tile, units j and j + 8 of two neighbouring sequences, and
the same of all gates. So a thread has what its elements need, and what a unit hands on to itself stays in registers.

The weights are read once. Part of them stays in the registers of the threads, part in shared memory, in the order in
which the tensor cores want them. What they are multiplied with, the states of the step before or the gradients of the
gates, lies in shared memory, a row a sequence. There are two such places: one is read while the other is written, and
a barrier a step suffices. What a step reads of the device's memory is asked for some steps ahead and waits in the L2
cache, which takes neither registers nor shared memory; but for inputs that a kernel projects itself (`inputs.py`).

The columns of a product are dealt out in pairs of tensor tiles of eight: of the sixteen columns of a pair a thread
takes four neighbours, in one load. The order of columns within a product is free.

In float32 every operand is the sum of two numbers of tf32, of which the second holds what the first has rounded off:
three products in place of one. The tensor cores cut off what they add up; sums over more than a pair of columns are
therefore made outside of them, where they are rounded (Ootomo and Yokota, 2022).
"""

import numpy as np

from tsrnn.kernels.cuda.families import TF32_FROM, Fitted, capability, most_shared
from tsrnn.kernels.cuda.machine.driver import cuda, device
from tsrnn.kernels.cuda.machine.instructions import (
    as_f32,
    as_u32,
    load,
    load4,
    mma_tf32,
    prefetch,
    split,
    store,
    store4,
    to_tf32,
)

ROWS = 8  # sequences of a block: columns of a tensor tile
UNITS = 16  # of a warp: rows of a tensor tile
PAIR = 16  # columns of a pair of tensor tiles
GROUP = 4  # pairs whose code is written out in a loop over them, so that what they index is known
FRAGMENT = 8  # weights of a pair and a tile that a thread holds
TILE = 32 * FRAGMENT  # weights of a pair and a tile
MOST_UNITS = 128  # of a layer: the weights of more do not fit
MOST_INPUTS = PAIR  # that a kernel projects by itself
HELD = {False: 128, True: 96}  # weights that a thread holds in registers at most; it needs more for exact products
ODD = 32  # registers that are wanted for other things where units are no multiple of 64
AHEAD = 4  # steps before it is read that memory is asked for what a step reads
LINE = 32  # numbers that come from memory at a time
ZERO = np.float32(0)


def fitted(family, a, size: int, *numbers) -> Fitted | None:
    """The kernel of a family for a layer of so many units, whose gates are to stand in `a`, and further numbers.

    None where it cannot be: there a kernel computes that keeps nothing, which all sizes, types and GPUs suit.
    """
    if a.dtype != np.float32 or size % UNITS or size > MOST_UNITS or capability() < TF32_FROM:
        return None
    found = family(size, *numbers, a.precision == "float32")
    return found if found.shared <= most_shared() else None


def fitted_forward(forward, backward, x, a, size: int) -> tuple[Fitted | None, bool]:
    """The kernel for a forward pass, as `fitted`, and whether it projects the inputs `x`: few, where there is room.

    None where gates would be saved (`saved.py`) that no kernel of the family `backward` could read.
    """
    if a.precision == "tf32" and fitted(backward, a, size) is None:
        return None, False
    found = fitted(forward, a, size, True) if x.shape[2] <= MOST_INPUTS else None
    return (found, True) if found else (fitted(forward, a, size, False), False)


def kept_pairs(size: int, pairs: int, tiles: int, exact: bool) -> int:
    """How many of so many pairs of columns, of so many tiles each, stay in registers, in a layer of so many units."""
    held = HELD[exact] - (ODD if exact and size % (4 * PAIR) else 0)
    return min(pairs, held // (tiles * FRAGMENT))


def row_length(columns: int) -> int:
    """Numbers from a row in shared memory to the next: no two threads of a warp get into the same bank's way."""
    return -(-columns // (2 * PAIR)) * 2 * PAIR + PAIR


def stored_weights(size: int, tiles: int, pairs: int) -> int:
    """Numbers that so many pairs of columns take in shared memory."""
    return size // UNITS * tiles * pairs * TILE


def blocks_for(rows: int) -> int:
    """Blocks that so many sequences take."""
    return -(-rows // ROWS)


# In shared memory the columns of a row are exchanged, by bits 3 and 4 of their number, depending on the row: both
# what a step writes, a column of neighbouring rows by neighbouring threads, and what it reads, four columns at a time
# of two rows, lies in different banks.


@device
def element_places(size, rows, gates, row, of_gates, of_state, of_row):
    """Where the four elements of a thread stand: of a step's gates (B, G H), of states (B, H), in shared memory.

    Sequences that there are not are read as the last one. `row` is the length of one in shared memory; `of_row` holds
    four places more, of elements a pair of columns further on.
    """
    lane = cuda.threadIdx.x & 31
    unit, first = (cuda.threadIdx.x >> 5) * UNITS + (lane >> 2), 2 * (lane & 3)
    for e in range(4):
        b = min(cuda.blockIdx.x * ROWS + first + e % 2, rows - 1)
        j = unit + 8 * (e // 2)
        of_gates[e] = b * gates * size + j
        of_state[e] = b * size + j
        of_row[e] = (first + e % 2) * row + (j ^ ((lane & 3) << 3))
        of_row[4 + e] = (first + e % 2) * row + ((j + PAIR) ^ ((lane & 3) << 3))


@device
def gate_place(m, e, size, of_row):
    """Where the element e of gate m stands in shared memory, where the gates of a sequence are a row (G H)."""
    if m * size % (2 * PAIR) == 0:  # the exchange of columns stays within so many
        return of_row[e] + m * size
    return of_row[4 + e] + m * size - PAIR


@device
def read_gates(a, first, width, places, values):
    """What a thread reads of all gates of the step that begins at `first`, gate after gate, of `width` places each.

    They are read a barrier before they are overwritten: absent sequences read those of the last one, as others write.
    """
    n = places.size
    for k in range(values.size):
        values[k] = load(a, first + places[k % n] + k // n * width)


@device
def sequences_left(rows):
    """How many of the sequences from a thread's first one on there are: it writes one, two or none."""
    return rows - cuda.blockIdx.x * ROWS - 2 * (cuda.threadIdx.x & 3)


@device
def columns_from(pair, row):
    """Where in shared memory the four columns begin that a thread reads of a pair."""
    lane = cuda.threadIdx.x & 31
    return (lane >> 2) * row + ((PAIR * pair + 4 * (lane & 3)) ^ ((lane >> 3) << 3))


@device
def write_row(shared, at, low, exact, x):
    """Write a number that `multiply` reads, and `low` behind it what it leaves."""
    if exact:
        near, rest = split(x)
        store(shared, at, as_f32(near))
        store(shared, at + low, as_f32(rest))
    else:
        store(shared, at, as_f32(to_tf32(x)))


@device
def ask_for(array, first, count):
    """Bring elements on the way, a line of memory by each thread: no more than there are threads in a block."""
    at = first + LINE * cuda.threadIdx.x
    if LINE * cuda.threadIdx.x < count and at < array.size:
        prefetch(array, at)


@device
def _fragment(weight, at, across, along, exact):
    """The four weights of a tensor tile that a thread holds."""
    w0, w1 = load(weight, at), load(weight, at + 8 * across)
    w2, w3 = load(weight, at + along), load(weight, at + along + 8 * across)
    if exact:
        return w0, w1, w2, w3
    return as_f32(to_tf32(w0)), as_f32(to_tf32(w1)), as_f32(to_tf32(w2)), as_f32(to_tf32(w3))


@device
def keep_weights(weight, first, across, along, apart, pairs, kept, tiles, exact, weights, shared, stored):
    """Lay a warp's tiles of the weights where `multiply` looks for them.

    Parameters
    ----------
    weight : read: whose element for row r of tile m and column k stands at first + m apart + r across + k along
    pairs, kept : pairs of columns, and how many of the first of them stay in registers
    tiles : of sixteen rows
    exact : whether weights stay float32, else tf32
    weights : written: those in registers
    shared, stored : shared memory, where the others of the warp are written from `stored` on
    """
    lane = cuda.threadIdx.x & 31
    first += (lane >> 2) * across + 4 * (lane & 3) * along
    for p in range(kept):
        for m in range(tiles):
            for s in range(2):
                w = _fragment(weight, first + m * apart + (PAIR * p + 2 * s) * along, across, along, exact)
                place = ((m * kept + p) * 2 + s) * 4
                for k in range(4):
                    weights[place + k] = w[k]
    for p in range(kept, pairs):
        for m in range(tiles):
            for s in range(2):
                w = _fragment(weight, first + m * apart + (PAIR * p + 2 * s) * along, across, along, exact)
                place = stored + ((p - kept) * tiles + m) * TILE + s * TILE // 2 + 4 * lane
                store4(shared, place, w[0], w[1], w[2], w[3])


@device
def multiply(shared, even, odd, low, pairs, kept, tiles, chains, exact, weights, stored, sums, small):
    """Add the product of a warp's tiles of weights with the rows in shared memory to `sums`.

    Parameters
    ----------
    shared : read
    even, odd : where the thread's columns of the first pair begin, and those of the second
    low : how far behind them the lower parts of the numbers lie
    pairs, kept, tiles, exact, weights, stored : as in `keep_weights`
    chains : sums that a tile has; the tensor cores work at several at a time
    sums : read and written: four numbers of each chain of each tile
    small : read and written, as `sums`: where `exact`, the sums of products with lower parts
    """
    for r in range(0, kept, GROUP):
        for s in range(GROUP):
            p = r + s
            if p < kept:
                at = (odd if s % 2 else even) + PAIR * (p - s % 2)
                x = load4(shared, at)
                y = load4(shared, at + low) if exact else x
                for m in range(tiles):
                    place = (m * kept + p) * FRAGMENT
                    w = weights[place], weights[place + 1], weights[place + 2], weights[place + 3]
                    v = weights[place + 4], weights[place + 5], weights[place + 6], weights[place + 7]
                    add_pair(w, v, x, y, s, m, chains, exact, sums, small)
    for r in range(0, pairs - kept, GROUP):
        for s in range(GROUP):
            p = r + s
            if p < pairs - kept:
                at = (odd if (kept + s) % 2 else even) + PAIR * (kept + p - (kept + s) % 2)
                x = load4(shared, at)
                y = load4(shared, at + low) if exact else x
                for m in range(tiles):
                    place = stored + (p * tiles + m) * TILE + 4 * (cuda.threadIdx.x & 31)
                    w, v = load4(shared, place), load4(shared, place + TILE // 2)
                    add_pair(w, v, x, y, s, m, chains, exact, sums, small)


@device
def add_pair(w, v, x, y, s, m, chains, exact, sums, small):
    """Add the product of a pair of columns and a tile: of weights w and v, with numbers x and what they leave, y."""
    x0, x1, x2, x3 = as_u32(x[0]), as_u32(x[1]), as_u32(x[2]), as_u32(x[3])
    if exact:
        y0, y1, y2, y3 = as_u32(y[0]), as_u32(y[1]), as_u32(y[2]), as_u32(y[3])
        o = (m * chains + s % chains) * 4
        h0, l0 = split(w[0])
        h1, l1 = split(w[1])
        h2, l2 = split(w[2])
        h3, l3 = split(w[3])
        r = mma_tf32(l0, l1, l2, l3, x0, x1, small[o], small[o + 1], small[o + 2], small[o + 3])
        r = mma_tf32(h0, h1, h2, h3, y0, y1, r[0], r[1], r[2], r[3])
        d = mma_tf32(h0, h1, h2, h3, x0, x1, ZERO, ZERO, ZERO, ZERO)
        h4, l4 = split(v[0])
        h5, l5 = split(v[1])
        h6, l6 = split(v[2])
        h7, l7 = split(v[3])
        r = mma_tf32(l4, l5, l6, l7, x2, x3, r[0], r[1], r[2], r[3])
        r = mma_tf32(h4, h5, h6, h7, y2, y3, r[0], r[1], r[2], r[3])
        d = mma_tf32(h4, h5, h6, h7, x2, x3, d[0], d[1], d[2], d[3])
        for k in range(4):
            small[o + k] = r[k]
            sums[o + k] += d[k]
    else:
        o, n = (m * chains + 2 * s % chains) * 4, (m * chains + (2 * s + 1) % chains) * 4
        h0, h1, h2, h3 = as_u32(w[0]), as_u32(w[1]), as_u32(w[2]), as_u32(w[3])
        h4, h5, h6, h7 = as_u32(v[0]), as_u32(v[1]), as_u32(v[2]), as_u32(v[3])
        r = mma_tf32(h0, h1, h2, h3, x0, x1, sums[o], sums[o + 1], sums[o + 2], sums[o + 3])
        for k in range(4):
            sums[o + k] = r[k]
        r = mma_tf32(h4, h5, h6, h7, x2, x3, sums[n], sums[n + 1], sums[n + 2], sums[n + 3])
        for k in range(4):
            sums[n + k] = r[k]


@device
def total(sums, small, e, chains, exact):
    """The element e of a product that was summed in several chains."""
    found = ZERO
    for k in range(chains):
        found += sums[4 * k + e]
    if exact:
        rest = ZERO
        for k in range(chains):
            rest += small[4 * k + e]
        found += rest
    return found
