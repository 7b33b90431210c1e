"""Subnormal numbers count as zero where a thread says so.

Gradients vanish on their way back through long windows: by factors of a half or so a step they pass, before they are
zero, the numbers below the smallest normal one (1e-38 in float32), whose arithmetic takes many processors a hundred
times as long. Beside gradients that move a weight they are nothing. The setting is a bit or two of a register that
each thread has for itself: MXCSR on x86 (Intel's manual, volume 1, 10.2.3), FPCR on ARM; elsewhere nothing is set.
"""

import platform
from collections.abc import Iterator
from contextlib import contextmanager

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from tsrnn.kernels._jit import loop

X86 = platform.machine().lower() in ("x86_64", "amd64", "i386", "i686")
ARM = platform.machine().lower() in ("arm64", "aarch64")
# Results that are subnormal become zero, and on x86, by a bit of its own, operands that are.
FLUSH = 0x8040 if X86 else (1 << 24 if ARM else 0)
REGISTER = ir.IntType(32 if X86 else 64)


def _x86(builder, name: str, place) -> None:
    address = ir.IntType(8).as_pointer()
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [address]), f"llvm.x86.sse.{name}"
    )
    builder.call(function, [builder.bitcast(place, address)])


@intrinsic
def _control(typing_context):
    """What the register holds."""

    def generate(context, builder, signature, args):
        value = ir.Constant(REGISTER, 0)
        if X86:
            place = cgutils.alloca_once(builder, REGISTER)
            _x86(builder, "stmxcsr", place)
            value = builder.load(place)
        elif ARM:
            value = builder.asm(ir.FunctionType(REGISTER, []), "mrs $0, fpcr", "=r", [], True)
        return builder.zext(value, ir.IntType(64)) if REGISTER.width < 64 else value

    return types.int64(), generate


@intrinsic
def _set_control(typing_context, value):
    def generate(context, builder, signature, args):
        value = builder.trunc(args[0], REGISTER) if REGISTER.width < 64 else args[0]
        if X86:
            place = cgutils.alloca_once(builder, REGISTER)
            builder.store(value, place)
            _x86(builder, "ldmxcsr", place)
        elif ARM:
            builder.asm(ir.FunctionType(ir.VoidType(), [REGISTER]), "msr fpcr, $0", "r", [value], True)
        return context.get_dummy_value()

    return types.void(types.int64), generate


@loop
def _flush():
    before = _control()
    _set_control(before | FLUSH)
    return before


@loop
def _restore(before):
    _set_control(before)


@contextmanager
def flushed() -> Iterator[None]:
    """Subnormal numbers are zero for this thread meanwhile."""
    if config.DISABLE_JIT or not FLUSH:
        yield
        return
    before = _flush()
    try:
        yield
    finally:
        _restore(before)
