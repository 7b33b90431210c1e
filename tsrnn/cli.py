"""The command line: ``tsrnn forecast FILE``, ``tsrnn warmup``."""

import enum
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from sklearn.base import clone
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import mean_absolute_error
from typer.core import TyperCommand

from tsrnn import DivergenceError, RNNForecaster, __version__, warmup
from tsrnn.compilation import DTYPES
from tsrnn.evaluation.baselines import seasonal_naive
from tsrnn.evaluation.displays import ForecastDisplay, check_matplotlib
from tsrnn.evaluation.metrics import mean_absolute_scaled_error
from tsrnn.forecasting.base import InterruptedFitWarning
from tsrnn.forecasting.persistence import replacing
from tsrnn.network.cells import CELLS
from tsrnn.tables.csvfile import ColumnError, decimal_places, read_series
from tsrnn.training.devices import DEVICES, PRECISIONS, resolved

WRONG_DATA, WRONG_USAGE = 1, 2  # exit codes
PLOT_FORMATS = ("png", "svg", "pdf")

Cell = enum.Enum("Cell", {name: name for name in CELLS}, type=str)
Device = enum.Enum("Device", {name: name for name in DEVICES}, type=str)
Precision = enum.Enum("Precision", {name: name for name in PRECISIONS}, type=str)
FloatType = enum.Enum("FloatType", {name: name for name in DTYPES}, type=str)
DEFAULTS = RNNForecaster().get_params()
CELL = Cell(DEFAULTS["cell"])
DEVICE = Device(DEFAULTS["device"])
PRECISION = Precision(DEFAULTS["precision"])


class Command(TyperCommand):
    """A command whose errors lack what pydantic, which newer versions of typer ask, puts before them."""

    def make_context(self, *arguments, **options):
        try:
            return super().make_context(*arguments, **options)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise


# Plain text: a panel drawn around an error cannot be searched for, and a script cannot read it.
app = typer.Typer(
    name="tsrnn",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tsrnn {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Forecast time series with compiled recurrent networks.

    Example: tsrnn forecast sales.csv --horizon 12 --evaluate --plot forecast.png

    tsrnn COMMAND --help lists the options of a command.
    """


@app.command(cls=Command, no_args_is_help=True)
def forecast(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV file with a header; one row a time step.")],
    horizon: Annotated[int, typer.Option("--horizon", "-n", metavar="N", min=1, help="Steps to forecast.")],
    time: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of the time: dates or integers. Default: inferred.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COL", help="Column to forecast. Default: the first that holds numbers.")
    ] = None,
    date_format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="How dates are written, such as %d/%m/%Y. Default: inferred."),
    ] = None,
    season_length: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Steps in a season. Default: inferred, such as 12 for months."),
    ] = None,
    evaluate: Annotated[
        bool,
        typer.Option(
            "--evaluate",
            help="First hold the last values out, as many as --horizon, and show how well they are forecast, beside "
            "the seasonal naive; then forecast.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="CSV file to write, with commas and decimal points. Default: standard output.",
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", "-p", metavar="FILE", help="Picture to write: .png, .svg or .pdf.")
    ] = None,
    cell: Annotated[Cell, typer.Option(help="Recurrent cell.")] = CELL,
    hidden_size: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Units of the recurrent layer. Default: more for much data."),
    ] = None,
    lookback: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Values the network sees before it forecasts. Default: a few seasons."),
    ] = None,
    max_steps: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Updates of the weights in training, at most. Default: by the data."),
    ] = None,
    device: Annotated[
        Device, typer.Option(help="Where to compute: the CPU, an NVIDIA GPU, or auto: a GPU where one can be used.")
    ] = DEVICE,
    precision: Annotated[
        Precision, typer.Option(help="How exact products are on a GPU: tf32 is faster and has three decimal digits.")
    ] = PRECISION,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="The same seed gives the same forecast.")
    ] = 0,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Do not say what was inferred; no progress bar.")
    ] = False,
) -> None:
    """Forecast what follows a series.

    The forecast goes to standard output as CSV, everything else to standard error.

    Example: tsrnn forecast sales.csv --horizon 12 --out forecast.csv --plot forecast.png
    """
    say = _say if not quiet else lambda line: None
    # Whatever can be wrong is found before the training, which takes a while.
    for option, path in (("--out", out), ("--plot", plot)):
        if path is not None:
            _check_writable(option, path, file)
    if plot is not None:
        _check_plot(plot, out)
    with _refusals("", RuntimeError):
        resolved(device.value)
    with _refusals(f"{file}: ", OSError, ValueError):
        table = read_series(file, time=time, target=target, date_format=date_format)
    y, season = table.series, season_length or table.season_length
    for line in table.inferred:
        say(line)
    if season_length is None:
        found = f"{season} steps (inferred)" if season > 1 else "none (inferred; --season-length sets one)"
        say(f"season: {found}")

    model = RNNForecaster(
        horizon,
        cell=cell.value,
        hidden_size=hidden_size or "auto",
        lookback=lookback or "auto",
        season_length=season_length or "auto",
        max_steps=max_steps or "auto",
        random_state=seed,
        device=device.value,
        precision=precision.value,
        verbose=not quiet and sys.stderr.isatty(),
    )
    tested = None
    if evaluate:
        held_out = f"--evaluate holds the last {horizon} of {len(y)} values out: "
        with _warnings(), _refusals(held_out, ValueError, DivergenceError):
            tested, report = _evaluate(model, y, season, table.write_time)
        _say(report)
    with _warnings(), _refusals(f"{file}: ", ValueError, DivergenceError):
        predicted = model.fit(y).predict()

    if out is None:
        typer.echo(table.to_csv(predicted), nl=False)
    else:
        with _refusals("", OSError), replacing(out) as part:
            part.write_text(table.to_csv(predicted), encoding="utf-8", newline="\n")
        say(f"forecast written to {out}")
    if plot is not None:
        figure = ForecastDisplay(y, predicted, test_forecast=tested).plot().figure_
        with _refusals("", OSError), replacing(plot) as part:
            figure.savefig(part, format=plot.suffix[1:].lower())
        say(f"plot written to {plot}")


@app.command("warmup", cls=Command)
def warm_up(
    cell: Annotated[list[Cell] | None, typer.Option(help="Recurrent cell; may be repeated. Default: all.")] = None,
    dtype: Annotated[
        FloatType, typer.Option(help="Numbers to compute in; forecasts are made in float32.")
    ] = FloatType.float32,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not say how long it took.")] = False,
) -> None:
    """Compile ahead of time what a first fit would wait for; it is kept on disk.

    Example: tsrnn warmup --cell gru --cell lstm
    """
    cells = tuple(dict.fromkeys(one.value for one in cell)) if cell else None
    seconds = warmup(dtype.value, cell=cells, verbose=not quiet)
    if not quiet:
        _say(f"all: {seconds:.1f} s")


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _refuse(message: str, code: int) -> typer.Exit:
    """To be raised: one line, and no traceback."""
    _say(f"Error: {message}")
    return typer.Exit(code)


@contextmanager
def _warnings() -> Iterator[None]:
    """Make one line of each warning, and let an interrupt end the command: a fit would end early, and be written."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = lambda message, *_: _say(f"Warning: {message}")
        warnings.simplefilter("error", InterruptedFitWarning)
        try:
            yield
        except InterruptedFitWarning as warning:
            raise KeyboardInterrupt from warning


@contextmanager
def _refusals(prefix: str, *kinds: type[Exception]) -> Iterator[None]:
    """Make one line of the errors that files and data can cause; others are mistakes of ours: with a traceback."""
    try:
        yield
    except kinds as error:
        message = f"{prefix}{error}"
        if isinstance(error, OSError) and error.filename is not None:
            message = f"{error.filename}: {error.strerror}"
        raise _refuse(message, WRONG_USAGE if isinstance(error, ColumnError) else WRONG_DATA) from error


def _check_writable(option: str, path: Path, source: Path) -> None:
    folder = path.resolve().parent
    problem = None
    if not folder.is_dir():
        problem = f"there is no folder {folder}"
    elif path.exists() and not path.is_file():
        problem = f"{path} is no file that could be replaced"
    elif path.exists() and source.exists() and path.samefile(source):
        problem = f"{path} is the file to read"
    elif not os.access(folder, os.W_OK):
        problem = f"the folder {folder} cannot be written to"
    if problem:
        raise _refuse(f"{option}: {problem}", WRONG_USAGE)


def _check_plot(path: Path, out: Path | None) -> None:
    if path.suffix[1:].lower() not in PLOT_FORMATS:
        raise _refuse(f"--plot: {path} must end in .{', .'.join(PLOT_FORMATS)}", WRONG_USAGE)
    if out is not None and path.resolve() == out.resolve():
        raise _refuse(f"--plot and --out are the same file, {path}", WRONG_USAGE)
    try:
        check_matplotlib()
    except ModuleNotFoundError as error:
        raise _refuse(f"--plot: {error}", WRONG_DATA) from error


def _evaluate(model: RNNForecaster, y: pd.Series, season: int, write_time) -> tuple[pd.Series, str]:
    """Forecast of the last `horizon` values from those before them, and its errors in a table."""
    train, test = y.iloc[: -model.horizon], y.iloc[-model.horizon :]
    if train.empty:
        raise ValueError("nothing is left to train on")

    def errors(predicted):
        mase = mean_absolute_scaled_error(test, predicted, y_train=train, season_length=season)
        return mean_absolute_error(test, predicted), mase

    baseline, rule = (
        ("seasonal naive", f"the value {season} steps before") if season > 1 else ("naive", "the last value")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # the table says it
        naive = errors(seasonal_naive(train, model.horizon, season))  # first: it refuses what is too short at once
        predicted = clone(model).fit(train).predict()
        table = {model.cell.upper(): errors(predicted), baseline: naive}

    first, last = write_time(test.index[[0, -1]])
    span = f"{first} to {last}" if len(test) > 1 else f"{first}"
    decimals = decimal_places(max(mae for mae, _ in table.values()), 4)
    width = max(map(len, table))
    lines = [
        f"test: the last {len(test)} values ({span}), forecast from the {len(train)} before them",
        "",
        f"{'model':<{width}}  {'MAE':>10}  {'MASE':>9}",
    ]
    for name, (mae, mase) in table.items():
        scaled = "undefined" if np.isnan(mase) else f"{mase:.3f}"
        lines.append(f"{name:<{width}}  {mae:>10.{decimals}f}  {scaled:>9}")
    steps = f"{season} steps" if season > 1 else "a step"
    lines += [
        "",
        f"{baseline}: forecasts {rule}",
        f"MAE: mean absolute error, in the units of {y.name}; less is better",
        f"MASE: MAE divided by the mean absolute change over {steps} in the values trained on; less is better",
    ]
    if any(np.isnan(mase) for _, mase in table.values()):
        lines.append("undefined: this change is zero")
    return predicted, "\n".join(["", *lines, ""])
