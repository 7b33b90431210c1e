"""Missing values under masks, and the calendar inside the forecaster."""

import warnings

import numpy as np
import pandas as pd
import pytest

from forecasting.series.test_covariates import exogenous
from forecasting.series.test_panel import long, wide
from forecasting.small import assert_untouched, daily, forecaster, values
from gradcheck import assert_close
from tsrnn import CalendarFeatures, RNNForecaster

DECODERS = ["direct", "parallel", "recursive", "seq2seq"]


def holes(y, share=0.2, seed=0):
    """Values taken out at random, but not the first."""
    gone = np.random.default_rng(seed).random(y.shape) < share
    gone[0] = False
    return y.mask(gone)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("normalize", ["last", "mean", "series"])
def test_forecasts_with_holes(decoder, normalize):
    y = holes(daily())
    y.iloc[-1] = np.nan
    model = forecaster(decoder=decoder, normalize=normalize, missing="mask").fit(y)
    assert model.network_.input_size == 2
    assert np.isfinite(model.predict()).all()
    assert model.predict().index.equals(daily(63).index[60:])
    assert np.isfinite(model.loss_curve_).all()


def test_what_is_missing_has_no_loss():
    """Whatever stands behind a hole: two series that differ there alone are not told apart."""
    y = daily()
    first = forecaster(missing="mask").fit(holes(y))
    second = forecaster(missing="mask").fit(holes(y.where(~holes(y).isna(), 1e3)))
    assert first.loss_curve_ == second.loss_curve_
    pd.testing.assert_series_equal(first.predict(), second.predict())


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("gap", [3, 6, 15])
def test_a_gap_at_the_end_is_forecast_first(gap, decoder):
    y = daily(60)
    y.iloc[-gap:] = np.nan
    model = forecaster(decoder=decoder, missing="mask").fit(y)
    other = forecaster(decoder=decoder, missing="mask").fit(y[:-gap])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # more than the three steps trained for
        expected = model.predict(y=y[:-gap], horizon=gap + 3)[-3:]
        expected_of_other = other.predict(horizon=gap + 3)[-3:]
    assert_close(model.predict(), expected, 1e-5)
    assert_close(model.predict(y=y), expected, 1e-5)
    assert_close(other.update(y[-gap:]).predict(), expected_of_other, 1e-5)


def test_gaps_at_the_end_of_some_series_with_columns_known_ahead():
    y, columns = daily(63), exogenous(63)[["heat", "open"]]
    frame = pd.DataFrame({"whole": y, "gone": 3 * y, "never": np.nan})[:60]
    frame.iloc[-3:, 1] = np.nan
    frame.iloc[0, 2] = 1.0  # and nothing after it
    model = forecaster(missing="mask").fit(columns, frame)
    found = model.predict(columns, horizon=3)
    assert_close(found["whole"], model.predict(columns, horizon=3, y=frame[["whole"]])["whole"], 1e-6)
    before = frame["gone"].iloc[:57].to_frame()
    filled = pd.concat([before, model.predict(columns, horizon=3, y=before)])
    assert_close(found["gone"], model.predict(columns, horizon=3, y=filled)["gone"], 1e-5)
    assert np.isfinite(found).all(axis=None)


def test_smoothing_and_steps_know_gaps_at_the_end_for_what_they_are():
    y = daily(200) * 0 + np.random.default_rng(0).normal(50, 1, 200)
    y.iloc[-7:] = np.nan
    model = forecaster(7, missing="mask", linear_skip="auto", season_length=7, lookback=14).fit(y)
    assert 0 < model.smoothing_share_ < 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = model.predict(y=y[:-7], horizon=14)[-7:]
    assert_close(model.predict(), expected, 1e-5)


def test_a_gap_longer_than_what_is_kept():
    y = daily(500)
    y.iloc[60:] = np.nan
    model = forecaster(missing="mask").fit(y)
    assert np.isfinite(model.predict()).all()
    assert_close(model.predict(), model.predict(y=y), 1e-6)


def test_the_mask_tells_a_hole_from_the_centre():
    y = daily()
    model = forecaster(missing="mask", normalize="series", max_iter=60, max_steps=60).fit(holes(y))
    centre = model._units.centre[0, 0]
    full, hole = y.copy(), y.copy()
    full.iloc[-2], hole.iloc[-2] = centre, np.nan
    assert not np.allclose(model.predict(y=full), model.predict(y=hole))


def test_without_holes_the_values_are_the_same_and_the_mask_is_full():
    model = forecaster(missing="mask").fit(daily())
    assert np.isfinite(model.predict()).all()
    assert model.inspect_gates().shape[0] == 6
    assert np.isfinite(model.gradient_flow()).all(axis=None)


def test_panels_with_holes():
    for y in (holes(wide(), 0.1), holes(long(), 0.1)):
        forecast = forecaster(missing="mask").fit(y).predict()
        assert np.isfinite(np.asarray(forecast)).all()
    multivariate = forecaster(missing="mask", multivariate=True).fit(holes(wide(), 0.1))
    assert multivariate.network_.input_size == 6
    assert np.isfinite(multivariate.predict()).all(axis=None)


def test_a_column_that_ends_early():
    y = wide()
    y.iloc[-4:, 1] = np.nan
    with pytest.raises(ValueError, match="in column 'b', at 2021-02-26"):
        forecaster().fit(y)
    assert np.isfinite(forecaster(missing="mask").fit(y).predict()).all(axis=None)


def test_columns_with_holes():
    X = exogenous()
    X.loc[X.index[[5, 30, 61]], "heat"] = np.nan
    X.loc[X.index[[7, 62]], "kind"] = np.nan
    model = forecaster(missing="mask").fit(X, daily())
    assert model.network_.input_size == 1 + 2 + 2 + 3 + 1
    assert np.isfinite(model.predict(X[60:63])).all()


def test_values_that_are_infinite_are_still_refused():
    y = daily()
    y.iloc[7] = np.inf
    model = forecaster(missing="mask")
    before = vars(model).copy()
    with pytest.raises(ValueError, match="1 missing or infinite values, at 2021-01-08"):
        model.fit(y)
    assert_untouched(model, before)


@pytest.mark.compiled
def test_a_series_with_holes_is_forecast_nearly_as_well():
    t = np.arange(300)
    y = pd.Series(np.sin(2 * np.pi * t / 12), pd.date_range("2000-01-01", periods=300, freq="MS"))
    truth, y = y[-12:], y[:-12]
    model = RNNForecaster(12, lookback=36, missing="mask", max_steps=400, random_state=0).fit(holes(y))
    assert abs(model.predict() - truth).mean() < 0.1


# The calendar.


@pytest.mark.parametrize(("days", "features"), [(60, "weekday"), (800, "auto")])
def test_the_calendar_is_that_of_the_transformer(days, features):
    """As far as the series goes through its cycles twice."""
    y = daily(days)
    X = CalendarFeatures(features).fit_transform(pd.DataFrame(index=daily(days + 10).index))
    inside, outside = forecaster(calendar="all").fit(y), forecaster().fit(X, y)
    assert inside.network_.input_size == outside.network_.input_size == 1 + X.shape[1]
    assert np.isfinite(inside.predict()).all()
    assert len(inside.predict(horizon=2)) == 2
    rows = inside.predict(horizon=3).index[[2, 0]]
    np.testing.assert_array_equal(inside.predict(pd.DataFrame(index=rows)), inside.predict()[rows])


@pytest.mark.compiled
@pytest.mark.parametrize("decoder", DECODERS)
def test_weekdays_are_known(decoder):
    """A window of two days cannot tell which day it is."""
    index = pd.date_range("2021-01-01", periods=400, freq="D")
    y = pd.Series(
        np.where(index.day_of_week == 2, 5.0, 0.0) + 0.1 * np.random.default_rng(0).standard_normal(400), index
    )
    settings = {"lookback": 2, "normalize": "series", "hidden_size": 16, "alpha": 0.01, "dropout": 0.0}
    model = RNNForecaster(7, decoder=decoder, calendar="all", learning_rate_init=0.01, random_state=0, **settings)
    forecast = model.fit(y).predict()
    assert forecast.idxmax().day_of_week == 2
    assert forecast.max() > 3
    assert forecast.nsmallest(6).max() < 1


def test_calendar_of_panels_and_beside_columns():
    assert np.isfinite(forecaster(calendar="all").fit(long()).predict()).all()
    assert forecaster(calendar="all").fit(wide()).predict().shape == (3, 3)
    X = exogenous()
    model = forecaster(calendar="all").fit(X, daily())
    assert model.predict(X[60:63]).shape == (3,)
    with pytest.raises(ValueError, match="X must give the columns"):
        model.predict()
    updated = forecaster(calendar="all").fit(daily()).update(daily(65)[60:])
    assert_close(updated.predict(), forecaster(calendar="all").fit(daily()).predict(y=daily(65)), 1e-6)


def test_there_is_no_calendar_of_integers():
    with pytest.raises((TypeError, ValueError), match="index"):
        forecaster(calendar="all").fit(values())


@pytest.mark.parametrize("changes", [{"missing": "mask"}, {"calendar": "all"}])
def test_streams_have_neither(changes):
    (name,) = changes
    with pytest.raises(ValueError, match=rf"stateful=True .*{name} must be"):
        forecaster(stateful=True, bptt_steps=5, lookback="auto", **changes).fit(daily())


def refusal_of(y, **changes):
    """What `fit` says of a series that it refuses."""
    with pytest.raises(ValueError, match=r"y|the index") as refusal:
        forecaster(**changes).fit(y)
    return str(refusal.value)


def test_columns_that_end_before_others_are_told_to_go_into_long_format():
    y = wide()
    y.iloc[-9:, 1] = np.nan
    said = refusal_of(y)
    assert "y ends with 9 missing values in column 'b', at 2021-02-21" in said
    assert "interpolate" not in said
    assert "missing='mask'" in said
    filled = eval(said.partition("format, with ")[2].partition(", or")[0], {"y": y})
    assert len(filled.loc["b"]) == 51
    assert forecaster().fit(filled).predict().loc["b"].index[0] == y.index[51]
    assert forecaster(missing="mask").fit(y).predict().index[0] == daily(61).index[60]


def test_a_gap_within_such_a_column_is_filled_without_its_end():
    y = wide()
    y.iloc[-9:, 1] = y.iloc[20:22, 1] = np.nan
    said = refusal_of(y)
    assert "2 missing or infinite values in column 'b', at 2021-01-21" in said
    filled = eval(said.partition("example with ")[2].partition(", or")[0], {"y": y})
    assert filled["b"].notna().sum() == 51
    assert "y ends with 9 missing values in column 'b'" in refusal_of(filled)


@pytest.mark.parametrize("changes", [{}, {"missing": "mask"}], ids=["raise", "mask"])
@pytest.mark.parametrize("gone", ["single", "longest", "other"])
def test_rows_that_are_missing_are_put_in_as_values_that_are(gone, changes):
    y = daily() if gone == "single" else long()
    y = y.drop(y.index[{"single": [20, 21], "longest": [20], "other": [70]}[gone]])
    said = refusal_of(y, **changes)
    filled = eval(said.rpartition("; ")[2].partition(" puts")[0], {"y": y})
    assert filled.isna().sum() == (2 if gone == "single" else 1)
    assert np.isfinite(forecaster(missing="mask").fit(filled).predict()).all()
    assert np.isfinite(forecaster().fit(filled.interpolate()).predict()).all()
    assert filled.interpolate().index.names == y.index.names


def test_infinite_values_are_told_to_become_missing_ones():
    y = daily()
    y.iloc[5] = np.inf
    said = refusal_of(y, missing="mask")
    assert forecaster(missing="mask").fit(eval(said.rpartition("with ")[2], {"y": y, "np": np}))
