"""What has to hold before numba is imported, and how the suite runs without the compiler."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent


def _hash_of_kernels() -> str:
    digest = hashlib.sha256()
    for path in sorted((ROOT / "tsrnn" / "kernels").rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


# Numba compares a cached loop with the file it stands in, not with the files of the formulas it calls: after an
# edit of one of those it would load stale machine code. A folder for each state of the kernels cannot be stale.
if not os.environ.get("NUMBA_CACHE_DIR"):
    os.environ["NUMBA_CACHE_DIR"] = str(ROOT / ".numba_cache" / _hash_of_kernels())

JIT_DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")

# Every run tries the same examples; a deadline would measure the compiler.
settings.register_profile("tsrnn", derandomize=True, deadline=None, database=None)
settings.load_profile("tsrnn")


def pytest_configure(config):
    config.addinivalue_line("markers", "compiled: makes sense with the compiler only, or is too long without it")
    if JIT_DISABLED:
        # NumPy's own `dot` with `out` for one row: BLAS is told not to read what `out` holds, yet NumPy finds the flag
        # set where that was by chance a NaN. The result is right: a NaN in it would fail the comparisons.
        config.addinivalue_line("filterwarnings", "ignore:invalid value encountered in dot:RuntimeWarning")


def pytest_collection_modifyitems(items):
    if JIT_DISABLED:
        skip = pytest.mark.skip(reason="NUMBA_DISABLE_JIT is set: about the compiler, or too long without it")
        for item in items:
            if item.get_closest_marker("compiled"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def jit_disabled() -> bool:
    """Whether the kernels run as plain Python, several hundred times slower: a test may then do less."""
    return JIT_DISABLED
