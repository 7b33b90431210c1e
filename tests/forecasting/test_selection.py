"""What held-back values decide."""

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster
from tsrnn.forecasting import selection
from tsrnn.forecasting.selection import _winner


def automatic(horizon=6, **changes):
    return RNNForecaster(horizon, **({"season_length": 6, "hidden_size": 4, "random_state": 0} | changes))


def seasonal(n=90, growth=0.0, noise=0.1, seed=0):
    rng, t = np.random.default_rng(seed), np.arange(n)
    return np.exp(growth * t) * (3 + np.sin(2 * np.pi * t / 6) + noise * rng.standard_normal(n))


@pytest.mark.parametrize(
    ("errors", "winner"),
    [
        ([[1.0], [0.8], [0.99]], 0),  # of one series the gain must be large
        ([[1.0], [0.9], [0.6]], 2),
        (np.outer([1, 0.96, 0.97], np.ones(400)), 1),
        ([[1.0, np.nan], [0.5, 0.1]], 1),
        ([[np.nan], [np.nan]], 0),
        ([[1.0], [np.inf]], 0),
    ],
)
def test_the_first_candidate_wins_unless_another_is_clearly_better(errors, winner):
    assert _winner([np.array(each) for each in errors], 0.0) == winner


@pytest.mark.parametrize(("best", "normalize"), [(0, "log_last"), (5, "log_mean"), (10, "last"), (19, "mean")])
def test_the_units_are_raced(best, normalize, monkeypatch):
    """The errors of the candidates, each with five shares of the last season, are made up."""
    found = iter([1.0 - 0.5 * (k == best) for k in range(20)])
    monkeypatch.setattr(selection.Races, "_errors", lambda *_: np.array([next(found)]))
    assert automatic(max_steps=1).fit(seasonal()).normalize_ == normalize


def test_a_season_beyond_the_window_counts_is_repeated():
    """Noise, which no map of it forecasts, about a season that the naive repeats exactly."""
    rng = np.random.default_rng(0)
    season = rng.standard_normal(12)
    y = np.tile(season, 4)
    model = automatic(12, season_length=12).fit(y)
    np.testing.assert_allclose(model.predict(), season, atol=0.35)


@pytest.mark.parametrize(
    "changes",
    [
        {"early_stopping": True},
        {"normalize": "last", "linear_skip": True, "max_steps": 3},
        {"linear_skip": False, "max_steps": 3},
        {"stateful": True, "bptt_steps": 3, "max_steps": 3},
    ],
)
def test_where_there_is_nothing_to_choose_nothing_is_held_back(changes, monkeypatch):
    def held_back(self, choices):
        raise AssertionError

    monkeypatch.setattr(selection.Races, "_held_back", held_back)
    assert np.isfinite(automatic(**changes).fit(seasonal()).predict()).all()


@pytest.mark.parametrize("n", [7, 8, 12, 13, 20])
def test_series_too_short_to_hold_anything_back(n):
    assert np.isfinite(automatic().fit(seasonal(n)).predict()).all()


def test_the_number_of_updates_is_raced(monkeypatch):
    """The errors of the candidates are made up: the second number of updates is the best."""
    found = iter([[2.0], [1.0], [3.0]])
    model = automatic(normalize="last", linear_skip=True)
    monkeypatch.setattr(selection.Races, "_errors", lambda *_: np.array(next(found)))
    assert model.fit(seasonal()).n_steps_ == 100


def test_the_share_of_the_season_is_in_the_map_that_training_starts_with(monkeypatch):
    found = iter([9.0] * 4 + [1.0] * 1 + [9.0] * 100)
    monkeypatch.setattr(selection.Races, "_errors", lambda *_: np.array([next(found)]))
    model = automatic(normalize="last", max_steps=1, learning_rate_init=1e-12).fit(seasonal())
    expected = np.zeros((6, model.lookback_))
    expected[np.arange(6), model.lookback_ - 6 + np.arange(6)] = 1
    np.testing.assert_allclose(model.linear_coef_, expected, atol=1e-6)


def test_a_panel_of_odd_series():
    """All zeros, counts that are mostly zero, one value, a step, a trend, and one below zero."""
    rng = np.random.default_rng(0)
    parts = {
        "zeros": np.zeros(60),
        "counts": rng.poisson(0.3, 60),
        "one": np.array([5.0]),
        "step": np.where(np.arange(60) < 40, 10, 100) + rng.random(60),
        "trend": 10 * np.arange(60.0),
        "short": rng.random(4),
    }
    for extra in ({}, {"below": rng.standard_normal(60)}):
        series = parts | extra
        index = [(name, k) for name, each in series.items() for k in range(len(each))]
        y = pd.Series(np.concatenate(list(series.values())).astype(float), pd.MultiIndex.from_tuples(index))
        forecast = automatic().fit(y).predict()
        assert np.isfinite(forecast).all()
        assert len(forecast) == 6 * len(series)
        assert (forecast["zeros"].abs() < 0.5).all()
        assert forecast["step"].between(50, 150).all()
        assert forecast["trend"].between(450, 900).all()


@pytest.mark.parametrize(
    "y",
    [np.zeros(60), np.full(60, 7.0), np.arange(60.0), -np.arange(60.0), np.random.default_rng(0).poisson(0.2, 60)],
    ids=["zeros", "constant", "line", "falling", "counts"],
)
def test_odd_series_alone(y):
    forecast = automatic().fit(y).predict()
    after = y[-1] + (y[-1] - y[-2]) * np.arange(1, 7) if np.ptp(y) > 5 else y[-6:]
    assert (np.abs(forecast - after) <= 3 + 0.1 * np.abs(after)).all()


def test_more_origins_need_less_of_a_gain():
    assert _winner([np.array([1.0]), np.array([0.8])], 8.0) == 1
