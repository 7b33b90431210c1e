"""What is each ingredient of the defaults worth? One off at a time, on validation.

    python benchmarks/ablations.py [--sets m4_weekly,hospital] [--seeds 3] [--data FOLDER] [--without NAME,...]

Same data, seeds and scores as `accuracy.py`; the test part is not looked at.
"""

import argparse

import numpy as np
from accuracy_runs import LINEAR_ALONE, Rows, measure_own
from accuracy_tasks import SETS, Task, tasks_of

DEFAULT = "default"
# By what is left out or put in its place: the parameters that say so.
INGREDIENTS: dict[str, dict] = {
    DEFAULT: {},
    "neither linear part nor smoothing": {"linear_skip": False},
    "linear part alone": LINEAR_ALONE,
    "no exponential smoothing": {"linear_skip": True},
    "no logarithms": {"normalize": "last"},
    "centre at the mean": {"normalize": "log_mean"},
    "no segments": {"segment": 1},
    "no weight decay": {"alpha": 0.0},
    "no dropout": {"dropout": 0.0},
    "squared error": {"loss": "squared_error"},
    "constant learning rate": {"learning_rate": "constant"},
    "no clipping": {"clip_norm": None},
    "LSTM for GRU": {"cell": "lstm"},
    "RNN for GRU": {"cell": "rnn"},
}


def can_be_used(parameters: dict, task: Task) -> bool:
    """Whether series have the logarithms that are asked for."""
    return not parameters.get("normalize", "").startswith("log_") or bool(np.nanmin(task.train.to_numpy()) >= 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS), help="all, or some, separated by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", help="folder of the data; the environment variable TSRNN_DATA otherwise")
    parser.add_argument("--without", help="some of the ingredients, separated by commas; the default is run anyway")
    parser.add_argument("--fresh", action="store_true", help="forget the results so far")
    parser.add_argument("--series", type=int, help="so many series of a panel only: a trial that is not stored")
    arguments = parser.parse_args()
    chosen = list(INGREDIENTS) if arguments.without is None else [DEFAULT, *arguments.without.split(",")]
    for option, names, known in (("--sets", arguments.sets.split(","), SETS), ("--without", chosen, INGREDIENTS)):
        unknown = [name for name in names if name not in known]
        if unknown:
            parser.error(f"{option}: {', '.join(unknown)} is not among {', '.join(known)}")
    stored = arguments.series is None
    rows = Rows("ablations", keep=stored and not arguments.fresh, stored=stored)
    for name in arguments.sets.split(","):
        try:
            tasks = tasks_of(name, "validation", arguments.data)
        except (OSError, ModuleNotFoundError) as reason:
            print(f"{name}: left out. {reason}")
            continue
        for task in tasks:
            part = task if stored else task.only(arguments.series)
            for ingredient in chosen:
                if can_be_used(INGREDIENTS[ingredient], part):
                    measure_own(part, rows, ingredient, INGREDIENTS[ingredient], range(arguments.seeds))
                else:
                    print(f"{task.name}, {ingredient}: left out, there are no logarithms of values below zero")


if __name__ == "__main__":
    main()
