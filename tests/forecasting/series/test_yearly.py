"""The time of year: where it tells what comes, and where it does not."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from tsrnn import RNNForecaster
from tsrnn.datasets import load_seattle_temperature
from tsrnn.forecasting.series.panel import panel_of
from tsrnn.forecasting.series.yearly import _errors_left_out, _naive_errors, _origins, calendar_of_year

YEAR = 365.2425


def days(years=3.0, *, seed=0, wave=10.0, start="2019-03-01", freq="D"):
    """A week's pattern, noise, and a wave of the year."""
    index = pd.date_range(start, periods=int(years * YEAR), freq=freq)
    rng = np.random.default_rng(seed)
    week = np.array([0, 1, 1, 0, 2, 5, 4])[index.day_of_week]
    season = wave * np.sin(2 * np.pi * (index.day_of_year - 1) / YEAR)
    return pd.Series(100 + season + week + rng.standard_normal(len(index)), index)


def found(y, horizon=14, season=7, lookback=56, **how):
    return calendar_of_year(panel_of(y, **{"together": False, **how}), horizon, season, lookback)


@pytest.mark.parametrize("horizon", [2, 14, 60])
def test_what_comes_again_each_year_is_found(horizon):
    calendar = found(days(), horizon)
    assert calendar.features_ == ("dayofyear",)
    assert len(calendar.get_feature_names_out()) == 4
    assert found(days(wave=0.0), horizon) is None


def test_what_does_not_come_again_is_left_out():
    """Random walks look as if they had a year, each of them another one."""
    walks = [
        pd.Series(np.cumsum(np.random.default_rng(seed).standard_normal(1000)), pd.date_range("2019", periods=1000))
        for seed in range(40)
    ]
    assert sum(found(walk, 30) is not None for walk in walks) <= 2
    assert found(pd.DataFrame(dict(enumerate(walks))), 30) is None


@pytest.mark.parametrize(
    ("why", "arguments"),
    [
        ("a year is in the window", (days(4.0), 14, 7, 366)),
        ("less than two years", (days(1.9), 14)),
        ("a day moves the year on too little", (days(), 1)),
        ("the season is the year", (days(20, wave=10.0, freq="W"), 4, 52, 26)),
        ("years have none", (pd.Series(np.arange(40.0), pd.date_range("1980", periods=40, freq="YE")), 4, 1, 10)),
        ("320 years", (pd.Series(np.arange(320.0), pd.date_range("1700", periods=320, freq="YS")), 4, 1, 10)),
        (
            "500 years of nanoseconds",
            (pd.Series(np.arange(500.0), pd.date_range("1700", periods=500, freq="YS", unit="ns")), 4, 1, 10),
        ),
        ("320 periods of a year", (pd.Series(np.arange(320.0), pd.period_range("1700", periods=320, freq="Y")), 4, 1)),
        ("integers have no calendar", (days().reset_index(drop=True),)),
        ("a constant is never forecast wrong", (days() * 0,)),
        ("no series was ever forecast so far", (days(), 1040)),
        ("one value", (days()[:1], 1, 1, 1)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_not_asked_for_where(why, arguments):
    assert found(*arguments) is None


def test_every_kind_of_series():
    y = days()
    assert found(y.to_period("D")) is not None
    assert found(y.tz_localize("Europe/Berlin")) is not None
    assert found(y.asfreq("B"), 10, 5, 40) is not None
    assert found(days(3 * 24, freq="h").iloc[: int(3 * YEAR * 24)], 72, 24, 504) is not None
    wide = pd.DataFrame({"a": y, "b": 3 * days(seed=1)})
    assert found(wide) is not None
    assert found(wide, together=True) is not None
    ends = {"a": y, "b": 3 * days(seed=1)[:-200], "c": days(seed=2)[-300:]}
    assert found(pd.concat(ends, names=["id", "time"])) is not None


def test_missing_values_are_left_out():
    y = days()
    y[np.random.default_rng(0).random(len(y)) < 0.3] = np.nan
    y.iloc[:1] = 100.0
    assert found(y, masks=True) is not None


def test_errors_of_years_left_out_by_hand():
    rng = np.random.default_rng(0)
    columns, years = rng.standard_normal((30, 3)), np.repeat([0.0, 1.0, 2.0], 10)
    values = columns @ [1.0, -2.0, 0.5] + rng.standard_normal(30)
    total = 0.0
    for year in range(3):
        kept = [row for row in range(30) if years[row] != year]
        normal = columns[kept].T @ columns[kept]
        by = np.linalg.inv(normal) @ columns[kept].T @ values[kept]
        for row in range(30):
            if years[row] == year:
                total += abs(values[row] - sum(columns[row] * by))
    assert_allclose(_errors_left_out(values, columns, years), total)


def test_errors_of_the_naive_by_hand():
    """Of two series, of which the second has room for two origins."""
    rng = np.random.default_rng(0)
    y = {name: pd.Series(rng.random(n), pd.date_range("2020", periods=n)) for name, n in (("a", 9), ("b", 8))}
    panel = panel_of(pd.concat(y), False)
    horizon, season, window = 4, 3, 3
    series, steps = _origins(panel, horizon, window)
    assert_array_equal(series, [0, 0, 0, 1, 1])
    assert_array_equal(steps, [-5, -4, -3, -4, -3])  # of nine values the fourth is five steps before the last
    naive, known = _naive_errors(panel.values[:, 0], panel, series, steps, horizon, season, window)
    for number, name in enumerate("ab"):
        values = y[name].to_numpy()
        errors, others = [], []
        for origin in range(window, len(values) - horizon + 1):
            repeated = np.mean([values[origin - season + k % season] for k in range(horizon)])
            errors.append(np.mean(values[origin : origin + horizon]) - repeated)
            others.append([np.mean(values[origin - window : origin]) - repeated, values[origin - 1] - repeated])
        size = np.mean(np.abs(errors))
        assert_allclose(naive[series == number], np.array(errors) / size)
        assert_allclose(known[series == number], np.column_stack([np.array(others) / size, np.ones(len(errors))]))


def test_long_panels_are_asked_at_some_origins():
    panel = panel_of(pd.DataFrame(np.zeros((30_000, 3))), False)
    series, steps = _origins(panel, 7, 56)
    assert 10_000 < len(series) <= 20_000
    assert_array_equal(np.unique(series), [0, 1, 2])
    assert steps.max() <= -6


@pytest.mark.compiled
def test_a_default_forecast_knows_the_year():
    y = load_seattle_temperature()
    errors = {}
    for calendar in ("auto", None):
        model = RNNForecaster(30, calendar=calendar, random_state=0).fit(y[:1100])
        origins = range(1100, 1400, 30)
        errors[calendar] = np.mean([np.abs(model.predict(y=y[:k]) - y[k : k + 30]).mean() for k in origins])
        assert model.calendar_ == (("dayofyear",) if calendar else ())
        assert (model.smoothing_share_ == 0) == bool(calendar)
    assert errors["auto"] < 0.9 * errors[None]


def small(**changes):
    settings = {"horizon": 14, "lookback": 14, "hidden_size": 4, "max_steps": 2, "random_state": 0, **changes}
    return RNNForecaster(**settings)


def test_it_stays_with_the_model():
    y = days()
    model = small(warm_start=True).fit(y[:-14])
    assert model.calendar_ == ("dayofyear",)
    columns = model.network_.input_size
    assert clone(model).calendar == "auto"
    assert_allclose(clone(model).fit(y[:-14]).update(y[-14:]).predict(), model.predict(y=y), rtol=1e-5)
    assert model.fit(y).calendar_ == ("dayofyear",)
    assert model.network_.input_size == columns
    assert (small(n_members=3).fit(y).members_[1].calendar_) == ("dayofyear",)


@pytest.mark.parametrize("decoder", ["direct", "parallel", "recursive", "seq2seq"])
def test_every_decoder_takes_it(decoder):
    model = small(decoder=decoder).fit(days())
    assert model.calendar_ == ("dayofyear",)
    assert np.isfinite(model.predict(horizon=10 if decoder != "recursive" else 20)).all()


def test_beside_columns_and_for_streams():
    y = days()
    X = pd.DataFrame({"price": np.linspace(0, 1, len(y)), "heat": y.shift(1).bfill()}, y.index)
    model = small(past_covariates="heat").fit(X[:-14], y[:-14])
    assert model.calendar_ == ("dayofyear",)
    assert model.predict(X[-14:]).shape == (14,)
    assert model._covariates.names == ["price", "heat"]
    assert small(decoder="direct", lookback="auto", stateful=True, bptt_steps=5).fit(y).calendar_ == ()


def test_long_horizons_go_without():
    assert small(horizon=96).fit(days()).calendar_ == ()
