"""Exponential smoothing as a linear map, against the recursions written out for one window and one method."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tsrnn.forecasting import smoothing
from tsrnn.forecasting.smoothing import WITH_SEASON, WITHOUT_SEASON, Methods, smooth, smoothing_weights


def written_out(window, steps, season, alpha, beta, gamma, phi, slope):
    """Holt and Winters, additive, with a damped trend: the equations as they are printed; then Theta's drift."""
    level, trend = sum(window[:season]) / season, 0.0
    s = [window[k] - level for k in range(season)]
    for t in range(season, len(window)):
        error = window[t] - (level + phi * trend + s[t - season])
        level, trend = level + phi * trend + alpha * error, phi * trend + beta * error
        s.append(s[t - season] + gamma * error)
    n = len(window)
    line = np.polyfit(np.arange(n), window, 1)[0] if n > 1 else 0.0
    lag = sum((1 - alpha) ** k for k in range(n)) if alpha else 0.0
    found = []
    for h in range(1, steps + 1):
        damped = sum(phi**k for k in range(1, h + 1))
        repeated = s[n - season + (h - 1) % season]
        found.append(level + damped * trend + repeated + slope * line * (h - 1 + lag))
    return found


@pytest.mark.parametrize(("methods", "season"), [(WITHOUT_SEASON, 1), (WITH_SEASON, 4)])
@pytest.mark.parametrize("length", [4, 5, 13])
def test_each_method_is_as_it_is_written(methods, season, length):
    windows = np.random.default_rng(0).standard_normal((2, length)).cumsum(axis=1)
    found = smooth(methods, windows, 6, season)
    for m, (alpha, beta, gamma, phi, slope) in enumerate(np.hstack(methods)):
        for n, window in enumerate(windows):
            expected = written_out(list(window), 6, season, alpha, beta, gamma, phi, slope)
            assert_allclose(found[:, m, n], expected, rtol=1e-9, atol=1e-9)


def test_known_methods_are_among_them():
    windows = np.random.default_rng(0).standard_normal((3, 12))
    naive = np.flatnonzero((WITHOUT_SEASON.level[:, 0] == 1) & (WITHOUT_SEASON.trend[:, 0] == 0))[0]
    found = smooth(WITHOUT_SEASON, windows, 3, 1)[:, naive]
    assert_allclose(found, np.tile(windows[:, -1], (3, 1)))
    assert_allclose(smooth(WITH_SEASON, windows, 6, 4)[:, -1].T, windows[:, [8, 9, 10, 11, 8, 9]], atol=1e-12)


@pytest.mark.parametrize("season", [1, 4, 30])
def test_weights_are_the_mean_of_the_best_methods(season, monkeypatch):
    rng, size, steps = np.random.default_rng(1), 20, 5
    windows = rng.standard_normal((size, 12)).cumsum(axis=1)
    targets = windows[:, -1:] + rng.standard_normal((size, steps))
    targets[3, 2] = np.nan
    importance = rng.random(size)
    monkeypatch.setattr(smoothing, "BLOCK", 7)
    weights = smoothing_weights(windows, targets, importance, season)
    made = smooth(WITHOUT_SEASON, windows, steps, 1)
    if season == 4:  # of a season beyond the window nothing is known
        made = np.concatenate([made, smooth(WITH_SEASON, windows, steps, 4)], axis=1)
    errors = np.nansum(np.abs(made - targets.T[:, None]), axis=0) @ importance
    best = np.argsort(errors, kind="stable")[: smoothing.BEST]
    assert_allclose(weights @ windows.T, made[:, best].mean(axis=1), atol=1e-12)


def test_what_repeats_is_repeated():
    """Methods that know the season win where it is all there is."""
    season = np.array([1.0, 5.0, -2.0, 0.0])
    windows = np.array([np.roll(np.tile(season, 5), k) for k in range(4)])
    targets = windows[:, :6]
    assert_allclose(smoothing_weights(windows, targets, np.ones(4), 4) @ windows.T, targets.T, atol=1e-9)


def test_some_methods():
    some = WITH_SEASON.only(np.array([3, 1]))
    assert isinstance(some, Methods)
    assert_array_equal(some.level, WITH_SEASON.level[[3, 1]])
