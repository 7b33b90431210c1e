"""One-step forecasts within a series against `predict` from each of its ends."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecasting.small import forecaster, stateful, values
from tsrnn.forecasting.insample import one_step_forecasts


def from_each_end(model, y, first, X=None):
    """By `predict` alone, which takes the columns of the steps to forecast as well."""
    found = np.full(len(y), np.nan)
    for end in range(first, len(y)):
        until = None if X is None else X[: end + model.horizon]
        found[end] = model.predict(until, y=y[:end], horizon=1 if X is None else model.horizon).iloc[0]
    return found


@pytest.mark.parametrize("normalize", ["last", "mean", "series"])
@pytest.mark.parametrize("decoder", ["direct", "parallel", "recursive", "seq2seq"])
def test_windows(decoder, normalize):
    model, y = forecaster(decoder=decoder, normalize=normalize).fit(values(30)), values(30)
    found = one_step_forecasts(model, y)
    assert found.dtype == np.float64
    assert_allclose(found, from_each_end(model, y, model.lookback_), rtol=1e-5, atol=1e-6)
    assert np.isnan(found[:6]).all()


@pytest.mark.parametrize("segment", [1, 3])
@pytest.mark.parametrize("decoder", ["direct", "recursive"])
def test_streams(decoder, segment):
    y = values(40)
    model = stateful(decoder=decoder, segment=segment, bptt_steps=3).fit(y)
    assert_allclose(one_step_forecasts(model, y), from_each_end(model, y, segment), rtol=1e-5, atol=1e-6)


def test_exogenous_columns():
    y = values(33)
    X = pd.DataFrame({"ahead": np.cos(np.arange(33)), "past": np.arange(33) % 4.0})
    model = forecaster(past_covariates="past").fit(X[:30], y[:30])
    after = pd.concat([X, X.iloc[[-1, -1]]], ignore_index=True)  # beyond its end a column stays as it is
    assert_allclose(one_step_forecasts(model, y, X), from_each_end(model, y, 6, after), rtol=1e-5, atol=1e-6)


def test_missing_values():
    y = values(30)
    y[[0, 1, 12]] = np.nan
    model = forecaster(missing="mask").fit(y)
    found = one_step_forecasts(model, y)
    assert_array_equal(np.isnan(found), np.arange(30) < 8)
    found[13] = np.nan  # what is missing at the end is forecast first by `predict`
    expected = from_each_end(model, y, 8)
    expected[13] = np.nan
    assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_another_series_which_may_be_too_short():
    model, y = forecaster().fit(values(30)), 5 - values(20)
    assert_allclose(one_step_forecasts(model, y), from_each_end(model, y, 6), rtol=1e-5, atol=1e-6)
    assert_array_equal(one_step_forecasts(model, y[:6]), np.full(6, np.nan))
    assert_array_equal(one_step_forecasts(stateful(segment=3).fit(y), y[:3]), np.full(3, np.nan))


def test_of_an_ensemble_they_are_its_median():
    y = values(30)
    model = forecaster(n_members=3).fit(y)
    assert_allclose(one_step_forecasts(model, y), from_each_end(model, y, 6), rtol=1e-5, atol=1e-6)
