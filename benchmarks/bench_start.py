"""What a user waits for before the first forecast, and for each one after it; and what that takes on the disk.

A library is installed into an environment of its own, as pip does it for a user. Each figure is taken in processes of
their own. The first fit ever starts with empty folders for compiled code, the later ones find what it left.

    python benchmarks/bench_start.py [--runs 5] [--python PATH] [--peers PYTHON]

With `--python` an environment that has the library already is measured, and not its size. `--peers` is the interpreter
of the environment that `make bench-env` builds: neuralforecast and darts are measured in the same run, by
`start_peers.py`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from report import write

ROOT = Path(__file__).parent.parent

IMPORT = """
import time
start = time.perf_counter()
import {}
print(time.perf_counter() - start)
"""


@dataclass(frozen=True)
class Library:
    """What there is to know about a library to measure its start.

    Attributes
    ----------
    requirement : str
        What pip installs.
    module : str
        What a user imports.
    dependencies : str
        What it could not do without, as in an import statement.
    fits : str
        A program that prints as JSON, in seconds, `fit`: the first three fits; `predict`: many forecasts after them.
    """

    requirement: str
    module: str
    dependencies: str
    fits: str


TSRNN = Library(
    requirement=str(ROOT),
    module="tsrnn",
    dependencies="numba, numpy, scipy, pandas, sklearn.base, sklearn.model_selection, threadpoolctl, joblib",
    fits="""
import json, time
from tsrnn import RNNForecaster
from tsrnn.datasets import load_airpassengers
y = load_airpassengers()
times = {"fit": [], "predict": []}
for _ in range(3):
    start = time.perf_counter()
    model = RNNForecaster(horizon=12, random_state=0).fit(y)
    times["fit"].append(time.perf_counter() - start)
for _ in range(200):
    start = time.perf_counter()
    model.predict()
    times["predict"].append(time.perf_counter() - start)
print(json.dumps(times))
""",
)

# Forecasts of a day from the week before, by a GRU of 64 units; milliseconds.
FORECASTS = """
import json, time
from statistics import median
import numpy as np
import pandas as pd
from tsrnn import RNNForecaster, RNNRegressor
n = 400
values = np.random.default_rng(0).standard_normal(n).cumsum()
indexes = {
    "hours": pd.date_range("2020-01-01", periods=n, freq="h"),
    "months": pd.date_range("1980-01-01", periods=n, freq="MS"),
    "periods": pd.period_range("1980-01", periods=n, freq="M"),
    "integers": pd.RangeIndex(n),
}
def milliseconds(predict, runs=200):
    for _ in range(5):
        predict()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        predict()
        taken.append(time.perf_counter() - start)
    return 1e3 * median(taken)
def fitted(y):
    return RNNForecaster(24, lookback=168, hidden_size=64, max_steps=2, random_state=0).fit(y)
found = {}
for name, index in indexes.items():
    y = pd.Series(values, index)
    model = fitted(y)
    times = found[name] = {}
    times["fitted series"] = milliseconds(model.predict)
    times["other series"] = milliseconds(lambda: model.predict(y=y))
    model = fitted(pd.DataFrame({k: values + k for k in range(100)}, index))
    times["100 series"] = milliseconds(model.predict, 20)
X = np.lib.stride_tricks.sliding_window_view(values, 168)
model = RNNRegressor(hidden_size=64, max_iter=1, random_state=0).fit(X, values[167:])
found["rows"] = {"one row": milliseconds(lambda: model.predict(X[:1]))}
print(json.dumps(found))
"""

WARMUP = """
import tsrnn
print(tsrnn.warmup())
"""

VERSIONS = """
import json
from importlib.metadata import distributions
print(json.dumps({d.name.lower(): d.version for d in distributions()}))
"""


def run(python: str, code: str, cache: Path) -> str:
    """Standard output of a fresh interpreter, as a user has it: nothing but what is installed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"NUMBA_CACHE_DIR": str(cache)}
    command = [python, "-c", code]
    result = subprocess.run(command, env=environment, cwd=cache, check=True, capture_output=True, text=True)
    return result.stdout


def megabytes(folder: Path) -> float:
    """Size of all files below."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def installed(requirement: str, folder: Path) -> tuple[str, float]:
    """The interpreter of a fresh environment with this in it, and what it takes; without pip itself."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", requirement], check=True)
    return python, megabytes(folder)


def measure(library: Library, python: str, runs: int) -> dict:
    """Figures that any library has."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        first = json.loads(run(python, library.fits, cache))
        size = megabytes(cache)
        later = [json.loads(run(python, library.fits, cache)) for _ in range(runs)]
        imports = {library.dependencies: [], library.module: []}
        for _ in range(2 * runs):
            for modules, times in imports.items():
                times.append(float(run(python, IMPORT.format(modules), cache)))
    alone, whole = imports.values()
    return {
        "import_s": median(whole),
        "import_dependencies_s": median(alone),
        "import_over_dependencies_s": median(a - b for a, b in zip(whole, alone, strict=True)),
        "first_fit_ever_s": first["fit"][0],
        "first_fit_later_process_s": median(times["fit"][0] for times in later),
        "second_fit_s": median(times["fit"][1] for times in later),
        "first_over_second_s": median(times["fit"][0] - times["fit"][1] for times in later),
        "predict_ms": 1e3 * median(t for times in later for t in times["predict"][1:]),
        "cache_mb": size,
    }


def measure_tsrnn(python: str, runs: int) -> dict:
    """Those, and what only tsrnn has."""
    figures = measure(TSRNN, python, runs)
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        figures["warmup_s"] = float(run(python, WARMUP, cache))
        figures["warmup_cache_mb"] = megabytes(cache)
        figures["warmup_again_s"] = median(float(run(python, WARMUP, cache)) for _ in range(runs))
        figures["lookback_168_h64_ms"] = json.loads(run(python, FORECASTS, cache))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--python")
    parser.add_argument("--peers", metavar="PYTHON")
    options = parser.parse_args()
    libraries = {}
    with tempfile.TemporaryDirectory() as folder:
        python, size = (options.python, None) if options.python else installed(TSRNN.requirement, Path(folder))
        libraries["tsrnn"] = {**measure_tsrnn(python, options.runs), "installed_mb": size}
        packages = json.loads(run(python, VERSIONS, Path(folder)))
    if options.peers:
        command = [options.peers, ROOT / "benchmarks/start_peers.py", "--runs", str(options.runs)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        libraries |= found["peers"]
        packages |= {name: version for name, version in found["versions"].items() if name in found["peers"]}
    for name, figures in libraries.items():
        print(name)
        for figure, value in figures.items():
            print(f"  {figure}: {value:.4g}" if isinstance(value, float) else f"  {figure}: {value}")
    shown = [*("tsrnn", "numba", "numpy", "scipy", "pandas", "scikit-learn"), *(n for n in libraries if n != "tsrnn")]
    record = {"versions": {name: packages[name] for name in shown}, "runs": options.runs, "libraries": libraries}
    print("written", write("start", record))


if __name__ == "__main__":
    main()
