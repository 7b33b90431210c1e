"""What is each ingredient of the defaults worth? One off at a time, on validation.

    python benchmarks/ablations.py [--sets m4_weekly,hospital] [--seeds 3] [--data FOLDER] [--without NAME,...]

Same data, seeds and scores as `accuracy.py`; the test part is not looked at.
"""

import argparse

import numpy as np
from accuracy_runs import LINEAR_ALONE, Rows, each_task, measure_own, words
from accuracy_tasks import SETS, Task

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
    parser.add_argument("--sets", type=words(SETS), default=list(SETS), help="all, or some, separated by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", help="folder of the data; the environment variable TSRNN_DATA otherwise")
    parser.add_argument(
        "--without",
        type=words(INGREDIENTS),
        default=list(INGREDIENTS),
        help="some of the ingredients, separated by commas; the default is run anyway",
    )
    parser.add_argument("--fresh", action="store_true", help="forget the results so far")
    parser.add_argument("--series", type=int, help="so many series of a panel only: a trial that is not stored")
    arguments = parser.parse_args()
    stored = arguments.series is None
    rows = Rows("ablations", keep=stored and not arguments.fresh, stored=stored)
    for task in each_task(arguments.sets, "validation", arguments.data, arguments.series):
        for ingredient in dict.fromkeys([DEFAULT, *arguments.without]):
            if can_be_used(INGREDIENTS[ingredient], task):
                measure_own(task, rows, ingredient, INGREDIENTS[ingredient], range(arguments.seeds))
            else:
                print(f"{task.name}, {ingredient}: left out, there are no logarithms of values below zero")


if __name__ == "__main__":
    main()
