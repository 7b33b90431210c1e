"""No silent promotion: a formula on float32 computes in float32, and the loops stay in vector registers."""

import importlib
import inspect
import pkgutil
import re

import numba
import pytest
from numba import boolean, float32, float64

import tsrnn.kernels
from tsrnn.kernels import gru, gru_reset_before, linear, lstm, lstm_peephole, parallel, products, rnn
from tsrnn.kernels._jit import FORMULA, LOOP
from tsrnn.kernels.dropout import uniform_bits
from tsrnn.kernels.optimization import adam

pytestmark = pytest.mark.compiled


# On integers, or a few calls on arrays: phrases.
NO_FORMULAS = (uniform_bits, linear.project, products.height_of_tile, products.add_product, products.laid_out)


def formulas():
    """Every formula of the kernels on floating-point numbers, by name."""
    found = {}
    for info in pkgutil.iter_modules(tsrnn.kernels.__path__, "tsrnn.kernels."):
        if not info.ispkg:
            module = importlib.import_module(info.name)
            for name, value in vars(module).items():
                options = getattr(value, "targetoptions", {})
                if options.get("inline") == FORMULA["inline"] and value.__module__ == info.name:
                    found[f"{info.name.rpartition('.')[2]}.{name}"] = value
    return {name: value for name, value in found.items() if value not in NO_FORMULAS}


FORMULAS = formulas()

# Loop -> dimensions of its arguments, None for a flag.
LOOPS = {
    rnn.step: (2, 1, None, 2),
    rnn.step_gradient: (2, 2, None, 2),
    lstm.step: (2, 1, 2, 2, 2),
    lstm.step_gradient: (2, 2, 2, 2, 2),
    lstm_peephole.step: (2, 1, 2, None, 2, 2, 2),
    lstm_peephole.step_gradient: (2, 2, None, 2, 2, 2, 2, 2),
    gru.step: (2, 1, 2, 2, 2),
    gru.step_gradient: (2, 2, 2, 2),
    gru_reset_before.reset_step: (2, 1, 2, 2),
    gru_reset_before.candidate_step: (2, 1, 2, 2),
    gru_reset_before.candidate_step_gradient: (2, 2, 2),
    gru_reset_before.reset_step_gradient: (2, 2, 2, 2),
    adam: (1, 1, 1, 1, 1),
}

# The same for loops over these: products, and calls of the above.
CALLERS = {
    parallel.rnn_forward: (3, 3, 2, 1, None),
    parallel.rnn_backward: (3, 3, 2, 3, 2, 2, 1, None),
    parallel.lstm_forward: (3, 3, 3, 2, 1),
    parallel.lstm_backward: (3, 3, 3, 2, 3, 2, 2, 2, 1),
    parallel.lstm_peephole_forward: (3, 3, 3, 2, 1, 2, None),
    parallel.lstm_peephole_backward: (3, 3, 3, 2, 2, 3, 2, 2, 2, 1, 2, None),
    parallel.gru_forward: (3, 3, 3, 2, 1),
    parallel.gru_backward: (3, 3, 3, 2, 3, 2, 2, 1),
    parallel.gru_reset_before_forward: (3, 3, 3, 2, 1),
    parallel.gru_reset_before_backward: (3, 3, 3, 2, 3, 2, 2, 1),
}


def types_of(numba_type):
    """The scalar types in a tuple, nested or not, or of a single number."""
    if isinstance(numba_type, numba.types.BaseTuple):
        return set().union(*(types_of(part) for part in numba_type))
    return {numba_type}


def test_the_search_finds_the_cells():
    assert {"rnn.cell", "lstm.cell", "gru.cell_gradient", "losses.huber"} <= FORMULAS.keys()
    assert {"rnn.relu_cell_gradient", "lstm_peephole.peep", "gru_reset_before.reset_gradient"} <= FORMULAS.keys()


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("scalar", [float32, float64])
def test_formula_keeps_the_type(name, scalar):
    # A dispatcher of its own: the package's would keep the signature and its inlining would see it.
    formula = numba.njit(**FORMULA)(FORMULAS[name].py_func)
    formula.compile((scalar,) * len(inspect.signature(formula.py_func).parameters))
    assert types_of(formula.nopython_signatures[0].return_type) == {scalar}


# Of the mathematical library; LLVM marks arrays that do not overlap by a function with "experimental" in its name.
CALLS = r"@(llvm\.)?(tanh|exp(?!erimental))"


def llvm_code(function, dimensions):
    fresh = numba.njit(**LOOP)(function)  # without the cache, which keeps no LLVM code
    fresh.compile(tuple(numba.types.Array(float32, ndim, "C") if ndim else boolean for ndim in dimensions))
    (code,) = fresh.inspect_llvm().values()
    return code


def scalar_loops(code):
    """Names of the innermost loops on floats that LLVM's vectoriser has left as they were, in all their copies.

    The jump back to the start of a loop bears a mark if the vectoriser has made the loop, or has left it for the
    elements that do not fill a vector. Copies of the latter, for short rows or from unrolling, may be without; up to
    the first dot they have its name.
    """
    flag = re.search(r'^(!\d+) = !\{!"llvm\.loop\.isvectorized"', code, re.MULTILINE)
    nodes = re.findall(r"^(!\d+) = distinct !\{(.*)\}", code, re.MULTILINE)
    marks = {name for name, parts in nodes if flag and flag[1] in parts.split(", ")}
    found = {True: set(), False: set()}
    for function in re.findall(r"^define .*?^\}", code, re.MULTILINE | re.DOTALL):
        lines = function.splitlines()
        start_of = {label[1]: k for k, line in enumerate(lines) if (label := re.match(r"([\w.$-]+):", line))}
        targets = {k: re.findall(r"label %([\w.$-]+)", line) for k, line in enumerate(lines)}
        loops = {(start_of[label], k) for k in targets for label in targets[k] if start_of.get(label, k) < k}
        for start, end in loops:
            inner = not any(start <= s and e <= end for s, e in loops - {(start, end)})
            on_floats = any(re.search(r"= .*\bf(add|sub|mul|div|cmp)\b.* float ", line) for line in lines[start:end])
            if inner and on_floats:
                mark = re.search(r"!llvm\.loop (!\d+)", lines[end])
                found[bool(mark) and mark[1] in marks].add(re.match(r"\w+", lines[start])[0])
    return found[False] - found[True]


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: f"{loop.__module__.rpartition('.')[2]}.{loop.__name__}")
def test_loop_is_vectorised_in_float32(loop):
    code = llvm_code(loop.py_func, LOOPS[loop])
    assert "double" not in code
    assert " x float>" in code
    assert not scalar_loops(code)
    # A vector of these is written in the code, but the machine computes it by a call for each element.
    assert not re.search(CALLS, code)


@pytest.mark.parametrize("loop", CALLERS, ids=lambda loop: loop.__name__)
def test_loop_of_calls_stays_in_float32(loop):
    code = llvm_code(loop.py_func, CALLERS[loop])
    # Numba computes the size of a reshaped array in float64, but no number of the array itself.
    assert not re.search(r"= fp(ext|trunc) ", code)
    assert not re.search(CALLS, code)


def running_product(a, b):
    for j in range(1, a.size):
        b[j] = b[j - 1] * a[j]


def search(a, b):
    for j in range(a.size):
        b[0] += a[j]
        if b[0] > a[j]:
            break


@pytest.mark.parametrize("scalar", [running_product, search])
def test_scalar_loop_beside_a_vectorised_one_is_found(scalar):
    """The sum of the biases alone has vectors enough to hide scalar gates."""
    inlined = numba.njit(inline="always")(scalar)

    def both(a, b):
        for j in range(a.size):
            a[j] += b[j]
        inlined(a, b)

    code = llvm_code(both, (1, 1))
    assert " x float>" in code
    assert scalar_loops(code)
