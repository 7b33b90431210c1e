"""A training step against torch, and inference against torch and onnxruntime, on the same threads.

Training: forward through the recurrent layers and a dense head on the last state, mean squared error, backward,
clipping of the gradient's norm to 1, one step of Adam. Inference: the forward pass alone, under `torch.no_grad()`;
of the shape with one step of one series it is that step, from a carried state. All sides have the same weights and
inputs, and before anything is timed their outputs and gradients are compared. tsrnn also gathers the batch from a
table of rows, which the others are spared.

The share is that of the machine's rate in a large matrix product of the same type, taken in the same runs by the
faster of numpy and torch, numpy with the best that its BLAS has for the processor. It counts what the recurrent
layers' matrix products need, as `cell_shapes.operations` has it, and nothing for activations, the head and the
optimizer.

Runs of the sides alternate; ratios are medians of those of one run. All of it takes some minutes, a part of it
seconds; a part is written only where `--out` says.

    python benchmarks/bench_cells.py
    python benchmarks/bench_cells.py --cells gru --shapes H512 "B1 T1" --only training --threads 1
"""

import argparse
import time
from functools import partial
from pathlib import Path

import blas  # noqa: F401
import numpy as np
import torch
from cell_shapes import GATES, SHAPES, Shape, operations, shape_of
from cell_sides import Onnxruntime, Problem, Torch, Tsrnn
from report import RESULTS, write
from threadpoolctl import threadpool_limits
from timing import Side, geometric_mean, in_turns

from tsrnn.training.parallel import Workers

MATRIX = 2048  # rows and columns of the large product
PARTS = ("training", "inference")


def matrix_side(dtype: str, threads: int) -> tuple[str, Side]:
    """The large product of a type by the faster of numpy and torch, and which that is."""
    a = np.random.default_rng(0).standard_normal((MATRIX, MATRIX)).astype(dtype)
    t, out = torch.tensor(a), np.empty_like(a)
    sides = {
        "numpy": Side(lambda: np.matmul(a, a, out=out), partial(threadpool_limits, threads, user_api="blas")),
        "torch": Side(lambda: torch.mm(t, t)),
    }
    times = in_turns(sides, 5)
    fastest = min(times, key=lambda name: np.median(times[name]))
    return fastest, sides[fastest]


def close(found: np.ndarray, expected: np.ndarray, dtype: str, what: str) -> None:
    """Refuse to time sides that compute different things."""
    error = np.abs(found - expected).max() / np.abs(expected).max()
    if not error < (1e-4 if dtype == "float32" else 1e-9):
        raise SystemExit(f"{what}: the sides differ by {error:.1e} of the largest value")


def training(problem: Problem, workers: Workers, matrix: Side, runs: int) -> dict:
    """Figures of a training step."""
    tsrnn, torch_side = Tsrnn(problem, workers), Torch(problem)
    close(tsrnn.gradient(), torch_side.gradient(), problem.shape.dtype, f"{problem.cell} {problem.shape}, gradient")
    sides = {"torch": torch_side.training(), "tsrnn": tsrnn.training(), "matrix": matrix}
    times = in_turns(sides, runs)
    rate = sum(operations(problem.cell, problem.shape)) / times["tsrnn"] / 1e9
    matrix_rate = 2 * MATRIX**3 / times["matrix"] / 1e9
    return {
        "torch_ms": 1e3 * float(np.median(times["torch"])),
        "tsrnn_ms": 1e3 * float(np.median(times["tsrnn"])),
        "ratio": float(np.median(times["torch"] / times["tsrnn"])),
        "tsrnn_gflops": float(np.median(rate)),
        "matrix_gflops": float(np.median(matrix_rate)),
        "matrix_share": float(np.median(rate / matrix_rate)),
    }


def inference(problem: Problem, workers: Workers, threads: int, runs: int) -> dict:
    """Figures of the forward pass; the ratio is that to the faster of the others."""
    sides = {"torch": Torch(problem).inference(), "tsrnn": Tsrnn(problem, workers).inference()}
    if problem.shape.dtype == "float32":
        sides["onnxruntime"] = Onnxruntime(problem, threads).inference()
    expected = sides["torch"].step()
    for name, side in sides.items():
        with side.around():
            close(side.step(), expected, problem.shape.dtype, f"{problem.cell} {problem.shape}, outputs of {name}")
    times = in_turns(sides, runs)
    ratios = {name: float(np.median(times[name] / times["tsrnn"])) for name in times if name != "tsrnn"}
    return {
        **{f"{name}_ms": 1e3 * float(np.median(values)) for name, values in times.items()},
        **{f"{name}_ratio": value for name, value in ratios.items()},
        "ratio": min(ratios.values()),
    }


def summary(rows: list[dict]) -> dict:
    """Geometric means of the ratios, the lowest one, and the shares where a batch fills the machine."""
    cells = dict.fromkeys(row["cell"] for row in rows)
    means = {cell: geometric_mean([row["ratio"] for row in rows if row["cell"] == cell]) for cell in cells}
    lowest = min(rows, key=lambda row: row["ratio"])
    found = {
        "geometric_mean_ratio": {**means, "all": geometric_mean([row["ratio"] for row in rows])},
        "lowest_ratio": lowest["ratio"],
        "lowest": f"{lowest['cell']} {shape_of(lowest)}",
    }
    shares = [row["matrix_share"] for row in rows if "matrix_share" in row and row["H"] >= 64 and row["B"] >= 64]
    if shares:
        found |= {"median_matrix_share": float(np.median(shares)), "lowest_matrix_share": min(shares)}
    return found


def chosen(words: list[str] | None) -> list[Shape]:
    """Shapes that have all words of any of the filters in their name."""
    if not words:
        return SHAPES
    found = [s for s in SHAPES if any(set(w.split()) <= set(str(s).split()) for w in words)]
    return found or exit(
        f"--shapes: no shape is {' or '.join(map(repr, words))}; there are: {'; '.join(map(str, SHAPES))}"
    )


def line(part: str, cell: str, shape: Shape, row: dict) -> str:
    """A row as it is printed."""
    figures = {
        "torch": f"{row['torch_ms']:9.3f} ms",
        "onnxruntime": f"{row['onnxruntime_ms']:9.3f} ms" if "onnxruntime_ms" in row else "",
        "tsrnn": f"{row['tsrnn_ms']:9.3f} ms",
        "ratio": f"{row['ratio']:6.2f}x",
        "share": f"{row['matrix_share']:5.0%}" if "matrix_share" in row else "",
    }
    figures = {name: text for name, text in figures.items() if text}
    return f"{part:9} {cell:4} {shape!s:31} " + "  ".join(f"{n} {t}" for n, t in figures.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11, help="of each side; fewer where a step is long")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cells", nargs="+", choices=list(GATES), default=list(GATES))
    parser.add_argument("--shapes", nargs="+", metavar="WORDS", help='such as H512, or "B1 T1" for both words at once')
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--out", type=Path, help="file to write; default: results/cells.json, if all of it is measured")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    shapes, parts = chosen(options.shapes), [options.only] if options.only else PARTS
    start = time.perf_counter()
    by, matrix = {}, {}
    if "training" in parts:
        for dtype in dict.fromkeys(shape.dtype for shape in shapes):
            by[dtype], matrix[dtype] = matrix_side(dtype, options.threads)
    rows = {part: [] for part in parts}
    with Workers(options.threads) as workers:
        for cell in options.cells:
            for shape in shapes:
                problem = Problem(cell, shape)
                for part in parts:
                    row = {"cell": cell, **shape._asdict()}
                    if part == "training":
                        row |= training(problem, workers, matrix[shape.dtype], options.runs)
                    else:
                        row |= inference(problem, workers, options.threads, options.runs)
                    rows[part].append(row)
                    print(line(part, cell, shape, row), flush=True)
    figures = {"threads": options.threads, "runs": options.runs, "matrix_product_by": by, **rows}
    figures["summary"] = {part: summary(rows[part]) for part in parts}
    for part, found in figures["summary"].items():
        means = ", ".join(f"{name} {value:.2f}" for name, value in found["geometric_mean_ratio"].items())
        print(f"{part}: geometric means {means}; lowest {found['lowest_ratio']:.2f}, {found['lowest']}")
    if "lowest_matrix_share" in (found := figures["summary"].get("training", {})):
        shares = found["median_matrix_share"], found["lowest_matrix_share"]
        print("share of the matrix rate at H >= 64 and B >= 64: median {:.0%}, lowest {:.0%}".format(*shares))
    print(f"{time.perf_counter() - start:.0f} s")
    whole = list(shapes) == SHAPES and options.cells == list(GATES) and not options.only
    if options.out or whole:
        out = options.out or RESULTS / "cells.json"
        print("written", write(out.stem, figures, "torch", "onnxruntime", folder=out.parent))


if __name__ == "__main__":
    main()
