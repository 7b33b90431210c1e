"""What a user of neuralforecast and of darts waits for before the first forecast: the other sides of `bench_start.py`.

Air passengers, twelve months ahead, windows of 36 months, each in units of its own: a small network of one layer, a GRU
of 32 units and 300 updates of all 97 windows. It is what a user does at first, not equal work: tsrnn's own choice,
beside a linear map that is fitted first, are fewer updates of 64 units. Equal work is in `bench_fit.py`. Every figure
comes from processes of their own; the first fit of a process imports what the import left out.

Run by the interpreter of the environment that `make bench-env` builds; prints JSON.

    .bench-env/bin/python benchmarks/start_peers.py [--runs 3] [--threads 2]
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from installed import installed_mb
from report import versions

AIR_PASSENGERS = Path(__file__).parent.parent / "datasets/airpassengers.csv"
HORIZON, LOOKBACK, HIDDEN, UPDATES, WINDOWS = 12, 36, 32, 300, 97
FORECASTS = 50
QUIET = {
    "accelerator": "cpu",
    "devices": 1,
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}


def neuralforecast():
    """Functions that fit and forecast."""
    import pandas as pd
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MAE
    from neuralforecast.models import GRU

    table = pd.read_csv(AIR_PASSENGERS, parse_dates=[0]).set_axis(["ds", "y"], axis=1).assign(unique_id="passengers")

    def fit():
        model = GRU(
            h=HORIZON,
            input_size=LOOKBACK,
            encoder_n_layers=1,
            encoder_hidden_size=HIDDEN,
            decoder_layers=1,
            loss=MAE(),
            max_steps=UPDATES,
            windows_batch_size=WINDOWS,
            training_data_availability_threshold=1.0,
            scaler_type="standard",
            num_sanity_val_steps=0,
            limit_val_batches=0,
            **QUIET,
        )
        forecaster = NeuralForecast(models=[model], freq="MS")
        forecaster.fit(table)
        return forecaster

    return fit, lambda forecaster: forecaster.predict()


def darts():
    """Functions that fit and forecast."""
    import numpy as np
    import pandas as pd
    import torch
    from darts import TimeSeries
    from darts.models import BlockRNNModel

    table = pd.read_csv(AIR_PASSENGERS, parse_dates=[0]).set_axis(["ds", "y"], axis=1)
    series = TimeSeries.from_dataframe(table, "ds", "y", freq="MS").astype(np.float32)

    def fit():
        return BlockRNNModel(
            LOOKBACK,
            HORIZON,
            model="GRU",
            hidden_dim=HIDDEN,
            n_rnn_layers=1,
            use_reversible_instance_norm=True,
            loss_fn=torch.nn.L1Loss(),
            batch_size=WINDOWS,
            n_epochs=UPDATES,  # one update each
            pl_trainer_kwargs=QUIET,
        ).fit(series)

    return fit, lambda model: model.predict(HORIZON, show_warnings=False)


PEERS = {"neuralforecast": neuralforecast, "darts": darts}
INSTALLED_AS = {"neuralforecast": "neuralforecast", "darts": "darts[torch]"}


def timed(function, *arguments):
    """Seconds of a call, and what it returned."""
    start = time.perf_counter()
    found = function(*arguments)
    return time.perf_counter() - start, found


def measure(peer: str) -> dict:
    """The figures of this process."""
    import logging
    import warnings

    warnings.filterwarnings("ignore")
    import_s, (fit, predict) = timed(PEERS[peer])  # the table is read within it: a millisecond
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    first_fit_s, model = timed(fit)
    predict(model)
    second_fit_s, model = timed(fit)
    seconds = [timed(predict, model)[0] for _ in range(FORECASTS)]
    return {
        "import_s": import_s,
        "first_fit_s": first_fit_s,
        "second_fit_s": second_fit_s,
        "predict_ms": 1e3 * median(seconds),
    }


def compare(runs: int, threads: int) -> dict:
    """Medians of all peers over runs in which they alternate."""
    environment = dict(os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS")})
    found = {peer: [] for peer in PEERS}
    for _ in range(runs):
        for peer, figures in found.items():
            command = [sys.executable, __file__, "--measure", peer]
            done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            figures.append(json.loads(done.stdout.splitlines()[-1]))
    medians = {peer: {key: median(f[key] for f in figures) for key in figures[0]} for peer, figures in found.items()}
    return {peer: {**figures, "installed_mb": installed_mb(INSTALLED_AS[peer])} for peer, figures in medians.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure", choices=PEERS, help="print the figures of one peer in this process")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure)))
        return
    peers = compare(given.runs, given.threads)
    print(json.dumps({"threads": given.threads, "versions": versions(*PEERS, "torch"), "peers": peers}, indent=1))


if __name__ == "__main__":
    main()
