"""Tables of accuracy and of ablations: what `accuracy.py` and `ablations.py` measured, what `published.json` quotes."""

import json
from collections import Counter
from statistics import mean, pstdev

from markup import HERE, load, machine, table

OWN = "tsrnn"
PARTS = {
    "test": "Test part, once for this state of the defaults.",
    "validation": "Validation: the stretch before the test part, on which the defaults were chosen.",
}
PLACES = {"MSE": 3, "MAE": 3, "OWA": 3, "MASE": 3, "sMAPE": 2}


class Cell:
    """What one method did on one task: its scores over seeds and its seconds.

    Parameters
    ----------
    rows : list of dict
        A row a seed.
    """

    def __init__(self, rows: list[dict]):
        self.rows = rows
        self.metric = rows[0]["metric"]
        self.library = rows[0]["library"]
        self.seeds = len(rows) if rows[0]["seed"] is not None else 0
        self.every = rows[0].get("every", 1)
        seconds = [row["seconds"] for row in rows if row["seconds"] is not None]
        self.seconds = mean(seconds) if seconds else None

    def score(self, metric: str) -> float:
        return mean(row["scores"][metric] for row in self.rows)

    @property
    def spread(self) -> float:
        """Standard deviation over seeds."""
        return pstdev(row["scores"][self.metric] for row in self.rows)

    def text(self, best: bool) -> str:
        """The score that counts, and the seconds."""
        score = f"{self.score(self.metric):.{PLACES[self.metric]}f}"
        score = f"**{score}**" if best else score
        return score if self.seconds is None else f"{score} ({duration(self.seconds)})"


def duration(seconds: float) -> str:
    """Seconds, in figures that matter."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def cells(rows: list[dict], part: str) -> dict[tuple[str, str], Cell]:
    """By task and method, in the order of the rows."""
    grouped: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        if row["part"] == part:
            grouped.setdefault((row["task"], row["method"]), []).append(row)
    return {key: Cell(rows) for key, rows in grouped.items()}


def rows_of(*names: str) -> list[dict]:
    """Of all files that are there."""
    return [row for name in names if (HERE / "results" / f"{name}.json").exists() for row in load(name)["rows"]]


def published() -> list[dict]:
    return json.loads((HERE / "published.json").read_text())["figures"]


def in_order(names) -> list[str]:
    """Without repetitions; what is our own first."""
    return sorted(dict.fromkeys(names), key=lambda name: not name.startswith(OWN))


def overview(part: str, found: dict[tuple[str, str], Cell]) -> str:
    """A row a task, a column a method."""
    tasks, methods = list(dict.fromkeys(task for task, _ in found)), in_order(method for _, method in found)
    quoted = {}
    for figure in published() if part == "test" else []:
        old = quoted.get(figure["task"])
        quoted[figure["task"]] = figure if old is None or figure["score"] < old["score"] else old
    rows = []
    for task in tasks:
        own = {method: found[task, method] for method in methods if (task, method) in found}
        metric = next(iter(own.values())).metric
        best = min(cell.score(metric) for cell in own.values())
        row = [f"{task} ({metric})"]
        row += [own[method].text(own[method].score(metric) == best) if method in own else "" for method in methods]
        if quoted:
            row.append(f"{quoted[task]['score']:.3f}, {quoted[task]['method']}" if task in quoted else "")
        rows.append(row)
    return table(["", *methods, *(["best published"] if quoted else [])], rows)


def accuracy() -> str:
    """The README's section: the test part where it was run, else validation."""
    rows = rows_of("accuracy", "accuracy_peers")
    part = "test" if any(row["part"] == "test" and row["method"].startswith(OWN) for row in rows) else "validation"
    found = cells(rows, part)
    if not found:
        return "Not measured yet."
    seeds = sorted({cell.seeds for cell in found.values() if cell.seeds})
    how_many = " to ".join(map(str, dict.fromkeys((seeds[0], seeds[-1])))) if seeds else "no"
    return (
        f"{PARTS[part]} Means of {how_many} seeds where there are seeds, with the seconds of a fit; the best of those "
        f"run here in bold.{some_origins(found)}\n\n{overview(part, found)}\n\n"
        f"{processors(rows, part)}{machine(load('accuracy'))}"
    )


def some_origins(found: dict[tuple[str, str], Cell]) -> str:
    """Which methods forecast from some of the origins alone."""
    methods = in_order(method for (_, method), cell in found.items() if cell.every > 1)
    tasks = list(dict.fromkeys(task for (task, _), cell in found.items() if cell.every > 1))
    if not tasks:
        return ""
    every = sorted({cell.every for cell in found.values() if cell.every > 1})
    how_many = " to ".join(map(str, dict.fromkeys((every[0], every[-1]))))
    return f" Of {', '.join(tasks)} {', '.join(methods)} forecast from one of {how_many} origins."


def processors(rows: list[dict], part: str) -> str:
    """Where seconds were taken: what most rows name first, then the rows that name others."""
    timed = [row for row in rows if row["part"] == part and row["seconds"] is not None]
    if not timed:
        return ""
    (most, _), *others = Counter(row["processor"] for row in timed).most_common()
    text = f"Seconds are those of {most}"
    for other, _ in others:
        tasks: dict[str, list[str]] = {}
        for row in timed:
            if row["processor"] == other and row["task"] not in tasks.setdefault(row["method"], []):
                tasks[row["method"]].append(row["task"])
        named = "; ".join(f"{method}: {', '.join(names)}" for method, names in tasks.items())
        text += f", those of {other} in these rows: {named}"
    return f"{text}. The last were taken on: "


def accuracy_details() -> str:
    """Every score, part by part and task by task."""
    rows, parts = rows_of("accuracy", "accuracy_peers"), []
    for part, explained in PARTS.items():
        found = cells(rows, part)
        if found:
            parts.append(f"## {part.capitalize()}\n\n{explained}")
        for task in dict.fromkeys(task for task, _ in found):
            parts.append(f"### {task}\n\n{detail(task, found)}")
    return "\n\n".join(parts) if parts else "Not measured yet."


def detail(task: str, found: dict[tuple[str, str], Cell]) -> str:
    """A row a method, the best first."""
    mine = {method: cell for (name, method), cell in found.items() if name == task}
    metrics = list(next(iter(mine.values())).rows[0]["scores"])
    rows = [
        [
            method if cell.every == 1 else f"{method}, one of {cell.every} origins",
            cell.library,
            *(f"{cell.score(metric):.{PLACES[metric]}f}" for metric in metrics),
            f"{cell.spread:.{PLACES[metrics[0]] + 1}f}" if cell.seeds > 1 else "",
            str(cell.seeds or ""),
            "" if cell.seconds is None else duration(cell.seconds),
        ]
        for method, cell in sorted(mine.items(), key=lambda item: item[1].score(metrics[0]))
    ]
    return table(["method", "library", *metrics, f"± {metrics[0]}", "seeds", "seconds of a fit"], rows)


def published_figures() -> str:
    """What others report of the test parts, and where."""
    rows = [[f["task"], f["method"], f"{f['score']:.3f} {f['metric']}", f["source"]] for f in published()]
    return table(["task", "method", "score", "source"], rows)


def ablations() -> str:
    """A row an ingredient, a column a task: the score, and how much worse it is than the default's."""
    found = cells(rows_of("ablations"), "validation")
    if not found:
        return "Not measured yet."
    tasks, names = (list(dict.fromkeys(key[k] for key in found)) for k in (0, 1))
    rows = []
    for name in names:
        row = [name]
        for task in tasks:
            cell, default = found.get((task, name)), found.get((task, names[0]))
            if cell is None or default is None:
                row.append("")
                continue
            score, reference = cell.score(cell.metric), default.score(cell.metric)
            change = "" if cell is default else f" ({100 * (score / reference - 1):+.1f}%)"
            row.append(f"{score:.3f}{change}")
        rows.append(row)
    defaults = [found.get((task, names[0])) for task in tasks]
    heads = [
        f"{task} ({cell.metric}, {cell.seeds} seed{'s' * (cell.seeds > 1)})" if cell else task
        for task, cell in zip(tasks, defaults, strict=True)
    ]
    return "Validation, means over the seeds.\n\n" + table(["", *heads], rows)
