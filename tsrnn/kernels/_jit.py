"""Every Numba option of the project, each with its reason. No other module configures Numba."""

import hashlib
from contextlib import suppress
from importlib.resources import files

from numba import njit, types
from numba.core import config
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic

# What float arithmetic may assume in the CPU loops. Not "nnan" and "ninf": under them a NaN loss is undefined
# behaviour, and the trainer has to see it. Not "afn": it would trade accuracy of divisions away.
_ALGEBRA = {"contract", "reassoc", "nsz", "arcp"}

_COMMON = {
    # The default model checks each division for zero, and the check stops vectorisation.
    "error_model": "numpy",
    # Chunks of a batch run in threads of their own; the kernels touch no Python object.
    "nogil": True,
    # Nobody takes the address of a kernel as of a C function. The wrapper for that would hold all of it once more.
    "no_cfunc_wrapper": True,
}

LOOP = {
    **_COMMON,
    # A loop that another one calls becomes part of it. Else both hold a copy, optimised each in its own way, and which
    # of them runs depends on what the process has compiled or loaded before: the last bits of a fit would too. The
    # loop called is optimised before it is taken in, so that it stays vectorised beside a matrix product.
    "forceinline": True,
    "fastmath": _ALGEBRA,
}

FORMULA = {
    **_COMMON,
    # Inlined at Numba's level, a formula is compiled with the options of the loop that calls it: vectorised on the
    # CPU with the loop's algebra, while the formula itself carries no fastmath into a CUDA kernel.
    "inline": "always",
}

# A loop that stays a function of its own, of which there is one copy (_shared.py). An option that is not said would be
# taken from the kernel that is the first to call it.
SHARED = {**LOOP, "forceinline": False}

# Options of the implementations behind an overload (activations.py), which Numba compiles on their own.
OVERLOAD = {**_COMMON, "fastmath": _ALGEBRA}


def formula(function):
    """Compile a function of scalars that returns scalars: the mathematics, no indexing."""
    return njit(**FORMULA)(function)


def phrase(function):
    """Compile a few calls, without a loop over elements, as part of whatever uses it.

    As a function of its own it would hold, and have compiled once more, all that it calls.
    """
    return njit(**FORMULA)(function)


def loop(function):
    """Compile a function over arrays: the indexing; the mathematics is in the formulas it calls."""
    return _kept(njit(**LOOP)(function))


def shared_loop(function):
    """Compile a function over arrays that its callers do not take in: for `shared`."""
    return _kept(njit(**SHARED)(function))


def _kept(compiled):
    """Keep machine code on disk, so that a later process does not compile again.

    It lies beside the source, or in the user's cache folder where that cannot be written to, or where NUMBA_CACHE_DIR
    says. Where there is no such folder either, each process compiles for itself.
    """
    if hasattr(compiled, "enable_caching"):  # not under NUMBA_DISABLE_JIT
        with suppress(RuntimeError):  # "no locator available", at which Numba's own `cache=True` fails, at import
            compiled._cache = KernelCache(compiled.py_func)
    return compiled


class KernelCache(FunctionCache):
    """Numba's cache of one function, fresh for as long as no file of the kernels changes.

    Numba looks at the file in which a function stands, older versions at its date. The formulas and loops that it
    calls, which become part of it, may stand in others.
    """

    def __init__(self, function):
        super().__init__(function)
        if STATE is not None:
            self._cache_file = IndexDataCacheFile(self.cache_path, self._impl.filename_base, STATE)

    def load_overload(self, sig, target_context):
        """As Numba does; what has to be done before the code is loaded also holds for what takes this function in."""
        found = super().load_overload(sig, target_context)
        if found is not None:
            found.library._reload_init.update(found.reload_init)
        return found


def _state() -> str | None:
    """A hash of all files of the kernels; None where only their bytecode is there, as in a frozen application."""
    folders, texts = [files(__package__)], []
    for folder in folders:  # which grows on the way
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
        folders += [entry for entry in entries if entry.is_dir()]
        texts += [entry.read_bytes() for entry in entries if entry.name.endswith(".py")]
    return hashlib.sha256(b"".join(texts)).hexdigest() if texts else None


STATE = _state()


@intrinsic
def _apart(typing_context):
    def generate(context, builder, signature, args):
        for argument in builder.function.args:
            if argument.name.endswith(".4"):  # of what an array is passed as, the address of its numbers
                argument.add_attribute("noalias")
        # LLVM's own choice on Intel's processors is half of a register. llvmlite's set refuses names it does not know.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


def _layout(name: str):
    """An intrinsic that takes an array for one of another layout."""

    @intrinsic
    def taken_for(typing_context, array):
        def generate(context, builder, signature, args):
            return impl_ret_borrowed(context, builder, signature.return_type, args[0])

        return array.copy(layout=name)(array), generate

    return taken_for


def _nothing():
    pass


def _as_it_is(array):
    return array


# Called in a loop over a row of gates: the arrays given to it do not overlap, and vectors are as wide as a register.
# Without that promise the vectorised code compares the addresses of all of them each time, which takes as long as some
# fifty elements do.
apart = _nothing if config.DISABLE_JIT else _apart
# An array of whose layout the compiler knows nothing: one compiled copy serves all.
any_layout = _as_it_is if config.DISABLE_JIT else _layout("A")
# An array whose elements are known to lie next to one another, though its type does not say so.
one_piece = _as_it_is if config.DISABLE_JIT else _layout("C")
