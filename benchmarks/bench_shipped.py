"""Default settings on the shipped series: the last season (or `--horizon`) held out, against the seasonal naive.

The defaults were chosen on the values before the held-out part. MASE is the mean absolute error over that of the
seasonal naive inside the training part (Hyndman and Koehler, 2006).

    python benchmarks/bench_shipped.py [--seeds 3]
"""

import argparse
import time

import numpy as np
from report import write

from tsrnn import RNNForecaster, datasets
from tsrnn.evaluation.baselines import seasonal_naive
from tsrnn.evaluation.metrics import mean_absolute_scaled_error

# loader, horizon: two days, two weeks, a year, two years, two years of quarters, one cycle of the sun
SERIES = [
    (datasets.load_airpassengers, 12),
    (datasets.load_co2, 24),
    (datasets.load_gdp, 8),
    (datasets.load_new_york_temperature, 48),
    (datasets.load_seattle_temperature, 14),
    (datasets.load_sunspots, 11),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    rows = []
    for load, horizon in SERIES:
        y = load()
        train, test = y.iloc[:-horizon], y.iloc[-horizon:]
        scores, seconds = [], []
        for seed in range(seeds):
            start = time.perf_counter()
            model = RNNForecaster(horizon=horizon, random_state=seed).fit(train)
            forecast = model.predict()
            seconds.append(time.perf_counter() - start)
            season = model.season_length_
            scores.append(mean_absolute_scaled_error(test, forecast, y_train=train, season_length=season))
        naive = seasonal_naive(train, horizon, season)
        row = {
            "series": load.__name__.removeprefix("load_").replace("_", " "),
            "length": len(y),
            "frequency": y.index.freqstr,
            "season": season,
            "horizon": horizon,
            "mase": scores,
            "mean_mase": float(np.mean(scores)),
            "seasonal_naive_mase": mean_absolute_scaled_error(test, naive, y_train=train, season_length=season),
            "median_seconds": float(np.median(seconds)),
        }
        rows.append(row)
        print(
            f"{row['series']}: MASE {row['mean_mase']:.3f} ({', '.join(f'{s:.3f}' for s in scores)}), "
            f"seasonal naive {row['seasonal_naive_mase']:.3f}, {row['median_seconds']:.1f} s",
            flush=True,
        )
    print("written", write("shipped", {"seeds": seeds, "series": rows}))


if __name__ == "__main__":
    main()
