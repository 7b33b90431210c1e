"""What a user waits for before the first forecast: the import, the compilation, the first fit of a process.

Each figure is taken in processes of their own. The first fit ever starts with an empty compilation cache, the later
ones find what it left.

    python benchmarks/bench_start.py [--runs 5]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from report import write

DEPENDENCIES = "numba, numpy, scipy, pandas, sklearn.base, sklearn.model_selection, threadpoolctl, joblib"

IMPORT = """
import time
start = time.perf_counter()
import {}
print(time.perf_counter() - start)
"""

FITS = """
import json, time
from tsrnn import RNNForecaster
from tsrnn.datasets import load_airpassengers
y = load_airpassengers()
times = {"fit": [], "predict": []}
for _ in range(3):
    start = time.perf_counter()
    model = RNNForecaster(horizon=12, random_state=0).fit(y)
    times["fit"].append(time.perf_counter() - start)
    start = time.perf_counter()
    model.predict()
    times["predict"].append(time.perf_counter() - start)
for _ in range(200):
    start = time.perf_counter()
    model.predict()
    times["predict"].append(time.perf_counter() - start)
long = RNNForecaster(horizon=12, lookback=100, hidden_size=64, max_steps=2).fit(y)
times["predict_long"] = []
for _ in range(200):
    start = time.perf_counter()
    long.predict()
    times["predict_long"].append(time.perf_counter() - start)
print(json.dumps(times))
"""


def run(code: str, cache: Path) -> str:
    """Standard output of a fresh interpreter."""
    environment = dict(os.environ, NUMBA_CACHE_DIR=str(cache))
    result = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    return result.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        first = json.loads(run(FITS, cache))
        size = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
        later = [json.loads(run(FITS, cache)) for _ in range(runs)]
        imports = {"tsrnn": [], "dependencies": []}
        for _ in range(2 * runs):
            for name, modules in (("dependencies", DEPENDENCIES), ("tsrnn", "tsrnn")):
                imports[name].append(float(run(IMPORT.format(modules), cache)))
    figures = {
        "runs": runs,
        "import_s": median(imports["tsrnn"]),
        "import_dependencies_s": median(imports["dependencies"]),
        "import_over_dependencies_s": median(
            a - b for a, b in zip(imports["tsrnn"], imports["dependencies"], strict=True)
        ),
        "first_fit_ever_s": first["fit"][0],
        "first_fit_later_process_s": median(t["fit"][0] for t in later),
        "second_fit_s": median(t["fit"][1] for t in later),
        "first_over_second_s": median(t["fit"][0] - t["fit"][1] for t in later),
        "predict_ms": 1e3 * median(t for run_ in later for t in run_["predict"][3:]),
        "predict_lookback_100_h64_ms": 1e3 * median(t for run_ in later for t in run_["predict_long"][1:]),
        "cache_mb": size / 1e6,
    }
    for name, value in figures.items():
        print(f"{name}: {value:.4g}")
    print("written", write("start", figures))


if __name__ == "__main__":
    main()
