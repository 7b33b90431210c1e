"""The README says what is true: its Python runs, and its figures are those of benchmarks/results."""

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from processes import python

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


@pytest.mark.slow
def test_python_blocks_run(capsys, tmp_path, monkeypatch):
    """In an empty folder, since they write files. A block that imports what is not installed is left out."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    optional = {"onnxruntime", "torch"}
    missing = {name for name in optional if find_spec(name) is None}
    run = [block for block in blocks if not missing & set(re.findall(r"^import (\w+)", block, re.MULTILINE))]
    assert len(run) >= len(blocks) - len(missing)
    names = {}
    exec(compile("\n".join(run), str(README), "exec"), names)
    if "exported" in names:
        np.testing.assert_allclose(names["exported"][0], names["forecast"], rtol=1e-5)
    error, best, columns, shape = capsys.readouterr().out.splitlines()
    assert 0 < float(error) < 100, "mean absolute error in thousands of passengers"
    assert "cell" in best
    assert columns == "(12, 2)"
    assert shape == "(3, 12)"


def test_figures_are_those_of_the_results():
    python(ROOT / "benchmarks" / "render.py", "--check")


def test_linked_files_exist():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text()):
        assert (ROOT / target).exists(), f"README links to {target}"


def test_commands_are_targets_of_the_makefile():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in re.findall(r"^make ([a-z-]+)", README.read_text(), re.MULTILINE):
        assert command in targets
