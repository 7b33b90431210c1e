"""Functions of which kernels share one copy: found in later processes, whatever these have compiled or loaded."""

import re

import numba
import numpy as np
import pytest

import tsrnn.kernels._jit
import tsrnn.kernels._shared
from kernels.copied import copied, run_in
from tsrnn.kernels._jit import LOOP
from tsrnn.kernels.linear import affine_gradient
from tsrnn.kernels.products import add_outer_product

pytestmark = pytest.mark.compiled

SUMS = """
from tsrnn.kernels._shared import shared


@shared
def add_total(a, out):
    total = a[0] - a[0]
    for j in range(a.size):
        total += a[j]
    out[0] += total
    return total
"""
LOOPS = """
from tsrnn.kernels._jit import loop
from tsrnn.kernels.sums import add_total


@loop
def add_twice(a, out):
    return add_total(a, out) + add_total(a, out)


@loop
def add_four_times(a, out):
    return add_twice(a, out) + add_twice(a, out)
"""
RUN = """
import sys
import numpy as np
from tsrnn.kernels import loops, sums
function = getattr(loops, sys.argv[1])
for dtype in (np.float32, np.float64):
    out = np.zeros(1, dtype)
    returned = function(np.arange(10, dtype=dtype), out)
    print(out[0], returned)
print(sum(function.stats.cache_hits.values()), sum(sums.add_total.stats.cache_hits.values()))
"""


@pytest.fixture
def package(tmp_path):
    modules = [tsrnn.kernels._jit, tsrnn.kernels._shared]
    return copied(tmp_path / "site", modules, {"sums.py": SUMS, "loops.py": LOOPS})


def run(package, name):
    """What the loop of that name gives in a process of its own, and how often it and the shared function were kept."""
    return run_in(package.parent.parent, RUN, name).split("\n")[:3]


def test_later_processes_find_what_a_kernel_calls(package):
    twice, four_times = ["90.0 90.0"] * 2, ["180.0 180.0"] * 2
    assert run(package, "add_twice") == [*twice, "0 0"]
    assert run(package, "add_twice") == [*twice, "2 2"]
    # Takes in a loop that was loaded, and is loaded without it afterwards.
    assert run(package, "add_four_times") == [*four_times, "0 2"]
    assert run(package, "add_four_times") == [*four_times, "2 2"]


def test_what_is_gone_from_the_disk_is_compiled_again(package):
    run(package, "add_four_times")
    for file in (package / "__pycache__").glob("sums.add_total*"):
        file.unlink()
    assert run(package, "add_four_times") == ["180.0 180.0", "180.0 180.0", "2 0"]


def test_callers_hold_no_copy():
    fresh = numba.njit(**LOOP)(lambda a, b, out: add_outer_product(a, b, out))
    fresh(np.ones((3, 4)), np.ones((3, 5)), out := np.zeros((4, 5)))
    np.testing.assert_array_equal(out, 3)
    (code,) = fresh.inspect_llvm().values()
    assert "declare i32 @_ZN5tsrnn7kernels8products17add_outer_product" in code
    assert not re.search(r"define .*products", code)


def test_called_from_python_it_is_a_function():
    d_weight, d_bias = np.empty((2, 3)), np.empty(2)
    affine_gradient(np.ones((5, 3)), np.ones((5, 2)), d_weight, d_bias)
    np.testing.assert_array_equal(d_weight, 5)
    np.testing.assert_array_equal(d_bias, 5)
    assert affine_gradient.__name__ == "affine_gradient"
    assert affine_gradient.signatures
