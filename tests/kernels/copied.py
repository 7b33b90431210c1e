"""A package of the options of compilation and some small modules, for itself: what is tried there is its files."""

import os
import shutil
from pathlib import Path

from processes import python


def copied(site: Path, modules: list, texts: dict[str, str]) -> Path:
    """The folder tsrnn/kernels under `site`, with these modules of the real one and files of these texts."""
    kernels = site / "tsrnn" / "kernels"
    kernels.mkdir(parents=True)
    for folder in (kernels, kernels.parent):
        (folder / "__init__.py").touch()
    for module in modules:
        shutil.copy(module.__file__, kernels)
    for name, text in texts.items():
        (kernels / name).write_text(text)
    return kernels


def run_in(site: Path, *arguments, **environment) -> str:
    """What a process prints that sees this package, not the one in the working directory, and no set cache folder."""
    inherited = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    return python("-P", "-c", *arguments, env={**inherited, "PYTHONPATH": str(site), **environment}).stdout
