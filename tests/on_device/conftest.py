"""These tests run in the simulator, in a process of their own (`make test-cuda`), or on a GPU (`pytest -m gpu`)."""

import os

import pytest

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"


def pytest_configure(config):
    """Stay on one processor, and each of pytest-xdist's workers on one of its own.

    The simulator's threads take turns: those of a block hand over several times as fast on one processor as on two.
    """
    starts_workers = config.getoption("numprocesses", default=None)
    if SIMULATED and hasattr(os, "sched_setaffinity") and not starts_workers:
        worker = int(getattr(config, "workerinput", {"workerid": "gw0"})["workerid"].removeprefix("gw"))
        processors = sorted(os.sched_getaffinity(0), reverse=True)
        os.sched_setaffinity(0, {processors[worker % len(processors)]})


def usable() -> bool:
    if SIMULATED:
        return True
    try:
        from numba import cuda

        return cuda.is_available()
    except Exception:
        return False


collect_ignore_glob = ["compile_check.py", "launch_check.py"] if usable() else ["*.py"]


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/on_device/" in item.nodeid.replace(os.sep, "/"):
            item.add_marker(pytest.mark.gpu)


@pytest.fixture
def small_tiles(monkeypatch):
    """Small matrices have several tiles, and few rows several slices; a GPU has the tiles compiled in."""
    from tsrnn.kernels.cuda import linear, products, tilings

    monkeypatch.setattr(linear, "SLICE", 8)
    if SIMULATED:
        tile = tilings.Tile(down=1, across=1, rows=4, columns=4, groups=4, depth=2)
        monkeypatch.setattr(tilings, "TILES", dict.fromkeys(tilings.TILES, (tile,) * 2))
        monkeypatch.setattr(products, "RUN", 1)


@pytest.fixture(autouse=SIMULATED)
def quick(small_tiles, small_blocks):
    """The simulator has a thread of Python for each thread of a block, also for those that have nothing to do."""


@pytest.fixture
def small_blocks(monkeypatch):
    """Few sequences take several blocks, and few units several turns of a block's threads."""
    from tsrnn.kernels.cuda import sequences
    from tsrnn.kernels.cuda.machine import driver

    monkeypatch.setattr(driver, "THREADS", 16)
    monkeypatch.setattr(sequences, "THREADS", 7)


@pytest.fixture
def several_sums(monkeypatch):
    """Sums over a few numbers take several blocks, each of fewer threads than it has numbers."""
    from tsrnn.kernels.cuda import reductions
    from tsrnn.kernels.cuda.machine import driver

    monkeypatch.setattr(driver, "THREADS", 4)
    monkeypatch.setattr(reductions, "THREADS", 4)
    monkeypatch.setattr(reductions, "BLOCKS", 3)


if SIMULATED:
    from on_device import simulator  # noqa: F401  replaces parts of Numba's
