"""How the suite runs without the compiler, and always on the same examples."""

import os

import pytest
from hypothesis import HealthCheck, settings

JIT_DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")

# Every run tries the same examples; a deadline would measure the compiler, and the check of how fast examples are drawn
# the load of the machine.
settings.register_profile(
    "tsrnn", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
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
