"""Write the tables of the README and of ACCURACY.md, and plots, from `results/*.json`: no figure is typed by hand.

python benchmarks/render.py            rewrite both pages and the plots
python benchmarks/render.py --check    exit with 1 if a page is not what the results say
"""

import argparse
import re
from statistics import fmean

from cell_shapes import shape_of
from markup import HERE, load, machine, table
from render_accuracy import ablations, accuracy, accuracy_details, published_figures
from render_cuda import cuda


def cells() -> str:
    record = load("cells")
    against = {
        "training": "A training step against torch",
        "inference": "Inference against the faster of torch and onnxruntime",
    }
    parts = [
        f"{record['threads']} thread{'s' * (record['threads'] > 1)} on each side. {machine(record)}",
        "![How many times as fast as torch and onnxruntime, by shape](benchmarks/results/cells.png)",
    ]
    lines = []
    for part, title in against.items():
        found = record["summary"][part]
        mean = found["geometric_mean_ratio"]
        each = ", ".join(f"{cell.upper()} {value:.2f}x" for cell, value in mean.items() if cell != "all")
        lines.append(
            f"- {title}: geometric mean **{mean['all']:.2f}x** ({each}), lowest {found['lowest_ratio']:.2f}x "
            f"({found['lowest']})."
        )
        parts.append(_all_shapes(title, record[part]))
    shares = record["summary"]["training"]
    lines.append(
        "- A training step's share of the rate of a large matrix product, H and B of 64 or more: median "
        f"**{shares['median_matrix_share']:.0%}**, lowest {shares['lowest_matrix_share']:.0%}."
    )
    return "\n\n".join(["\n".join(lines), *parts])


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
    libraries = load("start")["libraries"]
    r = libraries["tsrnn"]
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
    text = f"{table(header, rows)}\n\nForecasts: the slowest of hourly, monthly and integer indexes. {disk}."
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


def memory() -> str:
    record = load("memory")
    parts = []
    for task, error_of_the_mean in record["error_of_the_mean"].items():
        found = [r for r in record["results"] if r["task"] == task]
        lengths = sorted({r["length"] for r in found})
        error = {(r["cell"], r["length"]): sum(r["errors"]) / len(r["errors"]) for r in found}
        rows = [
            [f"`{cell}`", *(f"{error[cell, length]:.5f}" if (cell, length) in error else "" for length in lengths)]
            for cell in dict.fromkeys(r["cell"] for r in found)
        ]
        parts.append(
            f"{task.capitalize()}, mean squared error by length; answering the mean has {error_of_the_mean:.3f}.\n\n"
            + table(["cell", *map(str, lengths)], rows)
        )
    return "\n\n".join(parts)


def stateful() -> str:
    record = load("stateful")
    rows = [
        [
            str(r["steps"]),
            *(f"{r[side]['points_per_second']:,.0f}" for side in ("streams", "windows")),
            f"{r['streams']['points_per_second'] / r['windows']['points_per_second']:.0f}x",
            *(f"{r[side]['memory_bytes'] / 2**20:.0f} MiB" for side in ("streams", "windows")),
        ]
        for r in record["reach"]
    ]
    header = ["gradients reach, steps", "streams, points/s", "windows, points/s", "ratio", "memory", "memory, windows"]
    passes = ", ".join(f"{r['points']:,} points {r['pass_s']:.2f} s" for r in record["growth"])
    return (
        f"{record['points']:,} points; memory is what fitting added to the process.\n\n"
        + table(header, rows)
        + f"\n\nOne pass over streams, gradients over {record['growth_steps']} steps: {passes}."
    )


def panel() -> str:
    r = load("panel")
    rows = [
        [
            f"{r['horizon']} days of {r['series']:,} series of {r['points']} days, one model",
            f"{r['predict_all_s']:.2f} s",
        ],
        [f"{r['horizon']} days of one of them", f"{r['predict_one_ms']:.2f} ms"],
        *(
            [
                f"of a series of {h['points']:,} points",
                f"{h['predict_ms']:.2f} ms, {h['pickled_bytes'] / 1024:.0f} KiB pickled",
            ]
            for h in r["history"]
        ),
    ]
    return table(["`predict`", "median"], rows)


def scale() -> str:
    r = load("scale")
    what = {"long format": "series of {length} days, long format", "a column each": "series, a column each"}
    rows = []
    for point in r["results"]:
        name = what.get(point["kind"], "points of one series, a mapped file").format(length=r["length"])
        steps = [point.get(step) for step in ("from_long", "fit", "predict")]
        data = point["data_bytes"] if point["kind"] in what else 4 * point["size"]
        rows.append(
            [
                f"{point['size']:,} {name}",
                *("" if step is None else duration(step["cpu_s"]) for step in steps),
                size(data),
                *("" if step is None else size(step["anonymous_bytes"]) for step in steps),
            ]
        )
    t, last = r["training"], r["results"][-1]
    header = ["", "`from_long`", "`fit`", "`predict`", "the data", "`from_long` adds", "`fit` adds", "`predict` adds"]
    return (
        table(header, rows)
        + f"\n\n{t['max_steps']} updates of {t['batch_size']} windows; {r['panel']['lookback']} values read and "
        f"{r['panel']['horizon']} forecast of a panel, {r['single']['lookback']} and {r['single']['horizon']} of one "
        f"series. Seconds of processor time, {r['threads']} thread{'s' * (r['threads'] > 1)}; memory at its peak "
        "over what was held before. The pages of the file are not counted, which the system takes back when it needs "
        f"them; with them the fit of {last['size']:,} points adds {size(last['fit']['resident_bytes'])}."
    )


def duration(seconds: float) -> str:
    """Milliseconds where seconds are few."""
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{1e3 * seconds:.1f} ms"


def size(n_bytes: float) -> str:
    """Bytes as people say them."""
    return f"{n_bytes / 2**20:,.{0 if n_bytes > 10 * 2**20 else 1}f} MiB"


def shipped() -> str:
    record = load("shipped")
    rows = [
        [
            f"{r['series']} ({r['frequency']}, {r['length']} values)",
            str(r["horizon"]),
            f"{r['mean_mase']:.3f}",
            f"{r['seasonal_naive_mase']:.3f}",
            f"{fmean(r['earlier_mase']):.3f}",
            f"{fmean(r['earlier_seasonal_naive_mase']):.3f}",
            f"{r['median_seconds']:.1f}",
        ]
        for r in record["series"]
    ]
    earlier = f"{record['earlier']} stretches before"
    heads = ["series", "steps", "tsrnn", "seasonal naive", f"{earlier}: tsrnn", "seasonal naive", "seconds to fit"]
    return table(heads, rows) + (
        f"\n\nMean MASE of {record['seeds']} seeds on the last values, of one seed on the stretches before them, each "
        "forecast from all that lies before it; default settings."
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
    mean = record["geometric_mean"]
    return (
        f"Geometric mean: an update **{mean['step_ratio']:.1f}x** as fast as neuralforecast's, a whole fit "
        f"**{mean['fit_ratio']:.1f}x**. {record['threads']} thread{'s' * (record['threads'] > 1)} on each side. "
        f"{machine(record)}\n\n{table(header, rows)}\n\n"
        "Figures are neuralforecast's / tsrnn's. At least: what the matrix products of an update take at the rate of a "
        f"large one, {record['matrix_gflops']:.0f} GFLOP/s, a floor for both sides. "
        f"The seasonal naive's MASE is {record['fits'][0]['mean_mase']['seasonal naive']:.2f}.\n\n{_one_series(record)}"
    )


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


SECTIONS = {
    HERE.parent / "README.md": {
        "cells": cells,
        "start": start,
        "memory": memory,
        "stateful": stateful,
        "panel": panel,
        "scale": scale,
        "shipped": shipped,
        "fit": fit,
        "cuda": cuda,
        "accuracy": accuracy,
    },
    HERE / "ACCURACY.md": {"accuracy": accuracy_details, "published": published_figures, "ablations": ablations},
}


def render(text: str, sections: dict, file: str) -> str:
    """A page with each `<!-- results: name -->` section filled in."""
    for name, section in sections.items():
        begin, end = f"<!-- results: {name} -->", "<!-- end -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"{file} has no section {begin}")
        filled = f"{begin}\n\n{section()}\n\n{end}"
        text = pattern.sub(lambda _, filled=filled: filled, text)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    for page, sections in SECTIONS.items():
        old = page.read_text()
        new = render(old, sections, page.name)
        if not check:
            page.write_text(new)
        elif new != old:
            raise SystemExit(f"{page.name} does not show what benchmarks/results say: run render.py")
    if not check:
        import plot_cells  # they need matplotlib, which a check does without
        import plot_scale

        plot_cells.main()
        plot_scale.main()


if __name__ == "__main__":
    main()
