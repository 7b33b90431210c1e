"""Forecasts of other libraries for the tasks of the accuracy benchmark.

Run by `accuracy.py`, in a process of its own by the interpreter that has those libraries; it does not need this
package:

    PYTHON benchmarks/accuracy_peers.py FOLDER

FOLDER holds `task.json` and `task.npz`; `forecast.npz` and `done.json` are written there. Times are counted in steps,
for these models look at the values alone. Where forecasts start from moving origins, the values before each are a
series of its own: a global model learns from the training part alone, once; a local one from the last weeks, anew.
"""

import json
import logging
import os
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

LOCAL = ("AutoETS", "AutoTheta", "DynamicOptimizedTheta")  # of StatsForecast: a model for each series
GLOBAL = ("GRU", "LSTM", "NHITS")  # of NeuralForecast: one model for all
LONGEST_ETS_SEASON = 24  # beyond, ETS has no season
RECENT = 8  # longest seasons that a local model of a long series is fitted on, if they are no less than
LONGEST_INPUT = 720  # steps, which is what a global model reads at most
FIRST_TRIAL = 16  # training steps; the trial that takes a quarter of the time tells how many the whole of it allows
AT_ONCE = 256  # origins


class Series:
    """Values and exogenous columns of the series of a task, as read from its folder."""

    def __init__(self, folder: Path, task: dict):
        with np.load(folder / "task.npz") as arrays:
            bounds = np.cumsum(arrays["lengths"])[:-1]
            self.values = np.split(arrays["values"], bounds)
            self.X = np.split(arrays["X"], bounds)
        self.task = task

    @property
    def exogenous(self) -> list[str]:
        return [f"x{k}" for k in range(self.X[0].shape[1])]

    def known(self) -> pd.DataFrame:
        """What a model may learn from."""
        return self._table(range(len(self.values)), [(0, self.task["train"] or len(v)) for v in self.values])

    def before(self, origins: range, length: int) -> pd.DataFrame:
        """The last values before each origin, each stretch of them a series."""
        return self._of_origins(origins, -length, 0)

    def after(self, origins: range) -> pd.DataFrame:
        """The exogenous columns of the steps to forecast."""
        return self._of_origins(origins, 0, self.task["horizon"]).drop(columns="y")

    def _of_origins(self, origins: range, start: int, stop: int) -> pd.DataFrame:
        numbers = [k for _ in origins for k in range(len(self.values))]
        ranges = [(max(o + start, 0), o + stop) for o in origins for _ in self.values]
        return self._table(numbers, ranges)

    def _table(self, numbers, ranges) -> pd.DataFrame:
        parts = [
            (self.values[k][a:b], self.X[k][a:b], np.arange(a, b)) for k, (a, b) in zip(numbers, ranges, strict=True)
        ]
        ids = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
        columns = {
            "unique_id": ids,
            "ds": np.concatenate([p[2] for p in parts]),
            "y": np.concatenate([p[0] for p in parts]),
        }
        table = pd.DataFrame(columns)
        table[self.exogenous] = np.concatenate([part[1] for part in parts])
        return table


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def origins_of(task: dict) -> range:
    """Steps from which forecasts start."""
    return range(task["first"], task["first"] + task["stride"] * task["origins"], task["stride"])


def arranged(found: pd.DataFrame, task: dict) -> np.ndarray:
    """(series or origins, series, steps), a value from each row."""
    found = found if "unique_id" in found else found.reset_index()
    return found.sort_values(["unique_id", "ds"])[task["method"]].to_numpy(np.float64).reshape(-1, task["horizon"])


def local_model(task: dict):
    """The model that the library finds for a series, with what it says of seasons."""
    from statsforecast import models

    name, season = task["method"], task["season_length"]
    if name == "AutoETS" and task["scale_season"] > season:
        trend = models.AutoETS(model="ZZN")
        return models.MSTL(season_length=[season, task["scale_season"]], trend_forecaster=trend, alias=name)
    if name == "AutoETS" and season > LONGEST_ETS_SEASON:
        season = 1
    return getattr(models, name)(season_length=season, alias=name)


def by_local_models(series: Series, task: dict) -> dict:
    from statsforecast import StatsForecast
    from statsforecast.models import SeasonalNaive

    fallback = SeasonalNaive(season_length=task["scale_season"])
    recent = max(RECENT * task["scale_season"], LONGEST_INPUT)
    table = series.before(origins_of(task), recent) if task["stride"] else series.known()
    table = table[["unique_id", "ds", "y"]]

    def forecast(table):
        models = StatsForecast([local_model(task)], freq=1, n_jobs=cores(), fallback_model=fallback)
        return models.forecast(df=table, h=task["horizon"])

    forecast(table[table["unique_id"] < cores()])  # compiles
    start = time.perf_counter()
    found = forecast(table)
    return {"seconds": time.perf_counter() - start, "forecast": arranged(found, task)}


def by_global_model(series: Series, task: dict) -> dict:
    """Trained for the seconds that are given, which are turned into steps first: schedules look at their number."""
    from neuralforecast import NeuralForecast, models

    for name in list(logging.root.manager.loggerDict):
        if "lightning" in name:
            logging.getLogger(name).setLevel(logging.ERROR)
    seasons = task["season_length"], task["scale_season"]
    length, known = max(*seasons, min(3 * task["horizon"], LONGEST_INPUT)), series.known()

    def fitted(steps: int) -> tuple[NeuralForecast, float]:
        model = getattr(models, task["method"])(
            h=task["horizon"],
            input_size=length,
            scaler_type="robust",
            start_padding_enabled=True,
            futr_exog_list=series.exogenous or None,
            max_steps=steps,
            random_seed=task["seed"],
            alias=task["method"],
            accelerator="cpu",
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
        )
        model = NeuralForecast([model], freq=1)
        start = time.perf_counter()
        model.fit(known)
        return model, time.perf_counter() - start

    fitted(1)  # imports
    steps, seconds = FIRST_TRIAL, fitted(FIRST_TRIAL)[1]
    while seconds < task["budget_s"] / 4:
        steps *= 4
        seconds = fitted(steps)[1]
    steps = max(round(steps * task["budget_s"] / seconds), 1)
    model, seconds = fitted(steps)
    if not task["stride"]:
        return {"seconds": seconds, "steps": steps, "forecast": arranged(model.predict(), task)}
    parts, origins = [], origins_of(task)
    for k in range(0, len(origins), AT_ONCE):
        some = origins[k : k + AT_ONCE]
        ahead = {"futr_df": series.after(some)} if series.exogenous else {}
        parts.append(arranged(model.predict(df=series.before(some, length), **ahead), task))
    return {"seconds": seconds, "steps": steps, "forecast": np.concatenate(parts)}


def main():
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    task = json.loads((folder / "task.json").read_text())
    local = task["method"] in LOCAL
    found = (by_local_models if local else by_global_model)(Series(folder, task), task)
    np.savez(folder / "forecast.npz", forecast=found.pop("forecast"))
    library = "statsforecast" if local else "neuralforecast"
    (folder / "done.json").write_text(json.dumps({**found, "library": f"{library} {version(library)}"}))


if __name__ == "__main__":
    main()
