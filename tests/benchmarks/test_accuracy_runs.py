"""What a model is given at each origin, and what is kept of its scores."""

import json

import accuracy_runs
import numpy as np
import pandas as pd
import pytest
from accuracy_runs import Rows, measure_own, row, run, smoothing_alone

from benchmarks.cases import columns_task, panel_task, single_task
from tsrnn import RNNForecaster


class Recorder:
    """Forecasts the number of values seen, and keeps what it was given."""

    def __init__(self, horizon, random_state=None, **parameters):
        self.horizon, self.parameters = horizon, {"random_state": random_state, **parameters}
        Recorder.made = self

    def fit(self, X, y=None):
        X, y = (None, X) if y is None else (X, y)
        self.seen, self.X, self.calls = [y], [X], []
        return self

    def predict(self, X=None):
        seen = pd.concat(self.seen)
        self.calls.append((seen, X))
        if X is not None:
            assert len(X) == self.horizon
            return np.full(self.horizon, float(len(seen)))
        steps = pd.date_range(seen.index[-1], periods=self.horizon + 1, freq="h")[1:]
        if isinstance(seen, pd.DataFrame):
            return pd.DataFrame(float(len(seen)), steps, seen.columns)
        return pd.Series(float(len(seen)), steps)

    def update(self, y, X=None):
        self.seen.append(y)
        self.X.append(X)
        return self

    def get_params(self):
        return {"horizon": 1, "hidden_size": 1}


@pytest.fixture
def recorder(monkeypatch):
    monkeypatch.setattr(accuracy_runs, "RNNForecaster", Recorder)


@pytest.mark.parametrize("task", [columns_task(), single_task(), single_task(False), columns_task(2)])
def test_a_model_sees_what_lies_before_each_origin_and_no_more(task, recorder):
    found = run(task, {}, 3)
    model = Recorder.made
    assert model.parameters == {"random_state": 3}
    everything = pd.concat([part for part in (task.train, task.before, task.future) if part is not None])
    known = len(everything) - len(task.future)
    assert len(model.calls) == len(task.truth)
    for (seen, X), origin, forecast in zip(model.calls, task.origins, found.forecast, strict=True):
        np.testing.assert_array_equal(seen, everything[: known + origin])
        assert (forecast == known + origin).all()
        if task.X is not None:
            pd.testing.assert_frame_equal(X, task.X.loc[task.future.index[origin : origin + task.horizon]])
    if task.X is not None:
        rows = pd.concat(model.X)
        pd.testing.assert_frame_equal(rows, task.X.loc[rows.index])
        assert rows.index.equals(pd.concat(model.seen).index)


def test_the_forecaster_itself_on_each_kind():
    for task in (panel_task(), columns_task(4), single_task()):
        found = run(task, {"max_steps": 1, "lookback": 2}, 0)
        assert np.isfinite(list(task.scores(found.forecast).values())).all()
        assert found.fit_s > 0


def test_forecasts_of_a_panel_are_those_of_its_series(monkeypatch):
    """The panel's order is neither that of the ids nor need it be that of the forecaster."""
    predict = RNNForecaster.predict
    monkeypatch.setattr(RNNForecaster, "predict", lambda self: predict(self).sort_index(ascending=False))
    task = panel_task()
    found = run(task, {"max_steps": 1, "lookback": 2}, 0).forecast
    assert (found[0, 0] < 500).all()
    assert (found[0, 1] > 500).all()


def test_the_season_is_told_where_the_index_has_none(recorder):
    y = pd.Series(np.arange(10.0), pd.MultiIndex.from_product([["a"], range(1, 11)], names=["unique_id", "ds"]))
    task = panel_task()
    assert accuracy_runs._told(task) == {}
    integers = accuracy_runs.Task("panel", "test", 2, 3, 3, "MASE", y[:8], y[8:])
    assert accuracy_runs._told(integers) == {"season_length": 3}


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(accuracy_runs, "RESULTS", tmp_path)
    return tmp_path


def scored(method="tsrnn", seed=0, shift=1.0):
    task = columns_task()
    return row(task, method, "tsrnn 0", seed, task.truth + shift, seconds=2.0)


def test_rows_are_kept_replaced_and_found(results, capsys):
    rows = Rows("accuracy")
    rows.put(scored())
    rows.put(scored(seed=1, shift=2.0))
    rows.put(scored(shift=3.0))
    again = Rows("accuracy")
    assert [(r["seed"], r["scores"]["MAE"]) for r in again.rows] == [(0, 3.0), (1, 2.0)]
    assert again.find(task="columns", part="test", method="tsrnn", seed=1)["scores"]["MSE"] == pytest.approx(4)
    assert again.find(task="columns", part="validation", method="tsrnn", seed=1) is None
    assert "versions" in json.loads((results / "accuracy.json").read_text())
    assert "test columns, tsrnn, seed 1: MSE 4.0000, MAE 2.0000, 2.0 s" in capsys.readouterr().out
    assert Rows("accuracy", keep=False).rows == []


def test_trials_are_not_stored(results):
    Rows("accuracy", stored=False).put(scored())
    assert not list(results.iterdir())


def test_a_parameter_that_does_not_exist_is_said(results, capsys):
    rows = Rows("accuracy")
    measure_own(columns_task(), rows, "tsrnn, 5 members", {"no_such_parameter": 5}, range(2))
    assert rows.rows == []
    said = capsys.readouterr().out
    assert said == "columns, tsrnn, 5 members: left out, RNNForecaster has no parameter no_such_parameter\n"


def test_each_seed_is_a_row(results):
    rows = Rows("accuracy")
    measure_own(columns_task(4), rows, "tsrnn", {"max_steps": 1, "lookback": 2}, range(2))
    assert [r["seed"] for r in rows.rows] == [0, 1]
    assert rows.rows[0]["scores"] != rows.rows[1]["scores"]
    assert rows.rows[0]["library"].startswith("tsrnn ")


def test_smoothing_alone_is_what_the_default_is_averaged_with():
    task = panel_task()
    model = RNNForecaster(task.horizon, season_length=task.season_length, max_steps=0).fit(task.train)
    share = model.smoothing_share_
    alone = RNNForecaster(task.horizon, season_length=task.season_length, max_steps=0, linear_skip=True)
    alone.set_params(normalize=model.normalize_).fit(task.train)
    both, linear = (each.predict().to_numpy().reshape(task.truth.shape) for each in (model, alone))
    np.testing.assert_allclose(both, (1 - share) * linear + share * smoothing_alone(task), rtol=1e-6)
    assert 0 < share < 1
