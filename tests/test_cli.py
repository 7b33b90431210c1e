"""The command line, as a user at a terminal and a script behind a pipe meet it."""

import io
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tsrnn
from processes import python
from tsrnn import DivergenceError, RNNForecaster, datasets
from tsrnn.cli import app
from tsrnn.evaluation.metrics import mean_absolute_scaled_error
from tsrnn.training import devices
from tsrnn.training.passes import Passes

ROOT = Path(__file__).parent.parent
AIR = str(ROOT / "datasets" / "airpassengers.csv")
FAST = ["--max-steps", "2", "--lookback", "4", "--hidden-size", "2"]


@pytest.fixture
def run(capsys):
    """Runs a command line: exit code, standard output, standard error.

    typer's own runner keeps the two streams apart or mixes them, by its version.
    """

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            app([str(argument) for argument in arguments], prog_name="tsrnn")
        streams = capsys.readouterr()
        return stop.value.code or 0, streams.out, streams.err

    return call


@pytest.fixture
def untrainable(monkeypatch):
    """What is refused is refused before the training."""

    def fit(self, y):
        raise AssertionError("trained")

    monkeypatch.setattr(RNNForecaster, "fit", fit)


@pytest.fixture
def write(tmp_path):
    """Writes a CSV file of months and values; rows may be changed by position."""

    def write_csv(n=30, rows=None, header="month,sold"):
        stamps = pd.date_range("2020-01-01", periods=n, freq="MS").strftime("%Y-%m")
        lines = [f"{stamp},{value}" for stamp, value in zip(stamps, np.arange(n) % 12 + 5, strict=True)]
        for position, row in (rows or {}).items():
            lines[position] = row
        path = tmp_path / "sales.csv"
        path.write_text("\n".join([header, *lines, ""]))
        return path

    return write_csv


def test_version_and_help(run):
    assert run("--version") == (0, f"tsrnn {tsrnn.__version__}\n", "")
    code, out, _ = run("--help")
    assert code == 0
    assert "tsrnn forecast sales.csv --horizon 12" in out
    for flag in ("-h", "--help"):
        code, out, _ = run("forecast", flag)
        assert code == 0
        for option in ("--horizon", "--time", "--target", "--cell", "--out", "--plot", "--evaluate", "--seed"):
            assert option in out
    assert f"default: {RNNForecaster().cell}" in out


def test_forecast_to_standard_output(run):
    code, out, err = run("forecast", AIR, "--horizon", 3, *FAST)
    assert code == 0
    frame = pd.read_csv(io.StringIO(out))
    assert list(frame.columns) == ["time", "passengers"]
    assert list(frame["time"]) == ["1961-01-01", "1961-02-01", "1961-03-01"]
    model = RNNForecaster(3, max_steps=2, lookback=4, hidden_size=2, random_state=0)
    expected = model.fit(datasets.load_airpassengers()).predict()
    np.testing.assert_allclose(frame["passengers"], expected, atol=1e-3)
    assert err.splitlines() == [
        "time column: time (inferred)",
        "target column: passengers (inferred)",
        "frequency: every month (inferred)",
        "season: 12 steps (inferred)",
    ]


def test_options_reach_the_forecaster(run, monkeypatch):
    seen = {}

    def fit(self, y):
        seen.update(self.get_params())
        raise ValueError("enough")

    monkeypatch.setattr(RNNForecaster, "fit", fit)
    given = {"cell": "lstm", "hidden_size": 5, "lookback": 6, "max_steps": 7, "season_length": 4, "device": "auto"}
    options = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]
    assert run("forecast", AIR, "-n", 2, "--seed", 9, *options)[0] == 1
    assert {name: seen[name] for name in given} == given
    assert (seen["horizon"], seen["random_state"], seen["verbose"]) == (2, 9, False)
    run("forecast", AIR, "-n", 2)
    defaults = RNNForecaster(2, random_state=0).get_params()
    assert seen == defaults


@pytest.mark.usefixtures("untrainable")
def test_a_gpu_that_is_not_there_takes_one_line(run, monkeypatch):
    monkeypatch.setattr(devices, "why_no_gpu", lambda: "no NVIDIA driver with a GPU was found")
    message = "Error: device='cuda' cannot be used: no NVIDIA driver with a GPU was found\n"
    assert run("forecast", AIR, "-n", 2, "--device", "cuda") == (1, "", message)


def test_auto_takes_the_cpu_where_there_is_no_gpu(run, monkeypatch):
    monkeypatch.setattr(devices, "why_no_gpu", lambda: "no NVIDIA driver with a GPU was found")
    first, second = (run("forecast", AIR, "-n", 3, *FAST, "--device", device) for device in ("auto", "cpu"))
    assert first == second
    assert first[0] == 0


def test_same_seed_same_forecast(run):
    first, second, other = (run("forecast", AIR, "-n", 3, *FAST, "--seed", seed)[1] for seed in (1, 1, 2))
    assert first == second != other


def test_quiet_says_nothing(run, tmp_path):
    assert run("forecast", AIR, "-n", 2, *FAST, "--quiet", "--out", tmp_path / "f.csv") == (0, "", "")


def test_progress_on_a_terminal_only(run, monkeypatch):
    assert "windows/s" not in run("forecast", AIR, "-n", 2, *FAST)[2]
    for arguments, shown in (((), True), (("--quiet",), False)):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        assert ("windows/s" in run("forecast", AIR, "-n", 2, *FAST, *arguments)[2]) is shown


def test_a_season_given_is_used_and_not_inferred(run, write):
    path = write()
    code, _, err = run("forecast", path, "-n", 2, *FAST, "--season-length", 6, "--evaluate")
    assert code == 0
    assert "season:" not in err
    assert "seasonal naive: forecasts the value 6 steps before" in err
    path.write_text("v\n" + "1\n2\n" * 20)
    _, out, err = run("forecast", path, "-n", 2, *FAST, "--evaluate")
    assert [line.split(",")[0] for line in out.splitlines()] == ["time", "41", "42"]
    assert "season: none (inferred; --season-length sets one)" in err
    assert "naive: forecasts the last value" in err


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_evaluate(run, cell):
    code, out, err = run("forecast", AIR, "-n", 12, *FAST, "--evaluate", "--cell", cell)
    assert code == 0
    assert len(pd.read_csv(io.StringIO(out))) == 12
    assert "test: the last 12 values (1960-01-01 to 1960-12-01), forecast from the 132 before them" in err
    table = dict(re.findall(r"^(GRU|LSTM|RNN|seasonal naive) +(\d.*)$", err, re.MULTILINE))
    assert list(table) == [cell.upper(), "seasonal naive"]
    y = datasets.load_airpassengers()
    train, test = y[:-12], y[-12:]
    model = RNNForecaster(12, cell=cell, max_steps=2, lookback=4, hidden_size=2, random_state=0).fit(train)
    for row, predicted in zip(table.values(), (model.predict(), y[-24:-12]), strict=True):
        mae, mase = map(float, row.split())
        scaled = mean_absolute_scaled_error(test, predicted, y_train=train, season_length=12)
        assert mae == pytest.approx(np.abs(test.to_numpy() - predicted.to_numpy()).mean(), rel=1e-3)
        assert mase == pytest.approx(scaled, abs=1e-3)


def test_evaluate_where_the_scaled_error_is_undefined(run, write):
    path = write(rows={i: f"{2020 + i // 12}-{i % 12 + 1:02d},3" for i in range(30)})
    code, _, err = run("forecast", path, "-n", 2, *FAST, "--evaluate")
    assert code == 0
    assert err.count("  undefined\n") == 2
    assert "undefined: this change is zero" in err


def test_files_are_written_whole_and_nothing_else_is(run, tmp_path):
    pytest.importorskip("matplotlib")
    out, plot = tmp_path / "forecast.csv", tmp_path / "forecast.PNG"
    out.write_text("before")
    code, printed, err = run("forecast", AIR, "-n", 3, *FAST, "--evaluate", "--out", out, "--plot", plot)
    assert (code, printed) == (0, "")
    assert len(pd.read_csv(out)) == 3
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert plot.stat().st_size > 10_000
    assert sorted(tmp_path.iterdir()) == [plot, out]
    assert err.splitlines()[-2:] == [f"forecast written to {out}", f"plot written to {plot}"]


@pytest.mark.parametrize("ending", ["svg", "pdf"])
def test_other_pictures(run, tmp_path, ending):
    pytest.importorskip("matplotlib")
    plot = tmp_path / f"forecast.{ending}"
    assert run("forecast", AIR, "-n", 3, *FAST, "--plot", plot)[0] == 0
    assert plot.read_bytes()[:5] == {"svg": b"<?xml", "pdf": b"%PDF-"}[ending]


def test_a_link_stays_a_link(run, tmp_path):
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("before")
    link.symlink_to(target)
    assert run("forecast", AIR, "-n", 2, *FAST, "--out", link)[0] == 0
    assert link.is_symlink()
    assert target.read_text().startswith("time,passengers\n")


@pytest.mark.parametrize("error", [DivergenceError("the loss is not finite"), ValueError("too short")])
def test_a_file_stays_when_training_fails(run, tmp_path, monkeypatch, error):
    def fit(self, y):
        raise error

    monkeypatch.setattr(RNNForecaster, "fit", fit)
    out = tmp_path / "forecast.csv"
    out.write_text("before")
    code, printed, err = run("forecast", AIR, "-n", 2, "--out", out, "--quiet")
    assert (code, printed, err) == (1, "", f"Error: {AIR}: {error}\n")
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("options", [[], ["--evaluate"]])
@pytest.mark.parametrize("update", [0, 2])
def test_an_interrupt_ends_the_command(run, tmp_path, monkeypatch, update, options):
    """Also after a pass or more, where a fit by itself would end with a warning."""
    gradient, calls = Passes.weighted_gradient, iter(range(1000))

    def until(self, *arguments, **others):
        if next(calls) == update:
            raise KeyboardInterrupt
        return gradient(self, *arguments, **others)

    monkeypatch.setattr(Passes, "weighted_gradient", until)
    out = tmp_path / "forecast.csv"
    code, printed, _ = run("forecast", AIR, "-n", 2, *FAST, "--max-steps", 9, "--out", out, "--quiet", *options)
    assert code != 0
    assert printed == ""
    assert not out.exists()


def test_warnings_are_lines(run):
    code, _, err = run("forecast", AIR, "-n", 2, *FAST, "--lookback", 500)
    assert code == 0
    (line,) = [line for line in err.splitlines() if "lookback=500" in line]
    assert line.startswith("Warning: y has 144 values: lookback=500 is cut to lookback_=142")
    assert ".py" not in err


def test_a_file_stays_when_writing_fails(run, tmp_path, monkeypatch):
    def write_text(self, *arguments, **options):
        self.touch()
        raise OSError(28, "No space left on device", str(self))

    out = tmp_path / "forecast.csv"
    out.write_text("before")
    monkeypatch.setattr(Path, "write_text", write_text)
    code, _, err = run("forecast", AIR, "-n", 2, *FAST, "--out", out, "--quiet")
    assert code == 1
    assert err.endswith(": No space left on device\n")
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]


def test_mistakes_of_ours_keep_their_traceback(monkeypatch):
    def fit(self, y):
        raise ZeroDivisionError

    monkeypatch.setattr(RNNForecaster, "fit", fit)
    with pytest.raises(ZeroDivisionError):
        app(["forecast", AIR, "-n", "2"])


@pytest.mark.usefixtures("untrainable")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "{tmp}/no/f.csv"], "--out: there is no folder {tmp}/no"),
        (["--plot", "{tmp}/no/f.png"], "--plot: there is no folder {tmp}/no"),
        (["--out", "{tmp}"], "--out: {tmp} is no file that could be replaced"),
        (["--out", "{file}"], "--out: {file} is the file to read"),
        (["--plot", "{tmp}/f.txt"], "--plot: {tmp}/f.txt must end in .png, .svg, .pdf"),
        (["--plot", "{tmp}/f.svg", "--out", "{tmp}/f.svg"], "--plot and --out are the same file, {tmp}/f.svg"),
        (["--target", "x"], "{file}: --target: there is no column 'x'; the columns are month, sold"),
        (["--time", "x"], "{file}: --time: there is no column 'x'; the columns are month, sold"),
    ],
)
def test_wrong_options_take_one_line(run, write, tmp_path, arguments, message):
    places = {"tmp": tmp_path, "file": write()}
    arguments = [argument.format(**places) for argument in arguments]
    assert run("forecast", places["file"], "-n", 2, *arguments) == (2, "", f"Error: {message.format(**places)}\n")


@pytest.mark.usefixtures("untrainable")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--horizon", "0"], "'--horizon'.*1"),
        (["--horizon", "two"], "'--horizon'.*int"),
        ([], "'--horizon'"),
        (["-n", "2", "--cell", "elman"], "'--cell'.*'elman'.*'rnn'.*'lstm'.*'gru'"),
        (["-n", "2", "--device", "gpu"], "'--device'.*'gpu'.*'cpu'.*'cuda'.*'auto'"),
        (["-n", "2", "--precision", "float16"], "'--precision'.*'float16'.*'float32'.*'tf32'"),
        (["-n", "2", "--lookback", "0"], "'--lookback'.*1"),
        (["-n", "2", "--seed", "-1"], "'--seed'.*0"),
        (["-n", "2", "--foo"], "--foo"),
    ],
)
def test_what_the_parser_refuses(run, arguments, message):
    """The words are typer's, and change with its version."""
    code, out, err = run("forecast", AIR, *arguments)
    assert (code, out) == (2, "")
    assert re.search(message, err.splitlines()[-1])
    assert "Value error" not in err


@pytest.mark.usefixtures("untrainable")
@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ({4: "2020-02-31,3"}, "month,sold", "column 'month', row 6: '2020-02-31' is no date"),
        (
            {4: "2020-05,"},
            "month,sold",
            "column 'sold' holds 1 missing or infinite values, at 2020-05 (first in row 6)",
        ),
        ({4: "2020-05,many"}, "month,sold", "column 'sold' holds 'many' in row 6, which is no number"),
        ({4: "2020-05,1,2"}, "month,sold", "this is no CSV file: Expected 2 fields in line 6, saw 3"),
        ({4: "2021-05,3"}, "month,sold", "column 'month' holds 2021-05 more than once, in rows 6 and 18"),
        ({4: ","}, "month,sold", "column 'month': the index misses 1 of the 30 stamps"),
        ({}, "2019-12,5", "the first row must hold the names of the columns"),
    ],
)
def test_bad_data_takes_one_line(run, write, rows, header, message):
    path = write(rows=rows, header=header)
    code, out, err = run("forecast", path, "-n", 2)
    assert (code, out) == (1, "")
    assert err.startswith(f"Error: {path}: {message}")
    assert err.count("\n") == 1


def test_no_such_file(run, tmp_path):
    missing = tmp_path / "missing.csv"
    assert run("forecast", missing, "-n", 2) == (1, "", f"Error: {missing}: No such file or directory\n")
    code, _, err = run("forecast", tmp_path, "-n", 2)
    assert code == 1
    assert err.count("\n") == 1


def test_too_short(run, write):
    path = write(n=5)
    code, out, err = run("forecast", path, "-n", 12, "--quiet")
    assert (code, out) == (1, "")
    assert re.fullmatch(rf"Error: {re.escape(str(path))}: y has 5 values; .* need at least \d+\n", err)
    code, _, err = run("forecast", path, "-n", 5, "--quiet", "--evaluate")
    assert (code, err) == (1, "Error: --evaluate holds the last 5 of 5 values out: nothing is left to train on\n")
    code, _, err = run("forecast", write(n=15), "-n", 4, "--quiet", "--evaluate")
    assert code == 1
    assert err.startswith(
        "Error: --evaluate holds the last 4 of 15 values out: y_train has 11 values; season_length=12"
    )


@pytest.mark.usefixtures("untrainable")
def test_plot_without_matplotlib(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = 'Error: --plot: a plot needs matplotlib, which is not installed: pip install "tsrnn[plot]"\n'
    assert run("forecast", AIR, "-n", 2, "--plot", tmp_path / "f.png") == (1, "", message)
    assert not list(tmp_path.iterdir())


def test_as_a_module_behind_a_pipe():
    """In a process of its own: the forecast alone on standard output, no progress bar, no matplotlib."""
    result = python("-X", "importtime", "-m", "tsrnn", "forecast", AIR, "-n", 2, *FAST, cwd=ROOT)
    assert re.fullmatch(r"time,passengers\n1961-01-01,[\d.]+\n1961-02-01,[\d.]+\n", result.stdout)
    said = [line for line in result.stderr.splitlines() if not line.startswith("import time:")]
    assert [line.split(":")[0] for line in said] == ["time column", "target column", "frequency", "season"]
    assert not re.search(r"\| +matplotlib$", result.stderr, re.MULTILINE)


def test_warmup(run):
    code, out, err = run("warmup", "--cell", "rnn", "--cell", "rnn", "--cell", "gru")
    assert (code, out) == (0, "")
    assert re.fullmatch(r"rnn: [\d.]+ s\ngru: [\d.]+ s\nall: [\d.]+ s\n", err)
    assert run("warmup", "--cell", "rnn", "--quiet") == (0, "", "")
    for option in ("--dtype", "--cell"):
        code, _, err = run("warmup", option, "float16")
        assert code == 2
        assert re.search(f"Error: Invalid value for '{option}': 'float16' is not one of", err)
