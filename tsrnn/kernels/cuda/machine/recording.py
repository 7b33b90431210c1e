"""Launches that are recorded once and then done again as often as asked for, at the cost of one."""

import numpy as np

from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import SIMULATED, copy_to_device, recorder

if not SIMULATED:
    from tsrnn.kernels.cuda.machine.launching import Graph


class Recording:
    """What is launched within `with recording:` is not done, but recorded; `replay` does it.

    The launches are those of one thread, with the numbers and the arrays that they were given: what is to differ from
    one time to the next has to lie in memory of the device. Nothing may come from the host or go there meanwhile
    (`CannotBeRecordedError`). The recording keeps the memory that its launches read and write: what was made within it
    stays as the next replay finds it, and nobody else gets a piece of it.

    On a GPU it is a CUDA graph; in the simulator a list.
    """

    def __init__(self):
        self._kept = []
        self._launches = []
        self._graph = None

    def __enter__(self):
        if recorder.recording is not None:
            raise RuntimeError("a recording is going on in this thread")
        if not SIMULATED:
            self._graph = Graph()
        recorder.recording = self
        return self

    def __exit__(self, kind, *exception):
        recorder.recording = None
        if not SIMULATED:
            self._graph.close(keep=kind is None)

    @property
    def stream(self) -> int:
        """In which other libraries are recorded, too."""
        return 0 if SIMULATED else self._graph.stream

    def keep(self, *arrays) -> None:
        """Keep the memory of what is recorded in another way than by `take`."""
        self._kept += arrays

    def take(self, kernel, blocks: int, threads: int, arguments: tuple, shared: int) -> None:
        """Record a launch: see `tsrnn.kernels.cuda.machine.driver.launch`."""
        self.keep(*(argument for argument in arguments if hasattr(argument, "for_kernels")))
        if SIMULATED:
            seen = [getattr(argument, "for_kernels", argument) for argument in arguments]
            self._launches.append((kernel, (blocks, threads, 0, shared), seen))
        else:
            self._graph.take(kernel, blocks, threads, arguments, shared)

    def replay(self) -> None:
        """Do what was recorded; as a launch it returns at once."""
        if not SIMULATED:
            self._graph.launch()
        for kernel, configuration, arguments in self._launches:
            kernel[configuration](*arguments)


class Packet:
    """Arrays side by side in the device's memory, which one copy fills: what differs from one replay to the next.

    Parameters
    ----------
    likes : list of ndarray
        Of the arrays' shapes and types.

    Attributes
    ----------
    arrays : list of Array
    """

    _ALIGNED = 16  # bytes

    def __init__(self, likes: list[np.ndarray]):
        stops = np.cumsum([0, *(-(-like.nbytes // self._ALIGNED) * self._ALIGNED for like in likes)]).tolist()
        words = stops[-1] // 8
        self._values, self._block = np.empty(words, np.uint64), Array.empty(words, np.uint64)

        def cut(words: np.ndarray) -> list[np.ndarray]:
            whole = words.view(np.uint8)
            parts = (whole[first : first + like.nbytes] for first, like in zip(stops, likes, strict=False))
            return [part.view(like.dtype).reshape(like.shape) for part, like in zip(parts, likes, strict=True)]

        self._parts = cut(self._values)
        self.arrays = [self._block._view(shadow) for shadow in cut(self._block._shadow)]

    def fill(self, values: list[np.ndarray]) -> None:
        """Send values to the arrays; they may change as soon as this returns."""
        for part, value in zip(self._parts, values, strict=True):
            part[...] = value
        copy_to_device(self._values, self._block.for_kernels)
