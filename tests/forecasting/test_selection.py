"""What held-back values decide."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tsrnn import RNNForecaster
from tsrnn.forecasting import fitting, selection
from tsrnn.forecasting.selection import GAIN_OF_ONE, _winner
from tsrnn.forecasting.smoothing import smoothing_forecasts
from tsrnn.training.linear import joined


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
        ([[np.inf], [1.0]], 1),
    ],
)
def test_the_first_candidate_wins_unless_another_is_clearly_better(errors, winner):
    assert _winner([np.array(each) for each in errors], 0.0, 0.01, GAIN_OF_ONE) == winner


@pytest.mark.parametrize(("best", "normalize"), [(0, "log_last"), (1, "log_mean"), (2, "last"), (3, "mean")])
def test_the_units_are_raced(best, normalize, monkeypatch):
    """The errors of the candidates are made up, each beside smoothing and without."""
    found = iter([error for k in range(4) for error in (1.0 - 0.5 * (k == best), 2.0)])
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
    found = iter([1.0, 2.0, *(1.0 - 0.5 * (k == best) for k in range(6))])  # the first two of smoothing
    monkeypatch.setattr(selection.Races, "_errors", lambda *_: np.array([next(found)]))
    drawn = []
    monkeypatch.setattr(fitting, "draw_back", lambda *arguments: drawn.append(arguments[-1]))
    assert automatic(normalize="last").fit(seasonal()).n_steps_ == steps
    assert drawn[-1] == share


@pytest.mark.parametrize(("gain", "share"), [(0.02, 0.75), (0.005, 0.5)])
def test_of_a_long_series_every_share_of_the_training_is_raced(gain, share, monkeypatch):
    """A tenth of it is held back, and says more than a few horizons do; the errors are made up."""
    size, found = [], iter([1.0, 2.0, 1.0, 1.0, 1 - gain, 1.0])  # the first two of smoothing

    def errors(self, plan, *_):
        size.append(plan.validation.size)
        return np.array([next(found)])

    monkeypatch.setattr(selection.Races, "_errors", errors)
    drawn = []
    monkeypatch.setattr(fitting, "draw_back", lambda *arguments: drawn.append(arguments[-1]))
    automatic(normalize="last").fit(seasonal(6000))
    assert size == [600] * 6
    assert next(found, None) is None
    assert drawn == [share]


@pytest.mark.parametrize(("horizon", "n", "much"), [(6, 600, True), (6, 590, False), (1, 500, True), (1, 490, False)])
def test_from_how_many_held_back_values_on_small_gains_are_believed(horizon, n, much, monkeypatch):
    told = []
    monkeypatch.setattr(selection, "other_steps", lambda *arguments: told.append(arguments[-1]) or [])
    automatic(horizon, max_steps=1).fit(seasonal(n))
    automatic(horizon, max_steps=1).fit(np.column_stack([seasonal(n, seed=k) for k in range(20)]))
    assert told == [much, False]


def test_short_series_do_not_say_how_much_is_to_be_learnt(monkeypatch):
    def trained(*_):
        raise AssertionError

    monkeypatch.setattr(selection.Races, "_trained", trained)
    assert automatic().fit(seasonal(26)).n_steps_ == 1
    with pytest.raises(AssertionError):
        automatic().fit(np.column_stack([seasonal(26, seed=k) for k in range(4)]))


@pytest.mark.parametrize(("errors", "apart"), [((1.0, 1.2), True), ((1.0, 0.5), False), ((np.inf, 0.5), False)])
def test_long_horizons_race_whether_to_learn_apart(errors, apart, monkeypatch):
    """The first candidate learns apart from the linear map, the other what it leaves; the errors are made up."""
    found, drawn, joins = iter(errors), [], []
    monkeypatch.setattr(selection.Races, "_errors", lambda *_: np.array([next(found)]))
    monkeypatch.setattr(fitting, "draw_back", lambda *arguments: drawn.append(arguments[-1]))
    monkeypatch.setattr(fitting, "joined", lambda *arguments: joins.append(arguments[-1]) or joined(*arguments))
    y = np.column_stack([seasonal(400, seed=k) for k in range(4)])
    model = automatic(96, max_steps=2, normalize="last").fit(y)
    assert (joins, drawn) == (([0.5] * len(joins), []) if apart else ([], [0.75] * len(drawn)))
    assert joins or drawn
    assert model.selection_ == "validation"


def test_columns_act_with_the_state_over_long_horizons_without_a_race(monkeypatch):
    monkeypatch.setattr(selection.Races, "_best", lambda *_: pytest.fail("there is nothing to choose"))
    y = seasonal(1500)
    columns = pd.DataFrame({"heat": np.sin(np.arange(1596))}, pd.date_range("2020", periods=1596))
    model = automatic(96, max_steps=2, linear_skip=True, normalize="last").fit(
        columns, pd.Series(y, columns.index[:1500])
    )
    assert model.decoder_ == "parallel"
    assert np.isfinite(model.predict(columns[1500:])).all()


@pytest.mark.parametrize(("best", "normalize"), [(0, "log_last"), (1, "difference")])
def test_the_units_of_long_horizons_are_raced(best, normalize, monkeypatch):
    """First the two units of the linear map, then the two ways to learn; the errors are made up."""
    found = iter([1.0 - 0.5 * (best == 0), 1.0 - 0.5 * (best == 1), 1.0, 1.0])
    monkeypatch.setattr(selection.Races, "_errors", lambda *_: np.array([next(found)]))
    y = np.column_stack([seasonal(400, seed=k) for k in range(4)])
    model = automatic(96, max_steps=1).fit(y)
    assert (model.normalize_, model.selection_) == (normalize, "validation")
    assert next(found, None) is None


def test_learnt_apart_is_the_mean_of_two_forecasts(monkeypatch):
    """Of the linear map alone, and of a network without one that has been trained on the same."""
    y = seasonal(300)
    model = automatic(96, max_steps=4, normalize="last").fit(y)
    assert model.selection_ == "rules"  # too little is held back to tell
    assert model.network_.linear is not None
    alone = automatic(96, max_steps=0, normalize="last").fit(y).predict()
    seen = []
    monkeypatch.setattr(fitting, "joined", lambda *arguments: seen.append(arguments) or joined(*arguments))
    automatic(96, max_steps=4, normalize="last").fit(y)
    apart, trained = seen[-1][2:4]
    assert apart.linear is None
    network = automatic(96, max_steps=4, normalize="last", linear_skip=False).fit(y)
    network.parameters_ = trained
    assert_allclose(model.predict(), (alone + network.predict()) / 2, rtol=1e-5)
    model.set_params(warm_start=True, max_steps=1).fit(y)  # goes on with both
    assert model.n_steps_ == 5


@pytest.mark.parametrize(("without", "share"), [(1.0, 0.5), (0.95, 0.5), (0.5, 0.0)])
def test_smoothing_is_left_out_where_the_linear_map_is_clearly_better_by_itself(without, share, monkeypatch):
    found = iter([1.0, without])
    monkeypatch.setattr(selection.Races, "_errors", lambda *_: np.array([next(found)]))
    model = automatic(normalize="last", max_steps=1).fit(seasonal())
    assert model.smoothing_share_ == share
    assert model.selection_ == "validation"


def test_smoothing_in_the_race_is_that_of_the_forecast(monkeypatch):
    """What is held back is forecast as `predict` would have, from the values before it."""
    seen = []
    monkeypatch.setattr(selection, "mixed", lambda forecast, smoothed, share: seen.append(smoothed) or forecast)
    y = np.column_stack([seasonal(seed=k) for k in range(2)])
    for multivariate in (False, True):
        seen.clear()
        model = automatic(normalize="last", max_steps=1, multivariate=multivariate).fit(y)
        assert len(seen) == 1
        last = seen[0][-1] if multivariate else seen[0][[len(seen[0]) // 2 - 1, -1], :, 0].T
        alone = smoothing_forecasts(y[:-6], np.array([0]), np.array([84]), 6, 6, "absolute_error", 1)[0]
        assert_allclose(last, alone, rtol=1e-12)
        assert model.smoothing_share_ == 0.5


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
    assert [_winner(errors, horizons, 0.01, GAIN_OF_ONE) for horizons in (0.0, 8.0)] == [0, 1]
    assert _winner(errors, 8.0, 0.15, GAIN_OF_ONE) == 0
    assert _winner(errors, 0.0, 0.01, 0.0) == 1


def test_of_many_series_some_hold_windows_back(monkeypatch):
    """The others train on all of theirs, and have no say."""
    monkeypatch.setattr(selection, "MOST_ORIGINS", 20)
    plans, errors = [], []
    windowed, measured = selection.windowed, selection.Races._errors
    monkeypatch.setattr(selection, "windowed", lambda *a: plans.append(windowed(*a)) or plans[-1])
    monkeypatch.setattr(selection.Races, "_errors", lambda *a: errors.append(measured(*a)) or errors[-1])
    y = pd.DataFrame({k: seasonal(40, seed=k) for k in range(30)})
    model = automatic(2, max_steps=1).fit(y)
    assert model.selection_ == "validation"
    held = np.bincount(plans[0].validation.series(np.arange(plans[0].validation.size)), minlength=30)
    assert 5 <= held.sum() <= 20
    assert len(set(held[held > 0])) == 1
    assert ((held > 0) == ~np.isnan(errors[0][0])).all()
    trained = np.bincount(plans[0].training.series(np.arange(plans[0].training.size)), minlength=30)
    whole = trained[held == 0]
    assert (whole == whole[0]).all()
    assert (trained[held > 0] == whole[0] - held.max() - 1).all()  # between them those that share targets
