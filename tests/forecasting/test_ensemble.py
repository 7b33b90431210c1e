"""Several members as one estimator."""

import pickle
from concurrent.futures import FIRST_COMPLETED, wait
from threading import Barrier, Event, Lock, get_ident

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_series_equal

from forecasting.small import daily, forecaster
from tsrnn import DivergenceError
from tsrnn.forecasting import ensemble
from tsrnn.forecasting.base import InterruptedFitWarning
from tsrnn.training.trainer import Trainer


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


@pytest.fixture
def trained(monkeypatch):
    """A function to be called with a member's number, from 0, as its training begins; and the threads these were in."""

    def by(before):
        run, lock, threads = Trainer.run, Lock(), []

        def noted(self, *arguments):
            with lock:
                number = len(threads)
                threads.append(get_ident())
            before(number)
            return run(self, *arguments)

        monkeypatch.setattr(Trainer, "run", noted)
        return threads

    return by


def test_members_learn_side_by_side(trained):
    both = Barrier(2)
    threads = trained(lambda number: number in (1, 2) and both.wait(timeout=30))
    model = forecaster(n_members=3, n_jobs=2).fit(daily())
    assert len(set(threads)) == 3, "the first in the caller's thread, the others each in one of its own"
    assert [member.n_jobs for member in model.members_] == [2, 2]


def test_an_interrupt_leaves_the_members_that_have_learnt(monkeypatch, trained):
    stops = []
    monkeypatch.setattr(ensemble, "Event", lambda: stops.append(Event()) or stops[0])

    def press(fits, return_when):
        wait(fits, return_when=FIRST_COMPLETED)
        raise KeyboardInterrupt

    monkeypatch.setattr(ensemble, "wait", press)
    trained(lambda number: number > 1 and stops[0].wait(timeout=30))
    model = forecaster(n_members=4, n_jobs=2)
    with pytest.warns(InterruptedFitWarning, match="after 2 of 4 members") as warned:
        model.fit(daily())
    assert warned[0].filename == __file__
    assert len(model.members_) == 1
    assert_allclose(model.predict(), np.median(each_alone(model), axis=0))
    assert len(pickle.loads(pickle.dumps(model)).members_) == 1


def test_an_interrupt_of_the_first_member_ends_the_fit(interrupted, jit_disabled):
    interrupted(1)
    with pytest.warns(InterruptedFitWarning, match="passes over the data"):
        model = forecaster(n_members=3, batch_size=64, max_iter=2 if jit_disabled else 10).fit(daily())
    assert model.members_ == ()


def test_what_ends_one_member_ends_the_fit(trained):
    def fail(number):
        if number == 2:
            raise DivergenceError("too fast")

    trained(fail)
    model = forecaster(n_members=5, n_jobs=2)
    with pytest.raises(DivergenceError, match="too fast"):
        model.fit(daily())
    assert model.members_ == ()
    assert np.isfinite(model.predict()).all()


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


@pytest.mark.parametrize(("n_series", "third"), [(1, 720), (2, 480)])
def test_of_each_five_two_read_half_of_what_a_long_horizon_takes(n_series, third, monkeypatch):
    monkeypatch.setattr(ensemble, "GATE", np.inf)
    values = np.sin(np.arange(1500.0))[:, None] * np.arange(1, 1 + n_series)
    y = pd.DataFrame(values, pd.date_range("2024-01-01", periods=1500, freq="h"))
    changes = {"lookback": "auto", "segment": 24, "hidden_size": 2, "decoder": "auto", "max_steps": 0}
    model = forecaster(96, n_members=9, **changes).fit(y)
    assert [one.lookback_ for one in (model, *model.members_)] == [720, 720, third, 360, 360, 720, 720, third, 360]


def test_a_member_that_learnt_less_is_left_out(monkeypatch):
    monkeypatch.setattr(ensemble, "GATE", 0.0)
    assert forecaster(n_members=3).fit(daily()).members_ == ()


def test_members_go_on():
    model = forecaster(n_members=3, warm_start=True).fit(daily())
    members = model.members_
    model.fit(daily())
    assert all(new is old for new, old in zip(model.members_, members, strict=True))
    assert {one.n_steps_ for one in (model, *model.members_)} == {2 * model.n_iter_}
