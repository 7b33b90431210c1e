"""The sides of `bench_fit.py`. Each runs in a process of its own, by its own interpreter, and writes its figures.

A side makes of a setting two functions, `fit(table, steps)` and `predict(model)`. Both take and return tables in long
format, so that each side also pays for the way from a user's table into its own form and back. A setting may have
further arguments of the model, "estimator".

    python benchmarks/fit_sides.py SETTING.json      called by bench_fit.py
"""

import json
import resource
import sys
import time
from pathlib import Path
from statistics import median

FEW = 2  # updates of the fit that shows what a fit costs before its first update
RATE = 3e-3
SEASON = 24


def tsrnn(s):
    """tsrnn, its training made like neuralforecast's: see `bench_fit.py`."""
    from tsrnn import RNNForecaster, from_long, to_long

    def fit(table, steps):
        _, y = from_long(table)
        return RNNForecaster(
            s["horizon"],
            cell=s["cell"],
            lookback=s["lookback"],
            season_length=SEASON,
            decoder="direct",
            normalize="mean",
            linear_skip=True,
            segment=1,
            hidden_size=s["hidden"],
            num_layers=s["layers"],
            dropout=0.0,
            alpha=0.0,
            learning_rate="constant",
            learning_rate_init=RATE,
            clip_norm=None,
            batch_size=s["windows"],
            max_iter=steps,
            max_steps=steps,
            random_state=1,
            n_jobs=s["threads"],
            **s.get("estimator", {}),
        ).fit(y)

    return fit, lambda model: to_long(model.predict(), "forecast")


def neuralforecast(s):
    """neuralforecast without logs, bars, checkpoints and validation."""
    import logging
    import warnings

    import torch
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MAE
    from neuralforecast.models import GRU, LSTM

    for name in ("pytorch_lightning", "lightning_fabric", "lightning.fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(s["threads"])

    def fit(table, steps):
        model = {"gru": GRU, "lstm": LSTM}[s["cell"]](
            h=s["horizon"],
            input_size=s["lookback"],
            encoder_n_layers=s["layers"],
            encoder_hidden_size=s["hidden"],
            encoder_dropout=0.0,
            decoder_layers=1,
            recurrent=False,
            loss=MAE(),
            max_steps=steps,
            learning_rate=RATE,
            num_lr_decays=-1,
            windows_batch_size=s["windows"],
            training_data_availability_threshold=1.0,
            scaler_type="standard",
            random_seed=1,
            alias="forecast",
            devices=1,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            num_sanity_val_steps=0,
            limit_val_batches=0,
            **{"accelerator": "cpu"} | s.get("estimator", {}),
        )
        forecaster = NeuralForecast(models=[model], freq=1)
        forecaster.fit(table)
        return forecaster

    return fit, lambda forecaster: forecaster.predict()


def _regressor(s, samples, steps):
    """scikit-learn's network of one hidden layer, for about so many updates."""
    from sklearn.neural_network import MLPRegressor

    passes = max(1, round(steps / -(-samples // s["windows"])))
    return MLPRegressor(
        hidden_layer_sizes=(s["hidden"],),
        batch_size=min(s["windows"], samples),
        learning_rate_init=RATE,
        max_iter=passes,
        n_iter_no_change=passes,
        tol=0.0,
        alpha=0.0,
        random_state=1,
    )


def _quietly(model, *data):
    """The model, fitted; that it made all its passes is wanted here."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*data)


def perceptron(s):
    """scikit-learn's MLPRegressor on the windows of one series, all steps of the horizon at once."""
    import numpy as np
    import pandas as pd

    length = s["lookback"] + s["horizon"]

    def fit(table, steps):
        y = table["y"].to_numpy()
        mean, deviation = y.mean(), y.std()
        z = (y - mean) / deviation
        windows = np.lib.stride_tricks.sliding_window_view(z, length)
        model = _regressor(s, len(windows), steps)
        _quietly(model, windows[:, : s["lookback"]], windows[:, s["lookback"] :])
        return model, z[-s["lookback"] :], mean, deviation, table["unique_id"].iloc[-1], table["ds"].iloc[-1]

    def predict(fitted):
        model, last, mean, deviation, name, end = fitted
        values = mean + deviation * model.predict(last[None])[0]
        return pd.DataFrame({"unique_id": name, "ds": end + 1 + np.arange(len(values)), "forecast": values})

    return fit, predict


def skforecast(s):
    """skforecast's recursive forecaster of one series around scikit-learn's MLPRegressor: trained for one step."""
    import pandas as pd
    from skforecast.recursive import ForecasterRecursive
    from sklearn.preprocessing import StandardScaler

    def fit(table, steps):
        y = pd.Series(table["y"].to_numpy(), pd.RangeIndex(table["ds"].iloc[0], table["ds"].iloc[-1] + 1), name="y")
        model = ForecasterRecursive(
            estimator=_regressor(s, len(y) - s["lookback"], steps),
            lags=s["lookback"],
            transformer_y=StandardScaler(),
        )
        _quietly(model, y)
        return model, table["unique_id"].iloc[-1]

    def predict(fitted):
        values = fitted[0].predict(steps=s["horizon"])
        return pd.DataFrame({"unique_id": fitted[1], "ds": values.index, "forecast": values.to_numpy()})

    return fit, predict


SIDES = {"tsrnn": tsrnn, "neuralforecast": neuralforecast, "scikit-learn": perceptron, "skforecast": skforecast}


def prepare(parquet, out):
    """The training part of M4 Hourly as arrays, sorted by series: neither side's process shall pay for its reading."""
    import numpy as np
    import pandas as pd

    table = pd.read_parquet(parquet)
    table = table[table["split"] == "train"].astype({"unique_id": str}).sort_values(["unique_id", "ds"])
    np.savez(out, unique_id=table["unique_id"].to_numpy(np.str_), ds=table["ds"].to_numpy(), y=table["y"].to_numpy())


def matrix_gflops(size=2048, runs=7):
    """Rate of a large matrix product in float32: no update can do its own products faster."""
    import blas  # noqa: F401
    import numpy as np

    a = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    a @ a
    return 2 * size**3 / median(timed(np.dot, a, a)[0] for _ in range(runs)) / 1e9


def load(s):
    """The series without their last `horizon` values, or one of them, in long format."""
    import numpy as np
    import pandas as pd

    with np.load(s["table"]) as arrays:
        table = pd.DataFrame(dict(arrays))
    if s["series"]:
        table = table[table["unique_id"] == s["series"]]
    from_the_end = table.groupby("unique_id", sort=False).cumcount(ascending=False)
    return table[from_the_end >= s["horizon"]].reset_index(drop=True)


def timed(function, *arguments):
    """Seconds of a call, seconds of processors in it, and what it returned."""
    start, busy = time.perf_counter(), time.process_time()
    found = function(*arguments)
    return time.perf_counter() - start, time.process_time() - busy, found


def peak_mb():
    """Most memory that this process has ever held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, KiB elsewhere
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def measure(s):
    """All figures of one side in one setting; the forecasts, (series, horizon), are saved beside them."""
    import numpy as np

    table = load(s)
    start = time.perf_counter()
    fit, predict = SIDES[s["side"]](s)
    import_s = time.perf_counter() - start
    before_mb = peak_mb()
    first_s, _, model = timed(fit, table, FEW)
    predict(model)
    few_s, few_cpu_s, _ = timed(fit, table, FEW)
    fit_s, fit_cpu_s, model = timed(fit, table, s["steps"])
    predicts = [timed(predict, model) for _ in range(5)]
    forecast = predicts[-1][2].sort_values(["unique_id", "ds"])
    np.save(s["forecast"], forecast["forecast"].to_numpy(np.float64).reshape(-1, s["horizon"]))
    return {
        "import_s": import_s,
        "first_fit_s": first_s,
        "few_s": few_s,
        "fit_s": fit_s,
        "fit_cpu_s": fit_cpu_s,
        "step_s": (fit_s - few_s) / (s["steps"] - FEW),
        "step_cpu_s": (fit_cpu_s - few_cpu_s) / (s["steps"] - FEW),
        "predict_s": median(seconds for seconds, _, _ in predicts),
        "before_mb": before_mb,
        "peak_mb": peak_mb(),
    }


def main():
    from report import versions

    s = json.loads(Path(sys.argv[1]).read_text())
    if s["side"] == "prepare":
        prepare(s["parquet"], s["table"])
        figures = {}
    elif s["side"] == "matrix":
        figures = {"gflops": matrix_gflops()}
    else:
        figures = measure(s)
    figures["versions"] = versions("neuralforecast", "torch", "skforecast")
    Path(s["out"]).write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
