"""One global model: forecasting ten thousand series at once, one series, and what the length of the history costs.

python benchmarks/bench_panel.py [--series 10000]
"""

import argparse
import pickle
import time
from statistics import median

import numpy as np
import pandas as pd
from report import write

from tsrnn import RNNForecaster

POINTS, HORIZON = 200, 14
SETTINGS = {"horizon": HORIZON, "max_steps": 50, "random_state": 0}


def panel(series: int, points: int) -> pd.Series:
    """Random walks by id and day."""
    index = pd.MultiIndex.from_product([range(series), pd.date_range("2000-01-01", periods=points, freq="D")])
    return pd.Series(np.random.default_rng(0).standard_normal((series, points)).cumsum(axis=1).ravel(), index)


def timed(function, runs: int) -> tuple[float, list[float]]:
    """Median and all times of calls after a first one, which compiles."""
    function()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return median(times), times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=10_000)
    series = parser.parse_args().series
    y = panel(series, POINTS)
    start = time.perf_counter()
    model = RNNForecaster(**SETTINGS).fit(y)
    figures = {"series": series, "points": POINTS, "horizon": HORIZON, "fit_s": time.perf_counter() - start}
    figures["lookback"] = model.lookback_
    figures["predict_all_s"], _ = timed(model.predict, 7)
    one = RNNForecaster(**SETTINGS).fit(y[0])
    seconds, _ = timed(one.predict, 101)
    figures["predict_one_ms"] = 1e3 * seconds
    figures["history"] = []
    for points in (1_000, 100_000, 10_000_000):
        walk = np.random.default_rng(0).standard_normal(points).cumsum()
        long = RNNForecaster(**SETTINGS, lookback=model.lookback_).fit(walk)
        seconds, _ = timed(long.predict, 101)
        figures["history"].append(
            {"points": points, "predict_ms": 1e3 * seconds, "pickled_bytes": len(pickle.dumps(long))}
        )
    for name, value in figures.items():
        print(name, value)
    print("written", write("panel", figures))


if __name__ == "__main__":
    main()
