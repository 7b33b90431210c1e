"""Benchmarks against other libraries: what of them runs without these."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from .conftest import FOLDER


@pytest.fixture(autouse=True)
def beside_each_other(monkeypatch):
    """Scripts find one another."""
    monkeypatch.syspath_prepend(FOLDER)


def setting(folder, **more):
    """A side's setting, on three series of 40 hours under ids whose order is not that of their first letters."""
    ids = np.repeat(["H1", "H10", "H2"], 40)
    level = np.repeat([100.0, 200.0, 300.0], 40)
    y = level + np.tile(np.arange(40) % 6, 3)
    np.savez(folder / "table.npz", unique_id=ids, ds=np.tile(np.arange(1, 41), 3), y=y)
    sizes = {"cell": "gru", "hidden": 4, "layers": 1, "lookback": 12, "horizon": 4, "windows": 8, "steps": 4}
    files = {"table": str(folder / "table.npz"), "forecast": str(folder / "one-tsrnn.npy")}
    return {"side": "tsrnn", **sizes, **files, "threads": 1, "series": None, **more}


def test_the_side_of_tsrnn_forecasts_each_series_from_where_it_was_cut(script, tmp_path):
    figures = script("fit_sides").measure(setting(tmp_path))
    assert figures["fit_s"] > 0
    assert figures["peak_mb"] >= figures["before_mb"] > 1
    json.dumps(figures)
    forecast = np.load(tmp_path / "one-tsrnn.npy")
    assert forecast.shape == (3, 4)
    np.testing.assert_allclose(forecast, [[102.5] * 4, [202.5] * 4, [302.5] * 4], atol=10)


def test_a_side_sees_nothing_of_the_values_that_score_it(script, tmp_path):
    table = script("fit_sides").load(setting(tmp_path, series="H10"))
    assert table["unique_id"].unique() == ["H10"]
    assert table["ds"].to_list() == list(range(1, 37))


def test_scores_are_means_of_what_each_series_has_on_a_scale_of_its_own(script, tmp_path):
    bench_fit = script("bench_fit")
    s, after, jump = setting(tmp_path), bench_fit.HORIZON, np.array([1.0, 2.0, 4.0])
    y = np.zeros((3, 40 + after))
    y[:, 30] = jump  # the one of the 16 values with a value a day before it that differs from this one
    y[:, 40:] = 5.0
    ids = np.repeat(["H1", "H10", "H2"], 40 + after)
    np.savez(s["table"], unique_id=ids, ds=np.arange(ids.size), y=y.ravel())
    np.save(s["forecast"], np.full((3, after), 5.5))
    found = bench_fit.scores(tmp_path, "one", ("tsrnn",), None)
    assert found["tsrnn"] == pytest.approx(np.mean(0.5 * 16 / jump))
    assert found["seasonal naive"] > found["tsrnn"]


@pytest.mark.parametrize(("asked", "size"), [("a", 11), ("A[x]", 1111), ("d", 1111), ("e", 10000)])
def test_what_is_installed_is_counted_once_and_with_what_it_requires(script, monkeypatch, asked, size):
    pytest.importorskip("packaging")
    installed = script("installed")
    requires = {
        "a": ["b>=1", 'c-c; extra == "x"', 'none; python_version < "3"'],
        "b": None,
        "c-c": ["b", "A", "d"],
        "d": ["c_C", "b"],
        "e": [],
    }
    sizes = dict(zip(requires, (1, 10, 100, 1000, 10000), strict=True))
    monkeypatch.setattr(installed, "distribution", lambda name: SimpleNamespace(name=name, requires=requires[name]))
    monkeypatch.setattr(installed, "_size", lambda found: sizes[found.name] * 10**6)
    assert installed.installed_mb(asked) == size


def test_a_package_in_a_checkout_is_as_large_as_its_folder(script, tmp_path):
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing" / "code.py").write_text("x" * 1000)
    origin = json.dumps({"url": tmp_path.as_uri(), "dir_info": {"editable": True}})
    found = SimpleNamespace(files=[], metadata={"Name": "thing"}, read_text={"direct_url.json": origin}.get)
    assert script("installed")._size(found) == 1000
