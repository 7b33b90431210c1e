"""Several members as one estimator."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_series_equal

from forecasting.small import daily, forecaster
from tsrnn.forecasting import ensemble


def each_alone(model, **named):
    members, model.members_ = model.members_, ()
    found = [model.predict(**named), *(member.predict(**named) for member in members)]
    model.members_ = members
    return np.array(found)


def test_the_forecast_is_the_median_of_all():
    y = daily()
    model = forecaster(n_members=4).fit(y)
    assert len(model.members_) == 3
    each = each_alone(model)
    assert len(np.unique(each[:, 0])) == 4
    forecast = model.predict()
    assert_allclose(forecast, np.median(each, axis=0))
    assert_series_equal(forecast, pd.Series(forecast.to_numpy(), forecaster().fit(y).predict().index, name=y.name))


def test_one_member_is_the_forecaster_itself():
    assert forecaster().fit(daily()).members_ == ()
    model = forecaster(n_members=2).fit(daily())
    assert_array_equal(model.parameters_, forecaster().fit(daily()).parameters_)
    model.set_params(n_members=1).fit(daily())
    assert model.members_ == ()


def test_the_same_seed_gives_the_same_members():
    first, second = (forecaster(n_members=3, n_jobs=n_jobs).fit(daily()) for n_jobs in (1, 2))
    assert_array_equal(first.predict(), second.predict())


def test_saved_as_one():
    model = forecaster(n_members=3).fit(daily())
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(), model.predict())


def test_new_observations_reach_all():
    y = daily()
    model = forecaster(n_members=3).fit(y[:50])
    after = model.predict(y=y)
    assert_allclose(model.update(y[50:]).predict(), after)


@pytest.mark.parametrize("changes", [{"early_stopping": True}, {"multivariate": True}, {}])
def test_frames(changes):
    frame = pd.DataFrame({"a": daily(), "b": 3 * daily() + 1})
    forecast = forecaster(n_members=2, **changes).fit(frame).predict()
    assert list(forecast.columns) == ["a", "b"]
    assert np.isfinite(forecast).all(axis=None)


def test_later_members_read_less(monkeypatch):
    monkeypatch.setattr(ensemble, "GATE", np.inf)
    y = pd.Series(np.sin(np.arange(400.0)), pd.date_range("2024-01-01", periods=400))
    model = forecaster(n_members=5, lookback="auto", max_steps=1).fit(y)
    assert [one.lookback_ for one in (model, *model.members_)] == [56, 56, 56, 49, 42]


def test_a_member_that_learnt_less_is_left_out(monkeypatch):
    monkeypatch.setattr(ensemble, "GATE", 0.0)
    assert forecaster(n_members=3).fit(daily()).members_ == ()


def test_members_go_on():
    model = forecaster(n_members=3, warm_start=True).fit(daily())
    members = model.members_
    model.fit(daily())
    assert all(new is old for new, old in zip(model.members_, members, strict=True))
    assert {one.n_steps_ for one in (model, *model.members_)} == {2 * model.n_iter_}
