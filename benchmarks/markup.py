"""What every table of results needs."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def load(name: str) -> dict:
    """One file of results."""
    return json.loads((HERE / "results" / f"{name}.json").read_text())


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine(record: dict) -> str:
    """Where the figures were taken."""
    packages = ", ".join(f"{name} {record['versions'][name]}" for name in record["versions"] if name != "tsrnn")
    m = record["machine"]
    return f"{m['processor']}, {m['cores']} cores; Python {record['python']}, {packages}."
