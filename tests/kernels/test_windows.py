"""Gathering windows and rows, against a loop that cuts one window at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from gradcheck import assert_close
from tsrnn.kernels.windows import (
    DIFFERENCE,
    LAST,
    MEAN,
    REVERTING,
    SERIES,
    centre_and_scale,
    gather_row_targets,
    gather_rows,
    gather_windows,
    measure_windows,
    place,
)

CENTRINGS = {"series": SERIES, "last": LAST, "mean": MEAN, "difference": DIFFERENCE, "reverting": REVERTING}
TOLERANCE = {np.float64: 1e-13, np.float32: 1e-6}
every_centring = pytest.mark.parametrize("centring", CENTRINGS)
own_centrings = pytest.mark.parametrize("centring", ["last", "mean"])
every_type = pytest.mark.parametrize("dtype", TOLERANCE)


def gather(series, starts, lookback, horizon, centring, dtype, units=(0.3, 2.0)):
    """x, y, centre and scale; `units` are the centre and scale of the whole series."""
    rows, starts, table = len(starts), np.array(starts), series[:, None]
    x, y = np.full((lookback, rows, 1), np.nan, dtype), np.full((rows, horizon), np.nan, dtype)
    # Each window is the only one of its series.
    where = np.arange(rows), starts, np.arange(1, rows + 1), np.zeros(rows, np.int64)
    own = CENTRINGS[centring], *(np.full((rows, 1), unit) for unit in units)
    centre, scale = np.empty((rows, 1)), np.empty((rows, 1))
    measure_windows(table, *where, lookback, *own, centre, scale)
    none = np.empty((len(series), 0))
    gather_windows(table, none, 0, *where, *own, False, x, y, np.empty((rows, 0), dtype))
    return x, y, centre[:, 0], scale[:, 0]


def assert_as_specified(series, starts, lookback, horizon, centring, dtype):
    units = (0.3, 2.0)
    x, y, centre, scale = gather(series, starts, lookback, horizon, centring, dtype, units)
    for b, start in enumerate(starts):
        inside, after, *expected = naive.window(series, start, lookback, horizon, centring, *units)
        assert_close(x[:, b, 0], inside, TOLERANCE[dtype])
        assert_close(y[b], after, TOLERANCE[dtype])
        assert [centre[b], scale[b]] == pytest.approx(expected, rel=1e-13)


@every_centring
@every_type
@pytest.mark.parametrize(("lookback", "horizon"), [(1, 1), (5, 3), (8, 0)])
def test_windows(centring, dtype, lookback, horizon):
    series = np.random.default_rng(0).standard_normal(20)
    assert_as_specified(series, [0, 7, 20 - lookback - horizon, 7], lookback, horizon, centring, dtype)


@every_centring
def test_a_large_level_does_not_cost_the_digits_of_small_changes(centring):
    """At 1e9 neighbouring float32 numbers are 64 apart; the changes here are about one."""
    changes = np.random.default_rng(0).standard_normal(20)
    series = 1e9 + changes
    x, y, centre, scale = gather(series, [0, 3], 8, 2, centring, np.float32, units=(1e9, 1.0))
    for b, start in enumerate([0, 3]):
        inside, after, middle, width = naive.window(series - 1e9, start, 8, 2, centring, 0.0, 1.0)
        # What is left is the rounding of the level itself in float64.
        assert_close(x[:, b, 0], inside, 1e-6)
        assert_close(y[b], after, 1e-6)
        assert [centre[b] - 1e9, scale[b]] == pytest.approx([middle, width], abs=1e-6)


@pytest.mark.compiled
@every_centring
def test_series_in_float32_is_measured_in_float64(centring):
    series = (1e4 + np.random.default_rng(0).standard_normal(40)).astype(np.float32)
    assert_as_specified(series, [0, 5], 30, 2, centring, np.float32)


@own_centrings
@every_type
def test_flat_window_has_a_scale(centring, dtype):
    x, y, centre, scale = gather(np.array([3.0, 3, 3, 4]), [0], 3, 1, centring, dtype, units=(3.0, 50.0))
    assert not x.any()
    assert y[0, 0] == 2
    assert (centre[0], scale[0]) == (3, 0.5)


@every_centring
@every_type
def test_what_is_missing_lies_between_in_a_window_and_is_nan_in_a_target(centring, dtype):
    series = np.arange(10.0)
    series[4] = np.nan
    x, y, centre, scale = gather(series, [0, 3, 5], 3, 2, centring, dtype)
    assert not np.isnan(x).any()
    assert_close(x[1, 1, 0], (4 - centre[1]) / scale[1], TOLERANCE[dtype])
    np.testing.assert_array_equal(np.isnan(y), [[False, True], [False, False], [False, False]])
    seen = np.array([3.0, 5.0])  # of the second window
    own = seen.std() + 0.02
    of_all = {
        "series": (0.3, 2.0),
        "last": (5, own),
        "mean": (4, own),
        "difference": (5, 2.0),
        "reverting": (4.765, 2.0),
    }
    expected = of_all[centring]
    assert (centre[1], scale[1]) == pytest.approx(expected)


@every_centring
@every_type
@given(gone=st.sets(st.integers(0, 8), max_size=8))
def test_windows_read_straight_lines_over_gaps(centring, dtype, gone):
    series = np.random.default_rng(0).standard_normal(10)
    series[list(gone)] = np.nan
    x, _, centre, scale = gather(series, [0], 9, 0, centring, dtype)
    known = np.flatnonzero(~np.isnan(series[:9]))
    expected = np.interp(np.arange(9), known, series[known])  # the nearest one beyond either end
    assert_close(x[:, 0, 0] * scale + centre, expected, TOLERANCE[dtype])


@every_centring
def test_nothing_observed_is_measured_by_the_series(centring):
    x, y, centre, scale = gather(np.array([np.nan, np.nan, 1.0]), [0], 2, 1, centring, np.float64)
    assert (centre[0], scale[0]) == (0.3, 2.0)
    assert not x.any()
    assert y[0, 0] == pytest.approx(0.35)


@every_type
def test_windows_of_a_table(dtype):
    """Two channels, covariates of which one is known ahead, masks; the first window begins before its series."""
    rng = np.random.default_rng(0)
    values, covariates = rng.standard_normal((20, 2)), rng.standard_normal((20, 3))
    values[5, 0] = values[12, 1] = np.nan
    starts, begin = np.array([3, 10]), np.array([5, 5])
    centre, scale = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[2.0, 0.5], [1.0, 3.0]])
    x, y, future = np.full((4, 2, 7), np.nan, dtype), np.full((2, 6), np.nan, dtype), np.full((2, 3), np.nan, dtype)
    where = np.arange(2), starts, np.arange(1, 3), begin
    gather_windows(values, covariates, 2, *where, SERIES, centre, scale, True, x, y, future)
    filled = values.copy()
    filled[5, 0], filled[12, 1] = values[6, 0], values[[11, 13], 1].mean()
    for b in range(2):
        for t in range(4):
            row = max(starts[b] + t, 5)
            expected = (filled[row] - centre[b]) / scale[b]
            observed = ~np.isnan(values[row]) & (starts[b] + t >= 5)
            assert_close(x[t, b], np.concatenate([expected, covariates[row], observed]), TOLERANCE[dtype])
        after = slice(starts[b] + 4, starts[b] + 7)
        assert_close(y[b], ((values[after] - centre[b]) / scale[b]).ravel(), TOLERANCE[dtype])
        assert_close(future[b], covariates[after, 2], TOLERANCE[dtype])


@every_centring
def test_a_window_that_begins_before_its_series_is_measured_by_what_it_holds(centring):
    series = np.arange(1.0, 9.0)
    one, centre, scale = np.array([1]), np.empty((1, 1)), np.empty((1, 1))
    own = CENTRINGS[centring], np.array([[0.3]]), np.array([[2.0]])
    measure_windows(series[:, None], one - 1, one + 1, one, one + 3, 5, *own, centre, scale)
    assert (centre[0, 0], scale[0, 0]) == centre_and_scale(series[4:7], CENTRINGS[centring], 0.3, 2.0)


@every_type
@pytest.mark.parametrize("table_type", TOLERANCE)
def test_rows(dtype, table_type):
    rng = np.random.default_rng(0)
    table = rng.standard_normal((6, 4, 3)).astype(table_type)
    centre, scale = rng.standard_normal(3), rng.uniform(1, 2, 3)
    which = np.array([5, 0, 0, 2])
    x = np.full((4, 4, 3), np.nan, dtype)
    gather_rows(table, which, centre, scale, x)
    for (t, b, k), value in np.ndenumerate(x):
        assert value == pytest.approx((float(table[which[b], t, k]) - centre[k]) / scale[k], rel=1e-5)


@every_type
@pytest.mark.parametrize("steps", [1, 3])
def test_targets_of_rows(dtype, steps):
    targets = np.random.default_rng(0).standard_normal((6, steps, 2))
    which = np.array([5, 0, 0, 2])
    y = np.full((steps * 4, 2), np.nan, dtype)
    gather_row_targets(targets.reshape(6, -1), which, y)
    for (n, o), value in np.ndenumerate(y):
        assert value == dtype(targets[which[n % 4], n // 4, o])


def test_windows_are_counted_through_all_series():
    first, stop = np.array([0, 7, 30]), np.array([3, 3, 5])  # the second series has none
    found = [place(number, first, stop) for number in range(5)]
    assert found == [(0, 0), (0, 1), (0, 2), (2, 30), (2, 31)]
