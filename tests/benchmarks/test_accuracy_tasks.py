"""Protocols: what is known, what is to be forecast, and how it is scored."""

import accuracy_tasks
import numpy as np
import pandas as pd
import pytest
from accuracy_tasks import PARTS, Task, tasks_of

from benchmarks.cases import columns_task, panel_series, panel_task, single_task
from tsrnn.datasets import Dataset, load_airpassengers
from tsrnn.evaluation.baselines import naive2


def panel_data(**keywords):
    full = panel_series({"b": 20, "a": 16}, start=5.0)
    left = full.groupby(level=0, sort=False).cumcount(ascending=False).to_numpy()
    return Dataset("m3_monthly", full[left >= 2], full[left < 2], 2, 3, "made up")


@pytest.fixture
def made_up(monkeypatch):
    monkeypatch.setitem(accuracy_tasks.PANELS, "m3_monthly", (panel_data, 3, "MASE"))
    stamps = pd.date_range("2016-07-01", periods=3000, freq="h")
    table = pd.DataFrame({"u": np.arange(3000.0), "v": 5 * np.sin(np.arange(3000))}, stamps)
    etth1 = Dataset("etth1", table[:1000], table[2000:], 96, 24, "made up", validation=table[1000:2000])
    monkeypatch.setattr(accuracy_tasks.datasets, "fetch_etth1", lambda data_home: etth1)


def test_the_test_part_follows_and_validation_is_the_stretch_before_it(made_up):
    data = panel_data()
    (validation,), (test,) = (tasks_of("m3_monthly", part) for part in PARTS)
    pd.testing.assert_series_equal(test.train, data.train)
    pd.testing.assert_series_equal(test.future, data.test)
    for name in ("b", "a"):
        pd.testing.assert_series_equal(validation.future[name], data.train[name][-2:])
    assert len(validation.train) == len(data.train) - 4
    assert not validation.train.index.intersection(validation.future.index).size
    np.testing.assert_array_equal(validation.truth[0, 0], data.train["b"][-2:])
    np.testing.assert_array_equal(test.truth[0, 1], data.test["a"])


def test_etth1_is_in_units_of_the_training_part_and_its_windows_lie_within_the_part(made_up):
    for part, before in (("validation", 0), ("test", 1000)):
        found = tasks_of("etth1", part)
        assert [task.name for task in found] == ["etth1_96", "etth1_192", "etth1_336", "etth1_720"]
        for task in found:
            assert task.train.mean().abs().max() < 1e-12
            np.testing.assert_allclose(task.train.std(ddof=0), 1)
            assert len(task.histories[0]) == 1000 + before
            assert task.truth.shape == (1000 - task.horizon + 1, 2, task.horizon)
            np.testing.assert_array_equal(task.truth[-1, 1], task.future["v"].iloc[-task.horizon :])
            assert task.origins == range(1000 - task.horizon + 1)
    assert np.polyfit(np.arange(1000), task.train["u"], 1)[0] == pytest.approx(1 / np.std(np.arange(1000.0)))


def test_airpassengers():
    (validation,), (test,) = (tasks_of("airpassengers", part) for part in PARTS)
    y = load_airpassengers()
    pd.testing.assert_series_equal(test.future, y[-24:], check_freq=False)
    pd.testing.assert_series_equal(validation.future, y[-48:-24], check_freq=False)
    assert len(validation.train) == 96
    assert set(test.scores(test.seasonal_naive())) == {"MASE", "sMAPE"}


def test_the_seasonal_naive_repeats_the_last_season_from_each_origin():
    task = panel_task()
    histories = [history[-3:-1] for history in task.histories]
    np.testing.assert_array_equal(task.seasonal_naive()[0], histories)
    task = columns_task()
    values = np.concatenate([task.train, task.before, task.future])
    for number, found in enumerate(task.seasonal_naive()):
        last = values[7 + number - 2 : 7 + number]
        np.testing.assert_array_equal(found, np.array([last[0], last[1], last[0]]).T)
    task = single_task()
    assert task.seasonal_naive().shape == task.truth.shape == (3, 1, 2)


def test_origins_are_a_stride_apart():
    task = single_task()
    assert task.origins == range(0, 6, 2)
    np.testing.assert_array_equal(task.truth[:, 0].ravel(), task.future)
    assert panel_task().origins == range(1)


def test_some_origins_are_spread_over_the_season():
    task = columns_task()
    assert len(task.truth) == 6
    assert task.thinned(6) is task
    for most, every in ((5, 3), (3, 3), (2, 3), (1, 7)):
        some = task.thinned(most)
        assert some.stride == every
        np.testing.assert_array_equal(some.truth, task.truth[::every])
        assert len(some.seasonal_naive()) == len(some.truth) <= most
    assert panel_task().thinned(1).stride is None


def test_scores_are_means_over_series():
    task = panel_task()
    forecast = task.truth + np.array([[1.0], [2.0]])
    scales = [np.abs(history[3:] - history[:-3]).mean() for history in task.histories]
    assert task.scores(forecast)["MASE"] == pytest.approx(np.mean([1 / scales[0], 2 / scales[1]]))
    assert task.scores(task.truth) == {"MASE": 0, "sMAPE": 0}
    task = columns_task()
    assert task.scores(task.truth - 2) == pytest.approx({"MSE": 4, "MAE": 2})


def test_owa_of_naive2_is_one():
    task = panel_task("OWA")
    found = np.array([naive2(history, 2, 3).to_numpy() for history in task.histories])[None]
    scores = task.scores(found)
    assert list(scores) == ["OWA", "MASE", "sMAPE"]
    assert scores["OWA"] == pytest.approx(1)
    assert task.scores(task.truth)["OWA"] == 0


def test_a_series_without_a_scale_is_left_out():
    task = panel_task()
    flat = task.train.copy()
    flat["b"] = 1.0
    task = Task("panel", "validation", 2, 3, 3, "MASE", flat, task.future)
    assert task.scores(task.truth)["MASE"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[0], r"panel needs forecasts of shape \(1, 2, 2\), got \(2, 2\)"),
        (lambda f: f * np.nan, "4 forecasts of panel are missing or infinite"),
    ],
)
def test_forecasts_that_cannot_be_scored(change, message):
    task = panel_task()
    with pytest.raises(ValueError, match=message):
        task.scores(change(task.truth))


def test_some_of_the_series():
    task = panel_task().only(1)
    assert list(task.train.index.get_level_values(0).unique()) == ["b"]
    assert task.truth.shape == (1, 1, 2)
    assert columns_task().only(1).truth.shape == columns_task().truth.shape
