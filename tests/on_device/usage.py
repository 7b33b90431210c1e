"""What a kernel's machine code uses, read off the words of the linker that made it, and what is too much."""

import re
from typing import NamedTuple

THREADS = 256  # of the largest block that a launch asks for, where its kernel does not say
REGISTERS = 65536  # that the threads of a block share
SHARED = 48 * 1024  # bytes that a block has without asking for more
MOST_SHARED = {"sm_80": 163 * 1024, "sm_90": 227 * 1024}  # bytes that it has if it asks


class Usage(NamedTuple):
    """Registers of a thread; bytes of shared memory, of stack, of stores and loads of spilled registers."""

    registers: int
    shared: int
    stack: int
    stores: int
    loads: int


def of(log: str) -> Usage:
    """What the one kernel uses that the linker speaks of; what it calls has become part of it."""
    stack, stores, loads = _numbers(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", log)
    (registers,) = _numbers(r"Used (\d+) registers", log)
    shared = re.search(r"(\d+) bytes smem", log)
    return Usage(registers, int(shared[1]) if shared else 0, stack, stores, loads)


def complaints(used: Usage, threads: int = THREADS) -> list[str]:
    """What is wrong with a kernel that uses so much, in blocks of so many threads."""
    found = [f"{name} is not 0" for name in ("stack", "stores", "loads") if getattr(used, name)]
    if used.registers * threads > REGISTERS:
        found.append(f"{threads} threads have no more than {REGISTERS // threads} registers each")
    if used.shared > SHARED:
        found.append(f"a block has no more than {SHARED} bytes of shared memory")
    return found


def _numbers(pattern: str, log: str) -> list[int]:
    (found,) = re.finditer(pattern, log)
    return [int(number) for number in found.groups()]
