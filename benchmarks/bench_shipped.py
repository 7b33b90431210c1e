"""Default settings on the shipped series against the seasonal naive: on the last stretch, and on those before it.

A stretch is `horizon` values, forecast from all that lies before them. The last one is the test part, which no default
was chosen on; the earlier ones tell how much of its score is that one stretch. MASE is the mean absolute error over
that of the seasonal naive inside the training part (Hyndman and Koehler, 2006).

    python benchmarks/bench_shipped.py [--seeds 3] [--earlier 5]
"""

import argparse
import time

import numpy as np
import pandas as pd
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


def scores(y: pd.Series, horizon: int, before: int, seed: int) -> dict:
    """MASE of the stretch that ends `before` stretches before the end of the series, and seconds of the fit."""
    known = y.iloc[: len(y) - (before + 1) * horizon]
    truth = y.iloc[len(known) : len(known) + horizon]
    start = time.perf_counter()
    model = RNNForecaster(horizon=horizon, random_state=seed).fit(known)
    seconds = time.perf_counter() - start
    season = model.season_length_
    forecasts = {"mase": model.predict(), "seasonal_naive_mase": seasonal_naive(known, horizon, season)}
    return {
        "season": season,
        "seconds": seconds,
        **{
            name: mean_absolute_scaled_error(truth, forecast, y_train=known, season_length=season)
            for name, forecast in forecasts.items()
        },
    }


def measured(y: pd.Series, horizon: int, seeds: int, earlier: int) -> dict:
    """Figures of a series: of each seed on the last stretch, of one on each earlier stretch."""
    last = [scores(y, horizon, 0, seed) for seed in range(seeds)]
    before = [scores(y, horizon, number, 0) for number in range(1, earlier + 1)]
    mase = [s["mase"] for s in last]
    return {
        "season": last[0]["season"],
        "horizon": horizon,
        "mase": mase,
        "mean_mase": float(np.mean(mase)),
        "seasonal_naive_mase": last[0]["seasonal_naive_mase"],
        "earlier_mase": [s["mase"] for s in before],
        "earlier_seasonal_naive_mase": [s["seasonal_naive_mase"] for s in before],
        "median_seconds": float(np.median([s["seconds"] for s in last])),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--earlier", type=int, default=5)
    options = parser.parse_args()
    rows = []
    for load, horizon in SERIES:
        y = load()
        about = {
            "series": load.__name__.removeprefix("load_").replace("_", " "),
            "length": len(y),
            "frequency": y.index.freqstr,
        }
        row = about | measured(y, horizon, options.seeds, options.earlier)
        rows.append(row)
        print(
            f"{row['series']}: MASE {row['mean_mase']:.3f} ({', '.join(f'{s:.3f}' for s in row['mase'])}), seasonal "
            f"naive {row['seasonal_naive_mase']:.3f}; before {np.mean(row['earlier_mase']):.3f} and "
            f"{np.mean(row['earlier_seasonal_naive_mase']):.3f}; {row['median_seconds']:.1f} s",
            flush=True,
        )
    print("written", write("shipped", {"seeds": options.seeds, "earlier": options.earlier, "series": rows}))


if __name__ == "__main__":
    main()
