"""Where compiled code is kept, and when it is compiled again."""

import os
import zipfile
from pathlib import Path

import pytest

import tsrnn.kernels._jit
from kernels.copied import copied, run_in
from tsrnn.kernels import gru
from tsrnn.kernels._jit import KernelCache

pytestmark = pytest.mark.compiled

FORMULAS = """
from tsrnn.kernels._jit import formula


@formula
def change(x):
    return x + 1
"""
LOOPS = """
from tsrnn.kernels._jit import loop
from tsrnn.kernels.formulas import change


@loop
def change_all(a):
    for j in range(a.size):
        a[j] = change(a[j])
"""
RUN = """
import numpy as np
from tsrnn.kernels.loops import change_all
a = np.zeros(2)
change_all(a)
print(int(a[0]), sum(change_all.stats.cache_hits.values()), change_all.stats.cache_path)
"""


@pytest.fixture
def package(tmp_path):
    return copied(tmp_path / "site", [tsrnn.kernels._jit], {"formulas.py": FORMULAS, "loops.py": LOOPS})


def run(site, home):
    """Result of the loop, whether it was on disk already, and the folder, in a process of its own."""
    printed = run_in(site, RUN, HOME=str(home), XDG_CACHE_HOME=str(home / "cache"))
    value, hits, path = printed.split(maxsplit=2)
    return int(value), bool(int(hits)), path.strip()


def test_compiled_again_when_any_file_changes_and_only_then(package, tmp_path):
    site, beside = package.parent.parent, str(package / "__pycache__")
    assert run(site, tmp_path) == (1, False, beside)
    for file in package.glob("*.py"):
        os.utime(file, (0, 0))  # another date is no other content
    assert run(site, tmp_path) == (1, True, beside)
    kept = len(list(Path(beside).iterdir()))
    (package / "formulas.py").write_text(FORMULAS.replace("x + 1", "x + 2"))  # the loop's own file stays
    assert run(site, tmp_path) == (2, False, beside)
    assert len(list(Path(beside).iterdir())) == kept  # in place of the old


def test_beside_a_package_that_cannot_be_written_to(package, tmp_path):
    """No folder can be made where a file is; rights would not stop the superuser."""
    (package / "__pycache__").touch()
    home = tmp_path / "home"
    value, hit, path = run(package.parent.parent, home)
    assert (value, hit) == (1, False)
    assert Path(path).is_relative_to(home)
    assert run(package.parent.parent, home) == (1, True, path)


def test_from_a_zip_file(package, tmp_path):
    site, home = tmp_path / "site.zip", tmp_path / "home"
    with zipfile.ZipFile(site, "w") as archive:
        for file in sorted(package.parent.rglob("*.py")):
            archive.write(file, file.relative_to(package.parent.parent))
    value, hit, path = run(site, home)
    assert (value, hit) == (1, False)
    assert Path(path).is_relative_to(home)
    assert run(site, home) == (1, True, path)


def test_without_any_folder_each_process_compiles(package, tmp_path):
    (package / "__pycache__").touch()
    home = tmp_path / "home"
    home.touch()
    assert run(package.parent.parent, home) == (1, False, "None")


def test_every_loop_is_kept():
    assert isinstance(gru.step._cache, KernelCache)
    assert gru.step._cache._cache_file._source_stamp == tsrnn.kernels._jit.STATE
