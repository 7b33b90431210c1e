"""Taking turns: what is called, how often and in which order."""

from contextlib import contextmanager

import numpy as np
import pytest


@pytest.fixture(scope="module")
def timing(script):
    return script("timing")


def test_sides_take_turns_after_a_warm_up(timing, monkeypatch):
    calls, open_sides = [], []

    def side(name):
        @contextmanager
        def around():
            open_sides.append(name)
            yield
            open_sides.remove(name)

        def step():
            assert open_sides == [name]
            calls.append(name)

        return timing.Side(step, around)

    monkeypatch.setattr(timing, "WARM_UP", 0)
    times = timing.in_turns({name: side(name) for name in "abc"}, 3, least=0)
    assert "".join(calls) == "aabbcc" + "abc" + "bca" + "cab"
    assert open_sides == []
    assert {name: values.shape for name, values in times.items()} == {"a": (3,), "b": (3,), "c": (3,)}


@pytest.mark.parametrize(("runs", "fewest", "expected"), [(6, 2, 2), (1, 2, 1), (4, 5, 4)])
def test_without_patience_the_fewest_runs(timing, runs, fewest, expected):
    times = timing.in_turns({"a": timing.Side(lambda: None)}, runs, least=0, patience=-1, fewest=fewest)
    assert len(times["a"]) == expected


def test_geometric_mean(timing):
    np.testing.assert_allclose(timing.geometric_mean([1, 2, 4]), 2)
