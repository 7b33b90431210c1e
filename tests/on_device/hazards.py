"""What the simulator does not see of its own accord, and a GPU punishes: a watch over the memory of its kernels.

The simulator's threads take turns, and so hide a barrier that is missing. Here each access to shared memory and to the
arrays of a launch is entered with the thread and the number of barriers that it has passed. Refused are

- two threads of a block at one element between the same barriers, one of them writing;
- two blocks at one element of an array, one of them writing;
- shared memory that is read before its block has written it, or before a copy to it has been waited for;
- an index below zero or past the end, also where Python and Numba would count from the end;
- threads that meet at different barriers (`Meetings`).

Instructions that a warp does together are no barrier: they order nothing in memory.
"""

import threading

import numpy as np

from tsrnn.kernels.cuda.machine.instructions import UNDER_WAY

NOBODY, MANY = -1, -2


class HazardError(AssertionError):
    """Threads come into one another's way, or one goes astray."""


class Ledger:
    """Who was at which address last: of each the last writing, and the readings since.

    Parameters
    ----------
    begins_written : bool
        Whether what lies there before anybody writes may be read.
    """

    def __init__(self, begins_written: bool):
        self._entries: dict[int, list[int]] = {}  # block, thread and barriers of the writer, then of the reader
        self._begins_written = begins_written

    def read(self, array: "Watched", index) -> None:
        thread = threading.current_thread()
        entry = self._entry(array, index)
        if entry[0] == NOBODY and not self._begins_written:
            raise HazardError(f"{array.name}[{index}] is read before it is written")
        _keep_apart(*entry[:3], thread, array, index, "read")
        reader, block = entry[3], thread.block
        if reader in (block, NOBODY) and entry[5] < thread.barriers:
            entry[3:] = block, thread.thread_id, thread.barriers
        elif reader != block:
            entry[3] = MANY
        elif entry[4] != thread.thread_id:
            entry[4] = MANY

    def write(self, array: "Watched", index) -> None:
        thread = threading.current_thread()
        entry = self._entry(array, index)
        _keep_apart(*entry[:3], thread, array, index, "written")
        _keep_apart(*entry[3:], thread, array, index, "written")
        entry[:3] = thread.block, thread.thread_id, thread.barriers

    def _entry(self, array: "Watched", index) -> list[int]:
        address = array.address(index)
        return self._entries.get(address) or self._entries.setdefault(address, [NOBODY, 0, -1, NOBODY, 0, -1])


def _keep_apart(block: int, number: int, barriers: int, thread, array: "Watched", index, what: str) -> None:
    """Refuse a thread where one of another block was, or another one since the last barrier."""
    if block == NOBODY or (block == thread.block and (barriers != thread.barriers or number == thread.thread_id)):
        return
    place = f"{array.name}[{index}] of {array.shape} is {what} by"
    if block != thread.block:
        raise HazardError(f"{place} block {thread.block}, and another block was there")
    others = "others were" if number == MANY else f"{number} was"
    raise HazardError(f"{place} thread {thread.thread_id}, and {others} there since the last barrier")


class Watched:
    """An array of the simulator whose elements are entered in a ledger."""

    __slots__ = ("_flat", "_ledger", "_start", "_values", "dtype", "flags", "name", "ndim", "shape", "size", "strides")

    def __init__(self, values: np.ndarray, ledger: Ledger, name: str):
        self._values, self._ledger, self.name, self._flat = values, ledger, name, None
        self._start = values.__array_interface__["data"][0]
        for attribute in ("dtype", "flags", "ndim", "shape", "size", "strides"):
            setattr(self, attribute, getattr(values, attribute))

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index):
        values = self._values[index]
        if isinstance(values, np.ndarray):
            return Watched(values, self._ledger, f"{self.name}[{index}]")
        self._ledger.read(self, index)
        if values != values and values.tobytes() == UNDER_WAY.tobytes():
            raise HazardError(f"{self.name}[{index}] is read before its copy was waited for")
        return values

    def __setitem__(self, index, value) -> None:
        self._ledger.write(self, index)
        self._values[index] = value

    def reshape(self, shape: int) -> "Watched":
        """The elements in the order in which they lie."""
        assert shape == -1
        assert self.flags.c_contiguous
        if self._flat is None:
            self._flat = self if self.ndim == 1 else Watched(self._values.reshape(-1), self._ledger, self.name)
        return self._flat

    def address(self, index) -> int:
        """Where an element lies."""
        address = self._start
        parts = index if type(index) is tuple else (index,)
        for part, stride, length in zip(parts, self.strides, self.shape, strict=True):
            if not 0 <= part < length:
                raise HazardError(f"{self.name}[{index}] lies outside of {self.shape}")
            address += int(part) * stride
        return address


class Meetings:
    """At which line the threads of a block met, for each of their barriers."""

    def __init__(self):
        self._lines: dict[int, tuple[str, int]] = {}

    def enter(self, barrier: int, line: tuple[str, int]) -> None:
        other = self._lines.setdefault(barrier, line)
        if line != other:
            raise HazardError(f"of the threads that meet some are in {line}, others in {other}")
