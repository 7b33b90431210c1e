"""How far back each cell remembers: the adding problem and delayed copy at growing lengths.

Adding problem (Hochreiter and Schmidhuber, 1997; the form of Le, Jaitly and Hinton, 2015): the sum of two marked
numbers is asked for at the end; answering the mean has a mean squared error of 1/6. Delayed copy (after Arjovsky,
Shah and Bengio, 2016): four numbers shown first are asked for after a delay; the mean has 1/3. The cells train
alike: same size, updates, batches and seeds; only the cell differs. The error is of the test part, after training.

    python benchmarks/bench_memory.py [--lengths 50 100 200 400] [--seeds 1] [--cells rnn lstm ...]
"""

import argparse
import time

import numpy as np
from report import write

from tsrnn import RNNRegressor
from tsrnn.datasets import make_adding_problem, make_delayed_copy
from tsrnn.network.cells import CELLS

TRAINING = {
    "hidden_size": 32,
    "recurrent_init": "orthogonal",
    "max_iter": 60,
    "batch_size": 100,
    "learning_rate_init": 5e-3,
}
SAMPLES, TEST_SAMPLES = 10_000, 2_000
SYMBOLS = 4
TASKS = {
    "adding problem": (lambda n, length, seed: make_adding_problem(n, length, random_state=seed), 1 / 6),
    "delayed copy": (
        lambda n, length, seed: make_delayed_copy(n, length - SYMBOLS - 1, n_symbols=SYMBOLS, random_state=seed),
        1 / 3,
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[50, 100, 200, 400])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS))
    options = parser.parse_args()
    results = []
    for length in options.lengths:
        for task, (make, _) in TASKS.items():
            X_test, y_test = make(TEST_SAMPLES, length, 10_000)
            for cell in options.cells:
                errors, seconds = [], []
                for seed in range(options.seeds):
                    X, y = make(SAMPLES, length, seed)
                    start = time.perf_counter()
                    model = RNNRegressor(cell, random_state=seed, **TRAINING).fit(X.astype(np.float32), y)
                    seconds.append(time.perf_counter() - start)
                    errors.append(float(np.mean((model.predict(X_test.astype(np.float32)) - y_test) ** 2)))
                results.append({"task": task, "length": length, "cell": cell, "errors": errors, "seconds": seconds})
                print(f"{task}, length {length}, {cell}: {errors} in {sum(seconds):.0f} s", flush=True)
        figures = {
            "training": {**TRAINING, "samples": SAMPLES},
            "error_of_the_mean": {task: error for task, (_, error) in TASKS.items()},
            "seeds": options.seeds,
            "results": results,
        }
        path = write("memory", figures)  # after each length: the long ones take a while
    print("written", path)


if __name__ == "__main__":
    main()
