"""The floors of the package, read off its imports; and the rules that keep it small and compiled in one way."""

import ast
import os
from pathlib import Path

import pytest

from processes import python
from tsrnn.kernels._jit import FORMULA, LOOP, OVERLOAD

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tsrnn"
# Lowest first; what is not named stands on the floor above them all. A module imports from its own floor or below.
FLOORS = ["kernels", "network", "training", "forecasting"]
COMPILERS = {"njit", "jit", "vectorize", "guvectorize", "generated_jit", "cfunc", "stencil", "jitclass"}
LONGEST_FILE = 350

FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
every_file = pytest.mark.parametrize("file", FILES, ids=str)


def part_of(file):
    """The module or sub-package at the top of tsrnn that holds the file."""
    return file.parts[0].removesuffix(".py")


def floor_of(part):
    return FLOORS.index(part) if part in FLOORS else len(FLOORS)


def tree_of(file):
    return ast.parse((PACKAGE / file).read_text(encoding="utf-8"))


def imports_of(file):
    """Full names of all that the file imports, wherever the import stands in it."""
    package = ("tsrnn", *file.parent.parts)
    names = set()
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def top(name):
    return name.partition(".")[0]


def test_there_is_something_to_check():
    assert {Path("kernels/lstm.py"), Path("network/network.py"), Path("training/trainer.py")} <= set(FILES)
    assert "tsrnn.kernels.linear.affine" in imports_of(Path("network/layers.py"))


@every_file
def test_imports_come_from_the_same_floor_or_below(file):
    for name in imports_of(file):
        if top(name) == "tsrnn":
            part = name.split(".")[1] if "." in name else "__init__"
            allowed = floor_of(part) <= floor_of(part_of(file))
            assert allowed, f"tsrnn/{file} imports {name} from a floor above its own"


@every_file
def test_numba_is_imported_by_kernels_only(file):
    if part_of(file) != "kernels":
        assert not {name for name in imports_of(file) if top(name) in {"numba", "llvmlite", "numba_cuda"}}


@every_file
def test_pandas_and_scikit_learn_are_imported_by_the_upper_floors_only(file):
    if floor_of(part_of(file)) < floor_of("forecasting"):
        assert not {name for name in imports_of(file) if top(name) in {"pandas", "sklearn"}}


@every_file
def test_only_one_module_configures_the_compiler(file):
    """No bare decorator of Numba's, imported or as an attribute. `cuda.jit` has a folder of its own."""
    if file == Path("kernels/_jit.py") or file.parts[:2] == ("kernels", "cuda"):
        return
    imported = {name.rpartition(".")[2] for name in imports_of(file) if top(name) == "numba"}
    assert not imported & COMPILERS
    attributes = {
        node.attr
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "numba"
    }
    assert not attributes & COMPILERS


def test_compiler_options():
    # On CUDA the flag of a device function alone counts, and there it means every approximation at once.
    assert "fastmath" not in FORMULA
    for options in (LOOP, OVERLOAD):
        # With these a NaN would be undefined behaviour, and the trainer could not see it.
        assert not {"nnan", "ninf", "fast"} & options["fastmath"]
    for options in (FORMULA, LOOP, OVERLOAD):
        assert options["error_model"] == "numpy"
        assert options["nogil"] is True
        assert "parallel" not in options  # threads are those of training/parallel.py


@every_file
def test_files_are_short(file):
    lines = len((PACKAGE / file).read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"tsrnn/{file} has {lines} lines: it wants to be two"


@every_file
def test_every_module_says_what_it_is(file):
    assert ast.get_docstring(tree_of(file)), f"tsrnn/{file} has no docstring"


def in_a_fresh_process(code):
    return python("-c", code, env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=ROOT).stdout


def test_import_compiles_nothing_and_brings_nothing_optional():
    """Checked in one process: to start it takes longer than either check."""
    printed = in_a_fresh_process(
        "import sys\n"
        "from numba.core import event\n"
        "with event.install_recorder('numba:compile') as compiled:\n"
        "    import tsrnn, tsrnn.datasets, tsrnn.evaluation.statsforecast\n"
        "optional = {'torch', 'matplotlib', 'typer', 'numba_cuda', 'onnx', 'onnxruntime', 'dask', 'holidays'}\n"
        "optional |= {'pooch', 'statsforecast'}\n"
        "print(len(compiled.buffer), sorted(optional & set(sys.modules)))\n"
    )
    assert printed.split(maxsplit=1) == ["0", "[]\n"]
