"""Launches that are recorded once and then done again as often as asked for, at the cost of one."""

from tsrnn.kernels.cuda.driver import SIMULATED, recorder

if not SIMULATED:
    from tsrnn.kernels.cuda.launching import Graph


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

    def take(self, kernel, blocks: int, threads: int, arguments: tuple, shared: int) -> None:
        """Record a launch: see `tsrnn.kernels.cuda.driver.launch`."""
        self._kept += [argument for argument in arguments if hasattr(argument, "for_kernels")]
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
