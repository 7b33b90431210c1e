"""A tile of a matrix product, made by the threads of a block: what the kernels of affine maps and of steps share.

The factors come through shared memory in stages, each of so many of the numbers k that are summed over. While one
stage is worked on, the threads hold the next in registers, on its way from the device's memory. A thread keeps a small
tile of its own in registers, so that a number read from shared memory serves several products. Where the tile of the
block is too small for all its threads, groups of them make it together: each takes its share of every stage, and their
sums are added in the end, in order.

Tensor cores take float32 as tf32, with 10 bits of its 23. To lose nothing a number is taken in two parts, what tf32
holds of it and the rest: three products in place of one, the large one last; that of the two rests is below what
float32 holds.

Functions here become part of the kernel that calls them, and what is constant there is constant in them.
"""

import numpy as np

from tsrnn.kernels.cuda.machine.driver import cuda, inlined
from tsrnn.kernels.cuda.machine.instructions import WARP, as_f32, as_u32, load4, mma_tf32, split, store4, to_tf32
from tsrnn.kernels.cuda.tilings import PAD

RUN = 8  # neighbours along k that threads next to one another read: 32 bytes of float32, what the memory gives at once


@inlined
def _place(s, width, threads, along):
    """Row and k of the number s of this thread's part of a stage: neighbours read what lies side by side in memory.

    What is said here with `s` alone is a constant, so that rows and their addresses are worked out once for many.
    """
    if not along:
        if threads % width == 0:
            return cuda.threadIdx.x % width, cuda.threadIdx.x // width + s * (threads // width)
        return (cuda.threadIdx.x + s * threads) % width, (cuda.threadIdx.x + s * threads) // width
    run, m, together = cuda.threadIdx.x % RUN, cuda.threadIdx.x // RUN, threads // RUN
    if width % together == 0:
        turns = width // together
        return m + s % turns * together, run + s // turns * RUN
    if together % width == 0:
        return m % width, run + (m // width + s * (together // width)) * RUN
    return (m + s * together) % width, run + (m + s * together) // width * RUN


@inlined
def _fetch(held, place, x, rows, first, stop, width, depth, threads, along):
    """Take this thread's part of a stage into registers from `place` on; zeros from outside of the matrix."""
    start, limit, group, span = rows
    parts = (width * depth + threads - 1) // threads
    if start + group <= limit and first + depth <= stop and width * depth % threads == 0:
        for s in range(parts):
            m, k = _place(s, width, threads, along)
            row, k = np.uint64(start + m % group + m // group * span), np.uint64(first + k)
            held[place + s] = x[row, k] if along else x[k, row]
    else:
        for s in range(parts):
            m, k = _place(s, width, threads, along)
            inside = start + m % group < limit and first + k < stop
            row, k = np.uint64(start + m % group + m // group * span), np.uint64(first + k)
            held[place + s] = 0
            if inside:
                held[place + s] = x[row, k] if along else x[k, row]


@inlined
def _lay(shared, to, held, place, width, depth, threads, along, rounds):
    """Lay it into shared memory, the rows of the tile next to one another for each k."""
    for s in range((width * depth + threads - 1) // threads):
        m, k = _place(s, width, threads, along)
        if width * depth % threads == 0 or k < depth:
            value = held[place + s]
            if rounds:
                value = as_f32(to_tf32(np.float32(value)))
            shared[np.uint64(to + k * (width + PAD) + m)] = value


@inlined
def _multiply(held, shared, a_place, b_place, tile):
    """Add the products for one k, whose numbers lie in shared memory from these places on."""
    u = tile.rows * tile.columns
    v = u + tile.rows
    for i in range(0, tile.rows, 4):
        n = u + i
        held[n], held[n + 1], held[n + 2], held[n + 3] = load4(shared, a_place + i * tile.down)
    for j in range(0, tile.columns, 4):
        n = v + j
        held[n], held[n + 1], held[n + 2], held[n + 3] = load4(shared, b_place + j * tile.across)
    for i in range(tile.rows):
        for j in range(tile.columns):
            held[i * tile.columns + j] += held[u + i] * held[v + j]


@inlined
def _take(held, place, rest, value, parts):
    """Hold a number for the tensor cores, and what it leaves where it is taken in two parts."""
    held[place] = value
    if parts == 2:
        near, left = split(np.float32(value))
        held[place], held[place + rest] = as_f32(near), as_f32(left)


@inlined
def _multiply_by_warps(held, shared, a_place, b_place, a_length, b_length, tile):
    """Add the products for eight k, all threads of a warp together: see `mma_tf32` for which holds what."""
    lane = cuda.threadIdx.x % WARP
    g, q = lane // 4, lane % 4
    down, across = tile.rows // 16, tile.columns // 8
    u = 4 * down * across
    v = u + 4 * down * tile.parts
    for i in range(down):
        for e in range(4):
            k = (q + e // 2 * 4) * a_length
            _take(held, u + 4 * i + e, 4 * down, shared[np.uint64(a_place + k + 16 * i + e % 2 * 8 + g)], tile.parts)
    for j in range(across):
        for e in range(2):
            k = (q + e * 4) * b_length
            _take(held, v + 2 * j + e, 2 * across, shared[np.uint64(b_place + k + 8 * j + g)], tile.parts)
    if tile.parts == 2:
        _add_by_warps(held, u + 4 * down, v, down, across)
        _add_by_warps(held, u, v + 2 * across, down, across)
    _add_by_warps(held, u, v, down, across)


@inlined
def _add_by_warps(held, u, v, down, across):
    for i in range(down):
        a = u + 4 * i
        for j in range(across):
            b, c = v + 2 * j, 4 * (i * across + j)
            held[c], held[c + 1], held[c + 2], held[c + 3] = mma_tf32(
                as_u32(np.float32(held[a])),
                as_u32(np.float32(held[a + 1])),
                as_u32(np.float32(held[a + 2])),
                as_u32(np.float32(held[a + 3])),
                as_u32(np.float32(held[b])),
                as_u32(np.float32(held[b + 1])),
                np.float32(held[c]),
                np.float32(held[c + 1]),
                np.float32(held[c + 2]),
                np.float32(held[c + 3]),
            )


@inlined
def add_products(held, shared, a, b, a_rows, b_rows, first, stop, tile, a_along, b_along, sums=False):
    """Sum the products of a tile over k from `first` to `stop`: each thread its share of them.

    Parameters
    ----------
    held, shared : arrays of `tile.sizes()`
        Registers and shared memory; `held` begins with the thread's sums, row after row. Written.
    a, b : two dimensions, read
        The factors, k last if along, else first.
    a_rows, b_rows : tuple of int
        Which rows of the factor make the tile: from the first on, those below a limit, in groups of so many that lie
        so far apart.
    first, stop : int
    tile : Tile
    a_along, b_along : bool
    sums : bool
        Also add up each row of `a`, not along: a thread in its last register what it reads of one of them.
    """
    height, width = tile.down * tile.rows, tile.across * tile.columns
    together = WARP if tile.parts else 1  # threads that keep a tile of rows and columns
    threads, depth = tile.groups * tile.down * tile.across * together, tile.groups * tile.depth
    member = cuda.threadIdx.x // together
    group, row, column = member // (tile.down * tile.across), member // tile.across % tile.down, member % tile.across
    if tile.parts:  # the next stage lies in the last registers
        next_a = tile.rows * tile.columns // WARP + tile.parts * (tile.rows // 4 + tile.columns // 4)
    else:
        next_a = tile.rows * tile.columns + tile.rows + tile.columns
    next_b = next_a + (height * depth + threads - 1) // threads
    for e in range(tile.rows * tile.columns // together):
        held[e] = 0
    last = held.size - 1
    held[last] = 0
    stage, other = 0, depth * (height + PAD + width + PAD)
    _fetch(held, next_a, a, a_rows, first, stop, height, depth, threads, a_along)
    _fetch(held, next_b, b, b_rows, first, stop, width, depth, threads, b_along)
    while first < stop:
        a_place, b_place = stage, stage + depth * (height + PAD)
        _lay(shared, a_place, held, next_a, height, depth, threads, a_along, tile.parts == 1)
        _lay(shared, b_place, held, next_b, width, depth, threads, b_along, tile.parts == 1)
        if sums:
            for s in range(next_b - next_a):
                held[last] += held[next_a + s]
        cuda.syncthreads()
        first += depth
        if first < stop:
            _fetch(held, next_a, a, a_rows, first, stop, height, depth, threads, a_along)
            _fetch(held, next_b, b, b_rows, first, stop, width, depth, threads, b_along)
        a_place += group * tile.depth * (height + PAD)
        b_place += group * tile.depth * (width + PAD)
        if tile.parts:
            a_place += row * tile.rows
            b_place += column * tile.columns
            for _ in range(0, tile.depth, 8):
                _multiply_by_warps(held, shared, a_place, b_place, height + PAD, width + PAD, tile)
                a_place += 8 * (height + PAD)
                b_place += 8 * (width + PAD)
        else:
            a_place += 4 * row
            b_place += 4 * column
            for _ in range(0, tile.depth, 2):  # two at a time: what the second needs is read during the first
                _multiply(held, shared, a_place, b_place, tile)
                _multiply(held, shared, a_place + height + PAD, b_place + width + PAD, tile)
                a_place += 2 * (height + PAD)
                b_place += 2 * (width + PAD)
        stage, other = other, stage
    cuda.syncthreads()


@inlined
def row_sum(held, shared, height, threads):
    """The sum of a row of `a`, once `add_products` has read it all: in thread m that of row m."""
    shared[cuda.threadIdx.x] = held[held.size - 1]
    cuda.syncthreads()
    total = shared[cuda.threadIdx.x % height]
    for k in range(1, threads // height):
        total += shared[cuda.threadIdx.x % height + k * height]
    cuda.syncthreads()
    return total


@inlined
def dealt(width, threads):
    """Column and row of the first element of a tile that is this thread's; its others lie so many rows apart."""
    return cuda.threadIdx.x % width, cuda.threadIdx.x // width, threads // width


@inlined
def gather(held, shared, tile):
    """Lay the sums of a tile into shared memory, row after row, where all threads find them.

    Parameters
    ----------
    held, shared, tile : as `add_products` left them
    """
    width = tile.across * tile.columns
    together = WARP if tile.parts else 1
    members, size = tile.down * tile.across * together, tile.rows * tile.columns // together
    group, member = cuda.threadIdx.x // members, cuda.threadIdx.x % members
    half = tile.groups // 2
    while half > 0:
        if half <= group < 2 * half:
            slot = 4 * (member + (group - half) * members * (size // 4))
            for e in range(0, size, 4):
                store4(shared, slot + e * members, held[e], held[e + 1], held[e + 2], held[e + 3])
        cuda.syncthreads()
        if group < half:
            slot = 4 * (member + group * members * (size // 4))
            for e in range(0, size, 4):
                x, y, z, w = load4(shared, slot + e * members)
                held[e] += x
                held[e + 1] += y
                held[e + 2] += z
                held[e + 3] += w
        cuda.syncthreads()
        half //= 2
    if group == 0:
        row, column = member // together // tile.across, member // together % tile.across
        if tile.parts:
            g, q = member % WARP // 4, member % 4
            for e in range(0, size, 2):
                i, j = e // 4 // (tile.columns // 8), e // 4 % (tile.columns // 8)
                m = row * tile.rows + 16 * i + g + e % 4 * 4
                n = column * tile.columns + 8 * j + 2 * q
                shared[np.uint64(m * width + n)], shared[np.uint64(m * width + n + 1)] = held[e], held[e + 1]
        else:
            for i in range(tile.rows):
                m = i // 4 * (4 * tile.down) + 4 * row + i % 4
                for j in range(0, tile.columns, 4):
                    e, n = i * tile.columns + j, j * tile.across + 4 * column
                    store4(shared, m * width + n, held[e], held[e + 1], held[e + 2], held[e + 3])
    cuda.syncthreads()
