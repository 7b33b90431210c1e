"""What every table of results needs."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def load(name: str) -> dict:
    """One file of results."""
    return json.loads((HERE / "results" / f"{name}.json").read_text())


def elsewhere(name: str) -> list[dict]:
    """What the same benchmark measured on other processors: `results/<processor>/<name>.json`."""
    return [json.loads(path.read_text()) for path in sorted((HERE / "results").glob(f"*/{name}.json"))]


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine(record: dict) -> str:
    """Where the figures were taken."""
    packages = ", ".join(f"{name} {record['versions'][name]}" for name in record["versions"] if name != "tsrnn")
    m = record["machine"]
    return f"{m['processor']}, {m['cores']} cores; Python {record['python']}, {packages}."
