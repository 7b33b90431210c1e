"""Dropout (Srivastava et al., 2014) whose mask is a function of a key and the position.

No random state is passed around and no mask is stored: `backward` computes the same mask again, whatever the
number of threads.
"""

import numpy as np

from tsrnn.kernels._jit import formula, loop

_LOW = np.uint64(0xFFFFFFFF)


@formula
def uniform_bits(key, position):
    """32 well mixed bits for a position under a key (the integer hash lowbias32 of Wellons' hash prospector).

    Products of two 32-bit numbers are taken in 64 bits and cut, so that nothing overflows.
    """
    x = ((position * np.uint64(0x9E3779B9)) & _LOW) ^ key
    x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x7FEB352D)) & _LOW
    x = ((x ^ (x >> np.uint64(15))) * np.uint64(0x846CA68B)) & _LOW
    return x ^ (x >> np.uint64(16))


@loop
def dropout(a, out, key, first, threshold, scale):
    """out = a * scale where the position is kept, else zero.

    Parameters
    ----------
    a : (N,) read
    out : (N,) written; may be `a`
    key : uint64, below 2^32
    first : uint64: the position of a[0] in the sequence
    threshold : uint64: a position is dropped if its bits are below, that is with probability threshold / 2^32
    scale : of the type of `a`: 1 / (1 - rate), so that the expectation stays the same
    """
    zero = type(scale)(0)
    for i in range(a.size):
        out[i] = a[i] * (scale if uniform_bits(key, first + np.uint64(i)) >= threshold else zero)
