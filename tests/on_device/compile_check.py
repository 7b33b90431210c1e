"""Compile every grid kernel to machine code and look at what became of it: `make cuda-check`.

It needs no GPU and no driver: the compiler and the linker come with `pip install "tsrnn[cuda]"`. Each kernel is
compiled for each list of types that `signatures.py` says, in both floating types, for two generations of GPUs, as a
launch there would. The check fails where a kernel would be slow or could not be launched: if it keeps local variables
in memory (a stack frame, or spilled registers), or needs more registers or shared memory than a block can have.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from types import SimpleNamespace
from unittest import mock

import numpy as np
from cuda.bindings import nvjitlink
from numba import cuda
from numba.cuda import types
from numba.cuda.np.numpy_support import from_dtype

from on_device import usage
from on_device.signatures import FITTED, all_families, all_kernels, floating_types, parts, signatures
from tsrnn.kernels.cuda.machine.driver import compiled as kernel_of

EXACT = (16, True), (16, False)  # choices of a family
TARGETS = {"sm_80": (8, 0), "sm_90": (9, 0)}


def type_of(word: str, floating: type):
    """Numba's type for a word of a signature."""
    numbers, dimensions, any_strides = parts(word, floating)
    numbers = from_dtype(numbers)
    return types.Array(numbers, dimensions, "A" if any_strides else "C") if dimensions else numbers


def compiled(function, argument_types, capability, bounds=None) -> list[bytes]:
    """Intermediate code of a kernel and of what it calls; `bounds` as `driver.kernel` takes them."""
    # Compiling a function that the kernel calls, Numba asks the GPU what it is capable of.
    here = SimpleNamespace(compute_capability=capability)
    with mock.patch("numba.cuda.dispatcher.get_current_device", return_value=here):
        codes, _ = cuda.compile_all(
            function,
            types.void(*argument_types),
            device=False,
            abi="numba",
            cc=capability,
            output="ltoir",
            launch_bounds=bounds,
        )
    return [getattr(code, "code", code) for code in codes]


def linked(codes: list[bytes], target: str) -> str:
    """What the linker, which makes the machine code, says of it."""
    options = [f"-arch={target}", "-lto", "-verbose"]
    handle = nvjitlink.create(len(options), options)
    try:
        for k, code in enumerate(codes):
            nvjitlink.add_data(handle, nvjitlink.InputType.LTOIR, code, len(code), f"part {k}")
        try:
            nvjitlink.complete(handle)
        except nvjitlink.nvJitLinkError as error:
            raise RuntimeError(_log(handle, nvjitlink.get_error_log_size, nvjitlink.get_error_log)) from error
        return _log(handle, nvjitlink.get_info_log_size, nvjitlink.get_info_log)
    finally:
        nvjitlink.destroy(handle)


def _log(handle, size, get) -> str:
    text = bytearray(size(handle))
    get(handle, text)
    return text.decode(errors="replace")


def cases():
    """Name, words of the signature, floating type, target and numbers closed over of every compilation."""
    for name in sorted(all_kernels()):
        for words in signatures(name):
            for floating in floating_types(name):
                for target in TARGETS:
                    yield name, words, floating, target, None
    for name, choices in sorted(FITTED.items()):
        for numbers in choices:
            _, _, shared = all_families()[name](*numbers)
            for target in TARGETS:
                if shared <= usage.MOST_SHARED[target]:  # where it is more, another kernel is launched
                    yield name, signatures(name)[0], np.float32, target, numbers


def compiled_usage(case) -> tuple[usage.Usage, list[str]]:
    """What the machine code of a case uses, and what is wrong with that."""
    name, words, floating, target, numbers = case
    argument_types = [type_of(word, floating) for word in words]
    if numbers is None:
        function = all_kernels()[name]
        used = usage.of(linked(compiled(function, argument_types, TARGETS[target], function.bounds), target))
        return used, usage.complaints(used, function.bounds[0] if function.bounds else usage.THREADS)
    function, threads, shared = all_families()[name](*numbers)
    used = usage.of(linked(compiled(function, argument_types, TARGETS[target], (threads, 1)), target))
    wrong = usage.complaints(used, threads)
    return used._replace(shared=shared), wrong


def _kernel(function):
    """A kernel as a launch compiles it."""
    return kernel_of(function, launch_bounds=getattr(function, "bounds", None))


def found_on_disk(name: str, *choices) -> bool:
    """Whether a kernel that was compiled before, as a launch compiles it, is not compiled again.

    Of kernels that close over numbers each of the choices, which get their own code back.
    """
    device = SimpleNamespace(compute_capability=TARGETS["sm_90"])
    argument_types = tuple(type_of(word, np.float32) for word in signatures(name)[0])
    functions = [all_families()[name](*numbers)[0] for numbers in choices] or [all_kernels()[name]]
    with (
        mock.patch("numba.cuda.dispatcher.get_current_device", return_value=device),
        mock.patch("numba.cuda.cudadrv.devices.get_context", return_value=SimpleNamespace(device=device)),
        mock.patch("numba.cuda.dispatcher._Kernel.bind"),  # loads it into a GPU
    ):
        first, second = ([_kernel(function) for function in functions] for _ in range(2))
        made, found = ([kernel.compile(argument_types) for kernel in kernels] for kernels in (first, second))
        code, code_found = ([kernel.library.get_asm_str() for kernel in kernels] for kernels in (made, found))
    hits = [sum(kernel._cache_hits.values()) for kernel in second]
    return code == code_found and len(set(code)) == len(code) and hits == [1] * len(hits)


def main() -> int:
    columns = "".join(f"{name:>10}" for name in usage.Usage._fields)
    print(f"{'kernel':36}{'types':42}{'numbers':9}{'target':8}{columns}")
    failed = 0
    with ProcessPoolExecutor() as pool:
        for case, (used, wrong) in zip(cases(), pool.map(compiled_usage, cases()), strict=True):
            name, words, floating, target, numbers = case
            failed += bool(wrong)
            name += "" if numbers is None else f" {' '.join(map(str, map(int, numbers)))}"
            row = f"{name:36}{' '.join(words):42}{floating.__name__:9}{target:8}"
            print(row + "".join(f"{number:>10}" for number in used), *wrong, flush=True)
    cut = next(name for name in all_kernels() if all_kernels()[name].bounds)
    kept = all(found_on_disk(*kernel) for kernel in (("lstm._forward",), (cut,), ("on_chip.rnn.backward", *EXACT)))
    number = len(all_kernels()) + sum(map(len, FITTED.values()))
    print(f"{number} kernels, {failed} failures; compiled code is {'' if kept else 'NOT '}found on disk again")
    return 0 if kept and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
