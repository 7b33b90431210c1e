"""What peers are handed, when they are run again, and what the command line takes."""

import argparse
import json
from types import SimpleNamespace

import accuracy
import accuracy_peers
import accuracy_runs
import numpy as np
import pytest
from accuracy_runs import Rows

from benchmarks.cases import LENGTHS, columns_task, panel_task, single_task


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(accuracy_runs, "RESULTS", tmp_path / "results")


def handed_over(task, folder):
    accuracy.hand_over(task, folder, method="GRU", seed=0, budget_s=1.0)
    about = json.loads((folder / "task.json").read_text())
    return accuracy_peers.Series(folder, about), about


def test_a_panel_is_handed_over_without_its_future(tmp_path):
    task = panel_task()
    series, about = handed_over(task, tmp_path)
    known = series.known()
    assert list(known.groupby("unique_id").size()) == [length - 2 for length in LENGTHS.values()]
    np.testing.assert_array_equal(known["y"], task.train)
    assert list(known["ds"][:3]) == [0, 1, 2]
    assert about["stride"] is None
    assert about["train"] is None


def test_a_global_model_learns_from_the_training_part_alone(tmp_path):
    task = columns_task()
    series, about = handed_over(task, tmp_path)
    known = series.known()
    np.testing.assert_array_equal(known["y"], task.train.to_numpy().T.ravel())
    assert accuracy_peers.origins_of(about) == range(7, 7 + 6)
    before = series.before(accuracy_peers.origins_of(about), 3)
    assert before["unique_id"].nunique() == 6 * 2
    everything = np.concatenate([task.train, task.before, task.future])
    for (number, rows), (origin, column) in zip(
        before.groupby("unique_id"), [(o, c) for o in range(7, 13) for c in (0, 1)], strict=True
    ):
        assert number == (origin - 7) * 2 + column
        np.testing.assert_array_equal(rows["y"], everything[origin - 3 : origin, column])
        np.testing.assert_array_equal(rows["ds"], range(origin - 3, origin))


def test_columns_known_ahead_go_along(tmp_path):
    task = single_task()
    series, about = handed_over(task, tmp_path)
    assert series.exogenous == ["x0"]
    np.testing.assert_array_equal(series.known()["x0"], task.X["known"][:6])
    ahead = series.after(accuracy_peers.origins_of(about))
    assert list(ahead.columns) == ["unique_id", "ds", "x0"]
    np.testing.assert_array_equal(ahead["ds"], range(6, 12))
    np.testing.assert_array_equal(ahead["x0"], task.X["known"][6:])


def test_forecasts_are_arranged_by_series_and_step(tmp_path):
    task = columns_task()
    series, about = handed_over(task, tmp_path)
    table = series.after(accuracy_peers.origins_of(about))
    table["GRU"] = 100.0 * table["unique_id"] + table["ds"]
    found = accuracy_peers.arranged(table.sample(frac=1, random_state=0), about).reshape(task.truth.shape)
    assert found[2, 1].tolist() == [500 + 9, 500 + 10, 500 + 11]


@pytest.fixture
def interpreter(monkeypatch):
    """Forecasts the truth, but for a constant, and counts its calls."""
    calls = []

    def execute(command, *, cwd, **keywords):
        about = json.loads((cwd / "task.json").read_text())
        calls.append((about["method"], about["seed"], about["budget_s"]))
        if about["method"] == "LSTM":
            return SimpleNamespace(returncode=1, stderr="no such thing")
        truth = columns_task().truth[:: about["stride"]]
        np.savez(cwd / "forecast.npz", forecast=(truth + 1).reshape(-1, truth.shape[-1]))
        (cwd / "done.json").write_text(json.dumps({"seconds": 3.0, "library": "other 1", "steps": 7}))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(accuracy, "subprocess", SimpleNamespace(run=execute))  # here alone
    return calls


def test_a_peer_is_run_again_only_with_more_time(interpreter):
    rows, task = Rows("accuracy_peers"), columns_task()
    for budget in (10.0, 10.0, 8.0, 10.4, 12.0):
        accuracy.peer(task, rows, "GRU", "python", 0, budget)
    assert interpreter == [("GRU", 0, 10.0), ("GRU", 0, 12.0)]
    accuracy.peer(task, rows, "AutoETS", "python", None, None)
    accuracy.peer(task, Rows("accuracy_peers"), "AutoETS", "python", None, None)
    assert interpreter[2:] == [("AutoETS", None, None)]
    (gru, ets) = rows.rows
    assert gru["scores"] == pytest.approx({"MSE": 1, "MAE": 1})
    assert (gru["library"], gru["seconds"], gru["steps"], gru["budget_s"]) == ("other 1", 3.0, 7, 12.0)
    assert ets["seed"] is None


def test_a_peer_that_fails_is_said_and_left_out(interpreter, capsys):
    rows = Rows("accuracy_peers")
    accuracy.peer(columns_task(), rows, "LSTM", "python", 0, 1.0)
    assert rows.rows == []
    assert "columns, LSTM: left out, it ended with\nno such thing" in capsys.readouterr().err


def asked(**keywords):
    given = {"methods": list(accuracy.METHODS), "members": [1], "seeds": 2, "peers": "python", "peer_seconds": None}
    return argparse.Namespace(**(given | keywords))


def test_peers_have_the_seconds_of_our_own_model(interpreter, capsys):
    rows, peers = Rows("accuracy"), Rows("accuracy_peers")
    task = columns_task(2)
    accuracy.measure(task, asked(methods=["GRU"]), rows, peers)
    assert "columns, GRU: left out, run tsrnn before" in capsys.readouterr().out
    for seed, seconds in enumerate((4.0, 6.0)):
        rows.put(accuracy_runs.row(task, "tsrnn", "tsrnn", seed, task.truth, seconds=seconds))
    rows.put(accuracy_runs.row(task, "tsrnn, 5 members", "tsrnn", 0, task.truth, seconds=50.0))
    assert accuracy.budget(task, rows, None) == 5
    assert accuracy.budget(task, rows, 2.5) == 2.5


def test_local_models_are_not_fitted_at_thousands_of_origins(interpreter, monkeypatch):
    monkeypatch.setattr(accuracy, "MOST_LOCAL_ORIGINS", 3)  # of 6, and a season is as long as two of them are apart
    peers = Rows("accuracy_peers")
    accuracy.measure(columns_task(), asked(methods=["naive", "AutoETS"]), Rows("accuracy"), peers)
    assert interpreter == [("AutoETS", None, None)]
    assert [(one["every"], one["scores"]["MAE"]) for one in peers.rows] == [(3, pytest.approx(1))]


def test_a_missing_set_is_left_out_and_said(monkeypatch, tmp_path, capsys):
    arguments = ["accuracy.py", "--sets", "hospital,airpassengers", "--methods", "naive", "--data", str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)
    accuracy.main()
    said = capsys.readouterr().out
    assert "hospital: left out. hospital.parquet is not in" in said
    assert "validation airpassengers, seasonal naive: MASE 1.59" in said
    assert [row["task"] for row in Rows("accuracy").rows] == ["airpassengers"]


def test_words_are_checked():
    parse = accuracy.words(("a", "b"))
    assert parse("b,a") == ["b", "a"]
    with pytest.raises(argparse.ArgumentTypeError, match="c is not among a, b"):
        parse("a,c")


def test_one_series_has_more_seeds():
    assert len(accuracy.seeds_of(SimpleNamespace(name="airpassengers"), 3)) == 5
    assert len(accuracy.seeds_of(SimpleNamespace(name="hospital"), 3)) == 3
