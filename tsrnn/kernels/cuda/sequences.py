"""What the loops over time share: which block and thread computes what.

A block owns a few sequences and goes through all their steps alone, so that no block waits for another. In each step
its threads deal out the units of these sequences among themselves, a unit (b, j) to the same thread at every step:
what a unit hands on to itself needs no barrier, what others read of it (h_{t-1}, the gradient of its gates) does.
The recurrent weights are read so that neighbouring threads read neighbours.
"""

from tsrnn.kernels.cuda.linear import affine
from tsrnn.kernels.cuda.machine.driver import launch

THREADS = 256  # of a block


def each_sequence(kernel, rows: int, size: int, *arguments) -> None:
    """Run a kernel on blocks that own so many sequences each, its last argument, of the `rows` that there are."""
    owned = max(1, THREADS // size)
    launch(kernel, -(-rows // owned), THREADS, *arguments, owned)


def project(x, weight_ih, bias_ih, a) -> None:
    """Input projections W_ih x_t + b_ih of all steps: `a` (T, B, G H) has a place for each on the device."""
    affine(flat(x), weight_ih, bias_ih, flat(a))


def flat(a):
    """(T, B, I) seen as (T * B, I)."""
    return a.reshape(-1, a.shape[2])
