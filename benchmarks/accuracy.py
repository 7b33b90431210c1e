"""How accurate are the defaults? Each data set by its customary protocol, beside baselines and other libraries.

    python benchmarks/accuracy.py [--sets m4_weekly,hospital] [--members 1,5] [--data FOLDER] [--peers PYTHON]

The default part is "validation", on which settings may be compared; "test" is for a released default, once. Peers run
by the interpreter given, at equal wall time as far as they are trained by steps; what is in the results is not run
again, but for a peer that had less time than now. A data set that is not there is left out, and said so.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import accuracy_peers
import numpy as np
from accuracy_runs import LINEAR_ALONE, Rows, each_task, measure_own, row, smoothing_alone, words
from accuracy_tasks import PARTS, SETS, Task

from tsrnn import __version__

METHODS = ("naive", "tsrnn", "linear", "smoothing", *accuracy_peers.LOCAL, *accuracy_peers.GLOBAL)
OWN, LINEAR, SMOOTHING, NAIVE = "tsrnn", "linear part alone", "exponential smoothing alone", "seasonal naive"
MANY_SEEDS = {"airpassengers": 5}  # at least: one short series
MOST_LOCAL_ORIGINS = 120  # a local model has to be fitted at each


def ensemble(members: int) -> str:
    """The name of several members as one method."""
    return OWN if members == 1 else f"{OWN}, {members} members"


def seeds_of(task: Task, seeds: int) -> range:
    return range(max(seeds, MANY_SEEDS.get(task.name, 0)))


def baselines(task: Task, rows: Rows) -> None:
    rows.put(row(task, NAIVE, "tsrnn.evaluation", None, task.seasonal_naive()))


def peer(
    task: Task, rows: Rows, method: str, python: str, seed: int | None, budget_s: float | None, every: int = 1
) -> None:
    """Another library's model, unless it was run before with as much time; `every` says which origins the task has."""
    before = rows.find(task=task.name, part=task.part, method=method, seed=seed)
    if before is not None and (before.get("budget_s") or 0) >= 0.95 * (budget_s or 0):
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hand_over(task, folder, method=method, seed=seed, budget_s=budget_s)
        command = [python, Path(__file__).with_name("accuracy_peers.py"), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode:
            print(f"{task.name}, {method}: left out, it ended with\n{done.stderr[-2000:]}", file=sys.stderr)
            return
        more = json.loads((folder / "done.json").read_text())
        forecast = np.load(folder / "forecast.npz")["forecast"].reshape(task.truth.shape)
    library = more.pop("library")
    rows.put(row(task, method, library, seed, forecast, **more, budget_s=budget_s, every=every))


def hand_over(task: Task, folder: Path, **more) -> None:
    """Write a task for `accuracy_peers.py`: of a panel what is known, else all values, the future ones included."""
    series, columns = task.histories, 0
    if task.stride is not None:
        future = task.future.to_numpy().reshape(len(task.future), -1)
        series = [np.append(history, future[:, k]) for k, history in enumerate(series)]
        columns = 0 if task.X is None else task.X.shape[1]
    lengths = [len(values) for values in series]
    X = np.zeros((sum(lengths), 0)) if not columns else task.X.to_numpy()[: lengths[0]]
    np.savez(folder / "task.npz", values=np.concatenate(series), lengths=lengths, X=X)
    about = {
        "horizon": task.horizon,
        "season_length": task.season_length,
        "scale_season": task.scale_season,
        "stride": task.stride,
        "first": len(task.histories[0]),
        "origins": len(task.truth),
        "train": None if task.is_panel else len(task.train),
    }
    (folder / "task.json").write_text(json.dumps({**about, **more}))


def budget(task: Task, rows: Rows, given: float | None) -> float | None:
    """Seconds that a peer may train: those of one model of ours, on the mean."""
    if given is not None:
        return given
    seconds = [r["seconds"] for r in rows.rows if (r["task"], r["part"], r["method"]) == (task.name, task.part, OWN)]
    return float(np.mean(seconds)) if seconds else None


def measure(task: Task, arguments: argparse.Namespace, rows: Rows, peers: Rows) -> None:
    """All that is asked for, of one task."""
    wanted, seeds = arguments.methods, seeds_of(task, arguments.seeds)
    if "naive" in wanted:
        baselines(task, rows)
    if "tsrnn" in wanted:
        for members in arguments.members:
            measure_own(task, rows, ensemble(members), {} if members == 1 else {"n_members": members}, seeds)
    if "linear" in wanted:
        measure_own(task, rows, LINEAR, LINEAR_ALONE, seeds)
    if "smoothing" in wanted and task.stride is None:  # at moving origins the default has none, or little
        rows.put(row(task, SMOOTHING, f"tsrnn {__version__}", None, smoothing_alone(task)))
    if arguments.peers is None:
        return
    for method in accuracy_peers.LOCAL:
        if method in wanted:
            some = task.thinned(MOST_LOCAL_ORIGINS)
            every = some.stride // task.stride if some.stride else 1
            peer(some, peers, method, arguments.peers, None, None, every)
    seconds = budget(task, rows, arguments.peer_seconds)
    for method in accuracy_peers.GLOBAL:
        if method not in wanted:
            continue
        if seconds is None:
            print(f"{task.name}, {method}: left out, run tsrnn before, or say how many --peer-seconds it may train")
            continue
        for seed in seeds:
            peer(task, peers, method, arguments.peers, seed, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=words(SETS), default=list(SETS), help="all, or some, separated by commas")
    parser.add_argument("--methods", type=words(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--members", type=lambda text: [int(word) for word in text.split(",")], default=[1, 5])
    parser.add_argument("--part", choices=PARTS, default="validation")
    parser.add_argument("--data", help="folder of the data; the environment variable TSRNN_DATA otherwise")
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter with statsforecast and neuralforecast")
    parser.add_argument("--peer-seconds", type=float, help="training time of peers, that of tsrnn by default")
    parser.add_argument("--fresh", action="store_true", help="forget our own results so far")
    parser.add_argument("--series", type=int, help="so many series of a panel only: a trial that is not stored")
    arguments = parser.parse_args()
    stored = arguments.series is None
    rows = Rows("accuracy", keep=not arguments.fresh, stored=stored)
    peers = Rows("accuracy_peers", keep=stored, stored=stored)
    for task in each_task(arguments.sets, arguments.part, arguments.data, arguments.series):
        measure(task, arguments, rows, peers)


if __name__ == "__main__":
    main()
