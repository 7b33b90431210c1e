"""Tables say what the rows say."""

import json

import markup
import pytest
import render
import render_accuracy


def row(
    task="hospital", part="validation", method="tsrnn", seed=0, score=0.5, seconds=2.0, metric="MASE", processor="P"
):
    return {
        "task": task,
        "part": part,
        "metric": metric,
        "method": method,
        "library": "made up",
        "seed": seed,
        "scores": {metric: score, "sMAPE": 20 * score},
        "seconds": seconds,
        "processor": processor,
    }


@pytest.fixture
def results(tmp_path, monkeypatch):
    for module in (markup, render_accuracy):
        monkeypatch.setattr(module, "HERE", tmp_path)
    (tmp_path / "results").mkdir()
    quoted = {"task": "hospital", "method": "Theta", "metric": "MASE", "score": 0.761, "source": "somewhere"}
    better = quoted | {"method": "Better", "score": 0.7}
    (tmp_path / "published.json").write_text(json.dumps({"figures": [quoted, better]}))
    about = {"machine": {"processor": "P", "cores": 2}, "python": "3", "versions": {"numpy": "2"}}

    def write(name, rows):
        (tmp_path / "results" / f"{name}.json").write_text(json.dumps(about | {"rows": rows}))

    return write


def lines(text):
    return [line for line in text.splitlines() if line.startswith("|")]


def test_without_results_it_says_so(results):
    for section in (render_accuracy.accuracy, render_accuracy.accuracy_details, render_accuracy.ablations):
        assert section() == "Not measured yet."
    assert "| hospital | Theta | 0.761 MASE | somewhere |" in render_accuracy.published_figures()


def test_means_of_seeds_with_seconds_and_the_best_in_bold(results):
    naive = row(method="seasonal naive", seed=None, score=0.9, seconds=None)
    results("accuracy", [naive, row(score=0.5), row(seed=1, score=0.7, seconds=4.0), row("m3_monthly", score=1.0)])
    results("accuracy_peers", [row(method="GRU", score=0.55, seconds=12.3)])
    text = render_accuracy.accuracy()
    assert lines(text) == [
        "|  | tsrnn | seasonal naive | GRU |",
        "| --- | ---: | ---: | ---: |",
        "| hospital (MASE) | 0.600 (3.0 s) | 0.900 | **0.550** (12 s) |",
        "| m3_monthly (MASE) | **1.000** (2.0 s) |  |  |",
    ]
    assert text.startswith("Validation")
    assert "Means of 1 to 2 seeds" in text
    assert "P, 2 cores; Python 3, numpy 2." in text


def test_seconds_of_other_processors_are_named(results):
    own = [row(), row("m3_monthly"), row("m3_monthly", seed=1, processor="Q")]
    results("accuracy", [*own, row("taxi", method="naive", seed=None, seconds=None, processor="Q")])
    results("accuracy_peers", [row(method="GRU", processor="R"), row("m3_monthly", method="GRU", processor="R")])
    assert (
        "Seconds are those of P, those of R in these rows: GRU: hospital, m3_monthly, those of Q in these rows: tsrnn: "
        "m3_monthly."
    ) in render_accuracy.accuracy()
    results("accuracy", [row(seconds=None)])
    results("accuracy_peers", [])
    assert "Seconds" not in render_accuracy.accuracy()


def test_the_test_part_is_shown_once_it_was_run_with_what_is_published(results):
    results("accuracy", [row(), row(part="test", method="seasonal naive", seed=None, score=0.9)])
    assert render_accuracy.accuracy().startswith("Validation"), "baselines alone are no test of the defaults"
    results("accuracy", [row(), row(part="test", score=0.8), row("taxi", "test", score=0.4)])
    text = render_accuracy.accuracy()
    assert text.startswith("Test part")
    assert lines(text)[0] == "|  | tsrnn | best published |"
    assert lines(text)[2:] == [
        "| hospital (MASE) | **0.800** (2.0 s) | 0.700, Better |",
        "| taxi (MASE) | **0.400** (2.0 s) |  |",
    ]


def test_methods_that_skip_origins_are_named(results):
    results("accuracy", [row(), row(method="other", seed=None) | {"every": 25}])
    assert "in bold. Of hospital other forecast from one of 25 origins.\n" in render_accuracy.accuracy()
    results("accuracy", [row()])
    assert "origins" not in render_accuracy.accuracy()


def test_details_are_ranked_with_their_spread(results):
    other = row(method="other", seed=None, score=0.55) | {"every": 25}
    results("accuracy", [row(score=0.5), row(seed=1, score=0.7), other])
    text = render_accuracy.accuracy_details()
    assert "## Validation" in text
    assert "## Test" not in text
    assert lines(text) == [
        "| method | library | MASE | sMAPE | ± MASE | seeds | seconds of a fit |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| other, one of 25 origins | made up | 0.550 | 11.00 |  |  | 2.0 s |",
        "| tsrnn | made up | 0.600 | 12.00 | 0.1000 | 2 | 2.0 s |",
    ]


def test_ablations_are_compared_with_the_default(results):
    rows = [row(method="default"), row(method="no linear part", score=0.6), row("taxi", method="default", score=0.2)]
    results("ablations", rows)
    assert lines(render_accuracy.ablations()) == [
        "|  | hospital (MASE, 1 seed) | taxi (MASE, 1 seed) |",
        "| --- | ---: | ---: |",
        "| default | 0.500 | 0.200 |",
        "| no linear part | 0.600 (+20.0%) |  |",
    ]


def test_published_figures_name_tasks_and_metrics_of_the_benchmark():
    from accuracy_tasks import ETTH1_HORIZONS, PANELS

    metrics = {name: metric for name, (_, _, metric) in PANELS.items()} | {f"etth1_{h}": "MSE" for h in ETTH1_HORIZONS}
    for figure in render_accuracy.published():
        assert figure["metric"] == metrics[figure["task"]]
        assert figure["source"]


def test_a_page_without_a_section_is_named():
    with pytest.raises(SystemExit, match=r"PAGE\.md has no section <!-- results: figures -->"):
        render.render("# Page", {"figures": lambda: "1"}, "PAGE.md")
    page = "a <!-- results: figures -->old<!-- end --> b"
    assert render.render(page, {"figures": lambda: "1"}, "") == "a <!-- results: figures -->\n\n1\n\n<!-- end --> b"
