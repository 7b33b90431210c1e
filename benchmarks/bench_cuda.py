"""Recurrent layers, training steps and whole fits on a GPU, against torch (cuDNN) and neuralforecast on the same one.

First what is computed: states and gradients of every cell and shape against torch in float64 on the host, all rows
computed, outputs filled with NaN before. What is wrong is not timed. Then milliseconds between CUDA events, medians of
runs in which the sides take turns: the layer forward (gates kept for the way back), forward and backward (gradients of
the weights), and whole updates: a batch gathered, the layer and a head on its last state, mean squared error,
clipping, Adam. tsrnn's updates are those of its trainer, its losses read and checked. torch runs with tf32 and
without. Last a whole fit of M4 Hourly with the default recipe (`cuda_fit.py`).

It keeps to a budget: parts come in the order of their importance, and one that has no time left says so. What was
measured until then is written after each part.

    python benchmarks/bench_cuda.py [--budget 450] [--out FILE.json]

M4 Hourly is read from the folder that TSRNN_DATA names. Without a GPU it ends with 1.
"""

import argparse
import sys
from pathlib import Path

from cell_shapes import Shape, shape_of
from cuda_timing import Budget, Side, events, in_turns
from markup import table
from report import RESULTS, write

GOALS = {  # how many times as fast as cuDNN a layer forward and backward is to be: the figure to show, and the aim
    Shape(1024, 168, 8, 64): (2.5, 5),
    Shape(4096, 96, 1, 128): (2, 4),
    Shape(256, 512, 16, 512): (1, 1.3),
    Shape(64, 48, 1, 64): (2, 4),
}
LAUNCH_BOUND = Shape(64, 48, 1, 64)  # where it is also measured what replaying a recorded update saves
CALL_BY_CALL = "tsrnn float32, call by call"
MORE = [Shape(256, 21, 128, 128), Shape(32, 24, 1, 32), Shape(256, 96, 1, 256)]
CELLS = ("lstm", "gru")
LIMITS = {"float32": 1e-6, "tf32": 1e-3}  # of the error of states and gradients
WRONG = 50  # times that limit: something else than rounding
WHAT = {"forward": "forward", "both": "forward and backward", "training": "an update"}


def checks(cells, shapes, precisions, budget: Budget) -> list[dict]:
    """Errors of each cell, shape and precision."""
    from cuda_sides import Problem, checked

    found = []
    for shape in shapes:
        for cell in cells:
            for precision in precisions:
                name = f"check {cell} {shape} {precision}"
                errors = budget.part(name, 15, checked, Problem(cell, shape), precision)
                if errors is None:
                    continue
                row = {"cell": cell, **shape._asdict(), "precision": precision, **errors}
                row["within_limit"] = worst(row) <= LIMITS[precision]
                row["right"] = errors["all_written"] and worst(row) <= WRONG * LIMITS[precision]
                found.append(row)
                print(f"{name}: states {row['error_states']:.1e}, gradients {row['error_gradients']:.1e} "
                      f"({row['worst_gradient']}){'' if row['right'] else ': WRONG'}", flush=True)  # fmt: skip
    return found


def worst(row: dict) -> float:
    """The larger of the errors of states and gradients."""
    return max(row["error_states"], row["error_gradients"])


def sides(problem, precisions: list[str], ours: dict, what: str, device: str = "cuda") -> dict[str, Side]:
    """The sides of one comparison by name; `ours` are the layers of tsrnn, entered, by precision."""
    from cuda_sides import Torch

    theirs = {"torch float32": Torch(problem, False, device), "torch tf32": Torch(problem, True, device)}
    both = {f"tsrnn {precision}": ours[precision] for precision in precisions} | theirs
    if what != "training":
        batches = problem.batches(problem.sets, device)
        return {name: side.timed(batches)[what] for name, side in both.items()}
    samples = rows(problem, device)
    found = {name: side.training(*samples) for name, side in both.items()}
    if problem.shape == LAUNCH_BOUND:
        found[CALL_BY_CALL] = ours["float32"].training(*samples, records=False)
    return found


def rows(problem, device: str) -> tuple:
    """A table of sequences (T, N, I) and targets (N, 1) that updates draw from, torch's tensors."""
    import torch

    s, generator = problem.shape, torch.Generator(device).manual_seed(0)
    count = s.B * max(2, min(16, problem.sets))
    return tuple(torch.randn(*size, generator=generator, device=device) for size in ((s.T, count, s.I), (count, 1)))


def timed(cell: str, shape: Shape, precisions: list[str], clock, patience: float, device: str = "cuda") -> dict:
    """Milliseconds of one shape, by what is timed and side."""
    from contextlib import ExitStack

    from cuda_sides import Ours, Problem

    problem, found = Problem(cell, shape), {}
    with ExitStack() as stack:
        ours = {precision: stack.enter_context(Ours(problem, precision)) for precision in precisions}
        for what in WHAT:
            given = sides(problem, precisions, ours, what, device)
            found[what] = in_turns(given, clock, patience=patience)
    row = {"cell": cell, **shape._asdict(), "ms": found}
    print(f"{cell} {shape}: " + "; ".join(
        f"{WHAT[what]} " + ", ".join(f"{name} {ms:.3f} ms" for name, ms in by.items()) for what, by in found.items()
    ), flush=True)  # fmt: skip
    return row


def ratio(row: dict, what: str, precision: str) -> float:
    """How many times as fast as torch tsrnn is, both with tf32 or both without."""
    return row["ms"][what][f"torch {precision}"] / row["ms"][what][f"tsrnn {precision}"]


def summary(figures: dict) -> str:
    """The short table that is printed last."""
    rows = []
    for row in figures.get("cells", []):
        shape, aims = shape_of(row), GOALS.get(shape_of(row))
        for precision in figures["precisions"]:
            ratios = [f"{ratio(row, what, precision):.2f}x" for what in WHAT]
            aim = f"{aims[0]}x, {aims[1]}x" if aims else ""
            rows.append([f"{row['cell']} {shape} {precision}", *ratios, aim])
    lines = [table(["against torch", *WHAT.values(), "to show, aim"], rows)] if rows else []
    recipe = figures.get("default_recipe")
    if recipe:
        lines.append(
            "M4 Hourly, default recipe, fit (updates alone): "
            + ", ".join(f"{n} {s['fit_s']:.2f} s ({s['training_s']:.2f} s)" for n, s in recipe["sides"].items())
        )
    if figures.get("neuralforecast"):
        found = figures["neuralforecast"]["sides"]
        lines.append("M4 Hourly, 300 updates: " + ", ".join(f"{n} {s['fit_s']:.2f} s" for n, s in found.items()))
    known = figures.get("checks", [])
    over = [c for c in known if not c["within_limit"]]
    lines.append(f"checks: {len(known)}, beyond the limit {len(over)}, wrong {sum(not c['right'] for c in known)}")
    lines += [f"beyond the limit: {c['cell']} {shape_of(c)} {c['precision']} {worst(c):.1e}" for c in over]
    lines += [f"skipped: {name}: {why}" for name, why in figures["skipped"].items()]
    return "\n".join(lines)


def gpu() -> dict:
    """What the device is."""
    import torch

    found = torch.cuda.get_device_properties(0)
    return {
        "name": found.name,
        "capability": f"{found.major}.{found.minor}",
        "memory_gb": found.total_memory / 1e9,
        "multiprocessors": found.multi_processor_count,
        "cudnn": torch.backends.cudnn.version(),
    }


def measured(budget: Budget, given: argparse.Namespace, keep) -> dict:
    """All parts in order; `keep` is called with the figures after each of them."""
    import cuda_fit
    from cuda_precision import precisions

    offered = precisions()
    figures = {"gpu": gpu(), "precisions": offered, "limits": LIMITS, "skipped": budget.skipped}
    clock, figures["checks"], figures["cells"] = events(), [], []

    def layers(shapes):
        figures["checks"] += checks(given.cells, shapes, offered, budget)
        keep(figures)
        right = {(c["cell"], shape_of(c), c["precision"]) for c in figures["checks"] if c["right"]}
        for shape in shapes:
            for cell in given.cells:
                usable = [precision for precision in offered if (cell, shape, precision) in right]
                if len(usable) < len(offered):
                    budget.skip(f"timing {cell} {shape}", "it is wrong, or was not checked")
                    continue
                row = budget.part(f"timing {cell} {shape}", 20, timed, cell, shape, usable, clock, 3.0)
                if row is not None:
                    figures["cells"].append(row)
                    keep(figures)

    layers(GOALS)
    figures["default_recipe"] = budget.part("default recipe", 90, cuda_fit.default_recipe, offered)
    keep(figures)
    figures["neuralforecast"] = budget.part("neuralforecast", 60, cuda_fit.against_neuralforecast, offered)
    keep(figures)
    layers(MORE)
    return figures


def unusable() -> str | None:
    """Why nothing can be measured here, in a line."""
    from tsrnn.kernels.availability import why_no_gpu

    reason = why_no_gpu()
    if reason is None:
        try:
            import torch
        except ImportError:
            return "torch is not installed, which everything is compared with"
        reason = None if torch.cuda.is_available() else "the installed torch sees no GPU: is it a build for CUDA?"
    return reason


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=450, help="seconds, of all parts")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--out", type=Path, default=RESULTS / "cuda.json", help="file to write")
    given = parser.parse_args()
    budget = Budget(given.budget)
    reason = unusable()
    if reason is not None:
        print(f"no GPU to measure on: {reason}")
        return 1

    def keep(figures):
        packages = ("torch", "numba-cuda", "cuda-bindings", "cupy-cuda13x", "neuralforecast")
        write(given.out.stem, figures, *packages, folder=given.out.parent)

    figures = measured(budget, given, keep)
    keep(figures)
    print(summary(figures))
    print(f"{given.budget - budget.left:.0f} s; written {given.out}")
    return 0 if figures["checks"] and all(c["right"] for c in figures["checks"]) else 1


if __name__ == "__main__":
    sys.exit(main())
