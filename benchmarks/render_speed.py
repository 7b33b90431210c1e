"""The README's sections on speed against torch, onnxruntime and neuralforecast, and on what a user waits for."""

from cell_shapes import shape_of
from markup import elsewhere, load, machine, table


def cells() -> str:
    record = load("cells")
    against = {
        "training": "A training step against torch",
        "inference": "Inference against the faster of torch and onnxruntime",
    }
    heads = ["processor"]
    for title in against.values():
        heads += [title, "lowest"]
    rows = [_cells_row(one, tuple(against)) for one in (record, *elsewhere("cells"))]
    return "\n\n".join(
        [
            table([*heads, "share of the matrix rate", "lowest"], rows),
            "Ratios are geometric means over all shapes. The share is the median of a training step's with H and B of "
            f"64 or more, of the rate of a large matrix product. {record['threads']} "
            f"thread{'s' * (record['threads'] > 1)} on each side. {machine(record)} Of that machine are the picture "
            "and the tables.",
            "![How many times as fast as torch and onnxruntime, by shape](benchmarks/results/cells.png)",
            *(_all_shapes(title, record[part]) for part, title in against.items()),
        ]
    )


def _cells_row(record: dict, parts: tuple[str, ...]) -> list[str]:
    """What one machine's figures come to."""
    row = [record["machine"]["processor"]]
    for part in parts:
        found = record["summary"][part]
        mean = found["geometric_mean_ratio"]
        each = ", ".join(f"{cell.upper()} {value:.2f}x" for cell, value in mean.items() if cell != "all")
        row += [f"**{mean['all']:.2f}x** ({each})", f"{found['lowest_ratio']:.2f}x ({found['lowest']})"]
    shares = record["summary"]["training"]
    return [*row, f"**{shares['median_matrix_share']:.0%}**", f"{shares['lowest_matrix_share']:.0%}"]


def _all_shapes(title: str, rows: list[dict]) -> str:
    """A table of the cells' figures, folded away; columns that no row has are left out."""
    columns = {
        "torch, ms": ("torch_ms", ".3f", ""),
        "onnxruntime, ms": ("onnxruntime_ms", ".3f", ""),
        "tsrnn, ms": ("tsrnn_ms", ".3f", ""),
        "ratio": ("ratio", ".2f", "x"),
        "share of matrix rate": ("matrix_share", ".0%", ""),
    }
    columns = {head: column for head, column in columns.items() if any(column[0] in row for row in rows)}
    lines = [
        [f"{row['cell']} {shape_of(row)}"]
        + [f"{row[name]:{style}}{unit}" if name in row else "" for name, style, unit in columns.values()]
        for row in rows
    ]
    body = table(["shape", *columns], lines)
    return f"<details><summary>{title}: all shapes</summary>\n\n{body}\n\n</details>"


def start() -> str:
    record = load("start")
    libraries, r = record["libraries"], record["libraries"]["tsrnn"]
    forecasts = r["lookback_168_h64_ms"]
    worst = {
        case: max(times[case] for times in forecasts.values() if case in times)
        for case in ("fitted series", "other series", "100 series", "one row")
    }
    rows = [
        [
            "`import tsrnn`, over importing numba, pandas and scikit-learn",
            f"{r['import_over_dependencies_s']:.3f} s",
        ],
        ["first fit ever, compilation included", f"{r['first_fit_ever_s']:.1f} s"],
        ["first fit of a later process, over the second fit", f"{r['first_over_second_s']:.2f} s"],
        ["second fit, air passengers", f"{r['second_fit_s']:.2f} s"],
        ["one forecast of that", f"{r['predict_ms']:.2f} ms"],
        ["one forecast, lookback 168, 64 units", f"{worst['fitted series']:.2f} ms"],
        ["the same of a series that is given to `predict`", f"{worst['other series']:.2f} ms"],
        ["the same of 100 series at once", f"{worst['100 series']:.1f} ms"],
        ["one row, `RNNRegressor` of the same size", f"{worst['one row']:.2f} ms"],
        ["`tsrnn warmup`, all cells: nothing is compiled after it", f"{r['warmup_s']:.0f} s"],
    ]
    disk = (
        f"Compiled code takes {r['cache_mb']:.1f} MB after the first fit, {r['warmup_cache_mb']:.1f} MB after a warm-up"
    )
    if r["installed_mb"] is not None:
        disk += f"; tsrnn and all that it needs {r['installed_mb']:.0f} MB"
    header = ["waiting for", "median"]
    slowest = "Forecasts: the slowest of hourly, monthly and integer indexes."
    text = f"{table(header, rows)}\n\n{slowest} {disk}. {machine(record)}"
    if len(libraries) == 1:
        return text
    return text + "\n\n" + start_beside(libraries)


def start_beside(libraries: dict) -> str:
    """What all libraries make a user wait for, with the same series and horizon, each with its usual updates."""
    rows = [
        [
            name,
            f"{r['import_s']:.2f}",
            f"{r['first_fit_later_process_s'] if name == 'tsrnn' else r['first_fit_s']:.2f}",
            f"{r['second_fit_s']:.2f}",
            f"{r['predict_ms']:.2f}",
            f"{r['installed_mb']:.0f}" if r["installed_mb"] else "",
        ]
        for name, r in libraries.items()
    ]
    return table(
        ["air passengers, 12 months", "import, s", "first fit, s", "next fit, s", "a forecast, ms", "installed, MB"],
        rows,
    )


def fit() -> str:
    record = load("fit")
    sides = ("neuralforecast", "tsrnn")
    rows = []
    for f in record["fits"]:
        least = 1e3 * f["gflop"] / record["matrix_gflops"]
        pairs = {
            key: " / ".join(f"{scale * f[side][key]:{style}}" for side in sides)
            for key, scale, style in (
                ("step_s", 1e3, ".1f"),
                ("fit_s", 1, ".1f"),
                ("predict_s", 1, ".2f"),
                ("peak_mb", 1, ".0f"),
            )
        }
        mase = " / ".join(f"{f['mean_mase'][side]:.2f}" for side in sides)
        network = f"{f['cell']} H{f['hidden']} L{f['layers']}, {f['steps']} updates"
        ratios = (f"{f[key]:.1f}x" for key in ("step_ratio", "fit_ratio"))
        step, whole, *others = pairs.values()
        rows.append([network, step, f"{least:.1f}", next(ratios), whole, next(ratios), *others, mase])
    header = ["network", "update, ms", "at least", "ratio", "fit, s", "ratio", "predict, s", "memory, MB", "MASE"]
    return (
        f"{_fit_means(record)} {record['threads']} thread{'s' * (record['threads'] > 1)} on each side. "
        f"{machine(record)}\n\n{table(header, rows)}\n\n"
        "Figures are neuralforecast's / tsrnn's. At least: what the matrix products of an update take at the rate of a "
        f"large one, {record['matrix_gflops']:.0f} GFLOP/s, a floor for both sides. "
        f"The seasonal naive's MASE is {record['fits'][0]['mean_mase']['seasonal naive']:.2f}.\n\n{_one_series(record)}"
    )


def _fit_means(record: dict) -> str:
    """How many times as fast, on the machine of the table and on others."""
    mean = record["geometric_mean"]
    text = (
        f"Geometric mean: an update **{mean['step_ratio']:.1f}x** as fast as neuralforecast's, a whole fit "
        f"**{mean['fit_ratio']:.1f}x**."
    )
    for other in elsewhere("fit"):
        mean = other["geometric_mean"]
        lowest, highest = (one(f["step_ratio"] for f in other["fits"]) for one in (min, max))
        text += (
            f" On another machine, {other['machine']['processor']}: {mean['step_ratio']:.1f}x (from {lowest:.1f}x to "
            f"{highest:.1f}x) and {mean['fit_ratio']:.1f}x."
        )
    return text


def _one_series(record: dict) -> str:
    """The part of `fit` on the longest series alone."""
    one = record["one_series"]
    network = f"{one['cell']} H{one['hidden']}"
    names = {
        "tsrnn": f"tsrnn, {network}",
        "neuralforecast": f"neuralforecast, {network}",
        "scikit-learn": "scikit-learn's MLPRegressor",
        "skforecast": "skforecast, recursive, MLPRegressor",
    }
    rows = [
        [
            name,
            f"{one[side]['fit_s']:.2f}",
            f"{1e3 * one[side]['predict_s']:.1f}",
            f"{one[side]['peak_mb']:.0f}",
            f"{one['mean_mase'][side]:.2f}",
        ]
        for side, name in names.items()
    ]
    header = [f"{one['series']} alone, about {one['steps']} updates", "fit, s", "predict, ms", "memory, MB", "MASE"]
    return table(header, rows)
