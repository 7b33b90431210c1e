"""Timing several sides of a comparison in turns, so that what else the machine does meets all of them."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np

WARM_UP = 0.06  # seconds


class Side(NamedTuple):
    """One side: a step to be timed, and what has to be around it, made anew for each timing and not timed."""

    step: Callable[[], object]
    around: Callable[[], AbstractContextManager] = nullcontext


def rest(most: float = 0.25) -> None:
    """Wait until this process uses no processor: threads of the side before have gone to sleep.

    Libraries let their threads spin for some milliseconds after the work is done, onnxruntime for tens of them.
    """
    end = time.perf_counter() + most
    while time.perf_counter() < end:
        used = time.process_time()
        time.sleep(0.005)
        if time.process_time() - used < 0.0005:
            return


def seconds(step: Callable[[], object], least: float) -> float:
    """Mean seconds of a step over as many as take `least` seconds, among others.

    Those before them, for `WARM_UP` seconds, wake threads and caches: after a rest the system lets two threads share a
    processor for tens of milliseconds before it moves one of them. A step that takes longer is its own warm-up.
    """
    start = time.perf_counter()
    step()
    first = time.perf_counter() - start
    if first >= max(least, WARM_UP):
        return first
    while time.perf_counter() - start < WARM_UP:
        step()
    count, start = 0, time.perf_counter()
    while True:
        step()
        count += 1
        elapsed = time.perf_counter() - start
        if elapsed >= least:
            return elapsed / count


def in_turns(
    sides: Mapping[str, Side], runs: int, *, least: float = 0.02, patience: float = 4.0, fewest: int = 5
) -> dict[str, np.ndarray]:
    """Seconds of a step, by side and run; what belongs to one run was measured in a row.

    Parameters
    ----------
    sides : mapping of str to Side
    runs : int
    least : float
        Seconds of steps in a run of a side.
    patience : float
        After so many seconds it ends, with `fewest` runs at least (or `runs`, if those are fewer).
    fewest : int

    Returns
    -------
    dict of str to (runs,) ndarray
    """
    for side in sides.values():  # compilation, first touches of memory
        with side.around():
            side.step()
            side.step()
    times, start = {name: [] for name in sides}, time.perf_counter()
    order = list(sides)
    for run in range(runs):
        if run >= fewest and time.perf_counter() - start > patience:
            break
        for name in order:
            rest()
            with sides[name].around():
                times[name].append(seconds(sides[name].step, least))
        order = [*order[1:], order[0]]  # no side always comes after the same one
    return {name: np.array(values) for name, values in times.items()}


def geometric_mean(values) -> float:
    """Mean of ratios."""
    return float(np.exp(np.mean(np.log(values))))
