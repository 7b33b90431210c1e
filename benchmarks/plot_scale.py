"""How time and memory grow with the data, as `bench_scale.py` found it.

python benchmarks/plot_scale.py        writes results/scale.png
"""

import matplotlib.pyplot as plt
import numpy as np
from markup import load
from report import RESULTS

LINES = {"fit": "-", "predict": "--", "from_long": ":"}


def main():
    record = load("scale")
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for color, kind in enumerate(dict.fromkeys(point["kind"] for point in record["results"])):
        points = [point for point in record["results"] if point["kind"] == kind]
        values = np.array([point["size"] * (1 if kind == "one series" else record["length"]) for point in points])
        for step, line in LINES.items():
            if step in points[0]:
                style = {"linestyle": line, "color": f"C{color}", "marker": "o", "markersize": 3}
                label = f"{step}, {kind}"
                left.loglog(values, [point[step]["cpu_s"] for point in points], label=label, **style)
                right.loglog(values, [max(1e5, point[step]["anonymous_bytes"]) for point in points], **style)
    span = np.array([6e4, 1e8])
    left.loglog(span, 1e-7 * span, color="0.7", linewidth=1, label="in proportion")
    right.loglog(span, 8 * span, color="0.7", linewidth=1, label="8 bytes a value")
    left.set(xlabel="values", ylabel="processor time, s")
    right.set(xlabel="values", ylabel="memory added, bytes (below 1e5: as 1e5)")
    figure.legend(*(left.get_legend_handles_labels()), fontsize=8, ncols=4, loc="outside lower center")
    right.legend(fontsize=8)
    path = RESULTS / "scale.png"
    figure.savefig(path, dpi=120)
    print("written", path)


if __name__ == "__main__":
    main()
