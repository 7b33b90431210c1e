"""How time and memory grow: `fit` and `predict` for up to a million series, and for one series of 10**8 points.

A panel has `LENGTH` days of each series, as float64: a table in long format with its ids as strings, which `from_long`
brings onto an index, or a frame with a series in each column. A single series is a file of float32 that is mapped into
memory, as `np.memmap` gives it. Every fit makes the same number of updates on batches of the same size, so that what
grows is what is done with the data around them.

Every figure is taken in a process of its own, after a first fit and forecast of a small part, which compile or load the
kernels. Memory is what a call adds, at its peak, to what the process held before: "resident" counts the pages read of a
mapped file, "anonymous" does not. The first is the system's own high-water mark, the second is sampled from outside
every few milliseconds. Seconds are those of the clock and those of the processors.

    python benchmarks/bench_scale.py [--series 100 1000 ...] [--points 10000 100000 ...]
"""

import argparse
import ctypes
import gc
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


def long_format(series: int, path: str):
    """A table of ids, days and values."""
    import pandas as pd

    ids = pd.Series([f"item_{number:07d}" for number in range(series)])
    days = pd.date_range("2024-01-01", periods=LENGTH, freq="D").to_numpy()
    table = {"unique_id": ids.repeat(LENGTH).array, "ds": np.tile(days, series), "y": noise(series * LENGTH)}
    return pd.DataFrame(table, copy=False)


def frame(series: int, path: str):
    """A frame of days by ids."""
    import pandas as pd

    ids = [f"item_{number:07d}" for number in range(series)]
    days = pd.date_range("2024-01-01", periods=LENGTH, freq="D")
    return pd.DataFrame(noise(series * LENGTH).reshape(LENGTH, series), days, ids, copy=False)


def mapped(points: int, path: str) -> np.ndarray:
    """The beginning of the file."""
    return np.memmap(path, np.float32, "r", shape=points)


# How the data come, and what is asked of the estimator beside the training.
KINDS = {"long format": (long_format, PANEL), "a column each": (frame, PANEL), "one series": (mapped, SINGLE)}


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
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for first in range(0, points, BLOCK):
            t = np.arange(first, min(points, first + BLOCK))
            wave = np.sin(2 * np.pi * t / 24) + 0.3 * np.sin(2 * np.pi * t / 168)
            (10 + wave + 0.1 * rng.standard_normal(len(t))).astype(np.float32).tofile(file)


def memory(pid: int | str = "self") -> dict[str, int]:
    """Bytes that a process holds: resident, resident at the most, and anonymous."""
    names = {"VmRSS:": "resident", "VmHWM:": "peak", "RssAnon:": "anonymous"}
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {names[words[0]]: 1024 * int(words[1]) for words in lines if words and words[0] in names}


def work(kind: str, size: int, path: str) -> None:
    """The measured process: makes or opens the data, then takes one step after the other, each when it is told to."""
    from tsrnn import RNNForecaster, from_long

    make, settings = KINDS[kind]
    model = RNNForecaster(**settings, **TRAINING)
    data = {"y": make(2000 if kind == "one series" else 50, path)}

    def read():
        data["y"] = from_long(data["table"])[1]

    steps = {"from_long": read} if kind == "long format" else {}
    steps |= {"fit": lambda: model.fit(data["y"]), "predict": model.predict}
    if "from_long" in steps:
        data["table"] = data.pop("y")
    for step in steps.values():
        step()
    data.clear()
    give_back()
    before = memory()["resident"]
    data["table" if "from_long" in steps else "y"] = make(size, path)
    say({"steps": list(steps), "data_bytes": memory()["resident"] - before})
    for step in steps.values():
        give_back()
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark so far is that of what was before
        say(memory())
        clock, processors = time.perf_counter(), time.process_time()
        step()
        say({"s": time.perf_counter() - clock, "cpu_s": time.process_time() - processors, "peak": memory()["peak"]})


def give_back() -> None:
    """Return freed memory to the system: else it would hide what is taken next."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def say(record: dict) -> None:
    """Print a line, and wait for one."""
    print(json.dumps(record), flush=True)
    input()


class Sampler(threading.Thread):
    """Looks at the anonymous memory of another process until it is stopped."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self._pid, self._stopped = pid, threading.Event()
        self.peak = 0

    def run(self):
        while not self._stopped.wait(INTERVAL_S):
            self.peak = max(self.peak, memory(self._pid)["anonymous"])

    def stop(self) -> int:
        self._stopped.set()
        self.join()
        return max(self.peak, memory(self._pid)["anonymous"])


def measure(kind: str, size: int, path: Path) -> dict:
    """All steps for one size, in a process of its own."""
    command = [sys.executable, __file__, "--work", kind, str(size), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def listen() -> dict:
            return json.loads(process.stdout.readline())

        def go_on() -> None:
            process.stdin.write("\n")
            process.stdin.flush()

        start = listen()
        found = {"kind": kind, "size": size, "data_bytes": start["data_bytes"]}
        go_on()
        for step in start["steps"]:
            before = listen()
            sampler = Sampler(process.pid)
            sampler.start()
            go_on()
            after = listen()
            found[step] = {
                "s": after["s"],
                "cpu_s": after["cpu_s"],
                "resident_bytes": max(0, after["peak"] - before["resident"]),
                "anonymous_bytes": max(0, sampler.stop() - before["anonymous"]),
            }
            go_on()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, nargs="*", default=[10**k for k in range(2, 7)])
    parser.add_argument("--points", type=int, nargs="*", default=[10**k for k in range(4, 9)])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--no-write", action="store_true", help="print only")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(options.work[0], int(options.work[1]), options.work[2])
    from tsrnn.training.parallel import n_threads

    results = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.float32"
        write_series(path, max(options.points, default=2000))
        for kind in options.kinds:
            for size in options.points if kind == "one series" else options.series:
                results.append(measure(kind, size, path))
                print(json.dumps(results[-1]), flush=True)
    figures = {
        "threads": n_threads(None),
        "length": LENGTH,
        "panel": PANEL,
        "single": SINGLE,
        "training": TRAINING,
        "results": results,
    }
    if not options.no_write:
        print("written", write("scale", figures))


if __name__ == "__main__":
    main()
