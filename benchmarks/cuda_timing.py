"""Timing on a GPU: sides in turns, medians, and a budget of seconds that the parts of a benchmark share."""

import math
import time
import traceback
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import numpy as np

MOST_STEPS = 500  # in a run
FEW = 3  # steps before a run counts


class Side(NamedTuple):
    """One side of a comparison: a function that asks the GPU for so many steps, one after the other.

    `prepares` says that each call first prepares something, which is no part of a step: a run is then the difference
    of two calls.
    """

    run: Callable[[int], None]
    prepares: bool = False


class Clock(Protocol):
    """Milliseconds that pass on the GPU while it does what a function asks of it."""

    def __call__(self, function: Callable[[], None]) -> float: ...


def events() -> Clock:
    """Milliseconds between two events around what is asked for; it all goes to the default stream, as torch's does."""
    import torch

    start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def milliseconds(function: Callable[[], None]) -> float:
        start.record()
        function()
        stop.record()
        stop.synchronize()
        return start.elapsed_time(stop)

    return milliseconds


def repeated(step: Callable[[], object]) -> Side:
    """A side whose steps are calls of a function."""

    def run(count: int) -> None:
        for _ in range(count):
            step()

    return Side(run)


def milliseconds(side: Side, clock: Clock, count: int) -> float:
    """Of a step, over `count` steps."""
    if not side.prepares:
        return clock(lambda: side.run(count)) / count
    before = clock(lambda: side.run(FEW))
    return max(clock(lambda: side.run(FEW + count)) - before, 0.0) / count


def in_turns(
    sides: Mapping[str, Side], clock: Clock, *, runs: int = 7, least: float = 30.0, patience: float = 4.0
) -> dict[str, float]:
    """Median milliseconds of a step of each side.

    Parameters
    ----------
    sides : mapping of str to Side
    clock : Clock
    runs : int
        Of each side, in turns; the first steps of a side, compilation among them, are in none of them.
    least : float
        Milliseconds of a run.
    patience : float
        Seconds after which it ends, with two runs at least.
    """
    counts = {}
    for name, side in sides.items():
        side.run(FEW)
        counts[name] = min(MOST_STEPS, math.ceil(least / max(milliseconds(side, clock, FEW), 1e-3)))
    times, start = {name: [] for name in sides}, time.perf_counter()
    order = list(sides)
    for run in range(runs):
        if run >= 2 and time.perf_counter() - start > patience:
            break
        for name in order:
            times[name].append(milliseconds(sides[name], clock, counts[name]))
        order = [*order[1:], order[0]]  # no side always comes after the same one
    return {name: float(np.median(values)) for name, values in times.items()}


class Budget:
    """Seconds that parts share, the important ones first. What is left out, or fails, says so and stops no other part.

    Attributes
    ----------
    skipped : dict of str to str
        Why, by the name of a part.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._end = clock() + seconds
        self.skipped: dict[str, str] = {}

    @property
    def left(self) -> float:
        return self._end - self._clock()

    def part(self, name: str, needs: float, function: Callable, *arguments):
        """What the function returns; None if fewer seconds are left than it may take, or if it fails."""
        if self.left < needs:
            return self.skip(name, f"{self.left:.0f} s were left, it may take {needs:.0f} s")
        try:
            return function(*arguments)
        except Exception as error:  # of whatever library: the parts after it are to have their turn
            traceback.print_exc()
            return self.skip(name, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")

    def skip(self, name: str, why: str) -> None:
        self.skipped[name] = why
        print(f"skipped: {name}: {why}", flush=True)
