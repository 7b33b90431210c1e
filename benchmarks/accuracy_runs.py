"""Forecasts of this package for the tasks of the accuracy benchmark, and the table of what was measured."""

import argparse
import json
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy_tasks import Task, tasks_of
from report import RESULTS, processor, write

from tsrnn import RNNForecaster, __version__
from tsrnn.forecasting.smoothing import smoothing_forecasts

LINEAR_ALONE = {"max_steps": 0, "linear_skip": True}  # nor exponential smoothing


@dataclass(frozen=True)
class Run:
    """Forecasts (origins, series, steps), the seconds of the fit, and those of all forecasts."""

    forecast: np.ndarray
    fit_s: float
    predict_s: float


def run(task: Task, parameters: dict, seed: int) -> Run:
    """Fit the forecaster with its defaults, but for `parameters`, and forecast from every origin."""
    model = RNNForecaster(horizon=task.horizon, random_state=seed, **_told(task), **parameters)
    start = time.perf_counter()
    model.fit(task.train) if task.X is None else model.fit(task.X.loc[task.train.index], task.train)
    fitted = time.perf_counter()
    if task.stride is None:
        forecast = model.predict().reindex(task.future.index).to_numpy().reshape(task.truth.shape)
    else:
        forecast = _from_each_origin(task, model)
    return Run(forecast, fitted - start, time.perf_counter() - fitted)


def smoothing_alone(task: Task) -> np.ndarray:
    """What the default forecast is averaged with, by itself, from the first origin."""
    end = np.cumsum([len(history) for history in task.histories])
    begin = end - [len(history) for history in task.histories]
    values = np.concatenate(task.histories)[:, None].astype(np.float64)
    how = task.horizon, task.season_length, RNNForecaster().loss, None
    return smoothing_forecasts(values, begin, end, *how)[None, :, :, 0]


def warm_up(task: Task, parameters: dict) -> None:
    """Compile what the run needs."""
    small = task.only(8)
    model = RNNForecaster(horizon=task.horizon, **(_told(task) | parameters | {"max_steps": 1}))
    model.fit(small.train) if task.X is None else model.fit(task.X.loc[small.train.index], small.train)
    model.predict(task.X.loc[task.future.index[: task.horizon]]) if task.X is not None else model.predict()


def _told(task: Task) -> dict:
    """What the index cannot tell: integers have no season."""
    times = task.train.index.levels[1] if task.is_panel else task.train.index
    return {"season_length": task.season_length} if pd.api.types.is_integer_dtype(times.dtype) else {}


def _from_each_origin(task: Task, model: RNNForecaster) -> np.ndarray:
    """Without training in between: what was observed since is read, no more."""
    if task.before is not None:
        model.update(task.before)
    found = np.empty(task.truth.shape)
    for number, origin in enumerate(task.origins):
        steps = task.future.index[origin : origin + task.horizon]
        forecast = model.predict() if task.X is None else model.predict(task.X.loc[steps])
        found[number] = np.asarray(forecast).reshape(task.horizon, -1).T
        seen = task.future.iloc[origin : origin + task.stride]
        model.update(seen) if task.X is None else model.update(seen, task.X.loc[seen.index])
    return found


def row(task: Task, method: str, library: str, seed: int | None, forecast: np.ndarray, **more) -> dict:
    """What is stored of a forecast: its scores."""
    return {
        "task": task.name,
        "part": task.part,
        "metric": task.metric,
        "method": method,
        "library": library,
        "seed": seed,
        "scores": task.scores(forecast),
        "seconds": None,
        **more,
    }


KEY = ("task", "part", "method", "seed")


class Rows:
    """Rows of `results/<name>.json`, one for each task, part, method and seed, kept from one call to the next.

    Parameters
    ----------
    name : str
    keep : bool, default=True
        False begins anew.
    stored : bool, default=True
        False writes nothing: for trials.
    """

    def __init__(self, name: str, keep: bool = True, stored: bool = True):
        self.name, self.stored = name, stored
        path = RESULTS / f"{name}.json"
        self.rows: list[dict] = json.loads(path.read_text())["rows"] if keep and path.exists() else []

    def find(self, **key) -> dict | None:
        """The row with this task, part, method and seed."""
        return next((row for row in self.rows if all(row[k] == key[k] for k in KEY)), None)

    def put(self, row: dict) -> Path | None:
        """Add a row in place of the one it repeats, and write all."""
        row = {**row, "processor": processor()}
        print(described(row), flush=True)
        old = self.find(**{k: row[k] for k in KEY})
        if old is None:
            self.rows.append(row)
        else:
            self.rows[self.rows.index(old)] = row
        return write(self.name, {"rows": self.rows}, folder=RESULTS) if self.stored else None


def described(row: dict) -> str:
    """A row in a line."""
    scores = ", ".join(f"{name} {value:.4f}" for name, value in row["scores"].items())
    seed = "" if row["seed"] is None else f", seed {row['seed']}"
    seconds = "" if row["seconds"] is None else f", {row['seconds']:.1f} s"
    return f"{row['part']} {row['task']}, {row['method']}{seed}: {scores}{seconds}"


def words(choices: Collection[str]):
    """A comma-separated choice, of an argument."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        unknown = [word for word in chosen if word not in choices]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is not among {', '.join(choices)}")
        return chosen

    return parse


def each_task(names: list[str], part: str, data_home, series: int | None) -> Iterator[Task]:
    """The tasks of these data sets, of at most so many series of a panel; a set that is not there is left out."""
    for name in names:
        try:
            tasks = tasks_of(name, part, data_home)
        except (OSError, ModuleNotFoundError) as reason:
            print(f"{name}: left out. {reason}")
            continue
        yield from tasks if series is None else (task.only(series) for task in tasks)


def measure_own(task: Task, rows: Rows, method: str, parameters: dict, seeds: range) -> None:
    """This package, with its defaults but for the parameters, once a seed."""
    unknown = set(parameters) - set(RNNForecaster().get_params())
    if unknown:
        print(f"{task.name}, {method}: left out, RNNForecaster has no parameter {', '.join(sorted(unknown))}")
        return
    warm_up(task, parameters)
    for seed in seeds:
        found = run(task, parameters, seed)
        more = {"seconds": found.fit_s, "predict_s": found.predict_s}
        rows.put(row(task, method, f"tsrnn {__version__}", seed, found.forecast, **more))
