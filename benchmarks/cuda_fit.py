"""A whole fit of M4 Hourly on a GPU: tsrnn with its default recipe, and torch making the same updates.

torch gets the network that tsrnn has chosen, with the same number of updates of as many windows, the same loss,
schedule, clipping and decay. Its data lie on the GPU before the first update, and windows are gathered and normalised
there. What tsrnn does beside the updates (reading the series, choosing units, the regression that its linear map
starts from) torch is spared; seconds of the updates alone are told apart.

neuralforecast, where it is installed, makes the fits of `bench_fit.py` on the GPU, and tsrnn the same beside it.
"""

import os
import time
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from cuda_precision import chosen

from tsrnn import RNNForecaster
from tsrnn.datasets import fetch_m4_hourly
from tsrnn.training.schedule import SCHEDULES
from tsrnn.training.trainer import Trainer

HORIZON, SEASON = 48, 24
LIKE_BENCH_FIT = {"cell": "gru", "hidden": 64, "layers": 1, "lookback": 168, "horizon": 48, "windows": 128}
STEPS = 300  # updates of that fit
LOSSES = {"absolute_error": "l1_loss", "squared_error": "mse_loss", "huber": "huber_loss"}


@contextmanager
def recorded():
    """Within, a list grows: seconds of each training run, and the trainer, which knows its network and options."""
    run, found = Trainer.run, []

    def timed(self, *arguments, **options):
        start = time.perf_counter()
        run(self, *arguments, **options)
        found.append((time.perf_counter() - start, self))

    Trainer.run = timed
    try:
        yield found
    finally:
        Trainer.run = run


class Net(torch.nn.Module):
    """The network of a `tsrnn.network.network.Network` that decodes directly, in torch's modules."""

    def __init__(self, arguments: dict):
        super().__init__()
        a = self._arguments = arguments
        if a["decoder"] != "direct" or a["residual"] or a["layer_norm"] or a["recurrent_dropout"] or a["known_size"]:
            raise NotImplementedError(f"torch's side knows plain layers and the direct decoder, not {a}")
        inputs, hidden, directions = a["input_size"], a["hidden_size"], 2 if a["bidirectional"] else 1
        self.folds = a["segment"] > 1
        if self.folds:
            self.segment = torch.nn.Linear(a["segment"] * inputs, hidden)
        kind = getattr(torch.nn, a["cell"].upper())
        options = {"dropout": a["dropout"] if a["num_layers"] > 1 else 0.0, "bidirectional": directions == 2}
        self.rnn = kind(hidden if self.folds else inputs, hidden, a["num_layers"], **options)
        self.dropout = torch.nn.Dropout(a["dropout"])
        self.head = torch.nn.Linear(directions * hidden, a["output_size"])
        self.linear = torch.nn.Linear(a["steps"] * inputs, a["output_size"]) if a["linear_skip"] else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (B, O) of windows (B, T, C)."""
        y, length = x, self._arguments["segment"]
        if self.folds:
            short = -x.shape[1] % length
            y = torch.cat([x[:, :1].expand(-1, short, -1), x], dim=1) if short else x
            y = torch.relu(self.segment(y.reshape(len(x), y.shape[1] // length, -1)))
        y, _ = self.rnn(y.transpose(0, 1))
        out = self.head(self.dropout(y[-1]))
        return out + self.linear(x.flatten(1)) if self.linear is not None else out


class Windows:
    """Windows of all series on a device, each in units of its own: its last value, and its deviation."""

    def __init__(self, values: np.ndarray, lengths: np.ndarray, steps: int, horizon: int, device: str):
        ends = np.cumsum(lengths)
        whole = [np.arange(end - n, end - steps - horizon + 1) for n, end in zip(lengths, ends, strict=True)]
        self._values = torch.tensor(values, dtype=torch.float32, device=device)
        self._starts = torch.tensor(np.concatenate(whole), device=device)
        self._within = torch.arange(steps + horizon, device=device)
        self._steps, self.size = steps, len(self._starts)

    def gather(self, which: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Windows (B, T, 1) and what follows them (B, P)."""
        z = self._values[self._starts[which][:, None] + self._within]
        x, y = z[:, : self._steps], z[:, self._steps :]
        last, scale = x[:, -1:], x.std(dim=1, keepdim=True) + 1e-3
        return ((x - last) / scale)[..., None], (y - last) / scale


def torch_training(trainer: Trainer, windows: Windows, device: str) -> torch.Tensor:
    """As many updates as the trainer has made, of the same kind; returns the last loss, on the device."""
    o, n_steps = trainer.options, trainer.history.n_steps
    net = Net(trainer.network.arguments).to(device)
    decays = [(net.linear, o.alpha if o.alpha_linear is None else o.alpha_linear)] if net.linear is not None else []
    others = [p for name, p in net.named_parameters() if not name.startswith("linear.")]
    groups = [{"params": others, "weight_decay": o.alpha}]
    groups += [{"params": list(part.parameters()), "weight_decay": decay} for part, decay in decays]
    optimizer = torch.optim.AdamW(groups, lr=o.learning_rate_init, fused=device == "cuda")
    share = partial(SCHEDULES[o.learning_rate], total=trainer.total_steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: share(min(step, trainer.total_steps)))
    loss_of = getattr(torch.nn.functional, LOSSES[o.loss])
    batch, order, loss = min(o.batch_size, windows.size), None, torch.zeros(())
    for step in range(n_steps):
        place = step % -(-windows.size // batch) * batch
        if place == 0:
            order = torch.randperm(windows.size, device=device)
        x, y = windows.gather(order[place : place + batch])
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        if o.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(net.parameters(), o.clip_norm)
        optimizer.step()
        schedule.step()
    return loss.detach()


def by_tsrnn(y, precision: str, **settings) -> tuple[dict, list[Trainer]]:
    """Seconds of a fit and of the updates in it, a forecast's, and what trained."""
    settings = {"season_length": SEASON, "random_state": 0, "device": "cuda"} | chosen(precision) | settings
    with recorded() as runs:
        start = time.perf_counter()
        model = RNNForecaster(HORIZON, **settings).fit(y)
        fit_s = time.perf_counter() - start
    start = time.perf_counter()
    model.predict()
    found = {"fit_s": fit_s, "training_s": sum(seconds for seconds, _ in runs)}
    trainers = [trainer for _, trainer in runs]
    updates = sum(trainer.history.n_steps for trainer in trainers)
    return found | {"predict_s": time.perf_counter() - start, "updates": updates}, trainers


def by_torch(y, trainers: list[Trainer], tf32: bool, device: str = "cuda") -> dict:
    """The same of torch."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
    start = time.perf_counter()
    values, lengths = y.to_numpy(np.float32), y.groupby(level=0, sort=False).size().to_numpy()
    training_s = 0.0
    for trainer in trainers:
        windows = Windows(values, lengths, trainer.network.steps, trainer.network.output_size, device)
        before = time.perf_counter()
        float(torch_training(trainer, windows, device))
        training_s += time.perf_counter() - before
    return {"fit_s": time.perf_counter() - start, "training_s": training_s}


def default_recipe(precisions: list[str], y=None, device: str = "cuda", **settings) -> dict:
    """Fits with the default recipe: each side once to warm up, by few updates, and once in earnest."""
    y = fetch_m4_hourly().train if y is None else y
    settings = {"device": device} | settings
    found, trainers = {}, []
    for precision in precisions:
        first, _ = by_tsrnn(y, precision, **settings | {"max_steps": 5})
        whole, trainers = by_tsrnn(y, precision, **settings)
        found[f"tsrnn {precision}"] = whole | {"first_fit_s": first["fit_s"]}
    for name, tf32 in (("torch float32", False), ("torch tf32", True)):
        few = [_shortened(trainer) for trainer in trainers]
        by_torch(y, few, tf32, device)
        found[name] = by_torch(y, trainers, tf32, device)
    network = trainers[-1].network.arguments
    told = {name: network[name] for name in ("cell", "steps", "segment", "hidden_size", "num_layers")}
    return {**told, "batch_size": trainers[-1].options.batch_size, "sides": found}


def _shortened(trainer: Trainer):
    """The trainer as if it had made five updates."""
    short = Trainer.__new__(Trainer)
    short.__dict__.update(trainer.__dict__)
    short.history = type(trainer.history)(n_steps=min(5, trainer.history.n_steps))
    return short


def against_neuralforecast(precisions: list[str]) -> dict:
    """The fit of `bench_fit.py` by both, on the GPU: seconds of the second fit in this process."""
    import fit_sides

    table = fetch_m4_hourly().train.reset_index()
    table.columns = ["unique_id", "ds", "y"]
    found = {}
    sides = [("neuralforecast", "neuralforecast", {"accelerator": "gpu"})]
    sides += [(f"tsrnn {p}", "tsrnn", {"device": "cuda"} | chosen(p)) for p in precisions]
    for name, side, extra in sides:
        setting = {**LIKE_BENCH_FIT, "threads": os.cpu_count(), "estimator": extra}
        fit, _ = fit_sides.SIDES[side](setting)
        fit(table, fit_sides.FEW)
        few_s, _, _ = fit_sides.timed(fit, table, fit_sides.FEW)
        fit_s, _, _ = fit_sides.timed(fit, table, STEPS)
        found[name] = {"fit_s": fit_s, "step_ms": 1e3 * (fit_s - few_s) / (STEPS - fit_sides.FEW)}
    return {**LIKE_BENCH_FIT, "steps": STEPS, "sides": found}
