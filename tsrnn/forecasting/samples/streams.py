"""Samples for stateful training: series as streams, read from start to end with the state carried on."""

import copy
import heapq
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.samples.normalization import flat_scale, mean_and_deviation
from tsrnn.kernels.devices import run
from tsrnn.kernels.series import read_only
from tsrnn.kernels.streams import gather_streams, typical_change
from tsrnn.kernels.windows import LAST, SERIES
from tsrnn.network.network import Network
from tsrnn.network.stack import States

STREAM_CENTRINGS = {"last": LAST, "series": SERIES}

MOST_STREAMS = 64  # more rows keep the processors no busier
ROOM = 1 << 40  # more parts than a stream ever has
PARTS_PER_STREAM = 8  # a stream of fewer parts would spend much of its time on forgetting its zero state


class StreamUnits(NamedTuple):
    """What the steps of a series are measured by: see `tsrnn.kernels.streams.gather_streams`."""

    centring: int
    centre: float
    scale: float

    @classmethod
    def of(cls, values: np.ndarray, centring: int, segment: int) -> "StreamUnits":
        """Mean and standard deviation of the series; with LAST the typical change over a step of `segment` values."""
        mean, deviation = mean_and_deviation(values[:, None], np.array([0]), np.array([len(values)]))
        centre, scale = mean.item(), deviation.item()
        if centring == LAST and len(values) > segment:
            scale = typical_change(read_only(values), segment)
        return cls(centring, centre, scale if scale > 0 else float(flat_scale(centre)))

    def forecast(self, outputs: np.ndarray, last: float) -> np.ndarray:
        """Outputs in the units of the series, after a step that ended with the value `last`."""
        return (last if self.centring == LAST else self.centre) + self.scale * np.asarray(outputs, np.float64)


class Carried(NamedTuple):
    """Where a stream stands: the states after what has been read, and how many values after that are kept unread."""

    states: States
    unread: int


class SeriesStreams:
    """Series side by side in `rows` streams, each cut into parts of `steps` steps; samples as `Passes` takes them.

    A long series is cut into slices, so that each stream has about as much to read; a slice is read like a series of
    its own, from a zero state. A stream takes one slice after the other. Where a slice ends within a part, the rest
    of that part has no weight.

    Parameters
    ----------
    values : (N,) ndarray
        All series, one after the other.
    lengths : (S,) ndarray, int64
        Values of each. A step reads `segment` values and the steps end with the series: its first values, fewer than a
        segment, are left out.
    units : list of StreamUnits
        One for each series.
    outputs : int
        Values that are asked for after each step, O.
    steps, segment : int
    rows : int
        At most so many streams; fewer where the series have not as many parts.
    origins : list of (int, int), optional
        For each series the first and the last step, exclusive, whose outputs count; the steps from there on are
        not read. Default: all that are followed by O values.
    slices : bool
        Cut long series.

    Attributes
    ----------
    n_parts : int
        Samples of each stream, in a pass over the data.
    """

    masks = False

    def __init__(self, values, lengths, units, outputs, steps, segment, rows, origins=None, *, slices=True):
        self._outputs, self._steps, self._segment = outputs, steps, segment
        self._values = read_only(values)
        self._centring = units[0].centring
        self._units = np.array([unit[1:] for unit in units])
        self._end = np.cumsum(lengths)
        self._begin = self._end - lengths
        if origins is None:
            origins = [(0, n_origins(length, outputs, segment)) for length in lengths]
        self._origins = np.array(origins)
        self._entered = None
        self._lay_out(rows, slices)
        self.size = self.n_parts * self.rows

    def _lay_out(self, rows: int, slices: bool) -> None:
        """Cut the series and give each slice to the stream that has least to read so far, the longest first."""
        parts = -(-self._origins[:, 1] // self._steps)
        longest = max(1, -(-int(parts.sum()) // rows)) if slices else max(1, int(parts.max()))
        pieces = -(-parts // longest)
        number = np.repeat(np.arange(len(parts)), pieces)
        first = (np.arange(len(number)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) * longest
        length = np.minimum(longest, parts[number] - first)
        streams = [(0, row) for row in range(min(rows, len(number)))]  # a heap: what each has to read
        begin = np.empty(len(number), np.int64)
        for k in np.argsort(-length, kind="stable"):
            total, row = streams[0]
            heapq.heapreplace(streams, (total + int(length[k]), row))
            begin[k] = ROOM * row + total
        self.rows, self.n_parts = len(streams), max(streams)[0]
        order = np.argsort(begin)
        self._slices = begin[order], number[order], first[order], length[order]

    def _of(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Series, first step, number of steps of parts, and whether they begin a slice."""
        begin, number, first, length = self._slices
        place = ROOM * (which % self.rows) + which // self.rows
        k = np.searchsorted(begin, place, side="right") - 1
        part = place - begin[k]
        step = (first[k] + part) * self._steps
        count = np.where(part < length[k], np.minimum(self._steps, self._origins[number[k], 1] - step), 0)
        return number[k], step, count, part == 0

    @property
    def nbytes(self) -> int:
        """Bytes that gathering reads."""
        return self._values.nbytes

    def entered(self, enter: Callable) -> "SeriesStreams":
        """The same streams, which are gathered into arrays of the device that `enter` sends arrays to."""
        sent = copy.copy(self)
        sent._entered = enter, enter(self._values)
        return sent

    def gather(self, which: np.ndarray, x: np.ndarray, y: np.ndarray | None, known: np.ndarray | None = None) -> None:
        """Write the steps of those parts and, if given, what follows each of them."""
        number, step, count, _ = self._of(which)
        begin, end = self._begin[number], self._end[number]
        first = begin + (end - begin) % self._segment + step * self._segment
        units = self._units[number].T
        targets = np.empty_like(x, shape=(len(x) // self._segment * len(which), 0)) if y is None else y
        values, where = self._values, (begin, end, first, count)
        if self._entered:
            enter, values = self._entered
            where, units = map(enter, where), map(enter, units)
        run(gather_streams, values, *where, self._segment, self._centring, *units, x, targets)

    def weights(self, which: np.ndarray) -> np.ndarray:
        """1 for each step whose outputs count, (B, T)."""
        number, step, count, _ = self._of(which)
        k = np.arange(self._steps)
        counts_from = self._origins[number, 0] - step
        return ((k < count[:, None]) & (k >= counts_from[:, None])).astype(np.float64)

    def starts(self, which: np.ndarray) -> np.ndarray:
        """Whether each part begins a slice."""
        return self._of(which)[3]


def n_streams(steps: int, bptt_steps: int, batch_size: int | str) -> int:
    """Streams that a series of so many steps is cut into."""
    if batch_size == "auto":
        return max(1, min(MOST_STREAMS, steps // (PARTS_PER_STREAM * bptt_steps)))
    return max(1, min(batch_size, steps // bptt_steps))


def n_origins(length: int, outputs: int, segment: int) -> int:
    """Steps of a series of that length that are followed by all their targets; the steps end with the series."""
    return max(0, (length // segment * segment - outputs) // segment)


def reach(network: Network) -> int:
    """Values of the last part of a stream and of the targets after it, in whole segments."""
    return network.steps + -(-network.output_size // network.segment_length) * network.segment_length


class Reader:
    """Reads series from their start, or on from states; its work space serves call after call.

    Parameters
    ----------
    network : Network
        With a decoder in step, over any number of steps.
    parameters : (P,) ndarray
    """

    def __init__(self, network: Network, parameters: np.ndarray):
        self._network, self._dtype = network, parameters.dtype
        self._p = network.layout.views(parameters)
        self._parts: dict[int, tuple] = {}

    def read(
        self, values: np.ndarray, units: StreamUnits, states: States | None = None, known: int = 0
    ) -> tuple[np.ndarray | None, States]:
        """Read a series after its first `known` values, from those states or from zero.

        The steps end with the series; values that would fill a part of the first one are left out.

        Parameters
        ----------
        values : (N,) ndarray
        units : StreamUnits
        states : list of lists of (1, H), optional
        known : int

        Returns
        -------
        outputs : (O,) ndarray
            After the last step; None where there is none.
        states : list of lists of (1, H)
            Copies.
        """
        segment, longest, out = self._network.segment_length, self._network.steps, None
        if states is None:
            states = self._network.final_states(self._network.allocate(1, self._dtype))
        for first in range(known + (len(values) - known) % segment, len(values), longest):
            part, work = self._part(min(longest, len(values) - first))
            gather_part(values, first, units, segment, work.x)
            part.start(work, states)
            out = part.forward(self._p, work)[-1]
            states = part.final_states(work)
        return None if out is None else out.copy(), [[state.copy() for state in layer] for layer in states]

    def _part(self, size: int) -> tuple:
        """The network over so many values, and its work space; the last part may be shorter than the others."""
        if size not in self._parts:
            part = self._network.over(size)
            self._parts[size] = part, part.allocate(1, self._dtype)
        return self._parts[size]

    def read_on(self, values: np.ndarray, units: StreamUnits, carried: Carried | None) -> Carried:
        """Carry the states of a series on, by whole steps, to before its last part and the targets after it.

        Without `carried` the series is read from its start, from zero, by steps that end with it.
        """
        segment = self._network.segment_length
        known = len(values) - carried.unread if carried else 0
        ahead = max(0, len(values) - reach(self._network) - known)
        # Steps from the states on are whole; those from the start of a series leave its first values out instead.
        stop = known + (ahead // segment * segment if carried else ahead)
        _, states = self.read(values[:stop], units, carried.states if carried else None, known)
        return Carried(states, len(values) - stop)

    def follow(self, values: np.ndarray, units: StreamUnits, states: States, known: int, horizon: int) -> np.ndarray:
        """The `horizon` values after a series that is read as `read` does; more than the outputs from forecasts."""
        segment, outputs = self._network.segment_length, self._network.output_size
        steps_ahead = outputs // segment
        if horizon > outputs and steps_ahead == 0:
            raise ValueError(
                f"horizon={horizon} exceeds the {outputs} steps trained for, and these fill no segment={segment} "
                "from which to go on"
            )
        n_values = read_to = len(values)
        while True:
            out, states = self.read(values[:read_to], units, states, known)
            block = units.forecast(out, values[read_to - 1])
            # Where blocks overlap, the earlier one stays: a longer horizon does not change the steps before.
            values = np.append(values, block[len(values) - read_to :])
            if len(values) >= n_values + horizon:
                return values[n_values : n_values + horizon]
            known, read_to = read_to, read_to + steps_ahead * segment


def gather_part(values: np.ndarray, first: int, units: StreamUnits, segment: int, x: np.ndarray, y=None) -> None:
    """Write the steps from position `first` on into x (T, 1, 1), and what follows each of them into y."""
    count = len(x) // segment
    one = np.array([[0], [len(values)], [first], [count]])
    centre, scale = np.array([[units.centre], [units.scale]])
    targets = np.empty((count, 0), x.dtype) if y is None else y
    gather_streams(read_only(values), *one, segment, units.centring, centre, scale, x, targets)


class StreamPart(NamedTuple):
    """A part of a series as the one sample of its kind: from position `first` on, and the states before it or None."""

    values: np.ndarray
    first: int
    units: StreamUnits
    segment: int
    states: States | None

    def gather(self, which: np.ndarray, x: np.ndarray, y: np.ndarray | None, known: np.ndarray | None = None) -> None:
        """Write the steps and, if given, what follows each of them; `which` is the part alone."""
        gather_part(self.values, self.first, self.units, self.segment, x, y)
