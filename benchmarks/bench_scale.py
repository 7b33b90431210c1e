"""How time and memory grow: `fit` and `predict` for up to a million series, and for one series of 10**8 points.

A panel has `LENGTH` days of each series, as float64: by id and time, or a series a column. A single series is a file
of float32 that is mapped into memory, as `np.memmap` gives it. Every fit makes the same number of updates on batches of
the same size, so that what grows is what is done with the data around them.

Every figure is taken in a process of its own, after a first fit and forecast of a small part, which compile or load the
kernels. Memory is what the call adds to what the process holds when the data are there: "peak" of the resident set,
in which the pages read of a mapped file count as well, and "anonymous" without them. The second is sampled from outside
every few milliseconds.

    python benchmarks/bench_scale.py [--series 100 1000 ...] [--points 10000 100000 ...]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from report import write

LENGTH = 60
PANEL = {"horizon": 7, "lookback": 28}
SINGLE = {"horizon": 24, "lookback": 168}
TRAINING = {"max_steps": 100, "max_iter": 10**6, "batch_size": 256, "random_state": 0}
INTERVAL_S = 0.003
BLOCK = 1 << 20  # values made at once

KINDS = ("by id and time", "a column each", "one series")


def by_id_and_time(series: int):
    """A Series by names and days."""
    import pandas as pd

    ids = pd.Index([f"item_{number:07d}" for number in range(series)], name="unique_id")
    days = pd.date_range("2024-01-01", periods=LENGTH, freq="D", name="ds")
    return pd.Series(noise(series * LENGTH), pd.MultiIndex.from_product([ids, days]), name="y", copy=False)


def a_column_each(series: int):
    """A DataFrame of days by names."""
    import pandas as pd

    ids = [f"item_{number:07d}" for number in range(series)]
    days = pd.date_range("2024-01-01", periods=LENGTH, freq="D")
    return pd.DataFrame(noise(series * LENGTH).reshape(LENGTH, series), days, ids, copy=False)


def noise(size: int) -> np.ndarray:
    """Values of float64, made without more than a block of others beside them."""
    rng, found = np.random.default_rng(0), np.empty(size)
    for first in range(0, size, BLOCK):
        part = found[first : first + BLOCK]
        rng.standard_normal(out=part)
        part += 10
    return found


def write_series(path: Path, points: int) -> None:
    """A wave of days and weeks with noise, as a file of float32."""
    values = np.memmap(path, np.float32, "w+", shape=points)
    rng = np.random.default_rng(0)
    for first in range(0, points, BLOCK):
        t = np.arange(first, min(points, first + BLOCK))
        wave = np.sin(2 * np.pi * t / 24) + 0.3 * np.sin(2 * np.pi * t / 168)
        values[first : first + BLOCK] = 10 + wave + 0.1 * rng.standard_normal(len(t))
    values.flush()


def resident(pid: int | str = "self") -> dict[str, int]:
    """Bytes of a process: resident now, at most so far, and of these the anonymous ones."""
    names = {"VmRSS:": "now", "VmHWM:": "peak", "RssAnon:": "anonymous"}
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        words = line.split()
        if words and words[0] in names:
            found[names[words[0]]] = 1024 * int(words[1])
    return found


def work(kind: str, size: int, path: str) -> None:
    """The measured process: makes or opens the data, then fits and forecasts as it is told to."""
    from tsrnn import RNNForecaster

    settings = (SINGLE if kind == "one series" else PANEL) | TRAINING
    if kind == "one series":
        y = np.memmap(path, np.float32, "r")
        small = y[:2000]
    else:
        make = by_id_and_time if kind == "by id and time" else a_column_each
        y, small = make(size), make(50)
    RNNForecaster(**settings | {"max_steps": 2}).fit(small).predict()
    model = RNNForecaster(**settings)
    for call in (lambda: model.fit(y), model.predict):
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is that of making the data
        answer(resident())
        input()
        start = time.perf_counter()
        call()
        seconds = time.perf_counter() - start
        answer({"seconds": seconds, "peak": resident()["peak"]})
        input()


def answer(record: dict) -> None:
    print(json.dumps(record), flush=True)


class Sampler(threading.Thread):
    """Looks at the anonymous memory of another process until it is stopped."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self._pid, self._stopped = pid, threading.Event()
        self.peak = 0

    def run(self):
        while not self._stopped.wait(INTERVAL_S):
            self.peak = max(self.peak, resident(self._pid)["anonymous"])

    def stop(self) -> int:
        self._stopped.set()
        self.join()
        return self.peak


def measure(kind: str, size: int, path: str = "") -> dict:
    """One fit and one forecast in a process of its own."""
    command = [sys.executable, __file__, "--work", kind, str(size), path]
    found = {"kind": kind, "size": size}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for name in ("fit", "predict"):
            before = json.loads(process.stdout.readline())
            found.setdefault("data_bytes", before["now"])
            sampler = Sampler(process.pid)
            sampler.start()
            process.stdin.write("\n")
            process.stdin.flush()
            after = json.loads(process.stdout.readline())
            found[name] = {
                "seconds": after["seconds"],
                "peak_bytes": after["peak"] - before["now"],
                "anonymous_bytes": max(0, sampler.stop() - before["anonymous"]),
            }
            process.stdin.write("\n")
            process.stdin.flush()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, nargs="*", default=[10**k for k in range(2, 7)])
    parser.add_argument("--points", type=int, nargs="*", default=[10**k for k in range(4, 9)])
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(options.work[0], int(options.work[1]), options.work[2])
    results = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.float32"
        for kind in options.kinds:
            for size in options.points if kind == "one series" else options.series:
                if kind == "one series":
                    write_series(path, size)
                results.append(measure(kind, size, str(path)))
                print(json.dumps(results[-1]), flush=True)
    figures = {"length": LENGTH, "panel": PANEL, "single": SINGLE, "training": TRAINING, "results": results}
    if not options.no_write:
        print("written", write("scale", figures))


if __name__ == "__main__":
    main()
