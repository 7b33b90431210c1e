"""A long series read as streams that carry their state, against windows at stride 1: points a second, and memory.

The same network (GRU, one layer), the same loss, the same horizon; each point of the series is an origin once a pass
on both sides. With windows the network reads `lookback` values for each origin, with streams one. Every figure is
taken in a process of its own, after a first fit that compiles; a pass over windows is not waited for: its cost is
that of an update times their number.

    python benchmarks/bench_stateful.py [--points 1000000]
"""

import argparse
import json
import math
import subprocess
import sys

import numpy as np
from report import write

HORIZON, HIDDEN = 24, 32
GROWTH_STEPS = 168  # over which gradients go while the series grows
NETWORK = {"horizon": HORIZON, "hidden_size": HIDDEN, "linear_skip": False, "dropout": 0.0, "normalize": "series"}
BATCH = 256

MEASURE = """
import json, resource, sys, time
import numpy as np
from tsrnn import RNNForecaster

settings, points, updates = json.loads(sys.argv[1])
t = np.arange(points)
y = np.sin(2 * np.pi * t / 24) + 0.3 * np.sin(2 * np.pi * t / 168)
y += 0.1 * np.random.default_rng(0).standard_normal(points)

def fit(series, n):
    start = time.perf_counter()
    model = RNNForecaster(random_state=0, max_iter=10**6, max_steps=n, **settings).fit(series)
    return time.perf_counter() - start, model

fit(y[:20_000], 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
few, _ = fit(y, updates)
many, model = fit(y, 3 * updates)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([(many - few) / (2 * updates), (peak - before) * 1024, len(model.loss_curve_)]))
"""


def measure(settings: dict, points: int, updates: int) -> tuple[float, float]:
    """Seconds an update, and bytes that fitting added to the process at its peak."""
    arguments = [sys.executable, "-c", MEASURE, json.dumps([settings, points, updates])]
    seconds, memory, _ = json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)
    return seconds, memory


def streams(points: int, bptt_steps: int) -> dict:
    """A pass takes as many updates as a stream has parts."""
    from tsrnn.forecasting.samples.streams import n_origins, n_streams

    origins = n_origins(points, HORIZON, 1)
    rows = n_streams(origins, bptt_steps, "auto")
    parts = math.ceil(math.ceil(origins / bptt_steps) / rows)
    updates = parts * max(1, 2_000_000 // points)  # a short series is read more than once
    seconds, memory = measure({**NETWORK, "stateful": True, "bptt_steps": bptt_steps}, points, updates)
    return {"points_per_second": origins / (parts * seconds), "pass_s": parts * seconds, "memory_bytes": memory}


def windows(points: int, lookback: int) -> dict:
    """`BATCH` windows an update."""
    seconds, memory = measure({**NETWORK, "lookback": lookback, "batch_size": BATCH}, points, max(10, 6000 // lookback))
    origins = points - lookback - HORIZON + 1
    return {"points_per_second": BATCH / seconds, "pass_s": origins / BATCH * seconds, "memory_bytes": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000)
    points = parser.parse_args().points
    reach = []
    for steps in (42, 168, 672):
        found = {"steps": steps, "streams": streams(points, steps), "windows": windows(points, steps)}
        reach.append(found)
        print(steps, json.dumps(found), flush=True)
    growth = []
    for n in np.geomspace(points / 100, points, 3).astype(int).tolist():
        growth.append({"points": n, **streams(n, GROWTH_STEPS)})
        print(growth[-1], flush=True)
    figures = {
        "points": points,
        "network": NETWORK,
        "batch_of_windows": BATCH,
        "reach": reach,
        "growth_steps": GROWTH_STEPS,
        "growth": growth,
    }
    print("written", write("stateful", figures))


if __name__ == "__main__":
    main()
