"""The table of signatures, by which the kernels are compiled, knows all kernels; the check of what came out sees."""

import numpy as np
import pytest

from on_device import usage
from on_device.signatures import FITTED, SIGNATURES, all_families, all_kernels, entry_of, fits, signatures
from tsrnn.kernels.cuda import sequences, tilings
from tsrnn.kernels.cuda.machine import driver


def test_every_kernel_has_its_signature():
    assert SIGNATURES.keys() == {entry_of(name) for name in all_kernels()} | all_families().keys()
    assert FITTED.keys() == all_families().keys()


def test_signatures_have_a_word_for_each_argument():
    fitted = {name: make(*FITTED[name][0])[0] for name, make in all_families().items()}
    for name, function in (all_kernels() | fitted).items():
        assert {len(words) for words in signatures(name)} == {function.__code__.co_argcount}, name


def test_no_launch_asks_for_more_threads_than_the_check_reckons_with():
    tiles = [tile for tiles in tilings.TILES.values() for tile in tiles]
    assert max(driver.THREADS, sequences.THREADS, *(tile.threads for tile in tiles)) <= usage.THREADS


def test_words():
    array = np.zeros((2, 3), np.float32)
    assert fits("f2", array, np.float32)
    assert fits("f2*", array.T, np.float32)
    assert not fits("f2", array.T, np.float32)
    assert not fits("f3", array, np.float32)
    assert not fits("f2", array, np.float64)
    assert not fits("d2", array, np.float32)
    for word, number in (("i", 3), ("b", True), ("u", np.uint64(3)), ("f", np.float32(3)), ("d", 3.0)):
        assert [fits(other, number, np.float32) for other in "fiubd"] == [other == word for other in "fiubd"]


LOG = """info    : 0 bytes gmem
info    : Compiling entry function 'kernel' for 'sm_90'
info    : Function properties for kernel
info    :     {stack} bytes stack frame, {spills} bytes spill stores, {spills} bytes spill loads
info    : Used {registers} registers, used 1 barriers, {shared} bytes smem, 400 bytes cmem[0]
"""
FINE = {"stack": 0, "spills": 0, "registers": 80, "shared": 4352}


def test_the_linkers_words_are_read():
    used = usage.of(LOG.format(**FINE))
    assert used == usage.Usage(registers=80, shared=4352, stack=0, stores=0, loads=0)
    assert not usage.complaints(used)
    assert usage.of(LOG.format(**FINE).replace("4352 bytes smem, ", "")).shared == 0
    with pytest.raises(ValueError, match="expected 1"):
        usage.of(LOG.format(**FINE) * 2)


@pytest.mark.parametrize("bad", [{"stack": 8}, {"spills": 4}, {"registers": 257}, {"shared": 49153}])
def test_bad_code_is_complained_of(bad):
    assert usage.complaints(usage.of(LOG.format(**FINE | bad)))
