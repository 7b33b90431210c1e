"""What every benchmark writes beside its figures: machine, versions, threads."""

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def versions(*packages: str) -> dict[str, str]:
    """Installed versions; packages that are missing are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The processor's own name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def write(name: str, figures: dict, *packages: str, folder: Path = RESULTS) -> Path:
    """Write `<name>.json` into the folder: under a temporary name first, so that no half of a file is ever read."""
    record = {
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform(terse=True)},
        "python": sys.version.split()[0],
        "versions": versions("tsrnn", "numba", "numpy", "scipy", "pandas", "scikit-learn", *packages),
        **figures,
    }
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(record, indent=1) + "\n")
    temporary.replace(path)
    return path
