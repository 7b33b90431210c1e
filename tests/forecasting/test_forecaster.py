"""Forecasts: their index, their units, how far they reach, and what they depend on."""

import gc
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_series_equal
from sklearn.exceptions import NotFittedError

from forecasting.small import assert_index, daily, every_cell, forecaster, values, with_tail
from tsrnn import RNNForecaster
from tsrnn.datasets import load_airpassengers, load_sunspots
from tsrnn.forecasting.fitting import DECODERS
from tsrnn.forecasting.samples.normalization import CENTRINGS
from tsrnn.forecasting.series.timeindex import frequency
from tsrnn.network.cells import CELLS

every_decoder = pytest.mark.parametrize("decoder", DECODERS)
every_centring = pytest.mark.parametrize("normalize", CENTRINGS)

# The index of 60 values and of the four that follow.
INDICES = {
    "hours": pd.date_range("2021-03-26 06:00", periods=64, freq="h", name="when"),
    "hours across a change of the clocks": pd.date_range("2021-03-25 13:00", periods=64, freq="h", tz="Europe/Berlin"),
    "days in seconds": pd.date_range("2021-01-01", periods=64, freq="D").as_unit("s"),
    "business days": pd.date_range("2021-01-04", periods=64, freq="B"),
    "weeks": pd.date_range("2021-01-04", periods=64, freq="W-WED", name="week"),
    "months": pd.date_range("2021-01-01", periods=64, freq="MS"),
    "ends of months": pd.date_range("2021-01-31", periods=64, freq="ME"),
    "quarters": pd.date_range("2021-01-01", periods=64, freq="QS"),
    "years": pd.date_range("2021-12-31", periods=64, freq="YE"),
    "custom": pd.date_range("2021-01-04", periods=64, freq=pd.offsets.CustomBusinessDay(holidays=["2021-04-02"])),
    "periods": pd.period_range("2021-01", periods=64, freq="M", name="month"),
    "range": pd.RangeIndex(10, 10 + 3 * 64, 3, name="k"),
}


def following(model, y, steps):
    """What `model` forecasts after `y`, a series that may be another than the one fitted."""
    return with_tail(model, y).predict(horizon=steps)


@pytest.mark.parametrize("full", INDICES.values(), ids=INDICES)
@every_decoder
def test_forecast_stands_on_the_index_that_follows(full, decoder):
    y = pd.Series(values(), full[:60], name="load")
    forecast = forecaster(4, decoder=decoder).fit(y).predict()
    assert_index(forecast.index, full[60:])
    assert forecast.name == "load"
    assert forecast.dtype == np.float64
    assert np.isfinite(forecast).all()
    assert_array_equal(forecast, forecaster(4, decoder=decoder).fit(values()).predict())
    joined = pd.concat([y, forecast])
    assert frequency(pd.Index(joined.index, name=full.name)) == frequency(full)


# Holidays cannot be told from gaps.
@pytest.mark.parametrize("name", [name for name in INDICES if name not in ("custom", "periods", "range")])
def test_frequency_may_be_lost(name):
    full = INDICES[name]
    index = pd.DatetimeIndex(full[:60], freq=None)
    forecast = forecaster(4).fit(pd.Series(values(), index)).predict()
    assert_index(forecast.index, full[60:])
    assert forecast.index.freq is not None


@pytest.mark.parametrize("y", [values(), list(values()), tuple(values()), pd.Series(values())], ids=lambda y: type(y))
def test_what_has_no_index_counts_from_zero(y):
    forecast = forecaster().fit(y).predict()
    assert_index(forecast.index, pd.RangeIndex(60, 63))
    assert forecast.name is None


@every_centring
@every_decoder
@pytest.mark.parametrize("factor", [2.0**20, 2.0**-20, 2.0**80])
def test_powers_of_two_scale_the_forecast_exactly(normalize, decoder, factor):
    """They change no digit of the series, so none of the forecast may change."""
    model = forecaster(normalize=normalize, decoder=decoder)
    forecast = model.fit(daily()).predict()
    assert_array_equal(model.fit(factor * daily()).predict() / factor, forecast)


@every_centring
@every_decoder
@pytest.mark.parametrize(("factor", "shift"), [(1000, 0), (1, 1e6), (1000, 1e6), (1e-6, 0), (1, 1e9)])
def test_forecasts_are_in_the_units_of_the_series(normalize, decoder, factor, shift):
    """The level costs the digits that it takes in float64, and no more: float32 would keep none at 1e9."""
    model = forecaster(normalize=normalize, decoder=decoder)
    forecast = model.fit(daily()).predict()
    there_and_back = (model.fit(factor * daily() + shift).predict() - shift) / factor
    assert_allclose(there_and_back, forecast, atol=1e-5)


@every_decoder
def test_a_forecast_has_the_digits_of_float64(decoder):
    """At a level of 2^40 numbers in float32 are 2^17 apart."""
    forecast = forecaster(decoder=decoder).fit(daily() + 2.0**40).predict() - 2.0**40
    assert forecast.nunique() == 3
    assert forecast.abs().max() < 10


@every_decoder
def test_a_shorter_forecast_is_the_first_part(decoder):
    model = forecaster(5, decoder=decoder).fit(daily())
    whole = model.predict()
    assert len(whole) == model.horizon_ == 5
    for steps in range(1, 6):
        assert_series_equal(model.predict(horizon=steps), whole.iloc[:steps])
    assert_series_equal(model.predict(horizon=np.int64(2)), whole.iloc[:2])


def test_a_longer_direct_forecast_goes_in_blocks_and_warns_once():
    y = daily()
    model = forecaster(3).fit(y)
    with pytest.warns(UserWarning, match="horizon=8 exceeds the 3 steps trained for") as caught:
        forecast = model.predict(horizon=8)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    known = y
    for _ in range(3):
        known = pd.concat([known, following(model, known, 3)])
    assert_series_equal(forecast, known.iloc[60:68], check_names=False, check_index_type=False, check_freq=False)
    assert_series_equal(forecast.iloc[:3], model.predict())


def test_a_longer_recursive_forecast_reads_its_own_forecasts():
    y = daily()
    model = forecaster(3, decoder="recursive").fit(y)
    forecast = model.predict(horizon=8)
    known = y
    for _ in range(8):
        known = pd.concat([known, following(model, known, 1)])
    assert_series_equal(forecast, known.iloc[60:], check_names=False, check_freq=False)
    assert_series_equal(forecast.iloc[:3], model.predict())


def test_one_step_at_a_time_is_what_a_recursive_forecaster_is_trained_for():
    one = forecaster(1, decoder="direct").fit(daily())
    recursive = forecaster(4, decoder="recursive").fit(daily())
    assert_array_equal(one.predict(horizon=4), recursive.predict())


@pytest.mark.parametrize("horizon", [0, -1, 1.5, "3", True, [3]])
def test_a_horizon_that_is_none_is_refused(horizon):
    model = forecaster().fit(daily())
    with pytest.raises(ValueError, match="horizon must be an integer of at least 1, got "):
        model.predict(horizon=horizon)


@pytest.mark.parametrize("method", ["predict", "weights"])
def test_before_a_fit(method):
    with pytest.raises(NotFittedError, match="RNNForecaster"):
        getattr(forecaster(), method)()


@every_cell
@every_decoder
@every_centring
def test_every_step_depends_on_the_last_observation(cell, decoder, normalize):
    """A decoder must not read its first steps off states that have not seen the end of the window.

    Under "series" the observation is seen by the network alone; by the others it moves the units as well. There is no
    linear map, which sees it anyway.
    """
    y = daily()
    model = forecaster(5, cell=cell, decoder=decoder, normalize=normalize, linear_skip=False, dropout=0.0)
    model.fit(y)
    moved = y.copy()
    moved.iloc[-1] += 0.1
    slope = (following(model, moved, 5) - model.predict()) / 0.1
    assert (slope.abs() > 1e-6).all()


@every_cell
@every_decoder
@pytest.mark.parametrize("linear_skip", [False, True])
def test_every_observation_in_the_window_counts(cell, decoder, linear_skip):
    y = daily()
    model = forecaster(cell=cell, decoder=decoder, linear_skip=linear_skip, normalize="series").fit(y)
    for back in range(1, model.lookback_ + 1):
        moved = y.copy()
        moved.iloc[-back] += 0.5
        assert following(model, moved, 1).iloc[0] != model.predict().iloc[0]


def test_a_forecast_depends_on_nothing_before_the_window():
    y = daily()
    model = forecaster().fit(y)
    other = y.copy()
    other.iloc[: -model.lookback_] += 100
    assert_series_equal(following(model, other, 3), model.predict())


def test_predicting_changes_nothing():
    model = forecaster().fit(daily())
    before = vars(model).copy()
    first = model.predict()
    first.iloc[:] = 0
    assert_array_equal(model.predict(horizon=2), model.predict()[:2])
    assert model.predict().ne(0).all()
    assert all(vars(model)[name] is before[name] for name in before)


@pytest.mark.parametrize("kind", ["array", "series", "memory-mapped array"])
def test_the_series_may_change_after_the_fit(kind, tmp_path):
    given = values(200)
    if kind == "memory-mapped array":
        given = np.memmap(tmp_path / "y", np.float64, "w+", shape=200)
        given[:] = values(200)
    y = pd.Series(given, copy=False) if kind == "series" else given
    model = forecaster().fit(y)
    forecast = model.predict()
    if kind == "series":
        y.iloc[:] = 0
    given[:] = 0
    assert_series_equal(model.predict(), forecast)


def test_a_fitted_estimator_keeps_no_more_of_the_series_than_a_window():
    n = 100_000
    forecaster(max_steps=1, batch_size=8).fit(values(n))  # what is made once is made here
    gc.collect()
    tracemalloc.start()
    model = forecaster(max_steps=1, batch_size=8).fit(values(n))
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert model.n_steps_ == 1
    assert kept < 8 * n / 10


@pytest.mark.parametrize(
    ("horizon", "decoder", "least"), [(3, "direct", 4), (3, "recursive", 2), (1, "direct", 2), (3, "parallel", 4)]
)
def test_the_shortest_series(horizon, decoder, least):
    model = forecaster(horizon, lookback="auto", decoder=decoder)
    assert np.isfinite(model.fit(values(least)).predict()).all()
    with pytest.raises(ValueError, match=f"y has {least - 1} values?;.* need at least {least}"):
        model.fit(values(least - 1))


@pytest.mark.parametrize(("decoder", "kept"), [("direct", 5), ("recursive", 7)])
def test_a_lookback_that_no_series_is_long_enough_for_is_cut(decoder, kept):
    model = forecaster(lookback=40, decoder=decoder)
    with pytest.warns(UserWarning, match=f"y has 8 values: lookback=40 is cut to lookback_={kept}") as caught:
        model.fit(values(8))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert model.lookback_ == kept
    assert np.isfinite(model.predict()).all()


@pytest.mark.parametrize("n", range(4, 60, 5))
@pytest.mark.parametrize("season_length", ["auto", 1, 7, 1000])
@every_decoder
def test_auto_lookback_fits_into_any_series(n, season_length, decoder):
    y = daily(60).iloc[:n]
    model = forecaster(3, lookback="auto", season_length=season_length, decoder=decoder, max_steps=1).fit(y)
    assert 1 <= model.lookback_ <= n - (3 if decoder == "direct" else 1)
    assert model.season_length_ == ((7 if n > 7 else 1) if season_length == "auto" else season_length)
    assert np.isfinite(model.predict()).all()


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("cell", "decoder"),
    [("gru", decoder) for decoder in DECODERS] + [(cell, "direct") for cell in CELLS if cell != "gru"],
)
def test_a_season_on_a_slope_is_learnt(cell, decoder):
    """The seasonal naive forecast, the values of the last season, is wrong by a season's rise."""
    t = np.arange(132)
    y = 100 + 0.5 * t + 20 * np.sin(2 * np.pi * t / 12)
    model = forecaster(12, cell=cell, decoder=decoder, lookback=24, hidden_size=8, alpha=0.0, max_steps=300)
    error = np.abs(model.fit(y[:120]).predict() - y[120:]).mean()
    naive_error = np.abs(y[108:120] - y[120:]).mean()
    assert error < 0.5 * naive_error


@pytest.mark.compiled
def test_airline_passengers():
    """With all other defaults, against the values of the year before."""
    y = load_airpassengers()
    train, test = y.iloc[:-12], y.iloc[-12:]
    forecast = RNNForecaster(12, random_state=0).fit(train).predict()
    assert_index(forecast.index, test.index)
    assert (forecast - test).abs().mean() < (train.iloc[-12:].to_numpy() - test).abs().mean()


@pytest.mark.parametrize(
    "changes",
    [
        {"bptt_steps": 1},
        {"bptt_steps": 3},
        {"bptt_steps": 100},
        {"num_layers": 2},
        {"num_layers": 3, "dropout": 0.5},
        {"dropout": 0.0},
        {"linear_skip": True, "lookback": 12},
        {"recurrent_init": "orthogonal"},
        {"alpha": 0.0},
        {"alpha": 0.01},
        {"learning_rate": "constant"},
        {"learning_rate": "step"},
        {"loss": "squared_error"},
        {"loss": "huber"},
        {"batch_size": 7},
        {"batch_size": 10_000},
        {"clip_norm": None},
        {"normalize": "mean"},
        {"normalize": "series"},
        {"hidden_size": 1},
        {"lookback": 1},
        {"early_stopping": True},
        {"early_stopping": True, "num_layers": 2, "decoder": "recursive", "bptt_steps": 2, "cell": "lstm"},
    ],
    ids=str,
)
def test_every_setting_learns(changes):
    settings = {"learning_rate_init": 0.01, "max_steps": 30, "linear_skip": False, "normalize": "last"}
    model = forecaster(**(settings | changes)).fit(daily())
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert np.isfinite(model.predict()).all()


@pytest.mark.parametrize("normalize", ["auto", "last", "log_last"])
@pytest.mark.parametrize("horizon", [10, 40])
def test_what_touches_zero_goes_no_lower(normalize, horizon):
    y = load_sunspots()
    assert (y == 0).sum() >= 2
    model = RNNForecaster(10, normalize=normalize, random_state=0).fit(y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # more than was trained for
        forecast = model.predict(horizon=horizon)
    assert forecast.min() >= 0
    discontinued = pd.Series(np.append(np.random.default_rng(0).poisson(20, 200), np.zeros(60)).astype(float))
    assert RNNForecaster(14, random_state=0).fit(discontinued).predict().min() >= 0


def test_what_falls_below_zero_may_do_so():
    y = daily(60) * 0 + np.tile([0.0, 0.0, -1.0, 2.0], 15)
    assert forecaster(4).fit(y).predict().min() < -0.1
    model = forecaster(4).fit(y.clip(0))
    assert model.predict().min() >= 0
    assert model.predict(y=y).min() < 0
    frame = pd.DataFrame({"a": y.clip(0), "b": y.clip(0)})
    assert forecaster(4).fit(frame[:50]).update(frame[50:].assign(b=y)).predict().min().lt(0).tolist() == [False, True]
