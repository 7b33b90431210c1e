"""Functions whose machine code all kernels share.

To Numba a function that another one calls is a part of it: compiled once more with each of its callers, the tiles of
the matrix products some ten times in a first fit. A caller of a shared function knows no more than its name, as a C
program does of a function in a library; LLVM finds the code under that name when it loads the caller.
"""

from copy import copy
from dataclasses import dataclass
from functools import update_wrapper
from importlib import import_module
from inspect import Parameter, signature

from llvmlite import binding
from numba.core import config
from numba.core.funcdesc import default_mangler
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from tsrnn.kernels._jit import shared_loop


def shared(function):
    """Compile a function over arrays once for each list of types, whoever calls it."""
    return function if config.DISABLE_JIT else Shared(function)


class Shared:
    """A compiled function, with all that Numba gives it; to the kernels that call it, its name.

    Parameters
    ----------
    function : callable
        At the top level of a module, under its own name.
    """

    def __init__(self, function):
        update_wrapper(self, function)
        self.compiled = shared_loop(function)

        def call(typing_context, *arguments):
            result = self.described(arguments).restype

            def generate(context, builder, signature, values):
                # Before a kernel is loaded from disk, what it calls has to be there.
                context.active_code_library._reload_init.add(Needed(self.__module__, self.__name__, arguments))
                return context.call_internal(builder, self.described(arguments), signature, values)

            return result(*arguments), generate

        first = Parameter("typing_context", Parameter.POSITIONAL_OR_KEYWORD)
        call.__signature__ = signature(function).replace(parameters=[first, *signature(function).parameters.values()])
        self._call = intrinsic(call)

    def __call__(self, *arguments):
        return self.compiled(*arguments)

    def __getattr__(self, name):
        return getattr(self.compiled, name)

    @property
    def _numba_type_(self):
        return cpu_target.typing_context.resolve_value_type(self._call)

    def described(self, arguments: tuple):
        """What a caller has to know of the function for these types; compiled, or loaded, and known to LLVM by name."""
        self.compiled.compile(arguments)
        made = self.compiled.overloads[arguments]
        description = copy(made.fndesc)
        # The name that Numba gives depends on what the process has compiled before.
        description.mangled_name = default_mangler(f"{self.__module__}.{self.__name__}", arguments)
        address = made.library.get_pointer_to_function(made.fndesc.llvm_func_name)
        binding.add_symbol(description.mangled_name, address)
        return description


@dataclass(frozen=True)
class Needed:
    """A shared function that a kernel calls: kept on disk with it, and called before the kernel is loaded."""

    module: str
    name: str
    arguments: tuple

    def __call__(self):
        getattr(import_module(self.module), self.name).described(self.arguments)
