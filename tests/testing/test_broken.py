"""The checks can fail: each forecaster that breaks a promise is caught by the check of that promise."""

import ast
from pathlib import Path

import pytest

import tsrnn.testing
from testing.broken import CAUGHT
from testing.drift import Drift
from tsrnn.testing import check_forecaster, forecaster_checks, value_checks


def drift_checks(kind=Drift):
    return {str(check): check for check in forecaster_checks(kind(), exogenous=False)}


@pytest.mark.parametrize("check", drift_checks().values(), ids=str)
def test_a_forecaster_that_keeps_the_contract(check):
    check()


@pytest.mark.parametrize(("kind", "name"), CAUGHT.items(), ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_promise_is_noticed(kind, name):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - what a check raises is its own affair
        drift_checks(kind)[name]()
    notes = "\n".join(caught.value.__notes__)
    assert notes.startswith(f"{name} of {kind.__name__}(")


def test_the_first_failure_ends_a_run():
    class Other(Drift):
        def predict(self, X=None, *, horizon=None, y=None):
            raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        check_forecaster(Other(), exogenous=False)


def test_a_failure_says_what_was_expected():
    check = drift_checks(next(kind for kind in CAUGHT if kind.__name__ == "ReturnsASeries"))["check_rows"]
    with pytest.raises(AssertionError, match=r"expected predict\(X\) to return an array for .*, got Series") as caught:
        check()
    assert "the index says which steps" in caught.value.__notes__[0]


def test_what_is_not_installed_is_skipped(monkeypatch):
    monkeypatch.setattr(value_checks, "find_spec", lambda name: None)
    ended = check_forecaster(Drift(), exogenous=False)
    skipped = {name: end for name, end in ended.items() if end != "passed"}
    assert skipped == {
        "check_pyarrow": "pyarrow is not installed",
        "check_missing_values_are_refused[double[pyarrow]]": "pyarrow is not installed",
    }


def test_names_are_unique_and_checks_say_what_they_check():
    checks = forecaster_checks(Drift())
    assert len({str(check) for check in checks}) == len(checks)
    assert all(check.function.__doc__ for check in checks)


def test_the_suite_needs_no_pytest():
    for file in Path(tsrnn.testing.__file__).parent.glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not [name for name in names if name.partition(".")[0] in ("pytest", "hypothesis", "tests")]
