"""Errors against their formulas, written out, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from tsrnn.evaluation.metrics import (
    mean_absolute_scaled_error,
    overall_weighted_average,
    symmetric_mean_absolute_percentage_error,
)


def by_the_book(y_true, y_pred, y_train, season):
    """Hyndman and Koehler (2006), with the seasonal differences of Hyndman and Athanasopoulos (2021), 5.8."""
    total = 0.0
    for t in range(season, len(y_train)):
        total += abs(y_train[t] - y_train[t - season])
    scale = total / (len(y_train) - season)
    errors = [abs((y - f) / scale) for y, f in zip(y_true, y_pred, strict=True)]
    return sum(errors) / len(errors)


@pytest.mark.parametrize("season", [1, 2, 12, 29])
def test_against_the_formula(season):
    rng = np.random.default_rng(season)
    y_true, y_pred, y_train = rng.normal(5, 3, 7), rng.normal(5, 3, 7), rng.normal(5, 3, 30)
    found = mean_absolute_scaled_error(y_true, y_pred, y_train=y_train, season_length=season)
    assert type(found) is float
    assert found == pytest.approx(by_the_book(y_true, y_pred, y_train, season))


def test_the_unit_and_the_level_do_not_matter():
    rng = np.random.default_rng(0)
    y_true, y_pred, y_train = rng.normal(size=5), rng.normal(size=5), rng.normal(size=20)
    expected = mean_absolute_scaled_error(y_true, y_pred, y_train=y_train, season_length=4)
    found = mean_absolute_scaled_error(
        1000 * y_true - 7, 1000 * y_pred - 7, y_train=1000 * y_train - 7, season_length=4
    )
    assert found == pytest.approx(expected)


def test_the_naive_forecast_of_every_training_value_scores_one():
    y = np.random.default_rng(1).normal(size=50)
    assert mean_absolute_scaled_error(y[3:], y[:-3], y_train=y, season_length=3) == pytest.approx(1)


def test_series_are_compared_by_position():
    y = pd.Series([1.0, 2.0, 4.0, 7.0], pd.date_range("2024", periods=4))
    assert mean_absolute_scaled_error(y[2:], y[:2], y_train=y) == 4 / 2


@pytest.mark.parametrize("y_true", [[1.0, 2.0], [5.0, 9.0]])
def test_a_training_part_that_repeats_itself_has_no_scale(y_true):
    with pytest.warns(UndefinedMetricWarning, match="repeats itself exactly every 2 steps"):
        error = mean_absolute_scaled_error(y_true, [1.0, 2.0], y_train=[1.0, 2.0] * 5, season_length=2)
    assert np.isnan(error)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"season_length": 4}, "y_train has 4 values; season_length=4 needs at least 5"),
        ({"season_length": 0}, "season_length must be an integer of at least 1, got 0"),
        ({"season_length": 1.5}, "season_length must be an integer of at least 1, got 1.5"),
        ({"y_true": [1.0]}, "y_true has 1 values and y_pred 2"),
        ({"y_true": [1.0, np.nan]}, "y_true holds 1 missing or infinite values"),
        ({"y_pred": [np.inf, np.inf]}, "y_pred holds 2 missing or infinite values"),
        ({"y_train": [1.0, np.nan, 3.0]}, "y_train holds 1 missing"),
        ({"y_train": []}, r"y_train must be one-dimensional and not empty, got an array of shape \(0,\)"),
        (
            {"y_true": [[1.0, 2.0]]},
            r"y_true must be one-dimensional and not empty, got an array of shape \(1, 2\)",
        ),
    ],
)
def test_what_is_refused(change, message):
    given = {"y_true": [1.0, 2.0], "y_pred": [1.0, 2.0], "y_train": [1.0, 2.0, 4.0, 8.0], "season_length": 1}
    given |= change
    with pytest.raises(ValueError, match=message):
        mean_absolute_scaled_error(given.pop("y_true"), given.pop("y_pred"), **given)


def test_symmetric_error_against_the_formula():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.normal(5, 3, 20), rng.normal(5, 3, 20)
    expected = sum(2 * abs(y - f) / (abs(y) + abs(f)) for y, f in zip(y_true, y_pred, strict=True)) / 20
    found = symmetric_mean_absolute_percentage_error(y_true, y_pred)
    assert type(found) is float
    assert found == pytest.approx(expected)
    assert symmetric_mean_absolute_percentage_error(1000 * y_true, 1000 * y_pred) == pytest.approx(expected)


def test_symmetric_error_near_zero():
    assert symmetric_mean_absolute_percentage_error([0.0, 0.0], [0.0, 0.0]) == 0
    assert symmetric_mean_absolute_percentage_error([0.0, 2.0], [0.0, 2.0]) == 0
    assert symmetric_mean_absolute_percentage_error([0.0], [1e-9]) == 2
    assert symmetric_mean_absolute_percentage_error([1.0, 0.0], [-1.0, 0.0]) == 1


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([1.0], [1.0, 2.0], "y_true has 1 values and y_pred 2"),
        ([1.0, np.nan], [1.0, 2.0], "y_true holds 1 missing or infinite values"),
        ([], [], "y_true must be one-dimensional and not empty"),
    ],
)
def test_symmetric_error_refuses(y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        symmetric_mean_absolute_percentage_error(y_true, y_pred)


def test_overall_weighted_average_is_of_means():
    naive2 = {"smape_naive2": [0.1, 0.3], "mase_naive2": [1.0, 3.0]}
    assert overall_weighted_average([0.1, 0.3], [1.0, 3.0], **naive2) == 1
    assert overall_weighted_average([0.3, 0.1], [3.0, 1.0], **naive2) == 1
    assert overall_weighted_average([0.1, 0.1], [1.0, 1.0], **naive2) == 0.5
    assert overall_weighted_average([0.2, 0.2], [1.0, 1.0], **naive2) == 0.75


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mase": [1.0]}, "all errors must be of the same series, got 2 smape, 1 mase, 2 smape_naive2, 2 mase_naive2"),
        ({"smape": [1.0, np.nan]}, "smape holds 1 missing"),
        ({"mase_naive2": [0.0, 0.0]}, "mase_naive2 is zero for all series"),
    ],
)
def test_overall_weighted_average_refuses(change, message):
    given = {"smape": [1.0, 2.0], "mase": [1.0, 2.0], "smape_naive2": [1.0, 2.0], "mase_naive2": [1.0, 2.0]} | change
    with pytest.raises(ValueError, match=message):
        overall_weighted_average(given.pop("smape"), given.pop("mase"), **given)


def test_what_is_no_number_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^y_pred must hold numbers: could not convert"):
        symmetric_mean_absolute_percentage_error([1.0], ["a"])
    with pytest.raises(TypeError, match=r"^y_true must hold numbers: "):
        symmetric_mean_absolute_percentage_error({}, [1.0])
