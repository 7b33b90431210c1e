"""Write the tables of the README and of ACCURACY.md, and plots, from `results/*.json`: no figure is typed by hand.

python benchmarks/render.py            rewrite both pages and the plots
python benchmarks/render.py --check    exit with 1 if a page is not what the results say
"""

import argparse
import re
from statistics import fmean

from markup import HERE, load, table
from render_accuracy import ablations, accuracy, accuracy_details, published_figures
from render_cuda import cuda
from render_speed import cells, fit, start


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
