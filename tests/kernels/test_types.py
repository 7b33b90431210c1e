"""No silent promotion: a formula on float32 computes in float32, and the loops stay in vector registers."""

import importlib
import inspect
import pkgutil

import numba
import pytest
from numba import float32, float64

import tsrnn.kernels
from tsrnn.kernels import gru, lstm, rnn
from tsrnn.kernels._jit import FORMULA, LOOP
from tsrnn.kernels.dropout import uniform_bits
from tsrnn.kernels.optimization import adam

pytestmark = pytest.mark.compiled


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
    return {name: value for name, value in found.items() if value is not uniform_bits}


FORMULAS = formulas()

# Loop -> dimensions of its arguments.
LOOPS = {
    rnn.step: (2, 2, 1, 2),
    rnn.step_gradient: (2, 2, 2),
    lstm.step: (2, 2, 1, 2, 2, 2),
    lstm.step_gradient: (2, 2, 2, 2, 2),
    gru.step: (2, 2, 1, 2, 2, 2),
    gru.step_gradient: (2, 2, 2, 2),
    adam: (1, 1, 1, 1, 1),
}


def types_of(numba_type):
    """The scalar types in a tuple, nested or not, or of a single number."""
    if isinstance(numba_type, numba.types.BaseTuple):
        return set().union(*(types_of(part) for part in numba_type))
    return {numba_type}


def test_the_search_finds_the_cells():
    assert {"rnn.cell", "lstm.cell", "gru.cell_gradient", "losses.huber"} <= FORMULAS.keys()


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("scalar", [float32, float64])
def test_formula_keeps_the_type(name, scalar):
    # A dispatcher of its own: the package's would keep the signature and its inlining would see it.
    formula = numba.njit(**FORMULA)(FORMULAS[name].py_func)
    formula.compile((scalar,) * len(inspect.signature(formula.py_func).parameters))
    assert types_of(formula.nopython_signatures[0].return_type) == {scalar}


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: f"{loop.__module__.rpartition('.')[2]}.{loop.__name__}")
def test_loop_is_vectorised_in_float32(loop):
    options = {name: value for name, value in LOOP.items() if name != "cache"}  # the cache keeps no LLVM code
    fresh = numba.njit(**options)(loop.py_func)
    fresh.compile(tuple(numba.types.Array(float32, ndim, "C") for ndim in LOOPS[loop]))
    (code,) = fresh.inspect_llvm().values()
    assert "double" not in code
    assert " x float>" in code
