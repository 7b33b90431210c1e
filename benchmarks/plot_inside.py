"""Pictures of the inside: how far gradients reach back in RNN, LSTM and GRU, and a forget gate over a series.

python benchmarks/plot_inside.py        writes results/gradient_flow.png and results/gates.png
"""

import numpy as np
from report import RESULTS

from tsrnn import RNNForecaster, RNNRegressor
from tsrnn.datasets import load_co2, make_adding_problem
from tsrnn.evaluation.gate_displays import GateDisplay, GradientFlowDisplay

LENGTH = 100


def gradient_flow():
    """Three cells after the same short training on the adding problem, on one sequence it has not seen."""
    X, y = make_adding_problem(2_000, LENGTH, random_state=0)
    x, target = make_adding_problem(1, LENGTH, random_state=1)
    models = {
        cell: RNNRegressor(cell, max_iter=10, batch_size=100, random_state=0).fit(X.astype(np.float32), y)
        for cell in ("rnn", "lstm", "gru")
    }
    return GradientFlowDisplay.from_estimators(models, target, x=x[0]).plot(relative=True)


def gates():
    """The forget gate of an LSTM without weight decay, over the last window of the carbon dioxide series."""
    model = RNNForecaster(12, cell="lstm", hidden_size=16, alpha=0.0, lookback=60, random_state=0).fit(load_co2())
    return GateDisplay.from_estimator(model, gate="f").plot()


def main():
    for name, display in (("gradient_flow", gradient_flow()), ("gates", gates())):
        path = RESULTS / f"{name}.png"
        display.figure_.savefig(path, dpi=120)
        print("written", path)


if __name__ == "__main__":
    main()
