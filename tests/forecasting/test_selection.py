"""What held-back values decide."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tsrnn import RNNForecaster
from tsrnn.forecasting import fitting, selection
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
    assert _winner([np.array(each) for each in errors], 0.0, 0.01) == winner


@pytest.mark.parametrize(("best", "normalize"), [(0, "log_last"), (1, "log_mean"), (2, "last"), (3, "mean")])
def test_the_units_are_raced(best, normalize, monkeypatch):
    """The errors of the candidates are made up."""
    found = iter([1.0 - 0.5 * (k == best) for k in range(4)])
    monkeypatch.setattr(selection.Races, "_errors", lambda *_: np.array([next(found)]))
    model = automatic(max_steps=1).fit(seasonal())
    assert model.normalize_ == normalize
    assert model.selection_ == "validation"


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
    model = automatic(**changes).fit(seasonal())
    assert np.isfinite(model.predict()).all()
    assert model.selection_ == "rules"


@pytest.mark.parametrize("n", [7, 8, 12, 13, 20])
def test_series_too_short_to_hold_anything_back(n):
    model = automatic().fit(seasonal(n))
    assert np.isfinite(model.predict()).all()
    assert model.selection_ == "rules"


@pytest.mark.parametrize(("best", "steps", "share"), [(0, 2, 0.25), (1, 2, 1), (2, 100, 0.25), (5, 300, 1)])
def test_the_training_is_raced(best, steps, share, monkeypatch):
    """Three numbers of updates, each with a share of what they change and with all of it; the errors are made up."""
    found = iter([1.0 - 0.5 * (k == best) for k in range(6)])
    monkeypatch.setattr(selection.Races, "_errors", lambda *_: np.array([next(found)]))
    drawn = []
    monkeypatch.setattr(fitting, "draw_back", lambda *arguments: drawn.append(arguments[-1]))
    assert automatic(normalize="last").fit(seasonal()).n_steps_ == steps
    assert drawn[-1] == share


def test_short_series_do_not_say_how_much_is_to_be_learnt(monkeypatch):
    def trained(*_):
        raise AssertionError

    monkeypatch.setattr(selection.Races, "_trained", trained)
    assert automatic().fit(seasonal(26)).n_steps_ == 1
    with pytest.raises(AssertionError):
        automatic().fit(np.column_stack([seasonal(26, seed=k) for k in range(4)]))


@pytest.mark.parametrize(("n", "share"), [(90, 0.5), (5200, 0.25)])
def test_maps_are_drawn_toward_exponential_smoothing(n, share, monkeypatch):
    """By half where windows are few, by a quarter where they are many."""
    monkeypatch.setattr(selection, "fit_linear", lambda network, *_: np.zeros((network.linear.input_size + 1, 6)))
    monkeypatch.setattr(selection, "smoothing_weights", lambda windows, *_: np.ones((6, windows.shape[1])))
    model = automatic(normalize="last", max_steps=0).fit(seasonal(n))
    assert_array_equal(model.linear_coef_, share)
    plain = automatic(normalize="last", max_steps=0, linear_skip=True).fit(seasonal(n))
    assert_array_equal(plain.linear_coef_, 0)


def test_each_channel_is_smoothed_by_itself():
    """Two columns, one after the other and side by side: the same map for both, and nothing from one to the other."""
    y = np.column_stack([seasonal(), 5 * seasonal()])
    options = {"normalize": "last", "max_steps": 0, "multivariate": True}
    coefficients = automatic(**options).fit(y).linear_coef_
    ridge = automatic(**options, linear_skip=True).fit(y).linear_coef_
    smoothed = (coefficients - 0.5 * ridge).reshape(6, 2, -1, 2)
    assert_allclose(smoothed[:, 0, :, 1], 0, atol=1e-6)
    assert_allclose(smoothed[:, 0, :, 0], smoothed[:, 1, :, 1], atol=1e-6)
    assert np.abs(smoothed).max() > 0.1


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
    errors = [np.array([1.0]), np.array([0.8])]
    assert [_winner(errors, horizons, 0.01) for horizons in (0.0, 8.0)] == [0, 1]
    assert _winner(errors, 8.0, 0.15) == 0
