"""The guard against regressions: what it matches, what it takes for better and when it fails."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "compare.py"
RECORD = {
    "machine": {"cores": 2},
    "versions": {"tsrnn": "1", "torch": "2"},
    "threads": 2,
    "matrix_gflops": 180.0,
    "summary": {"geometric_mean_ratio": {"gru": 3.0}},
    "rows": [
        {"cell": "gru", "H": 64, "tsrnn_ms": 2.0, "torch_ms": 6.0, "torch_ratio": 3.0},
        {"cell": "gru", "H": 128, "tsrnn_ms": 8.0, "points_per_s": 100.0, "peak_mb": 50.0},
    ],
}


@pytest.fixture
def compare(tmp_path):
    """Status and printed lines for the record above and a copy that `change` has changed."""

    def run(change, *options):
        new = json.loads(json.dumps(RECORD))
        change(new)
        for name, record in (("old", RECORD), ("new", new)):
            (tmp_path / f"{name}.json").write_text(json.dumps(record))
        files = [str(tmp_path / f"{name}.json") for name in ("old", "new")]
        result = subprocess.run(
            [sys.executable, str(SCRIPT), *files, *options], capture_output=True, text=True, check=False
        )
        return result.returncode, result.stdout.splitlines(), result.stderr

    return run


def test_the_same_figures_pass(compare):
    status, lines, _ = compare(lambda new: None)
    assert status == 0
    assert len(lines) == 8
    assert all(line.startswith("   1.00x") for line in lines)


@pytest.mark.parametrize(
    ("row", "name", "factor", "fails"),
    [
        (0, "tsrnn_ms", 1.2, True),
        (0, "tsrnn_ms", 0.5, False),
        (0, "tsrnn_ms", 1.05, False),
        (0, "torch_ratio", 0.8, True),
        (0, "torch_ratio", 1.5, False),
        (1, "points_per_s", 0.8, True),
        (1, "points_per_s", 2.0, False),
        (1, "peak_mb", 1.5, True),
        (0, "torch_ms", 2.0, False),  # not ours
    ],
)
def test_worse_by_more_than_a_tenth_fails(compare, row, name, factor, fails):
    def change(new):
        new["rows"][row][name] *= factor

    status, lines, error = compare(change)
    assert (status == 1) is fails
    assert [name in line for line in lines if "WORSE" in line] == [True] * fails
    assert error == ("1 worse by more than 10%\n" if fails else "")


def test_a_mean_takes_the_unit_of_the_name_around_it(compare):
    status, lines, _ = compare(lambda new: new["summary"]["geometric_mean_ratio"].update(gru=2.0))
    assert status == 1
    assert any(line.endswith("summary.geometric_mean_ratio.gru  WORSE") for line in lines)


def test_tolerance(compare):
    def change(new):
        new["rows"][0]["tsrnn_ms"] *= 1.2

    assert compare(change, "--tolerance", "0.25")[0] == 0


def test_rows_are_matched_by_what_describes_them(compare):
    def change(new):
        new["rows"].reverse()
        new["rows"].append({"cell": "gru", "H": 256, "tsrnn_ms": 1.0})

    status, lines, _ = compare(change)
    assert status == 0
    assert sum(line.startswith("   1.00x") for line in lines) == 8
    assert "only in the new file: rows.tsrnn_ms cell=gru H=256" in lines


def test_the_machine_is_not_judged_and_a_change_of_it_is_told(compare):
    def change(new):
        new["matrix_gflops"] = 90.0
        new["machine"]["cores"] = 4

    status, lines, _ = compare(change)
    assert status == 0
    assert lines[0] == "machine: {'cores': 2} before, {'cores': 4} now"
    assert any("matrix_gflops" in line and "not judged" in line for line in lines)


def test_a_figure_that_is_no_number_any_more_is_worse(compare):
    status, _, _ = compare(lambda new: new["rows"][0].update(tsrnn_ms=float("nan")))
    assert status == 1


def test_files_of_different_benchmarks_are_refused(compare):
    def change(new):
        new.clear()
        new["other_ms"] = 1.0

    status, _, error = compare(change)
    assert status == 1
    assert "no figure in common" in error
