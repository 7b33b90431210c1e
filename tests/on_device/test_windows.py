"""Gathering windows, rows and streams on the device, against the CPU's loops and the reference."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from kernels.test_windows import CENTRINGS, TOLERANCE, every_centring, every_type
from on_device.case import on_device, unwritten
from tsrnn.kernels.cuda.machine import driver
from tsrnn.kernels.devices import run
from tsrnn.kernels.streams import gather_streams
from tsrnn.kernels.windows import LAST, SERIES, gather_row_targets, gather_rows, gather_windows, measure_windows

# Of the windows, and of their series one after the other; the second series has no window, the third one that begins
# before it does, and the last value of the table is the last target.
FIRST, STOP, BEGIN = np.array([0, 10, 13]), np.array([4, 4, 10]), np.array([0, 10, 15])
ROWS, STEPS, HORIZON = 30, 6, 3
WHICH = np.array([0, 3, 4, 9, 6, 6, 5])

values_of_every_type = pytest.mark.parametrize("values_dtype", TOLERANCE)


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch):
    monkeypatch.setattr(driver, "THREADS", 16)


def table(dtype, channels=2, covariates=3):
    """Values with gaps, one of which fills a window, and covariates."""
    rng = np.random.default_rng(0)
    values = 5 + rng.standard_normal((ROWS, channels))
    values[[2, 17, 20], 0] = np.nan
    values[18:25, 1] = np.nan
    return values.astype(dtype), rng.standard_normal((ROWS, covariates))


def units(channels=2):
    rng = np.random.default_rng(1)
    return 5 + rng.standard_normal((3, channels)), rng.uniform(1, 2, (3, channels))


def compare(loop, inputs, shapes, dtype):
    """Run a loop that writes arrays of those shapes on both; what the device has written."""
    expected = [np.full(shape, np.nan, dtype) for shape in shapes]
    found = [unwritten(*shape, dtype=dtype) for shape in shapes]
    loop(*inputs, *expected)
    run(loop, *(on_device(value) if isinstance(value, np.ndarray) else value for value in inputs), *found)
    for array, wanted in zip(found, expected, strict=True):
        assert array.dtype == dtype
        assert_close(*(np.nan_to_num(a, nan=99.0) for a in (array.to_host(), wanted)), TOLERANCE[dtype])
    return [array.to_host() for array in found]


@every_centring
@values_of_every_type
def test_units(centring, values_dtype):
    values, _ = table(values_dtype)
    where = WHICH, FIRST, STOP, BEGIN
    compare(measure_windows, (values, *where, STEPS, CENTRINGS[centring], *units()), [(7, 2), (7, 2)], np.float64)


@every_centring
@every_type
@values_of_every_type
def test_windows(centring, dtype, values_dtype):
    """Covariates, some known ahead, missing values, masks, and a window that begins before its series."""
    values, covariates = table(values_dtype)
    inputs = values, covariates, 1, WHICH, FIRST, STOP, BEGIN, CENTRINGS[centring], *units(), True
    shapes = (STEPS, 7, 7), (7, 2 * HORIZON), (7, 2 * (HORIZON - 1))
    x, y, _ = compare(gather_windows, inputs, shapes, dtype)
    assert np.isfinite(x).all()
    assert np.isnan(y).any()


def test_nothing_but_windows():
    """Neither covariates, nor masks, nor targets."""
    values, covariates = table(np.float64, covariates=0)
    inputs = values, covariates, 0, WHICH, FIRST, STOP, BEGIN, SERIES, *units(), False
    compare(gather_windows, inputs, [(STEPS, 7, 2), (7, 0), (7, 0)], np.float64)


@every_centring
@every_type
@pytest.mark.parametrize(("lookback", "horizon"), [(1, 1), (5, 3)])
def test_windows_of_the_reference(centring, dtype, lookback, horizon):
    series = np.random.default_rng(0).standard_normal(20)
    starts = [0, 7, 20 - lookback - horizon, 7]
    one, none = np.ones((1, 1)), np.empty((20, 0))
    x, y = unwritten(lookback, 4, 1, dtype=dtype), unwritten(4, horizon, dtype=dtype)
    where = on_device([np.array(starts), np.array([0]), np.array([20]), np.array([0])])
    series_units = CENTRINGS[centring], *on_device([0.3 * one, 2.0 * one])
    known = on_device(np.empty((4, 0), dtype))
    run(gather_windows, *on_device([series[:, None], none]), 0, *where, *series_units, False, x, y, known)
    for b, start in enumerate(starts):
        inside, after, _, _ = naive.window(series, start, lookback, horizon, centring, 0.3, 2.0)
        assert_close(x.to_host()[:, b, 0], inside, TOLERANCE[dtype])
        assert_close(y.to_host()[b], after, TOLERANCE[dtype])


@every_centring
def test_a_large_level_does_not_cost_the_digits_of_small_changes(centring):
    changes = np.random.default_rng(0).standard_normal((ROWS, 1))
    own = np.full((3, 1), 0.5), np.ones((3, 1))
    found = []
    for level in (0.0, 1e9):
        inputs = level + changes, changes[:, :0], 0, WHICH, FIRST, STOP, BEGIN, CENTRINGS[centring]
        shapes = (STEPS, 7, 1), (7, HORIZON), (7, 0)
        found.append(compare(gather_windows, (*inputs, level + own[0], own[1], False), shapes, np.float32))
    for near, far in zip(*found, strict=True):
        assert_close(far, near, 1e-6)


@every_type
@values_of_every_type
def test_rows(dtype, values_dtype):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((6, 4, 3)).astype(values_dtype)
    inputs = rows, np.array([5, 0, 0, 2]), rng.standard_normal(3), rng.uniform(1, 2, 3)
    compare(gather_rows, inputs, [(4, 4, 3)], dtype)


@every_type
@pytest.mark.parametrize("steps", [1, 3])
def test_targets_of_rows(dtype, steps):
    targets = np.random.default_rng(0).standard_normal((6, 2 * steps))
    compare(gather_row_targets, (targets, np.array([5, 0, 0, 2])), [(4 * steps, 2)], dtype)


@pytest.mark.parametrize("centring", [SERIES, LAST])
@every_type
@values_of_every_type
@pytest.mark.parametrize("segment", [1, 3])
@pytest.mark.parametrize("horizon", [0, 4])
def test_streams(centring, dtype, values_dtype, segment, horizon):
    """Two series in one array, read to the end of the second; a third stream has nothing left to read."""
    values = np.random.default_rng(0).standard_normal(60).astype(values_dtype)
    values[42:] = np.nan  # of no series
    bounds = [np.array(bound) for bound in ([0, 30, 30], [30, 42, 42], [0, 30, 33], [4, 4 if segment < 4 else 2, 0])]
    own = np.array([0.5, -1.0, 0.0]), np.array([2.0, 0.5, 3.0])
    shapes = (4 * segment, 3, 1), (4 * 3, horizon)
    x, y = compare(gather_streams, (values, *bounds, segment, centring, *own), shapes, dtype)
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
