"""Going on from the weights of an earlier fit: what must be the same, and what is kept of it."""

import math

from tsrnn.forecasting.series.covariates import past_names
from tsrnn.network.network import Network
from tsrnn.training.trainer import History

# Neither changes what the weights mean.
FREE = ("dropout", "recurrent_dropout")
# What else than the network gives the weights their meaning: parameters of one estimator or the other.
UNITS = ("normalize", "stateful", "multivariate", "past_covariates", "calendar", "missing")
NAMES = {"input_size": "the number of channels", "output_size": "the number of outputs", "steps": "the number of steps"}


def check_same_network(current: Network, wanted: Network, way: str) -> None:
    """Refuse to go on where the network asked for is another than the current one; the error names what differs."""
    _refuse_changes(_meaning(current), _meaning(wanted), way)


def check_same_units(before: dict, model, way: str) -> None:
    """Refuse to go on where a forecaster would read its weights in other units; the error names the parameter."""
    now = units_parameters(model)
    in_other_words = {
        "normalize": {before["normalize"], now["normalize"]} == {"auto", model.normalize_},
        "past_covariates": past_names(before["past_covariates"]) == past_names(now["past_covariates"]),
    }
    _refuse_changes(before, now | {name: before[name] for name, same in in_other_words.items() if same}, way)


def units_parameters(model) -> dict:
    """The parameters that decide what the weights are measured in, by name."""
    return {name: getattr(model, name) for name in UNITS if hasattr(model, name)}


def _refuse_changes(before: dict, now: dict, way: str) -> None:
    changed = [name for name in before if before[name] != now[name]]
    if changed:
        differences = "; ".join(f"{NAMES.get(name, name)} was {before[name]!r}, now {now[name]!r}" for name in changed)
        raise ValueError(
            f"{way} goes on from the current weights, which mean nothing elsewhere: {differences}. "
            "fit with warm_start=False starts anew"
        )


def _meaning(network: Network) -> dict:
    """What the network is made of, but for what its weights do not depend on."""
    sizes = {name: value for name, value in network.arguments.items() if name not in FREE}
    if not isinstance(sizes["hidden_size"], tuple):
        sizes["hidden_size"] = (sizes["hidden_size"],) * sizes["num_layers"]
    if len(set(sizes["hidden_size"])) == 1:
        sizes["hidden_size"] = sizes["hidden_size"][0]
    if network.decoder.every_step:
        del sizes["steps"]  # the same weights at each of them
    return sizes


def curves(model, history: History, goes_on: bool) -> dict[str, list[float] | None]:
    """Losses of all passes since the weights were started; passes without validation have NaN there."""
    loss, validation = (model.loss_curve_, model.validation_loss_curve_) if goes_on else ([], None)
    new = history.validation_loss or None
    if validation is not None or new is not None:
        before = [math.nan] * len(loss) if validation is None else validation
        validation = before + (history.validation_loss or [math.nan] * len(history.loss))
    return {"loss_curve_": loss + history.loss, "validation_loss_curve_": validation}
