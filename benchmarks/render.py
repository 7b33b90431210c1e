"""Write the tables of the README and of ACCURACY.md from `results/*.json`: no figure in them is typed by hand.

python benchmarks/render.py            rewrite both
python benchmarks/render.py --check    exit with 1 if one of them is not what the results say
"""

import argparse
import re

from markup import HERE, load, machine, table
from render_accuracy import ablations, accuracy, accuracy_details, published_figures


def cells() -> str:
    record = load("cells")
    rows = [
        [
            f"{r['cell']} B{r['B']} T{r['T']} I{r['I']} H{r['H']}",
            f"{r['torch_ms']:.2f}",
            f"{r['tsrnn_ms']:.2f}",
            f"{r['ratio']:.2f}x",
        ]
        for r in record["steps"]
    ]
    mean = record["geometric_mean"]
    return (
        f"Geometric mean over LSTM and GRU: **{mean['lstm and gru']:.2f}x** torch's speed "
        f"(LSTM {mean['lstm']:.2f}x, GRU {mean['gru']:.2f}x, RNN {mean['rnn']:.2f}x), "
        f"{record['threads']} threads on each side. {machine(record)}\n\n<details><summary>All shapes</summary>\n\n"
        + table(["training step", "torch, ms", "tsrnn, ms", "ratio"], rows)
        + "\n\n</details>"
    )


def start() -> str:
    r = load("start")
    rows = [
        [
            "`import tsrnn`, over importing numba, pandas and scikit-learn",
            f"{r['import_over_dependencies_s']:.3f} s",
        ],
        ["first fit ever, compilation included", f"{r['first_fit_ever_s']:.1f} s"],
        ["first fit of a later process, over the second fit", f"{r['first_over_second_s']:.2f} s"],
        ["second fit, air passengers", f"{r['second_fit_s']:.2f} s"],
        ["one forecast", f"{r['predict_ms']:.2f} ms"],
    ]
    return table(["waiting for", "median"], rows)


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


def shipped() -> str:
    record = load("shipped")
    rows = [
        [
            f"{r['series']} ({r['frequency']}, {r['length']} values)",
            str(r["horizon"]),
            f"{r['mean_mase']:.3f}",
            f"{r['seasonal_naive_mase']:.3f}",
            f"{r['median_seconds']:.1f}",
        ]
        for r in record["series"]
    ]
    return (
        table(["series", "steps", "MASE, tsrnn", "MASE, seasonal naive", "seconds to fit"], rows)
        + f"\n\nMean of {record['seeds']} seeds, default settings, last values held out."
    )


SECTIONS = {
    HERE.parent / "README.md": {
        "cells": cells,
        "start": start,
        "memory": memory,
        "stateful": stateful,
        "panel": panel,
        "shipped": shipped,
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


if __name__ == "__main__":
    main()
