"""The benchmark on a GPU: what of it runs without one. Its kernels run in tests/on_device."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def timing(script):
    return script("cuda_timing")


@pytest.fixture(scope="module")
def bench(script):
    return script("bench_cuda")


class Clock:
    """Milliseconds that the sides themselves add to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self, function):
        before = self.now
        function()
        return self.now - before

    def side(self, timing, ms, calls, prepares=None):
        def run(count):
            calls.append(count)
            self.now += ms * count + (prepares or 0.0)

        return timing.Side(run, prepares is not None)


def test_milliseconds_are_of_a_step(timing):
    clock, calls = Clock(), []
    sides = {"plain": clock.side(timing, 2.0, []), "prepared": clock.side(timing, 0.5, calls, prepares=100.0)}
    found = timing.in_turns(sides, clock, runs=3, least=10.0)
    assert found == pytest.approx({"plain": 2.0, "prepared": 0.5})
    assert calls == [3, 3, 6, *[3, 23] * 3]  # warm-up; 3 updates apart; 20 of them take 10 ms


def test_sides_take_turns_until_patience_ends(timing):
    clock, calls = Clock(), []

    def named(name):
        def run(count):
            calls.append(name)
            clock.now += count

        return timing.Side(run)

    timing.in_turns({name: named(name) for name in "abc"}, clock, runs=5, patience=-1.0)
    assert "".join(calls) == "aabbcc" + "abc" + "bca"


def test_steps_of_a_run_are_few_where_they_take_long_and_have_an_end_where_they_do_not(timing):
    clock, calls, many = Clock(), [], []
    sides = {"slow": clock.side(timing, 1000.0, calls), "none": clock.side(timing, 0.0, many)}
    timing.in_turns(sides, clock, runs=1)
    assert (calls[-1], many[-1]) == (1, timing.MOST_STEPS)


def test_parts_without_time_and_those_that_fail_are_told_and_stop_no_other(timing, capsys):
    now = [0.0]
    budget = timing.Budget(100, lambda: now[0])
    assert budget.part("first", 90, lambda a: a + 1, 1) == 2
    now[0] = 40.0
    assert budget.left == 60
    assert budget.part("second", 90, lambda: 1) is None
    assert budget.part("third", 5, lambda: 1 / 0) is None
    assert budget.part("fourth", 5, lambda: 4) == 4
    assert budget.skipped["second"] == "60 s were left, it may take 90 s"
    assert budget.skipped["third"].startswith("ZeroDivisionError")
    assert "skipped: second" in capsys.readouterr().out


def test_without_a_gpu_it_says_so_in_a_line(bench, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(bench, "unusable", lambda: "none was found")
    monkeypatch.setattr("sys.argv", ["bench_cuda.py", "--out", str(tmp_path / "cuda.json")])
    assert bench.main() == 1
    assert capsys.readouterr().out == "no GPU to measure on: none was found\n"
    assert not list(tmp_path.iterdir())


def check(bench, shape, right=True, error=1e-7):
    row = {"cell": "gru", **shape._asdict(), "precision": "float32", "error_states": error, "error_gradients": 0.0}
    return row | {"within_limit": error <= 1e-6, "right": right}


def record(bench, shape):
    ms = {"torch float32": 3.0, "torch tf32": 2.0, "tsrnn float32": 1.5}
    row = {"cell": "gru", **shape._asdict(), "ms": dict.fromkeys(bench.WHAT, ms)}
    sides = {name: {"fit_s": 2.0, "training_s": 1.0} for name in ms}
    return {
        "gpu": {"name": "G", "memory_gb": 80.0},
        "precisions": ["float32"],
        "limits": bench.LIMITS,
        "checks": [check(bench, shape), check(bench, shape, error=2e-6)],
        "cells": [row],
        "default_recipe": {"sides": sides},
        "neuralforecast": None,
        "skipped": {"neuralforecast": "ModuleNotFoundError: no neuralforecast"},
    }


def test_the_last_lines_compare_like_with_like_and_tell_what_is_missing(bench):
    shape = next(iter(bench.GOALS))
    found = bench.summary(record(bench, shape))
    assert f"gru {shape} float32 | 2.00x | 2.00x | 2.00x | 2.5x, 5x" in found
    assert "checks: 2, beyond the limit 1, wrong 0" in found
    assert "skipped: neuralforecast: ModuleNotFoundError" in found


def test_what_is_wrong_is_not_timed(bench, timing, script, monkeypatch):
    pytest.importorskip("torch")
    shapes = list(bench.GOALS)[:2]
    budget, timed, kept = timing.Budget(1e9), [], []
    monkeypatch.setattr(bench, "gpu", dict)
    monkeypatch.setattr(bench, "events", Clock)
    monkeypatch.setattr(bench, "MORE", [])
    monkeypatch.setattr("cuda_precision.precisions", lambda: ["float32"])
    monkeypatch.setattr(bench, "GOALS", dict.fromkeys(shapes))
    checks = [check(bench, shapes[0]), check(bench, shapes[1], right=False)]
    monkeypatch.setattr(bench, "checks", lambda cells, asked, *_: checks if asked else [])
    monkeypatch.setattr(bench, "timed", lambda cell, shape, *_: timed.append((cell, shape)) or {"cell": cell})
    for part in ("default_recipe", "against_neuralforecast"):
        monkeypatch.setattr(f"cuda_fit.{part}", lambda *_: 1 / 0)
    given = type("Given", (), {"cells": ["gru"]})
    figures = bench.measured(
        budget, given, lambda figures: kept.append(len(figures["cells"]) if "cells" in figures else 0)
    )
    assert timed == [("gru", shapes[0])]
    assert set(budget.skipped) == {f"timing gru {shapes[1]}", "default recipe", "neuralforecast"}
    assert figures["cells"] == [{"cell": "gru"}]
    assert kept == [0, 1, 1, 1, 1]


@pytest.fixture
def fits(script):
    pytest.importorskip("torch")
    return script("cuda_fit")


@pytest.mark.parametrize(("segment", "cell", "layers"), [(1, "lstm", 1), (3, "gru", 2)])
def test_torch_trains_the_network_that_tsrnn_trains(fits, segment, cell, layers):
    import torch

    from tsrnn.network.network import Network

    network = Network(cell, 7, 1, 4, layers, 2, segment=segment, linear_skip=True)
    vector = network.initialize(np.random.default_rng(0), np.dtype(float))
    vector += 0.1  # the linear map starts at zero
    views, work = network.layout.views(vector), network.allocate(5, np.dtype(float))
    work.x[...] = np.random.default_rng(1).standard_normal(work.x.shape)
    net = fits.Net(network.arguments).double()
    net.load_state_dict({name: torch.tensor(view) for name, view in views.items()})
    found = net(torch.tensor(work.x).transpose(0, 1)).detach().numpy()
    np.testing.assert_allclose(found, network.forward(views, work), rtol=1e-12)


def test_a_network_that_torchs_side_does_not_know_is_refused(fits):
    from tsrnn.network.network import Network

    with pytest.raises(NotImplementedError, match="plain layers"):
        fits.Net(Network("gru", 7, 1, 4, 1, 2, layer_norm=True).arguments)


def test_windows_of_torchs_side_lie_in_one_series(fits):
    import torch

    values = np.concatenate([np.arange(6.0), 100 + np.arange(5.0)])
    windows = fits.Windows(values, np.array([6, 5]), steps=3, horizon=2, device="cpu")
    assert windows.size == 3
    x, y = windows.gather(torch.arange(3))
    np.testing.assert_allclose(x[:, :, 0], [[-2, -1, 0]] * 3, rtol=2e-3)
    np.testing.assert_allclose(y, [[1, 2]] * 3, rtol=2e-3)


def test_all_sides_of_the_default_recipe_make_as_many_updates(fits):
    index = pd.MultiIndex.from_product([["a", "b"], range(300)], names=["unique_id", "ds"])
    y = pd.Series(10 + np.sin(np.arange(600) / 4), index, name="y")
    found = fits.default_recipe(["float32"], y, "cpu", max_steps=7, hidden_size=4, normalize="last")
    assert list(found["sides"]) == ["tsrnn float32", "torch float32", "torch tf32"]
    assert found["sides"]["tsrnn float32"]["updates"] == 7
    assert found["hidden_size"] == 4
    assert all(0 < side["training_s"] <= side["fit_s"] for side in found["sides"].values())
