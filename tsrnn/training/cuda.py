"""Computing on a GPU, in the place of the threads of the CPU."""

import math
import warnings

import numpy as np

from tsrnn.kernels.cuda.arrays import Array, On
from tsrnn.kernels.cuda.driver import free_memory, kept_memory
from tsrnn.training.passes import Samples

MOST_ROWS = 4096  # of a batch that are computed at once: of more the work space takes gigabytes
UNREAD = 64  # updates that the device is given before their losses are asked for, which waits for it
SHARE = 0.8  # of the free memory that the data may take; networks and batches want the rest


class DataOnHostWarning(UserWarning):
    """The data do not fit into the memory of the device: each batch is gathered on the host and sent."""


class Device:
    """A GPU, in the place of `tsrnn.training.parallel.Workers`.

    It computes a batch as one chunk, or several of `MOST_ROWS` one after the other. What is asked of it is done in the
    order of asking, and nothing waits for it but `leave` and `read`.

    Parameters
    ----------
    precision : {"float32", "tf32"}
        See `tsrnn.kernels.cuda.arrays.On`.
    """

    unread = UNREAD

    def __init__(self, precision: str = "float32"):
        self._precision = precision
        self._samples: dict[int, tuple] = {}

    def __enter__(self):
        self._memory = kept_memory()
        self._memory.__enter__()
        return self

    def __exit__(self, *exception):
        self._samples.clear()
        self._memory.__exit__(*exception)

    def bounds(self, rows: int, work: int) -> list[tuple[int, int]]:
        """A batch in pieces of `MOST_ROWS`, but for the last."""
        return [(first, min(first + MOST_ROWS, rows)) for first in range(0, rows, MOST_ROWS)]

    def dtype(self, dtype: np.dtype) -> On:
        """Numbers of that type on the device."""
        return On(dtype, self._precision)

    def enter(self, values: np.ndarray) -> Array:
        """A copy on the device."""
        return Array.from_host(values)

    def leave(self, array: Array) -> np.ndarray:
        """A copy on the host."""
        return array.to_host()

    def samples(self, samples: Samples) -> Samples:
        """The same samples, gathered on the device where they can be and their data fit, else on the host."""
        if id(samples) not in self._samples:
            self._samples[id(samples)] = samples, self._placed(samples)
        return self._samples[id(samples)][1]

    def total(self, losses: list[Array]) -> Array:
        """The sum of the losses of pieces."""
        total = losses[0]
        for loss in losses[1:]:
            total += loss
        return total

    def read(self, number: Array) -> float:
        """A loss or a norm; waits for it."""
        return float(number.to_host()[0])

    def run(self, task, n_tasks: int) -> None:
        """Call `task(0, k)` for each k below `n_tasks`."""
        for k in range(n_tasks):
            task(0, k)

    def _placed(self, samples: Samples) -> Samples:
        if not hasattr(samples, "entered"):
            return Sent(samples)
        if samples.nbytes > SHARE * free_memory():
            needed, free = (math.ceil(size / 2**20) for size in (samples.nbytes, free_memory()))
            warnings.warn(
                f"the data take {needed} MiB, of which {free} MiB are free on the device: batches are gathered on the "
                "host and sent one by one",
                DataOnHostWarning,
                stacklevel=2,
            )
            return Sent(samples)
        return samples.entered(self.enter)


class Sent:
    """Samples that are gathered on the host and sent to the device."""

    def __init__(self, samples: Samples):
        self._samples = samples
        self._spaces: dict[tuple, list[np.ndarray]] = {}

    def gather(self, which: np.ndarray, x: Array, y: Array | None, known: Array) -> None:
        """As `Samples.gather`, into arrays of the device."""
        key = (x.shape, None if y is None else y.shape)
        if key not in self._spaces:
            self._spaces[key] = [None if a is None else np.empty(a.shape, a.dtype) for a in (x, y, known)]
        space = self._spaces[key]
        self._samples.gather(which, *space)
        for array, values in zip((x, y, known), space, strict=True):
            if array is not None:
                array[...] = values
