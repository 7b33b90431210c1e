"""The watch over the simulator's memory sees what it is there to see."""

import numpy as np
import pytest

from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import SIMULATED, cuda
from tsrnn.kernels.cuda.machine.instructions import await_copies, commit_copies, copy_async

if not SIMULATED:
    pytest.skip("a GPU has its own checker", allow_module_level=True)

from on_device.hazards import HazardError


def run(function, blocks: int = 1, threads: int = 4, size: int = 8):
    out = Array.from_host(np.zeros(size, np.float32))
    cuda.jit(function)[blocks, threads, 0, 0](out.for_kernels)
    return out.to_host()


def turned(out):
    shared = cuda.shared.array(4, np.float32)
    i = cuda.threadIdx.x
    shared[i] = i
    cuda.syncthreads()
    out[i] = shared[3 - i]


def test_nothing_is_said_of_what_is_right():
    np.testing.assert_array_equal(run(turned)[:4], [3, 2, 1, 0])
    np.testing.assert_array_equal(run(copied_in_time), 0)


def turned_too_early(out):
    shared = cuda.shared.array(4, np.float32)
    i = cuda.threadIdx.x
    shared[i] = i
    cuda.syncthreads()
    shared[i] = 2 * i
    out[i] = shared[3 - i]


def all_write_one(out):
    out[0] = cuda.threadIdx.x


def blocks_share(out):
    out[0] += 1


def never_written(out):
    shared = cuda.shared.array(4, np.float32)
    out[cuda.threadIdx.x] = shared[cuda.threadIdx.x]


def copied(out, waits_for, other):
    """By each thread an element of two groups; it reads its own, or another's, past a barrier."""
    shared = cuda.shared.array(8, np.float32)
    i = cuda.threadIdx.x
    for k in range(2):
        copy_async(shared, i + 4 * k, out, i + 4 * k)
        commit_copies()
    if waits_for == 1:
        await_copies(1)
    elif waits_for == 2:
        await_copies(0)
    cuda.syncthreads()
    out[(i + other) % 4] = shared[(i + other) % 4 + 4]


def copied_in_time(out):
    copied(out, 2, 1)


def a_group_too_few(out):
    copied(out, 1, 0)


def anothers_too_early(out):
    copied(out, 1, 1)


def before_the_first(out):
    out[cuda.threadIdx.x - 1] = 1


def past_the_last(out):
    out[cuda.threadIdx.x + 6] = 1


def two_barriers(out):
    if cuda.threadIdx.x:
        cuda.syncthreads()
    else:
        cuda.syncthreads()


def registers(out):
    held = cuda.local.array(1, np.float32)
    out[cuda.threadIdx.x] = held[0]


@pytest.mark.parametrize(
    ("function", "blocks", "threads", "said"),
    [
        (turned_too_early, 1, 4, r"shared\[\d\] of \(4,\) is (read|written) by thread \d, and \d was there since"),
        (all_write_one, 1, 2, r"out\[0\] of \(8,\) is written by thread 1, and 0 was there since the last barrier"),
        (blocks_share, 2, 1, r"out\[0\] of \(8,\) is read by block 1, and another block was there"),
        (never_written, 1, 4, r"shared\[\d\] is read before it is written"),
        (a_group_too_few, 1, 4, r"shared\[\d\] is read before its copy was waited for"),
        (anothers_too_early, 1, 4, r"shared\[\d\] is read before its copy was waited for"),
        (before_the_first, 1, 4, r"out\[-1\] lies outside of \(8,\)"),
        (past_the_last, 1, 4, r"out\[8\] lies outside of \(8,\)"),
        (two_barriers, 1, 4, "of the threads that meet some are in"),
    ],
)
def test_what_a_gpu_punishes(function, blocks, threads, said):
    with pytest.raises(HazardError, match=said):
        run(function, blocks, threads)


def test_registers_hold_nothing_before():
    assert np.isnan(run(registers)[:4]).all()
