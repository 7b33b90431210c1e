"""Units of series: logarithms that end at zero, and the way back."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecasting.small import forecaster
from tsrnn.forecasting.insample import one_step_forecasts
from tsrnn.forecasting.samples import normalization
from tsrnn.forecasting.samples.normalization import CENTRINGS, LOG, NORMALIZATIONS, Units, from_log, to_log

every_log = pytest.mark.parametrize("normalize", [LOG + name for name in CENTRINGS])


def growing(n=60):
    """A season that grows with its level."""
    t = np.arange(n)
    return np.exp(0.02 * t) * (2 + np.sin(2 * np.pi * t / 6)) + 0.01 * np.random.default_rng(0).standard_normal(n)


def test_logarithms_and_back():
    floor, values = 0.5, np.array([0.0, 1e-9, 0.3, 0.999, 1.0, 1.001, 7.0, 1e9])
    logs = to_log(values, floor)
    assert_allclose(logs[4:], np.log(values[4:]))
    assert logs[0] == np.log(floor)
    assert (np.diff(logs) > 0).all()
    assert_allclose(from_log(logs, floor), values, rtol=1e-12, atol=1e-12)


def test_what_lies_outside():
    assert to_log(-3.0, 0.5) == np.log(0.5)
    assert from_log(-40.0, 0.5) == 0
    assert np.isfinite(from_log(1e9, 0.5))
    assert np.isnan(to_log(np.nan, 0.5))


def test_units_of_several_series():
    """Each has a floor of its own, half of its smallest positive values; zeros do not count."""
    values = np.concatenate([[0, 0, 4, 8, 8], [100, 100, 100], [0, 0]]).astype(float)[:, None]
    begin, end = np.array([0, 5, 8]), np.array([5, 8, 10])
    units = Units.of(values, begin, end, "log_last")
    assert_allclose(units.floor[:, 0], [2, 50, 1])
    assert_array_equal(units.scale, np.ones((3, 1)))
    logs = units.enter(values, end - begin)
    assert_allclose(logs[:, 0][[2, 3, 5]], np.log([4, 8, 100]), atol=0.01)
    back = units.leave(logs[[[2, 3], [5, 6], [8, 9]]])
    assert_allclose(back[:, :, 0], [[4, 8], [100, 100], [0, 0]], atol=1e-12)
    assert_array_equal(units.only(np.array([2])).floor, [[1]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_logarithms_of_many_series(dtype, monkeypatch):
    """Some rows at a time, wherever series begin and end among them; in float64 whatever the type of the values."""
    lengths = np.array([3, 1, 7, 2, 20, 1])
    values = np.random.default_rng(0).lognormal(size=(lengths.sum(), 2)).astype(dtype)
    end = np.cumsum(lengths)
    units = Units.of(values, end - lengths, end, "log_last")
    whole = units.enter(values, lengths)
    assert whole.dtype == np.float64
    parts = [
        to_log(values[stop - length : stop], floor)
        for stop, length, floor in zip(end, lengths, units.floor, strict=True)
    ]
    assert_array_equal(whole, np.concatenate(parts))
    monkeypatch.setattr(normalization, "ROWS_TOGETHER", 4)
    assert_array_equal(units.enter(values, lengths), whole)
    assert_array_equal(Units.of(values, end - lengths, end, "log_last").centre, units.centre)


def test_units_of_known_series_stay():
    values, begin, end = np.arange(1.0, 7.0)[:, None], np.array([0, 3]), np.array([3, 6])
    own, before = (Units.of(factor * values, begin, end, "log_last") for factor in (1, 10))
    mixed = own.with_those_of(before, np.array([False, True]), np.array([0]))
    assert_array_equal(mixed.floor[:, 0], [own.floor[0, 0], before.floor[0, 0]])
    assert_array_equal(own.floor, Units.of(values, begin, end, "log_last").floor)


@every_log
@pytest.mark.parametrize("factor", [1000, 1e-6])
def test_forecasts_are_in_the_units_of_the_series(normalize, factor):
    forecast = forecaster(normalize=normalize).fit(growing()).predict()
    assert_allclose(forecaster(normalize=normalize).fit(factor * growing()).predict() / factor, forecast, rtol=1e-4)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
@pytest.mark.parametrize("level", [0, 5])
def test_a_constant_series_stays_where_it_is(normalize, level):
    forecast = forecaster(normalize=normalize, max_steps=200).fit(np.full(40, float(level))).predict()
    assert_allclose(forecast, level, atol=0.05)


@every_log
def test_a_forecast_is_never_below_zero(normalize):
    y = growing()[::-1] * np.random.default_rng(1).integers(0, 2, 60)
    assert (forecaster(8, normalize=normalize, max_steps=60).fit(y).predict() >= 0).all()


@every_log
def test_forecasts_within_the_series(normalize):
    y = growing(30)
    model = forecaster(normalize=normalize).fit(y)
    each = [model.predict(y=y[:end], horizon=1).iloc[0] for end in range(6, 30)]
    assert_allclose(one_step_forecasts(model, y)[6:], each, rtol=1e-5)


def test_blocks_of_a_longer_horizon_go_on_in_logarithms():
    y = growing()
    model = forecaster(1, normalize="log_last").fit(y)
    first = model.predict()
    assert_allclose(model.predict(horizon=2).iloc[1], model.predict(y=np.append(y, first)).iloc[0], rtol=1e-5)


def test_auto_takes_logarithms_of_what_is_not_below_zero():
    y = growing()
    auto = forecaster(normalize="auto")
    assert auto.fit(y).normalize_.startswith(LOG)
    assert not auto.fit(y - 2).normalize_.startswith(LOG)
    assert not auto.fit(pd.DataFrame({"a": y, "b": y - 2})).normalize_.startswith(LOG)


def test_logarithms_of_what_is_below_zero_are_refused():
    frame = pd.DataFrame({"a": growing(), "b": growing()}, pd.date_range("2024-01-01", periods=60))
    frame.iloc[7, 1] = -1
    with pytest.raises(ValueError, match=r"normalize='log_last'.* series 'b' of y holds.*2024-01-08"):
        forecaster(normalize="log_last").fit(frame)


def test_missing_values_and_columns_together():
    y = growing()
    frame = pd.DataFrame({"a": y, "b": 1000 * y})
    frame.iloc[20, 1] = np.nan
    forecast = forecaster(missing="mask", multivariate=True, normalize="log_mean").fit(frame).predict()
    assert np.isfinite(forecast).all(axis=None)
    assert (forecast["b"] > 50 * forecast["a"]).all()
