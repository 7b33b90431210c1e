"""What the README says of a GPU: the figures of `bench_cuda.py`, or that there are none yet."""

from cell_shapes import shape_of
from markup import HERE, load, machine, table

NONE = "On a GPU none of it has run yet: there are no timings (`make gpu` takes them)."
WHAT = {"forward": "forward", "both": "forward and backward", "training": "an update"}


def cuda() -> str:
    """Ratios to torch by shape, the whole fit, errors, and what was left out."""
    if not (HERE / "results" / "cuda.json").exists():
        return NONE
    record = load("cuda")
    parts = [f"{record['gpu']['name']}. {machine(record)}", _checks(record)]
    if record.get("cells"):
        parts.append(_cells(record))
    if record.get("default_recipe"):
        parts.append(_recipe(record["default_recipe"]))
    if record.get("neuralforecast"):
        parts.append(_beside_neuralforecast(record["neuralforecast"]))
    if record["skipped"]:
        parts.append("Not measured: " + "; ".join(f"{name} ({why})" for name, why in record["skipped"].items()) + ".")
    return "\n\n".join(parts)


def _checks(record: dict) -> str:
    """The largest errors by precision."""
    found = []
    for precision in record["precisions"]:
        rows = [row for row in record["checks"] if row["precision"] == precision]
        if rows:
            error = max(max(row["error_states"], row["error_gradients"]) for row in rows)
            found.append(f"{precision} {error:.1e} (limit {record['limits'][precision]:.0e}, {len(rows)} checks)")
    return "Largest error of states and gradients, relative to float64 on the host: " + ", ".join(found) + "."


def _cells(record: dict) -> str:
    """Milliseconds of torch and tsrnn in the same precision, and their ratio."""
    rows = []
    for row in record["cells"]:
        for precision in record["precisions"]:
            cells = []
            for what in WHAT:
                theirs, ours = (row["ms"][what][f"{side} {precision}"] for side in ("torch", "tsrnn"))
                cells.append(f"{theirs:.3f} / {ours:.3f}, {theirs / ours:.2f}x")
            rows.append([f"{row['cell']} {shape_of(row)}, {precision}", *cells])
    return "Milliseconds, torch / tsrnn:\n\n" + table(["shape", *WHAT.values()], rows)


def _recipe(recipe: dict) -> str:
    rows = [
        [name, f"{side['fit_s']:.2f}", f"{side['training_s']:.2f}", str(side.get("updates", ""))]
        for name, side in recipe["sides"].items()
    ]
    header = ["M4 Hourly, default recipe", "fit, s", "of it the updates, s", "updates"]
    return table(header, rows) + "\n\ntorch makes the same updates, and nothing of what tsrnn does beside them."


def _beside_neuralforecast(found: dict) -> str:
    rows = [[name, f"{side['fit_s']:.2f}", f"{side['step_ms']:.2f}"] for name, side in found["sides"].items()]
    return table([f"M4 Hourly, {found['steps']} updates", "fit, s", "an update, ms"], rows)
