"""The ratios of `results/cells.json` as a picture: a row for each shape, a dot for each cell, on a logarithmic axis.

python benchmarks/plot_cells.py         writes results/cells.png
"""

import json

import matplotlib.pyplot as plt
from cell_shapes import shape_of
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from report import RESULTS

MARKS = {"rnn": ("o", "tab:gray"), "lstm": ("s", "tab:blue"), "gru": ("D", "tab:orange")}
TITLES = {
    "training": "A training step against torch",
    "inference": "Inference against the faster of torch and onnxruntime",
}


def draw(record: dict):
    """The figure."""
    rows = [row for part in TITLES for row in record[part]]
    names = list(dict.fromkeys(str(shape_of(row)) for row in rows))
    figure, axes = plt.subplots(1, 2, figsize=(11, 0.8 + 0.3 * len(names)), sharey=True, layout="constrained")
    for ax, (part, title) in zip(axes, TITLES.items(), strict=True):
        ax.axvline(1, color="black", linewidth=1)
        for cell, (marker, color) in MARKS.items():
            own = [row for row in record[part] if row["cell"] == cell]
            places = [names.index(str(shape_of(row))) for row in own]
            ax.scatter([row["ratio"] for row in own], places, s=30, marker=marker, color=color, label=cell, zorder=3)
        ax.set_xscale("log")
        low, high = ax.get_xlim()
        ax.set_xlim(min(low, 0.45), max(high, 2.2))
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("tsrnn is so many times as fast")
        ax.grid(color="0.9", zorder=0)
    axes[0].set_yticks(range(len(names)), names, fontsize=8)
    axes[0].invert_yaxis()
    axes[0].legend(loc="best")
    return figure


def main():
    path = RESULTS / "cells.png"
    draw(json.loads((RESULTS / "cells.json").read_text())).savefig(path, dpi=110)
    print("written", path)


if __name__ == "__main__":
    main()
