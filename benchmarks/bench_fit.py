"""Fitting and forecasting M4 Hourly, end to end, against neuralforecast's GRU and LSTM at the same work.

The same on both sides: the 414 series without their last 48 values, handed over as one table in long format; cell,
layers, hidden units; windows of 168 values, each measured by its own mean and standard deviation; the 48 values that
follow, all at once; 128 windows an update, of whole windows only; the mean absolute error on normalised values; Adam
at a constant rate, without clipping, decay or dropout; the number of updates; float32; threads. Neither side
validates, logs, writes checkpoints or shows progress. tsrnn's schedule, decay, clipping and dropout, on by default,
are off.

What differs:
- The decoder. tsrnn's dense layer maps the last state to all 48 values; neuralforecast's (`decoder_layers=1`) maps each
  of the last 48 states to one value. That is the same number of multiplications, 48 H a window. neuralforecast has the
  fewer weights, and its forecast of step k reads the window only up to the state L - 48 + k, of L.
- tsrnn also learns its linear map from the window to the values that follow, 168 x 48 weights beside the network: work
  that neuralforecast does not do. Without it tsrnn is the less accurate one after as many updates: the decoder over 48
  states has the day's pattern at hand, the one from the last state has to learn to carry it.
- The draw of an update's windows. tsrnn goes through a permutation of all windows of all series; neuralforecast draws
  32 series (its default), then 128 of their windows.
- tsrnn adds a hundredth of the series' deviation to that of a window; neuralforecast carries a mask of what is
  observed.

Every run is a process of its own with an interpreter of its own; the two sides alternate, and medians are reported.
In each process a first fit of two updates compiles or imports what is left to; it is reported apart. Seconds per update
are the difference of a fit with all updates and one with two, so that reading the table does not count; the fit as a
whole is reported too, and the seconds of processors beside those of the clock. Memory is the most that the process ever
held. What the products of the recurrent layers would take at the rate of a large matrix product, measured between the
runs, is a floor for both sides: no ratio can be larger than neuralforecast's time to that.

The forecasts are scored (MASE, season of 24) on the 48 values that were left out, which come before the test part of
the competition: equal work should be of equal use.

For context, on the longest series alone: the same two, scikit-learn's MLPRegressor (168 values in, 48 out) and
skforecast's recursive forecaster around an MLPRegressor, each with about the same updates of 128 windows.

    python benchmarks/bench_fit.py --data FOLDER [--threads 2] [--runs 3]

FOLDER, or the environment variable TSRNN_DATA, has m4_hourly.parquet: columns unique_id, ds, y and split. No side's
process reads it, so that the packages for that do not count as memory. `make bench-env` builds the environment of the
other sides.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import geometric_mean, median

from cell_shapes import Shape, operations
from report import write

# Nothing heavy is imported here while the sides run: on Linux a process inherits the peak memory of the one that
# started it.

HERE = Path(__file__).parent
HORIZON, LOOKBACK, WINDOWS, SEASON = 48, 168, 128, 24
# (hidden units, layers, updates): within what neuralforecast's AutoGRU searches, and last its constructor's default
SIZES = [(32, 1, 300), (64, 1, 300), (128, 2, 100), (200, 2, 40)]
ONE = {"cell": "gru", "hidden": 64, "layers": 1, "steps": 300}
CONTEXT = ("tsrnn", "neuralforecast", "scikit-learn", "skforecast")


class Bench:
    """Starts the sides; `own` and `others` are their interpreters."""

    def __init__(self, folder: Path, others: Path, threads: int):
        self.folder = folder
        self.interpreters = {"tsrnn": sys.executable, "matrix": sys.executable}
        self.others = others
        self.threads = threads
        self.gflops = []  # of a large matrix product, through the whole benchmark
        threads_of = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")
        self.environment = dict(os.environ, NUMBA_CACHE_DIR=str(folder / "cache"))
        self.environment.update({f"{library}_NUM_THREADS": str(threads) for library in threads_of})

    def start(self, side: str, **setting) -> dict:
        """What a side found, in a process of its own."""
        call, out = self.folder / "setting.json", self.folder / "figures.json"
        setting = {"side": side, "table": str(self.folder / "table.npz"), "threads": self.threads, **setting}
        call.write_text(json.dumps({**setting, "out": str(out)}))
        interpreter = self.interpreters.get(side, self.others)
        command = [str(interpreter), str(HERE / "fit_sides.py"), str(call)]
        done = subprocess.run(command, env=self.environment, cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{side} failed:\n{done.stderr}")
        return json.loads(out.read_text())

    def compare(self, sides: tuple[str, ...], runs: int, name: str, **setting) -> dict[str, dict]:
        """Medians over runs in which the sides alternate."""
        found = {side: [] for side in sides}
        for _ in range(runs):
            self.gflops.append(self.start("matrix")["gflops"])
            for side in sides:
                forecast = self.folder / f"{name}-{side}.npy"
                data = {"horizon": HORIZON, "lookback": LOOKBACK, "windows": WINDOWS, "forecast": str(forecast)}
                found[side].append(self.start(side, **data, **setting))
        medians = {}
        for side, figures in found.items():
            medians[side] = {key: median(f[key] for f in figures) for key in figures[0] if key != "versions"}
            medians[side]["first_fit_s"] = figures[0]["first_fit_s"]  # before any other has left anything compiled
            medians[side]["first_fit_later_process_s"] = median(f["first_fit_s"] for f in figures[1:] or figures)
        return medians


def scores(folder: Path, name: str, sides: tuple[str, ...], series: str | None) -> dict[str, float]:
    """Mean MASE of each side's forecasts, and of the seasonal naive's."""
    import numpy as np

    from tsrnn.evaluation.baselines import seasonal_naive
    from tsrnn.evaluation.metrics import mean_absolute_scaled_error

    with np.load(folder / "table.npz") as arrays:
        ids, y = arrays["unique_id"], arrays["y"]
    found = {side: [] for side in (*sides, "seasonal naive")}
    forecasts = {side: np.load(folder / f"{name}-{side}.npy") for side in sides}
    for k, one in enumerate(np.unique(ids) if series is None else [series]):
        values = y[ids == one]
        train, true = values[:-HORIZON], values[-HORIZON:]
        for side, errors in found.items():
            forecast = forecasts[side][k] if side in forecasts else seasonal_naive(train, HORIZON, SEASON)
            errors.append(mean_absolute_scaled_error(true, forecast, y_train=train, season_length=SEASON))
    return {side: float(np.mean(errors)) for side, errors in found.items()}


def longest(folder: Path) -> str:
    """The first of the longest series; found in a process of its own."""
    code = "import sys, numpy as np; i, n = np.unique(np.load(sys.argv[1])['unique_id'], return_counts=True); "
    command = [sys.executable, "-c", code + "print(i[n.argmax()])", str(folder / "table.npz")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("TSRNN_DATA"), help="folder of m4_hourly.parquet")
    parser.add_argument(
        "--peers",
        type=Path,
        default=HERE.parent / ".bench-env/bin/python",
        help="interpreter of the environment that `make bench-env` builds",
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cells", nargs="+", default=["gru", "lstm"], choices=["gru", "lstm"])
    parser.add_argument("--sizes", nargs="+", type=int, default=range(len(SIZES)), help="which of SIZES, by number")
    parser.add_argument("--no-write", action="store_true", help="print only")
    given = parser.parse_args()
    if given.data is None:
        parser.error("--data or TSRNN_DATA must name the folder of m4_hourly.parquet")
    if not given.peers.exists():
        parser.error(f"--peers: there is no {given.peers}; `make bench-env` builds it")
    return given


def main():
    given = options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder, given.peers.absolute(), given.threads)
        parquet = str((Path(given.data) / "m4_hourly.parquet").absolute())
        peers = bench.start("prepare", parquet=parquet)["versions"]
        sides, fits = ("neuralforecast", "tsrnn"), []
        for hidden, layers, steps in (SIZES[k] for k in given.sizes):
            for cell in given.cells:
                size = {"cell": cell, "hidden": hidden, "layers": layers, "steps": steps}
                found = bench.compare(sides, given.runs, f"{cell}{hidden}x{layers}", series=None, **size)
                products = sum(operations(cell, Shape(WINDOWS, LOOKBACK, 1, hidden, layers)))
                fits.append({**size, "gflop": products / 1e9, **found})
                theirs, ours = (found[side] for side in sides)
                fits[-1]["step_ratio"] = theirs["step_s"] / ours["step_s"]
                fits[-1]["fit_ratio"] = theirs["fit_s"] / ours["fit_s"]
                print(json.dumps(fits[-1]), flush=True)
        series = longest(folder)
        context = {"series": series, **ONE, **bench.compare(CONTEXT, given.runs, "one", series=series, **ONE)}
        # From here on no process is started whose memory counts.
        for fit in fits:
            fit["mean_mase"] = scores(folder, "{cell}{hidden}x{layers}".format(**fit), sides, None)
            print(fit["cell"], fit["hidden"], fit["layers"], fit["mean_mase"])
        context["mean_mase"] = scores(folder, "one", CONTEXT, series)
        print(json.dumps(context))
    figures = {
        "threads": given.threads,
        "runs": given.runs,
        "horizon": HORIZON,
        "lookback": LOOKBACK,
        "windows": WINDOWS,
        "matrix_gflops": median(bench.gflops),
        "geometric_mean": {key: geometric_mean(fit[key] for fit in fits) for key in ("step_ratio", "fit_ratio")},
        "fits": fits,
        "one_series": context,
    }
    print(figures["geometric_mean"])
    if not given.no_write:
        print("written", write("fit", figures, others=peers))


if __name__ == "__main__":
    main()
