"""One ingredient off at a time: each setting is one that the forecaster takes."""

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
    monkeypatch.setattr(ablations, "tasks_of", lambda name, part, data: [single_task(False)])
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


@pytest.mark.parametrize("argument", [["--sets", "taxi,nothing"], ["--without", "nothing"]])
def test_unknown_names_are_refused(argument, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["ablations.py", *argument])
    with pytest.raises(SystemExit):
        ablations.main()
    assert "nothing is not among" in capsys.readouterr().err
