"""The adding problem: can a cell carry two numbers over a hundred steps to where their sum is asked for?

Hochreiter and Schmidhuber (1997); the form of Le, Jaitly and Hinton (2015). Answering 1 always, the mean, has a mean
squared error of 1/6. The cells train alike: same size, updates, batches and seeds; only the cell differs.

    python benchmarks/bench_memory.py [--length 100] [--seeds 3]
"""

import argparse
import time

import numpy as np
from report import write

from tsrnn import RNNRegressor
from tsrnn.datasets import make_adding_problem

TRAINING = {"hidden_size": 32, "max_iter": 40, "batch_size": 100, "learning_rate_init": 5e-3}
SAMPLES, TEST_SAMPLES = 10_000, 2_000
MEAN_ERROR = 1 / 6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    X_test, y_test = make_adding_problem(TEST_SAMPLES, options.length, random_state=10_000)
    cells = {}
    for cell in ("rnn", "lstm", "gru"):
        errors, seconds = [], []
        for seed in range(options.seeds):
            X, y = make_adding_problem(SAMPLES, options.length, random_state=seed)
            start = time.perf_counter()
            model = RNNRegressor(cell, random_state=seed, **TRAINING).fit(X.astype(np.float32), y)
            seconds.append(time.perf_counter() - start)
            errors.append(float(np.mean((model.predict(X_test.astype(np.float32)) - y_test) ** 2)))
            print(f"{cell} seed {seed}: mean squared error {errors[-1]:.5f} in {seconds[-1]:.0f} s", flush=True)
        cells[cell] = {"errors": errors, "median_error": float(np.median(errors)), "seconds": seconds}
    figures = {
        "length": options.length,
        "training": {**TRAINING, "samples": SAMPLES},
        "error_of_the_mean": MEAN_ERROR,
        "cells": cells,
    }
    print("written", write("memory", figures))


if __name__ == "__main__":
    main()
