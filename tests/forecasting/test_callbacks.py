"""scikit-learn's callbacks on both estimators; without those of scikit-learn 1.9 nothing of them is there."""

import os
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from forecasting.small import daily, every_estimator, fit, forecaster, predict, regressor, sequences
from processes import python
from tsrnn import DivergenceError, RNNForecaster
from tsrnn.training.passes import Passes

PASSES = {"max_iter": 3, "max_steps": None}


def test_scikit_learn_without_callbacks_will_do():
    """As it is before 1.9: the module is hidden from tsrnn, in a process of its own, once scikit-learn has its own."""
    code = (
        "import sys, sklearn.linear_model, sklearn.model_selection\n"
        "sys.modules['sklearn.callback'] = None\n"
        "from forecasting.small import fit, forecaster, regressor\n"
        "for make in (forecaster, regressor):\n"
        "    model = fit(make(max_iter=2))\n"
        "    print(model.n_iter_, hasattr(model, 'set_callbacks'))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert python("-c", code, env=environment).stdout == "2 False\n2 False\n"


callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")


class Recorder:
    """Writes down what it hears, and asks for an end after the pass `stop`."""

    def __init__(self, stop=None):
        self.heard, self.models, self.data, self._stop = [], [], [], stop

    def setup(self, estimator, context):
        self.heard.append(("setup", context.task_name, context.max_subtasks))

    def teardown(self, estimator, context):
        self.heard.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context):
        self.heard.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.heard.append(("end", context.task_name, context.task_id))
        self.models.append(fitted_estimator)
        self.data.append((X, y, metadata))
        return context.task_name == "pass" and context.task_id + 1 == self._stop


@every_estimator
def test_a_fit_is_a_task_and_each_pass_one_within(make):
    recorder = Recorder()
    model = make(**PASSES).set_callbacks(recorder)
    fit(model)
    passes = [(event, "pass", k) for k in range(3) for event in ("begin", "end")]
    assert recorder.heard == [
        ("setup", "fit", 3),
        ("begin", "fit", 0),
        *passes,
        ("end", "fit", 0),
        ("teardown", "fit"),
    ]
    assert_array_equal(predict(model), predict(fit(make(**PASSES))))
    assert set(vars(model)) - set(vars(fit(make()))) == {"_skl_callbacks"}


@every_estimator
def test_each_pass_brings_an_estimator_as_if_it_had_been_the_last(make):
    recorder = Recorder()
    settings = {"learning_rate": "constant", "dropout": 0.0, **PASSES}
    fit(make(**settings).set_callbacks(recorder))
    assert [model.n_iter_ for model in recorder.models] == [1, 2, 3, 3]
    for k, model in enumerate(recorder.models[:3]):
        ended = fit(make(**settings | {"max_iter": k + 1}))
        assert_array_equal(predict(model), predict(ended))
        assert model.loss_curve_ == ended.loss_curve_


def test_callbacks_see_the_data_as_they_were_given():
    X, y = sequences()
    weight = np.ones(50)
    recorder = Recorder()
    regressor(**PASSES).set_callbacks(recorder).fit(X, y, sample_weight=weight)
    for seen_X, seen_y, metadata in recorder.data:
        assert seen_X is X
        assert seen_y is y
        assert metadata["sample_weight"] is weight


@every_estimator
def test_a_callback_may_end_training(make):
    model = fit(make(**PASSES).set_callbacks(Recorder(stop=2)))
    assert model.n_iter_ == 2


@every_estimator
def test_early_stopping_ends_the_tasks_too(make):
    recorder = Recorder()
    model = make(early_stopping=True, tol=1e6, n_iter_no_change=2, max_iter=50, max_steps=50)
    fit(model.set_callbacks(recorder))
    assert recorder.heard.count(("end", "fit", 0)) == 1
    assert sum(event[:2] == ("end", "pass") for event in recorder.heard) == model.n_iter_ == 3


@every_estimator
@pytest.mark.parametrize("error", [KeyboardInterrupt, DivergenceError])
def test_a_fit_that_breaks_off_is_torn_down(make, error, monkeypatch):
    recorder = Recorder()
    model = make(**PASSES).set_callbacks(recorder)

    def fail(*arguments):
        raise error

    monkeypatch.setattr(Passes, "weighted_gradient", fail)
    with pytest.raises(error):
        fit(model)
    assert recorder.heard[-1] == ("teardown", "fit")
    assert not [name for name in vars(model) if "callback" in name and name != "_skl_callbacks"]


@every_estimator
def test_what_is_no_callback_is_refused(make):
    with pytest.raises(TypeError, match="callbacks must be instances"):
        make().set_callbacks(Recorder)


def test_clones_have_the_callbacks_and_parts_call_none():
    recorder = Recorder()
    model = regressor(**PASSES).set_callbacks(recorder)
    model.partial_fit(*sequences())
    assert recorder.heard == []
    clone(model).fit(*sequences())
    assert ("end", "pass", 2) in recorder.heard


@pytest.fixture
def drawn(monkeypatch):
    """Bars are drawn, and have place for names whatever the terminal."""
    pytest.importorskip("rich", reason="scikit-learn's ProgressBar draws with rich")
    monkeypatch.setenv("COLUMNS", "120")


@pytest.mark.usefixtures("drawn")
@every_estimator
def test_progress_bar(make, capfd):
    fit(make(**PASSES).set_callbacks(callback.ProgressBar()))
    out = capfd.readouterr().out
    assert f"{make().__class__.__name__} - fit" in out
    assert "100%" in out


@pytest.mark.parametrize("names", [False, True])
def test_scoring_monitor(names):
    """Also where the fit before knew names of columns, which an estimator of this one has not."""
    import pandas as pd

    X, y = sequences()
    monitor = callback.ScoringMonitor(scoring="r2")
    model = regressor(n_channels=2, **PASSES)
    if names:
        model.fit(pd.DataFrame(X.reshape(50, 10)).add_prefix("x"), y)
    model.set_callbacks(monitor).fit(X.reshape(50, 10), y)
    rows = monitor.get_logs().data
    scores = {row["task_id_path"]: row["r2"] for row in rows}
    assert set(scores) == {(0,), (0, 0), (0, 1), (0, 2)}
    assert scores[0,] == scores[0, 2] == pytest.approx(model.score(X, y))
    assert scores[0, 0] < scores[0, 1] < scores[0, 2]


def test_scoring_monitor_within_a_search_and_a_pipeline():
    X, y = sequences()
    monitor = callback.ScoringMonitor(scoring="r2")
    model = make_pipeline(StandardScaler(), regressor(n_channels=2, **PASSES).set_callbacks(monitor))
    search = GridSearchCV(model, {"rnnregressor__hidden_size": [2, 3]}, cv=2, error_score="raise")
    search.fit(X.reshape(50, 10), y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "pass"]
    assert len(rows) == (2 * 2 + 1) * 3  # two candidates on two folds, and the best again


@pytest.mark.usefixtures("drawn")
def test_progress_bar_of_a_search_reaches_the_fits(capfd):
    search = GridSearchCV(regressor(**PASSES), {"hidden_size": [2, 3]}, cv=2, error_score="raise")
    search.set_callbacks(callback.ProgressBar()).fit(*sequences())
    assert "RNNRegressor - fit" in capfd.readouterr().out


def test_a_forecaster_hands_its_callbacks_no_data():
    """A score of a forecaster needs what follows the series, which a fit does not know."""
    recorder = Recorder()
    RNNForecaster(lookback=6, hidden_size=2, max_iter=1).set_callbacks(recorder).fit(daily())
    assert recorder.data == [(None, None, None)] * 2
    assert forecaster().set_callbacks() is not None
