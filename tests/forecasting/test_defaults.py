"""The rules behind "auto"."""

import numpy as np
import pandas as pd
import pytest

from forecasting.small import daily, values
from tsrnn import RNNForecaster
from tsrnn.forecasting.defaults import auto_lookback, auto_segment, choose, shortened
from tsrnn.forecasting.plans import with_exogenous
from tsrnn.forecasting.series.panel import panel_of


def forecaster(horizon=3, **changes):
    """Quick, with all rules at work."""
    return RNNForecaster(horizon, **({"max_steps": 2, "random_state": 0} | changes))


def chosen(y, season, horizon=3, **changes):
    return choose(RNNForecaster(horizon, **changes), panel_of(y, False), season)


@pytest.mark.parametrize(
    ("season", "n", "horizon", "lookback", "segment"),
    [
        (24, 960, 48, 504, 24),
        (24, 700, 48, 360, 24),
        (7, 1000, 14, 56, 7),
        (52, 1000, 13, 104, 13),
        (12, 300, 18, 60, 6),
        (12, 110, 18, 36, 3),
        (12, 60, 12, 24, 2),
        (4, 100, 8, 20, 2),
        (1, 60, 6, 12, 1),
        (48, 10_000, 48, 1008, 48),
        (5, 1000, 5, 25, 1),
    ],
)
def test_windows_of_a_few_seasons(season, n, horizon, lookback, segment):
    choices = chosen(np.sin(np.arange(n)), season, horizon)
    assert (choices.lookback, choices.segment) == (lookback, segment)
    assert lookback % segment == 0


def test_long_horizons():
    choices = chosen(np.sin(np.arange(6527)), 24, 96)  # one less than eight windows with what follows them
    assert (choices.lookback, choices.segment, choices.decoder) == (720, 48, "parallel")
    assert (choices.normalize, choices.hidden_size, choices.dropout) == ("difference", 128, 0.5)
    assert (choices.apart, choices.training_share, choices.max_steps) == (True, 0.5, 800)
    assert choices.learning_rate_init == pytest.approx(0.002)
    assert chosen(np.sin(np.arange(6528)), 24, 96).normalize == "reverting"
    assert chosen(2 + np.sin(np.arange(6528)), 24, 96).normalize == "log_last"


@pytest.mark.parametrize(("n", "size", "dropout", "steps"), [(90, 64, 0.1, 1000), (120, 128, 0.0, 4000)])
def test_many_long_windows_feed_a_wide_network_without_dropout(n, size, dropout, steps):
    choices = chosen(np.sin(np.arange(1500.0))[:, None] + np.arange(n), 24, 24)
    assert (choices.hidden_size, choices.dropout, choices.max_steps) == (size, dropout, steps)


@pytest.mark.parametrize(
    ("n", "season", "n_series", "share"),
    [
        (150, 7, 1, 1 / 2),
        (559, 7, 1, 1 / 2),
        (560, 7, 1, 1 / 4),
        (40, 1, 1, 2 / 3),
        (559, 7, 12, 1 / 2),
        (559, 24, 30, 1 / 3),
        (60, 1, 150, 1 / 2),
        (560, 7, 12, 1 / 4),
        (400, 7, 400, 1 / 4),
    ],
)
def test_smoothing_has_less_where_there_is_more_to_learn_from(n, season, n_series, share):
    y = np.sin(np.arange(n))[:, None] + np.arange(n_series)
    assert chosen(y, season).smoothing_share == share
    if n_series == 1:  # few coefficients are learnt from fewer values, but short windows also know less
        assert chosen(y, season, lookback=3).smoothing_share == share


@pytest.mark.parametrize(
    ("months", "n_series", "wave", "share"),
    [
        (15, 20, 20.0, 1.0),  # what comes again is nearer than what was last
        (15, 20, 0.1, 1 / 2),
        (12, 20, 20.0, 1 / 2),  # nothing comes again
        (18, 20, 20.0, 3 / 4),  # windows begin to show it
        (21, 20, 20.0, 1 / 2),
        (15, 5, 20.0, 1 / 2),  # too few to say
    ],
)
def test_smoothing_alone_where_only_the_season_tells(months, n_series, wave, share):
    rng = np.random.default_rng(0)
    t = np.arange(months)[:, None]
    y = 50 + wave * np.sin(2 * np.pi * t / 12) + rng.standard_normal((months, n_series)).cumsum(axis=0)
    assert chosen(y, 12).smoothing_share == share


@pytest.mark.parametrize(
    ("n_rare", "changes", "share"),
    [
        (3, {}, 3 / 4),
        (2, {}, 1 / 2),  # not most of them
        (4, {"loss": "squared_error"}, 1 / 2),  # smoothing forecasts their mean, which is what is wanted
        (4, {"linear_skip": True}, 0.0),
    ],
)
def test_rare_events_are_told_by_their_median(n_rare, changes, share):
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.poisson(0.5, (60, n_rare)), 50 + rng.poisson(9, (60, 4 - n_rare))]).astype(float)
    assert chosen(y, 12, **changes).smoothing_share == share


@pytest.mark.parametrize(("n", "steps"), [(29, 800), (30, 3200)])
def test_long_horizons_of_many_series_learn_longer(n, steps):
    assert chosen(np.sin(np.arange(500.0))[:, None] + np.arange(n), 24, 96).max_steps == steps


@pytest.mark.parametrize(
    ("changes", "spans"),
    [
        ({}, (1.0, 0.5)),
        ({"lookback": 480}, (1.0, 0.5)),
        ({"lookback": 479}, (1.0,)),
        ({"horizon": 95, "lookback": 480}, (1.0,)),
        ({"calendar": "all"}, (1.0,)),
    ],
)
def test_linear_maps_of_long_windows(changes, spans):
    y = pd.Series(np.sin(np.arange(2000)), pd.date_range("2024", periods=2000, freq="h"))
    model = RNNForecaster(**{"horizon": 96, **changes})
    panel, _ = with_exogenous(model, panel_of(y, False), None, None)
    assert choose(model, panel, 24).linear_spans == spans


def test_the_first_half_of_a_long_window_counts_less():
    """Of noise, the mean of two maps has in the half that one of them lacks about half of the coefficients' size."""
    y = np.random.default_rng(0).standard_normal(1500)
    model = RNNForecaster(96, lookback=480, max_steps=0, linear_skip=True, normalize="series", random_state=0).fit(y)
    sizes = np.abs(model.linear_coef_).reshape(96, 2, 240).mean(axis=(0, 2))
    assert 0.4 < sizes[0] / sizes[1] < 0.6


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        ({"linear_skip": True}, 0.75),  # the sum, as asked
        ({"linear_skip": False}, 1),
        ({"max_steps": 0}, 1),
        ({"decoder": "recursive"}, 0.5),  # whose network forecasts a step
        ({"stateful": True, "bptt_steps": 5}, 1),
    ],
)
def test_long_horizons_that_learn_no_two_things_apart(changes, share):
    choices = chosen(np.sin(np.arange(20_000)), 24, 96, **changes)
    assert (choices.apart, choices.training_share) == (False, share)


@pytest.mark.parametrize("n", [2, 3, 5, 20, 60, 400])
@pytest.mark.parametrize("season", [1, 4, 7, 12, 24, 1440])
@pytest.mark.parametrize("horizon", [1, 30, 96])
def test_any_series_has_room(n, season, horizon):
    lookback = auto_lookback(np.array([1, n + horizon]), horizon, season, horizon >= 96)
    assert 1 <= lookback <= n
    assert 1 <= auto_segment(lookback, season, horizon >= 96, False) <= lookback


@pytest.mark.parametrize(
    ("lookback", "season", "several", "long", "left"),
    [
        (56, 7, False, False, [56, 56, 56, 49, 42]),
        (56, 7, True, False, [56, 56, 56, 49, 42]),
        (14, 7, False, False, [14] * 5),
        (5, 7, False, False, [5] * 5),
        (720, 24, False, True, [720, 720, 720, 360, 360]),
        (720, 24, True, True, [720, 720, 480, 360, 360]),
        (672, 336, True, True, [672, 672, 336, 336, 336]),
        (336, 336, True, True, [336] * 5),
        (100, 336, True, True, [100] * 5),
        (101, 1, False, True, [101, 101, 101, 50, 50]),
        (101, 1, True, True, [101, 101, 67, 50, 50]),
    ],
)
def test_what_later_members_read(lookback, season, several, long, left):
    assert [shortened(lookback, season, place, several, long) for place in range(5)] == left


def test_a_given_lookback_is_kept_and_divided():
    choices = chosen(values(400), 12, lookback=40)
    assert (choices.lookback, choices.segment, choices.least) == (40, 4, 40)


def test_windows_that_begin_before_short_series():
    choices = chosen(values(60), 12)
    assert (choices.lookback, choices.least) == (24, 12)
    choices = chosen(values(70), 7)
    assert (choices.lookback, choices.least) == (21, 7)
    choices = chosen(values(5000), 7)
    assert choices.lookback == choices.least == 56


def test_what_is_given_counts():
    given = {"segment": 2, "decoder": "seq2seq", "normalize": "mean", "hidden_size": 5, "dropout": 0.0, "alpha": 2.0}
    choices = chosen(values(400), 12, **given, max_steps=None, linear_skip=False)
    assert {name: getattr(choices, name) for name in given} == given
    assert choices.alpha_linear == 2
    assert choices.max_steps is None
    assert choices.linear_skip is False


def test_logarithms_of_small_changes_are_a_straight_line():
    rng = np.random.default_rng(0)
    for level, normalize in ((1, "log_last"), (1e6, "last")):
        assert chosen(level + rng.random(100), 1).normalize == normalize


def test_a_fit_that_goes_on_keeps_what_was_chosen():
    y = daily(60).abs()
    model = forecaster(warm_start=True).fit(y)
    before = (model.lookback_, model.segment_, model.normalize_)
    model.fit(5 - daily(50))
    assert (model.lookback_, model.segment_, model.normalize_) == before
    assert model.n_steps_ == 4


def test_attributes_of_a_fit():
    model = forecaster().fit(daily(200))
    assert (model.lookback_, model.segment_, model.decoder_) == (56, 7, "direct")
    assert model.normalize_ in ("last", "mean")
    assert (model.hidden_size_, model.dropout_, model.linear_skip_) == (64, 0.1, True)
    assert model.linear_coef_.shape == (3, 56)
    assert np.shares_memory(model.linear_coef_, model.parameters_)
    with pytest.raises(AttributeError, match="linear_coef_"):
        _ = forecaster(linear_skip=False).fit(daily()).linear_coef_
    assert not hasattr(forecaster(), "linear_coef_")


def test_panels_of_any_lengths():
    index = pd.MultiIndex.from_tuples([("a", k) for k in range(40)] + [("b", 0)] + [("c", k) for k in range(5)])
    y = pd.Series(np.abs(np.random.default_rng(0).standard_normal(46)), index)
    forecast = forecaster().fit(y).predict()
    assert np.isfinite(forecast).all()
    assert len(forecast) == 9


def test_no_updates_are_the_linear_map_alone():
    y = daily(200)
    model = forecaster(max_steps=0, normalize="last", linear_skip=True).fit(y)
    window = y.to_numpy()[-56:]
    scale = window.std() + 0.01 * y.to_numpy().std()
    by_hand = window[-1] + scale * (
        model.linear_coef_ @ ((window - window[-1]) / scale) + model.weights()["linear.bias"]
    )
    np.testing.assert_allclose(model.predict(), by_hand, rtol=1e-4, atol=1e-4)
    assert (model.n_steps_, model.n_iter_, model.loss_curve_) == (0, 0, [])
    assert forecaster(max_steps=0, n_members=3).fit(y).predict().notna().all()
    for changes in ({"linear_skip": False}, {"stateful": True, "bptt_steps": 3}):
        with pytest.raises(ValueError, match="max_steps=0 is the linear map of windows alone"):
            forecaster(max_steps=0, **changes).fit(y)


def test_of_very_long_windows_the_end_is_mapped():
    """A straight line goes on, whatever the seed: nothing random is left in the forecast."""
    y = pd.Series(np.arange(4200.0))
    forecast = forecaster(max_steps=0, lookback=2100, normalize="last", linear_skip=True).fit(y).predict()
    np.testing.assert_allclose(forecast, np.arange(4200.0, 4200.0 + len(forecast)), rtol=1e-3)


def test_shares_are_of_forecasts():
    """Of a decoder that reads its own outputs a share of the weights is none of the forecast."""
    rng = np.random.default_rng(0)
    y = pd.Series(np.sin(np.arange(500.0) / 4) + 0.1 * rng.standard_normal(500))
    settings = {"max_steps": 5, "hidden_size": 4, "lookback": 24, "segment": 6, "season_length": 6, "random_state": 0}
    alone, long = ({"linear_skip": kind, "horizon": 96} for kind in (True, "auto"))
    both = [RNNForecaster(decoder="seq2seq", **settings, **kind).fit(y).predict() for kind in (alone, long)]
    np.testing.assert_array_equal(*both)


def rare_events():
    counts = np.random.default_rng(0).poisson(0.3, 80).astype(float)
    return pd.Series(counts, pd.date_range("2015", periods=80, freq="MS"))


def test_smoothing_goes_by_the_loss_fitted_with():
    model = forecaster().fit(rare_events())
    before = model.predict()
    assert model.smoothing_share_ == 0.75
    pd.testing.assert_series_equal(model.set_params(loss="squared_error").predict(), before)


def test_a_fit_that_goes_on_without_smoothing_has_none():
    y = rare_events()
    model = forecaster(warm_start=True).fit(y)
    assert model.smoothing_share_ == 0.75
    assert model.set_params(linear_skip=True).fit(y).smoothing_share_ == 0
