"""One ingredient off at a time: each setting is one that the forecaster takes."""

from dataclasses import replace

import ablations
import accuracy_runs
import pytest
from accuracy_runs import Rows

from benchmarks.cases import single_task
from tsrnn import RNNForecaster


def test_each_ingredient_is_a_parameter_with_another_value():
    defaults = RNNForecaster().get_params()
    assert ablations.INGREDIENTS[ablations.DEFAULT] == {}
    for name, parameters in ablations.INGREDIENTS.items():
        for parameter, value in parameters.items():
            assert defaults[parameter] != value, f"{name}: that is the default"


def test_chosen_ingredients_are_measured_beside_the_default(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(accuracy_runs, "RESULTS", tmp_path)
    monkeypatch.setattr(accuracy_runs, "tasks_of", lambda name, part, data: [single_task(False)])
    monkeypatch.setattr(
        ablations,
        "INGREDIENTS",
        {"default": {"max_steps": 1, "lookback": 2}, "none": {"max_steps": 2, "lookback": 2}, "no": {}},
    )
    monkeypatch.setattr("sys.argv", ["ablations.py", "--sets", "taxi", "--seeds", "2", "--without", "none"])
    ablations.main()
    assert [(r["method"], r["seed"]) for r in Rows("ablations").rows] == [
        ("default", 0),
        ("default", 1),
        ("none", 0),
        ("none", 1),
    ]


def test_there_are_no_logarithms_below_zero(tmp_path, monkeypatch, capsys):
    task = single_task(False)
    below = replace(task, train=task.train - task.train.max())
    assert ablations.can_be_used({"normalize": "log_mean"}, task)
    assert ablations.can_be_used({"normalize": "last"}, below)
    monkeypatch.setattr(accuracy_runs, "RESULTS", tmp_path)
    monkeypatch.setattr(accuracy_runs, "tasks_of", lambda name, part, data: [below])
    quick = {"max_steps": 1, "lookback": 2}
    monkeypatch.setattr(ablations, "INGREDIENTS", {"default": quick, "logs": {**quick, "normalize": "log_mean"}})
    monkeypatch.setattr("sys.argv", ["ablations.py", "--sets", "taxi", "--seeds", "1"])
    ablations.main()
    assert [r["method"] for r in Rows("ablations").rows] == ["default"]
    assert "logs: left out, there are no logarithms of values below zero" in capsys.readouterr().out


@pytest.mark.parametrize("argument", [["--sets", "taxi,nothing"], ["--without", "nothing"]])
def test_unknown_names_are_refused(argument, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["ablations.py", *argument])
    with pytest.raises(SystemExit):
        ablations.main()
    assert "nothing is not among" in capsys.readouterr().err
