"""Computing on a GPU, in the place of the threads of the CPU."""

import math
import warnings
from collections.abc import Callable

import numpy as np

from tsrnn.kernels.cuda.machine.arrays import Array, On
from tsrnn.kernels.cuda.machine.driver import RECORDING_ERRORS, CannotBeRecordedError, free_memory, kept_memory
from tsrnn.kernels.cuda.machine.recording import Packet, Recording
from tsrnn.kernels.cuda.optimization import note
from tsrnn.training.passes import Samples

MOST_ROWS = 4096  # of a batch that are computed at once: of more the work space takes gigabytes
UNREAD = 64  # updates that the device is given before their losses are asked for, which waits for it
MOST_RECORDED = 4  # shapes of updates: a batch, the last one of an epoch; each keeps memory of its own
SHARE = 0.8  # of the free memory that the data may take; networks and batches want the rest


class DataOnHostWarning(UserWarning):
    """The data do not fit into the memory of the device: each batch is gathered on the host and sent."""


class Device:
    """A GPU, in the place of `tsrnn.training.parallel.Workers`.

    It computes a batch as one chunk, or several of `MOST_ROWS` one after the other. What is asked of it is done in the
    order of asking, and nothing waits for it but `leave`, `read` and `readings`.

    Parameters
    ----------
    precision : {"float32", "tf32"}
        See `tsrnn.kernels.cuda.machine.arrays.On`.

    Attributes
    ----------
    records : bool
        Whether updates are recorded when one of their shape comes the second time, and the recording is replayed
        from then on: a hundred calls become one. It changes no number.
    """

    unread = UNREAD
    records = True

    def __init__(self, precision: str = "float32"):
        self._precision = precision
        self._samples: dict[int, tuple] = {}
        self._updates: dict[tuple, _Update] = {}
        self._count = 0
        self._notes = None  # losses and norms of the last updates, a row for each

    def __enter__(self):
        self._memory = kept_memory()
        self._memory.__enter__()
        return self

    def __exit__(self, *exception):
        self._samples.clear()
        self._updates.clear()
        self._notes = None
        self._memory.__exit__(*exception)

    def bounds(self, rows: int, work: int) -> list[tuple[int, int]]:
        """A batch in pieces of `MOST_ROWS`, but for the last."""
        return [(first, min(first + MOST_ROWS, rows)) for first in range(0, rows, MOST_ROWS)]

    def dtype(self, dtype: np.dtype) -> On:
        """Numbers of that type on the device."""
        return On(dtype, self._precision)

    def enter(self, values: np.ndarray) -> Array:
        """A copy on the device; what lies there already, as it is."""
        return values if isinstance(values, Array) else Array.from_host(values)

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

    def update(self, function: Callable, samples: Samples, which: np.ndarray, *values: np.ndarray) -> int:
        """As `Workers.update`; returns what `readings` takes."""
        if self._notes is None:
            self._notes = Array.empty((self.unread, 2), np.float64)
        row = self._count % self.unread
        self._count += 1
        inputs = [np.array([row]), *values]
        gathers_here = samples.rows is None and not isinstance(self.samples(samples), Sent)
        if gathers_here:
            inputs.append(which)
        key = (function, *((value.shape, value.dtype) for value in inputs))
        if key not in self._updates:
            records = self.records and gathers_here and len(self._updates) < MOST_RECORDED
            self._updates[key] = _Update(function, self._notes, inputs, records)
        self._updates[key](inputs, None if gathers_here else which)
        return row

    def readings(self, updates: list[int]) -> list[tuple[float, float]]:
        """Losses and norms; waits for all that was asked for."""
        notes = self._notes.to_host()
        return [tuple(notes[row].tolist()) for row in updates]

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


class _Update:
    """Updates of one shape: what differs among them is sent in one copy, what they do is recorded with the second.

    Parameters
    ----------
    function : callable
        See `Workers.update`.
    notes : Array
    likes : list of ndarray
        Of the shapes and types of what is sent: a row of the notes, the values, and numbers of samples where samples
        are gathered on the device.
    records : bool
    """

    def __init__(self, function: Callable, notes: Array, likes: list[np.ndarray], records: bool):
        self._function, self._notes = function, notes
        self._packet = Packet(likes)
        self._records, self._made = records, False
        self._recording: Recording | None = None

    def __call__(self, inputs: list[np.ndarray], which: np.ndarray | None) -> None:
        self._packet.fill(inputs)
        if self._records and self._made and self._recording is None:
            self._record()
        if self._recording is None:
            self._make(which)
        else:
            self._recording.replay()
        self._made = True

    def _record(self) -> None:
        # Work space is there and kernels are loaded since the first update: nothing but launches is left to record.
        recording = Recording()
        try:
            with recording:
                self._make(None)
        except (*RECORDING_ERRORS, MemoryError) as error:
            self._records = False
            if not isinstance(error, CannotBeRecordedError | MemoryError):
                message = f"updates are asked for call by call, which takes longer: CUDA records none ({error})"
                warnings.warn(message, RuntimeWarning, stacklevel=2)
        else:
            self._recording = recording

    def _make(self, which: np.ndarray | None) -> None:
        row, *values = self._packet.arrays
        if which is None:
            *values, which = values
        note(*self._function(which, *values), row, self._notes)


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
