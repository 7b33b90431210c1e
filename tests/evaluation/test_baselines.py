"""Baselines against their definitions, written out, and what they refuse."""

import numpy as np
import pandas as pd
import pytest

from tsrnn.datasets import load_airpassengers
from tsrnn.evaluation.baselines import naive2, seasonal_naive


@pytest.mark.parametrize(
    ("horizon", "season", "expected"),
    [(1, 1, [7]), (3, 1, [7, 7, 7]), (2, 3, [5, 6]), (7, 3, [5, 6, 7, 5, 6, 7, 5]), (2, 7, [1, 2])],
)
def test_seasonal_naive_repeats_the_last_season(horizon, season, expected):
    y = pd.Series(range(1, 8), pd.date_range("2024-01-01", periods=7, freq="MS"), name="sold")
    found = seasonal_naive(y, horizon, season)
    assert found.to_list() == expected
    assert found.dtype == np.float64
    assert found.name == "sold"
    assert list(found.index) == list(pd.date_range("2024-08-01", periods=horizon, freq="MS"))
    assert list(seasonal_naive(y.to_list(), horizon, season).index) == list(range(7, 7 + horizon))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([1.0, 2.0], 1, 3), "y_train has 2 values; season_length=3 needs at least as many"),
        (([1.0, 2.0], 0, 1), "horizon must be an integer of at least 1, got 0"),
        (([1.0, 2.0], 1, 0), "season_length must be an integer of at least 1, got 0"),
        (([1.0, np.nan], 1, 1), "1 missing or infinite values, at 1"),
    ],
)
def test_seasonal_naive_refuses(given, message):
    with pytest.raises(ValueError, match=message):
        seasonal_naive(*given)


def naive2_by_the_book(y, horizon, m):
    """Line by line after "Benchmarks and Evaluation.R" and R's own `acf` and `decompose`."""
    n = len(y)
    mean = sum(y) / n
    seasonal = False
    if m > 1 and n >= 3 * m:
        zero = sum((v - mean) ** 2 for v in y)
        acf = [sum((y[t + k] - mean) * (y[t] - mean) for t in range(n - k)) / zero for k in range(1, m + 1)]
        seasonal = abs(acf[-1]) > 1.645 / n**0.5 * (1 + 2 * sum(r**2 for r in acf[:-1])) ** 0.5
    if not seasonal:
        return [y[-1]] * horizon
    half = m // 2
    ratios = [[] for _ in range(m)]
    for t in range(half, n - half):
        inside = list(y[t - half : t + half + 1])
        if m % 2 == 0:
            inside[0], inside[-1] = inside[0] / 2, inside[-1] / 2
        ratios[t % m].append(y[t] / (sum(inside) / m))
    figure = [sum(place) / len(place) for place in ratios]
    mean = sum(figure) / m
    figure = [value / mean for value in figure]
    return [y[-1] / figure[(n - 1) % m] * figure[(n + k) % m] for k in range(horizon)]


@pytest.mark.parametrize(("m", "length"), [(12, 144), (12, 137), (12, 60), (7, 50), (4, 40), (24, 200)])
def test_naive2_against_the_book(m, length):
    rng = np.random.default_rng(m + length)
    t = np.arange(length)
    y = (100 + 0.1 * t) * (1 + 0.3 * np.sin(2 * np.pi * t / m)) * np.exp(rng.normal(0, 0.02, length))
    found = naive2(y, 2 * m + 1, m)
    np.testing.assert_allclose(found, naive2_by_the_book(y, 2 * m + 1, m), rtol=1e-12)
    assert found.std() > 0.1 * found.mean(), "the season is found"


@pytest.mark.parametrize(("m", "length"), [(12, 35), (12, 144), (1, 20)])
def test_naive2_without_a_season_is_the_last_value(m, length):
    y = np.random.default_rng(0).uniform(1, 2, length)
    assert naive2(y, 3, m).to_list() == [y[-1]] * 3
    assert naive2_by_the_book(y, 3, m) == [y[-1]] * 3
    assert naive2(np.full(length, 5.0), 2, m).to_list() == [5.0, 5.0]


def test_naive2_goes_on_on_the_index():
    y = load_airpassengers()
    found = naive2(y, 3, 12)
    assert found.index.equals(pd.date_range("1961-01-01", periods=3, freq="MS"))
    assert found.name == "passengers"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([1.0, 0.0, -1.0], 1, 1), "y_train must be positive, got 2 values that are not"),
        (([1.0, 2.0], 0, 1), "horizon must be an integer of at least 1, got 0"),
        (([1.0, 2.0], 1, 0), "season_length must be an integer of at least 1, got 0"),
        (([1.0, np.nan], 1, 1), "1 missing or infinite values, at 1"),
    ],
)
def test_naive2_refuses(given, message):
    with pytest.raises(ValueError, match=message):
        naive2(*given)
