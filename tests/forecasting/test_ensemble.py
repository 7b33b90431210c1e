"""Several members as one estimator."""

import pickle
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from threading import Barrier, Event, Lock, get_ident

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_series_equal

from forecasting.small import daily, forecaster
from tsrnn import DivergenceError, RNNForecaster
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


def failing(error, number=2):
    def fail(at):
        if at == number:
            raise error

    return fail


def test_a_member_that_diverges_is_left_out(trained):
    trained(failing(DivergenceError("too fast")))
    model = forecaster(n_members=4, n_jobs=2)
    with pytest.warns(UserWarning, match="1 of 4 members are left out: their loss was no longer finite") as warned:
        model.fit(daily())
    assert warned[0].filename == __file__
    assert len(model.members_) == 2
    assert_allclose(model.predict(), np.median(each_alone(model), axis=0))


def test_another_error_of_a_member_leaves_the_ensemble_as_it_was(trained):
    model = forecaster(n_members=3, n_jobs=2, warm_start=True)
    fresh = dict(model.__dict__)
    trained(failing(MemoryError("no room"), 1))
    with pytest.raises(MemoryError, match="no room"):
        model.fit(daily())
    assert model.__dict__ == fresh
    model.fit(daily())
    members, before = model.members_, model.predict()
    trained(failing(MemoryError("no room"), 1))
    with pytest.raises(MemoryError, match="no room"):
        model.fit(daily())
    assert model.members_ == members
    assert_array_equal(model.predict(), before)


def test_an_interrupt_ends_the_races_of_a_member():
    stopped = Event()
    stopped.set()
    model = forecaster(max_steps="auto", lookback="auto", n_jobs=1)
    model._stop = stopped
    raced = pd.Series(np.sin(np.arange(700.0)) + 2, pd.date_range("2024-01-01", periods=700, freq="h"))
    with pytest.raises(CancelledError):
        model.fit(raced)
    assert not hasattr(model, "parameters_")


def test_parameters_set_later_reach_all(monkeypatch):
    y, threads = daily(), []
    model = forecaster(n_members=3, n_jobs=2, warm_start=True, learning_rate="constant").fit(y)
    model.set_params(max_steps=7).fit(y)
    assert {one.n_steps_ for one in (model, *model.members_)} == {model.n_steps_}
    passes = RNNForecaster._passes
    monkeypatch.setattr(RNNForecaster, "_passes", lambda self, n: threads.append(self.n_jobs) or passes(self, n))
    model.set_params(n_jobs=1).predict()
    assert threads == [1, 1, 1]
    assert [member.n_jobs for member in model.members_] == [2, 2]


def test_warnings_come_once():
    y = daily()
    with pytest.warns(UserWarning, match="lookback=1000 is cut") as warned:
        model = forecaster(n_members=3, lookback=1000, segment="auto").fit(y)
    assert len(warned) == 1
    with pytest.warns(UserWarning, match="horizon=5 exceeds") as warned:
        model.predict(horizon=5)
    assert len(warned) == 1


def test_losses_are_compared_where_they_are_of_the_same_windows():
    """Over shorter windows a random walk varies less, so the same errors are larger in their units."""
    walks = np.random.default_rng(0).standard_normal((200, 8)).cumsum(axis=0)
    y = pd.DataFrame(walks, pd.date_range("2000", periods=200, freq="MS"))
    model = forecaster(12, n_members=5, lookback="auto").fit(y)
    losses = {one.lookback_: one.best_loss_ for one in (model, *model.members_)}
    assert losses[36] > 1.1 * losses[60]
    assert [one.lookback_ for one in (model, *model.members_)] == [60, 60, 60, 48, 36]


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


def test_later_members_read_less():
    y = pd.Series(np.sin(np.arange(400.0)), pd.date_range("2024-01-01", periods=400))
    model = forecaster(n_members=5, lookback="auto", max_steps=1).fit(y)
    assert [one.lookback_ for one in (model, *model.members_)] == [56, 56, 56, 49, 42]


@pytest.mark.parametrize(("n_series", "third"), [(1, 720), (2, 480)])
def test_of_each_five_two_read_half_of_what_a_long_horizon_takes(n_series, third):
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
    assert all(old.n_steps_ == model.n_iter_ for old in members), "they themselves stay as they were"
    assert {one.n_steps_ for one in (model, *model.members_)} == {2 * model.n_iter_}
