"""The README says what is true: its Python runs, and its figures are those of benchmarks/results."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


@pytest.mark.slow
def test_python_blocks_run(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert blocks
    exec(compile("\n".join(blocks), str(README), "exec"), {})
    error, best = capsys.readouterr().out.splitlines()
    assert 0 < float(error) < 100, "mean absolute error in thousands of passengers"
    assert "cell" in best


def test_figures_are_those_of_the_results():
    result = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "render.py", "--check"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_linked_files_exist():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text()):
        assert (ROOT / target).exists(), f"README links to {target}"


def test_commands_are_targets_of_the_makefile():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in re.findall(r"^make ([a-z-]+)", README.read_text(), re.MULTILINE):
        assert command in targets
