"""Time of a training step against torch on the same threads.

Both sides do the same: forward through the recurrent layer and a dense head on the last state, mean squared error,
backward, clipping of the gradient's norm to 1, one step of Adam. tsrnn also gathers the batch from a table of rows,
which torch is spared. Runs of the two sides alternate; the medians are compared.

    python benchmarks/bench_cells.py [--runs 15] [--threads 2]
"""

import argparse
import time

import numpy as np
import torch
from report import write

from tsrnn.forecasting.windows import TableRows
from tsrnn.kernels.optimization import norm
from tsrnn.network.network import Network
from tsrnn.training.losses import LOSSES
from tsrnn.training.optimizers import AdamW
from tsrnn.training.parallel import Workers, single_threaded_blas
from tsrnn.training.passes import Passes

# (B, T, I, H): batch, steps, inputs, hidden units
SHAPES = [
    (32, 24, 1, 32),
    (64, 48, 1, 64),
    (64, 168, 8, 64),
    (256, 96, 1, 128),
    (128, 96, 4, 256),
    (64, 48, 8, 512),
    (2, 168, 1, 64),
]
RATE = 1e-3
PAUSE = 0.01  # seconds between the sides: the threads of the one have gone to sleep before the other starts


def torch_step(cell, rows, steps, inputs, hidden):
    """A function that does one training step in torch."""
    torch.manual_seed(0)
    layer = getattr(torch.nn, cell.upper())(inputs, hidden)
    head = torch.nn.Linear(hidden, 1)
    parameters = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=RATE)
    x, y = torch.randn(steps, rows, inputs), torch.randn(rows, 1)

    def step():
        optimizer.zero_grad()
        states, _ = layer(x)
        loss = ((head(states[-1]) - y) ** 2).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return step


def tsrnn_step(cell, rows, steps, inputs, hidden, workers):
    """A function that does one training step in tsrnn."""
    rng = np.random.default_rng(0)
    network = Network(cell, steps, inputs, hidden, 1, 1)
    parameters = network.initialize(rng, np.dtype(np.float32))
    table = rng.standard_normal((rows, steps, inputs)).astype(np.float32)
    targets = rng.standard_normal((rows, 1)).astype(np.float32)
    samples = TableRows(table, targets, None, np.zeros(inputs), np.ones(inputs))
    passes = Passes(network, parameters, workers)
    optimizer = AdamW(parameters.size, parameters.dtype, 0.0, 1.0)
    which = rng.permutation(rows)

    def step():
        _, gradient, _ = passes.gradient(samples, which, LOSSES["squared_error"])
        optimizer.update(parameters, gradient, norm(gradient), RATE)

    return step


def seconds(step, least=0.03):
    """Mean seconds of a step over as many as take `least` seconds."""
    count, start = 0, time.perf_counter()
    while True:
        step()
        count += 1
        elapsed = time.perf_counter() - start
        if elapsed >= least:
            return elapsed / count


def matrix_rate(threads):
    """GFLOP/s of the machine's large single-precision matrix product, by numpy on all `threads`."""
    from threadpoolctl import threadpool_limits

    a = np.random.default_rng(0).standard_normal((2048, 2048)).astype(np.float32)
    with threadpool_limits(threads, user_api="blas"):
        a @ a
        times = []
        for _ in range(7):
            start = time.perf_counter()
            a @ a
            times.append(time.perf_counter() - start)
    return 2 * 2048**3 / float(np.median(times)) / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    gates = {"rnn": 1, "lstm": 4, "gru": 3}
    rows = []
    with single_threaded_blas(), Workers(options.threads) as workers:
        for cell in ("lstm", "gru", "rnn"):
            for shape in SHAPES:
                sides = {
                    "torch": torch_step(cell, *shape),
                    "tsrnn": tsrnn_step(cell, *shape, workers),
                }
                for step in sides.values():  # compilation and first touches of memory
                    step()
                    step()
                times = {name: [] for name in sides}
                for _ in range(options.runs):
                    for name, step in sides.items():
                        time.sleep(PAUSE)
                        times[name].append(seconds(step))
                median = {name: float(np.median(t)) for name, t in times.items()}
                ratios = np.array(times["torch"]) / np.array(times["tsrnn"])
                b, t, i, h = shape
                work = 3 * 2 * b * t * gates[cell] * h * (i + h)
                row = {
                    "cell": cell,
                    **dict(zip("BTIH", shape, strict=True)),
                    "torch_ms": 1e3 * median["torch"],
                    "tsrnn_ms": 1e3 * median["tsrnn"],
                    "ratio": float(np.median(ratios)),
                    "tsrnn_gflops": work / median["tsrnn"] / 1e9,
                }
                rows.append(row)
                print(
                    f"{cell:4} B{b} T{t} I{i} H{h}: torch {row['torch_ms']:.3f} ms, tsrnn {row['tsrnn_ms']:.3f} ms, "
                    f"ratio {row['ratio']:.2f}, {row['tsrnn_gflops']:.0f} GFLOP/s",
                    flush=True,
                )
    means = {
        cell: float(np.exp(np.mean([np.log(r["ratio"]) for r in rows if r["cell"] == cell])))
        for cell in ("lstm", "gru", "rnn")
    }
    both = [r["ratio"] for r in rows if r["cell"] in ("lstm", "gru")]
    means["lstm and gru"] = float(np.exp(np.mean(np.log(both))))
    print("geometric means of the ratios:", {name: round(value, 2) for name, value in means.items()})
    figures = {
        "threads": options.threads,
        "runs": options.runs,
        "matrix_gflops": matrix_rate(options.threads),
        "geometric_mean": means,
        "steps": rows,
    }
    print("written", write("cells", figures, "torch"))


if __name__ == "__main__":
    main()
