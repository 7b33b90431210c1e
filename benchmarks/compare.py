"""Compare two files of results of one benchmark: has anything become slower, larger or less?

Rows are matched by what describes them: words, whole numbers, truths and their place in the file. What counts is told
by the end of a name: of times, memory and errors less is better (`_s`, `_ms`, `_mb`, `_bytes`, `_mase`), of rates,
ratios and shares more (`_per_s`, `_per_second`, `_gflops`, `ratio`, `share`). A name without such an end takes that of
the one around it. Times and rates of the machine and of other libraries, such as `torch_ms`, are printed and not
judged: a name or a word of their row starts with a package among the `versions` or with `matrix`. Ratios to them are.

    python benchmarks/compare.py OLD.json NEW.json [--tolerance 0.1]

exits with 1 if any figure is worse by more than the tolerance: by 0.1 is 1.1 times the time, or the rate over 1.1.
"""

import argparse
import json
import math
from collections import Counter
from pathlib import Path
from typing import NamedTuple

MORE = ("_per_s", "_per_second", "_gflops", "ratio", "share")  # looked up first: "_per_s" ends with "_s"
LESS = ("_s", "_ms", "_mb", "_bytes", "_mase")
SURROUNDINGS = ("machine", "versions", "python")


class Key(NamedTuple):
    """Where a figure stands: the names around it, what describes its row, and which of several such it is."""

    path: tuple[str, ...]
    row: tuple[tuple[str, object], ...]
    number: int

    def __str__(self) -> str:
        number = [f"({self.number})"] if self.number > 1 else []
        return " ".join([".".join(self.path), *(f"{name}={value}" for name, value in self.row), *number])


def unit(path: tuple[str, ...]) -> str | None:
    """End of the innermost name that says what is better; None for what is no figure."""
    for name in reversed(path):
        for end in (*MORE, *LESS):
            if name.endswith(end):
                return end
    return None


def figures(record: dict) -> dict[Key, float]:
    """All figures of a file of results."""
    found, seen = {}, Counter()

    def visit(value, path: tuple[str, ...], row: tuple) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                visit(inner, (*path, name), row)
        elif isinstance(value, list):
            for inner in value:
                visit(inner, path, row + _description(inner))
        elif isinstance(value, int | float) and not isinstance(value, bool) and unit(path):
            seen[path, row] += 1
            found[Key(path, row, seen[path, row])] = float(value)

    visit({name: value for name, value in record.items() if name not in SURROUNDINGS}, (), ())
    return found


def _description(entry) -> tuple[tuple[str, object], ...]:
    """What describes an entry of a list."""
    if not isinstance(entry, dict):
        return ()
    return tuple((name, value) for name, value in entry.items() if isinstance(value, str | int) and not unit((name,)))


def judged(key: Key, packages: set[str]) -> bool:
    """Whether a figure is the project's own, or a ratio to others."""
    words = [*key.path, *(value for _, value in key.row if isinstance(value, str))]
    return unit(key.path) in ("ratio", "share") or not any(word.split("_")[0] in packages for word in words)


def loss(key: Key, old: float, new: float) -> float:
    """How many times worse a figure has become; infinite where it is no number any more."""
    if unit(key.path) in MORE:
        old, new = new, old
    if old == new:
        return 1.0
    return new / old if old > 0 and math.isfinite(new) else math.inf


def compare(old: dict, new: dict, tolerance: float = 0.1) -> tuple[list[str], int]:
    """Lines to print, and how many figures are worse by more than the tolerance."""
    packages = {*old.get("versions", {}), *new.get("versions", {}), "matrix"} - {"tsrnn"}
    before, after = figures(old), figures(new)
    if not before.keys() & after.keys():
        raise ValueError("the two files have no figure in common: are they results of the same benchmark?")
    lines, worse = [], 0
    for name in (*SURROUNDINGS, "threads"):
        if old.get(name) != new.get(name):
            lines.append(f"{name}: {old.get(name)} before, {new.get(name)} now")
    for key in dict.fromkeys((*before, *after)):
        if key not in before or key not in after:
            lines.append(f"only in the {'old' if key in before else 'new'} file: {key}")
            continue
        mark = ""
        if not judged(key, packages):
            mark = "  (not judged)"
        elif loss(key, before[key], after[key]) > 1 + tolerance:
            mark, worse = "  WORSE", worse + 1
        ratio = after[key] / before[key] if before[key] else math.nan
        lines.append(f"{ratio:7.2f}x {before[key]:12.5g} {after[key]:12.5g}  {key}{mark}")
    return lines, worse


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--tolerance", type=float, default=0.1)
    options = parser.parse_args()
    old, new = (json.loads(path.read_text()) for path in (options.old, options.new))
    lines, worse = compare(old, new, options.tolerance)
    print("\n".join(lines))
    if worse:
        raise SystemExit(f"{worse} worse by more than {options.tolerance:.0%}")


if __name__ == "__main__":
    main()
