"""Exponential smoothing against the recursions written out for one window and one method."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tsrnn.forecasting.smoothing import METHODS, WITHOUT_SEASON
from tsrnn.kernels.smoothing import is_rare, median_of, smooth_windows

STEPS = 6


def written_out(window, season, alpha, beta, gamma, phi, theta, seasonal):
    """Holt and Winters, additive, with a damped trend: the equations as they are printed; then Theta's drift.

    A trend takes of an error no more than its size on average so far. Returns forecasts and the sum of squared errors,
    one step ahead, after the first season. Of a missing value the error is zero.
    """
    n = len(window)
    known = [y for y in window[:season] if y == y]
    mean, half = sum(known) / len(known), (season - 1) / 2
    changes = [window[t + season] - window[t] for t in range(-(-season // 3)) if t + season < n]
    changes = [change for change in changes if change == change]
    rise = sum(changes) / (len(changes) + 1) / season
    level, trend, squares = mean + rise * half, 0.0, 0.0
    s = [seasonal * (y - mean - rise * (t - half)) if y == y else 0.0 for t, y in enumerate(window[:season])]
    seen = [(t, y) for t, y in enumerate(window) if y == y]
    line, sizes = np.polyfit(*zip(*seen, strict=True), 1)[0] if len(seen) > 1 else 0.0, []
    for t in range(season, n):
        forecast = level + phi * trend + s[t - season]
        error = window[t] - forecast if window[t] == window[t] else 0.0
        lag = sum((1 - alpha) ** k for k in range(t - season + 1))
        squares += (error - theta * line * lag) ** 2 if window[t] == window[t] else 0.0
        sizes += [abs(error)] if window[t] == window[t] else []
        held = np.sign(error) * min(abs(error), np.mean(sizes)) if sizes else 0.0
        level, trend = level + phi * trend + alpha * error, phi * trend + beta * held
        s.append(s[t - season] + gamma * error)
    lag = sum((1 - alpha) ** k for k in range(n - season + 1))
    found = []
    for h in range(1, STEPS + 1):
        damped = sum(phi**k for k in range(1, h + 1))
        repeated = s[n - season + (h - 1) % season]
        found.append(level + damped * trend + repeated + theta * line * (h - 1 + lag))
    return np.array(found), squares


def forecasts(windows, season, methods=METHODS, plain=WITHOUT_SEASON, steps=STEPS, middle=0):
    """Of windows one after the other, (W, K, P)."""
    end = np.cumsum([len(window) for window in windows])
    begin = end - [len(window) for window in windows]
    values = np.concatenate(windows).reshape(end[-1], -1)
    found = np.full((len(windows), steps, values.shape[1]), -777.0)
    smooth_windows(values, begin, end, season, np.ascontiguousarray(methods), plain, middle, found)
    return found.transpose(0, 2, 1)


def walk(length, seed=0):
    return np.random.default_rng(seed).standard_normal(length).cumsum() - 50


@pytest.mark.parametrize("length", [5, 6, 13])
@pytest.mark.parametrize("missing", [(), (1, 3), (4, 11)])
@pytest.mark.parametrize("season", [1, 4])
def test_each_method_is_as_it_is_written(season, length, missing):
    window = walk(length)
    window[[t for t in missing if t < length]] = np.nan
    for method in METHODS.T if season > 1 else METHODS.T[:WITHOUT_SEASON]:
        (((found),),) = forecasts([window], season, method[:, None], 1)
        assert_allclose(found, written_out(window, season, *method)[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("season", [1, 4, 22, 30])
def test_the_mean_leans_to_methods_that_would_have_been_right(season):
    window, methods, plain = walk(22), METHODS if season == 4 else METHODS[:, :WITHOUT_SEASON], WITHOUT_SEASON
    (((found),),) = forecasts([window], season, METHODS if season > 1 else methods, plain)
    # Within the first season no error tells whether there is one.
    each = [written_out(window, season if season == 4 else 1, *method) for method in methods.T]
    squares = np.array([error for _, error in each])
    weight = (squares.min() / squares) ** (9 if season == 4 else 10)  # half of 18 errors
    expected = (weight[:, None] * [forecast for forecast, _ in each]).sum(axis=0) / weight.sum()
    assert_allclose(found, expected, rtol=1e-9)


def test_missing_values_are_no_errors_to_go_by():
    window = walk(22)
    window[[5, 9, 13, 17]] = np.nan
    (((found),),) = forecasts([window], 4)
    each = [written_out(window, 4, *method) for method in METHODS.T]
    squares = np.array([error for _, error in each])
    weight = (squares.min() / squares) ** 7  # half of 14 errors
    expected = (weight[:, None] * [forecast for forecast, _ in each]).sum(axis=0) / weight.sum()
    assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("length", [60, 104, 113])
def test_what_rises_is_no_season(length):
    """Where a year of weeks ends, a straight line goes on."""
    line = 100 + 0.5 * np.arange(length + STEPS)
    (((found),),) = forecasts([line[:length]], 52)
    assert_allclose(found, line[length:], atol=2.0)


@pytest.mark.parametrize("season", [1, 4])
def test_no_trend_goes_on_from_a_step(season):
    """Nor does a season come again that is the step's alone: half of it, at most, is in any forecast."""
    window = np.random.default_rng(0).normal(50, 1, 90)
    window[80:] += 40
    (((found),),) = forecasts([window], season)
    assert abs(found - 90).max() < 8
    window[80:] -= 40
    window[80] += 40  # an outlier, that is all
    (((found),),) = forecasts([window], season)
    assert abs(found - 50).max() < 4


def test_known_methods_are_among_them():
    window = walk(12)
    naive = np.flatnonzero((METHODS[0] == 1) & (METHODS[1] == 0) & (METHODS[4] == 0) & (METHODS[5] == 0))
    assert_allclose(forecasts([window], 1, METHODS[:, naive], 1)[0, 0], np.full(STEPS, window[-1]))
    assert_allclose(forecasts([window], 4, METHODS[:, -1:], 0)[0, 0], window[[8, 9, 10, 11, 8, 9]])


def test_values_well_above_zero_are_smoothed_in_logarithms():
    growing = 3 * 1.02 ** np.arange(40) * np.tile([1.0, 2.0, 0.5, 1.5], 10)
    found = forecasts([growing], 4)[0, 0]
    assert_allclose(found, np.exp(forecasts([np.log(growing) - 9], 4)[0, 0] + 9), rtol=1e-9)
    spoilt = growing.copy()
    spoilt[7] = 0.04 * growing.mean()  # so near zero its logarithm would count too much
    assert_allclose(forecasts([spoilt], 4)[0, 0] - 1e6, forecasts([spoilt - 1e6], 4)[0, 0], rtol=1e-9)


def test_growth_stays_a_number():
    trend = np.flatnonzero((METHODS[0] == 0.7) & (METHODS[1] > 0) & (METHODS[3] == 1) & (METHODS[5] == 0))
    found = forecasts([np.exp(np.linspace(0.0, 2.5, 30))], 1, METHODS[:, trend], 1, 6000)
    assert found[0, 0, -1] > 1e149
    assert np.isfinite(found**2).all()


@pytest.mark.parametrize("value", [0.0, 5.0, -1e12, 1e-300])
@pytest.mark.parametrize("length", [1, 2, 4, 9])
def test_what_does_not_change_goes_on(value, length):
    assert_allclose(forecasts([np.full(length, value)], 4)[0, 0], np.full(STEPS, value), rtol=1e-9)


def test_windows_and_columns_do_not_see_one_another():
    windows = [np.column_stack([walk(n, n), walk(n, n + 1)]) for n in (13, 3, 30, 1)]
    windows[2][:5, 0] = windows[2][9, 1] = np.nan
    windows[1][:, 1] = np.nan  # a column of which nothing is known
    together = forecasts(windows, 4)
    assert np.isnan(together[1, 1]).all()
    for window, found in zip(windows, together, strict=True):
        for k in range(2):
            first = 5 if len(window) == 30 and k == 0 else 0  # it begins where the first value is known
            assert_allclose(found[k], forecasts([window[first:, k]], 4)[0, 0], rtol=1e-12)
    assert not np.isnan(np.delete(together, 1, axis=0)).any()


def test_float32_series_are_smoothed_in_float64():
    window = walk(30).astype(np.float32)
    assert_allclose(forecasts([window], 4), forecasts([window.astype(np.float64)], 4), rtol=1e-13)


def counts(length, often, seed=0):
    return np.random.default_rng(seed).poisson(often, length).astype(float)


NIGHTS = np.where(np.arange(60) % 6 < 3, 0.0, 1 + counts(60, 3.0))


@pytest.mark.parametrize(
    ("window", "rare"),
    [
        (counts(60, 0.7), True),  # half of them zero
        (counts(60, 1.0), True),
        (counts(60, 3.0), False),  # a twentieth
        (NIGHTS, False),  # half of them, by the season
        (np.repeat(counts(60, 0.7), 8), False),  # by what was before
        (np.append(np.zeros(40), 5 + counts(20, 9.0)), False),  # a beginning
        (np.append(5 + counts(20, 9.0), np.zeros(40)), False),  # an end
        (np.append(np.zeros(40), [7.0]), False),  # of which nothing is known
        (np.zeros(9), False),
        (np.insert(np.zeros(40), 20, 7.0), True),
        (-counts(60, 0.7), True),
        (counts(60, 0.7) + 1, False),
        (np.array([0.0]), False),
    ],
    ids=range(13),
)
def test_rare_events_are_zero_whatever_came_before(window, rare):
    assert is_rare(window, 6) == rare
    assert is_rare(np.append(window, [np.nan, np.nan]), 6) == rare


@pytest.mark.parametrize("values", [[3.0], [3.0, 1.0], [5.0, np.nan, 1.0, 2.0], [np.nan, 4.0, 4.0, -1.0, 9.0, np.nan]])
@pytest.mark.parametrize("middle", [1, 2, 3, 48])
def test_the_median_of_the_last_known_values(values, middle):
    known = np.array([value for value in values if value == value])
    assert median_of(np.array(values), middle) == np.median(known[-middle:])


def test_rare_events_have_the_median_of_the_last_values():
    rare, often = np.append(counts(20, 9.0, 2), counts(60, 0.6, 2)), counts(60, 9.0)
    rare[-3] = np.nan
    assert np.nanmedian(rare[-48:]) != np.nanmedian(rare)
    found = forecasts([rare, often], 6, middle=48)[:, 0]
    assert_allclose(found[0], np.median(rare[~np.isnan(rare)][-48:]))
    assert_allclose(found[1], forecasts([often], 6)[0, 0])
    gap = np.append(rare, np.full(50, np.nan))  # nothing is known of all that is near
    assert_allclose(forecasts([gap], 6, middle=48)[0, 0], found[0])
    smoothed = forecasts([rare], 6)[0, 0]  # as their mean is wanted
    assert (smoothed != found[0]).all()
