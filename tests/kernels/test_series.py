"""Units, changes and stretches of whole series, against NumPy."""

import numpy as np
import pytest

from gradcheck import assert_close
from tsrnn.kernels.series import ENOUGH_VALUES, copy_stretches, low_values, measure_series, seasonal_changes, touch_zero

every_type = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def measured(table, begin, end):
    """Centre and scale (S, K) of series."""
    centre, scale = (np.full((len(begin), table.shape[1]), np.nan) for _ in range(2))
    measure_series(table, np.array(begin), np.array(end), centre, scale)
    return centre, scale


@every_type
def test_units_of_series(dtype):
    """Two channels with missing values, in float64 whatever their type; rows of no series are not read."""
    table = (1e4 + np.random.default_rng(0).standard_normal((50, 2))).astype(dtype)
    table[::7, 1] = np.nan
    begin, end = [2, 30], [30, 49]
    table[[0, 1, 49]] = np.inf
    centre, scale = measured(table, begin, end)
    for s in range(2):
        own = table[begin[s] : end[s]].astype(np.float64)
        assert_close(centre[s], np.nanmean(own, axis=0), 1e-13)
        assert_close(scale[s], np.nanstd(own, axis=0), 1e-11)


@pytest.mark.parametrize("factor", [1e-200, 1.0, 1e149])
def test_units_of_any_size(factor):
    """Squares of such numbers are zero, or infinite."""
    series = np.random.default_rng(0).standard_normal((30, 1))
    centre, scale = measured(factor * series, [0], [30])
    assert centre[0, 0] / factor == pytest.approx(series.mean(), rel=1e-12)
    assert scale[0, 0] / factor == pytest.approx(series.std(), rel=1e-12)


def test_units_do_not_depend_on_the_type_to_the_last_bit():
    """Over several parts, with and without missing values."""
    table = np.random.default_rng(0).standard_normal((2500, 3)).astype(np.float32)
    table[::5, 1] = np.nan
    for found, expected in zip(
        *(measured(values, [0, 7], [7, 2500]) for values in (table, table.astype(np.float64))), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@every_type
def test_a_series_that_does_not_vary_has_no_scale(dtype):
    """0.1 is no sum of powers of two: a mean of thirty of them is another number."""
    table = np.full((60, 1), 0.1, dtype)
    table[30:] = np.nan
    centre, scale = measured(table, [0, 30], [30, 60])
    assert centre[0, 0] == pytest.approx(table[0, 0], rel=1e-14)
    assert centre[1, 0] == 0
    assert not scale.any()


@every_type
def test_stretches_are_copied(dtype):
    table = np.random.default_rng(0).standard_normal((20, 2)).astype(dtype)
    found = np.full((8, 2), np.nan, dtype)
    copy_stretches(table, np.array([15, 0, 3, 15]), np.array([5, 0, 1, 2]), found)
    np.testing.assert_array_equal(found, table[[15, 16, 17, 18, 19, 3, 15, 16]])


@every_type
def test_seasonal_changes(dtype):
    """Of each series apart, by the season or by one step, gaps left out."""
    values = np.array([[1], [2], [5], [np.nan], [9], [4], [4], [7]], dtype)
    found = np.full((3, 1), np.nan)
    seasonal_changes(values, np.array([0, 5, 7]), np.array([5, 7, 8]), 2, found)
    np.testing.assert_array_equal(found, [[4.0], [0.0], [0.0]])


@every_type
def test_low_values(dtype):
    """The value below which one in a hundred of the positive ones lies, whatever their order."""
    rng = np.random.default_rng(0)
    lengths = np.array([1, 3, 99, 100, 101, 402, 700, 5])
    end = np.cumsum(lengths)
    values = rng.lognormal(size=(end[-1], 2)).astype(dtype)
    values[rng.random(values.shape) < 0.1] = rng.choice([0, -1, np.nan])
    values[-5:, 0] = [0, np.nan, -2, 0, 0]
    values[-705:-5, 1] = -np.sort(-values[-705:-5, 1])
    found = np.empty((len(end), 2))
    low_values(values, end - lengths, end, found)
    for number, (stop, length) in enumerate(zip(end, lengths, strict=True)):
        for k in range(2):
            column = values[stop - length : stop, k]
            positive = np.sort(column[column > 0])
            expected = positive[(len(positive) - 1) // 100] if len(positive) else 0
            assert found[number, k] == expected


def test_low_values_of_a_long_series():
    values = np.arange(1.0, 3 * ENOUGH_VALUES)[::-1, None]
    found = np.empty((1, 1))
    low_values(values, np.array([0]), np.array([len(values)]), found)
    assert found[0, 0] == pytest.approx(len(values) / 100, rel=1e-3)


@every_type
def test_zero_as_a_floor(dtype):
    nan = np.nan
    series = [[0, 0, 3], [0, 1, 2], [0, 0, -1], [nan, 0, 0, 5], [0] * 2 + [1] * 500, [1, 2], [0, 0], [nan, nan]]
    values = np.concatenate(series).astype(dtype)[:, None]
    end = np.cumsum([len(part) for part in series])
    found = np.empty((len(series), 1), np.bool_)
    touch_zero(values, np.append(0, end[:-1]), end, 0.005, found)
    assert found[:, 0].tolist() == [True, False, False, True, False, False, True, False]
