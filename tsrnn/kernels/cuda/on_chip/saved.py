"""Gates that wait for the way back in 16 bits each, two in the place of a number: where products are made in tf32.

They lie in the array that gradients are written into later, in the first half of the places of a step and sequence,
which the block that reads them overwrites. So nothing above knows of it: views, spans of steps and recordings stay what
they are. The two are the same gate of units j and j + 8, which one thread has, and eight neighbours write 32 bytes.

A gate lies between 0 and 1, and is rounded to a multiple of 2^-15 (a candidate, between -1 and 1, of 2^-14). float16
is as short and knows small numbers better; but next to 1 it has steps of 2^-11, and there gates that forget little
multiply one another over all steps, and derivatives are the distance from 1. A NaN is not kept: the states have it.
"""

import numpy as np

from tsrnn.kernels.cuda.machine.driver import cuda, device
from tsrnn.kernels.cuda.machine.instructions import as_f32, as_u32, prefetch, store
from tsrnn.kernels.cuda.on_chip.tiles import LINE, ROWS, UNITS

STEPS = np.float32(2**15)  # from 0 to 1
ORIGIN = np.float32(2**23)  # what is added to it is rounded to an integer, which its lowest bits then are
ORIGIN_BITS = 0x4B000000
STEP, SHIFT = np.float32(2**-15), np.float32(2**8)  # of ORIGIN
HALF, TWO, ONE = np.float32(0.5), np.float32(2), np.float32(1)


@device
def pack(x, y):
    """Two numbers from 0 to 1 in the place of one, which is none to compute with."""
    low, high = as_u32(x * STEPS + ORIGIN), as_u32(y * STEPS + ORIGIN)
    return as_f32(np.uint32((low & 0xFFFF) | (high << 16)))


@device
def unpack(word):
    """The two numbers."""
    bits = as_u32(word)
    low, high = as_f32(np.uint32((bits & 0xFFFF) | ORIGIN_BITS)), as_f32(np.uint32((bits >> 16) | ORIGIN_BITS))
    return low * STEP - SHIFT, high * STEP - SHIFT


@device
def to_share(x):
    """A candidate, from -1 to 1, as a number from 0 to 1."""
    return HALF * x + HALF


@device
def from_share(x):
    """The way back."""
    return TWO * x - ONE


@device
def saved_places(of_gates, of_saved):
    """Where, of a step's gates (B, G H), `read_gates` finds a thread's: its four elements, or two pairs of them.

    A pair are the elements e and e + 2. Where there are pairs, a gate takes half of the places that it would take.
    """
    for e in range(of_saved.size):
        of_saved[e] = of_gates[e] - (UNITS // 2 * (cuda.threadIdx.x >> 5) if of_saved.size == 2 else 0)


@device
def write_pairs(a, at, size, e, values):
    """Write the elements e - 2 and e of all gates of a thread, which are from 0 to 1, gate after gate from `at` on."""
    for m in range(values.size // 4):
        store(a, at + m * (size // 2), pack(values[4 * m + e - 2], values[4 * m + e]))


@device
def of_pair(words, m, e):
    """The element e of gate m, of pairs that `read_gates` has read."""
    first, second = unpack(words[2 * m + e % 2])
    return first if e < 2 else second


@device
def ask_for_rows(array, first, length, count):
    """As `ask_for`, for so many elements at the beginning of each row of a block."""
    lines = (count + LINE - 1) // LINE
    row, line = cuda.threadIdx.x // lines, cuda.threadIdx.x % lines
    at = first + row * length + line * LINE
    if row < ROWS and at < array.size:
        prefetch(array, at)
