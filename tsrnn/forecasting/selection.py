"""The race behind "auto": held-back values say which units and how much of the last season a fit starts with."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tsrnn.forecasting.defaults import Choices, candidates, seasonal_weights
from tsrnn.forecasting.panel import Panel
from tsrnn.forecasting.plans import Plan, windowed
from tsrnn.network.network import Network
from tsrnn.training.linear import fit_linear, linear_outputs

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the seasonal naive in the linear map
ENOUGH_ORIGINS = 50  # forecasts that tell two candidates apart, if there are so many series or values
# By which another candidate must be better than the first: held-back values of few series are a matter of chance.
LEAST_GAIN, GAIN_OF_ONE = 0.01, 0.1


def raced(
    model,
    panel: Panel,
    choices: Choices,
    outputs: int,
    ahead: int,
    season: int,
    build: Callable[[Choices], Network],
    rng: np.random.Generator,
) -> Choices:
    """The choices with the normalization and the share of the seasonal naive that forecast held-back values best.

    The linear map alone is fitted, without the last windows of each series, which then tell the candidates apart: by
    the mean absolute error in units of the seasonal naive's. The choices are left as they are where there is nothing
    to choose, or too little to hold anything back.

    Parameters
    ----------
    model : RNNForecaster
    panel : Panel
    choices : Choices
        The first candidate.
    outputs, ahead : int
        See `tsrnn.forecasting.plans.windowed`.
    season : int
        Steps in a season.
    build : callable
        Gives the network of a candidate.
    rng : Generator
    """
    names = candidates(model, panel, choices)
    shares = SHARES if model.linear_skip == "auto" else (0.0,)
    if model._goes_on() or model.early_stopping or not choices.linear_skip or len(names) * len(shares) == 1:
        return choices
    held = max(1, min(outputs, -(-ENOUGH_ORIGINS // panel.n_series)))
    table = []
    for normalize in names:
        candidate = replace(choices, normalize=normalize)
        plan = windowed(model, panel, candidate, outputs, ahead, held)
        if not plan.validation.size:
            return choices
        errors = _errors(model, panel, candidate, plan, season, build(candidate), shares, rng)
        if errors is None:
            return choices
        table.append(errors)
    table = np.array(table)  # (candidates, shares, series)
    known = np.isfinite(table).all(axis=(0, 1))
    if not known.any():
        return choices
    means = table[:, :, known].mean(axis=2)
    best = np.unravel_index(np.argmin(means), means.shape)
    gain = LEAST_GAIN + GAIN_OF_ONE / np.sqrt(known.sum())
    if means[best] > (1 - gain) * means[0, 0]:
        return choices
    return replace(choices, normalize=names[best[0]], seasonal_share=shares[best[1]])


def _errors(model, panel: Panel, choices: Choices, plan: Plan, season, network: Network, shares, rng):
    """Mean absolute errors (shares, S) over the held-back windows of each series; NaN where there is none."""
    dtype = np.dtype(np.float32)
    coefficients = fit_linear(network, plan.training, dtype, model.loss, rng, model.n_jobs)
    if coefficients is None:
        return None
    channels = panel.values.shape[1]
    steps = network.output_size // channels
    naive = np.zeros_like(coefficients)
    naive[:-1] = seasonal_weights(steps, channels, plan.steps, season).T
    (linear, repeated), truth = linear_outputs(network, plan.validation, [coefficients, naive], dtype)
    every = np.arange(plan.validation.size)
    series, (centre, scale) = plan.validation.series(every), plan.validation.measure(every, plan.steps)
    units = plan.units.only(series)

    def in_units_of_the_series(values):
        return units.leave(centre[:, None] + scale[:, None] * values.reshape(len(values), steps, channels))

    truth, unit = in_units_of_the_series(truth), _naive_errors(panel, season)[series]
    found = np.full((len(shares), panel.n_series), np.nan)
    count = np.bincount(series, minlength=panel.n_series)
    for k, share in enumerate(shares):
        error = np.abs(in_units_of_the_series((1 - share) * linear + share * repeated) - truth) / unit[:, None]
        total = np.bincount(series, np.nan_to_num(error).mean(axis=(1, 2)), panel.n_series)
        found[k, count > 0] = total[count > 0] / count[count > 0]
    found[:, ~(_naive_errors(panel, season) > 0).all(axis=1)] = np.nan
    return found


def _naive_errors(panel: Panel, season: int) -> np.ndarray:
    """Mean absolute error (S, K) of the seasonal naive within each series, or of the naive in one without a season."""
    found = np.zeros((panel.n_series, panel.values.shape[1]))
    for number in range(panel.n_series):
        values = panel.series(number)
        step = season if len(values) > season else 1
        changes = np.abs(values[step:] - values[:-step])
        known = np.isfinite(changes)
        found[number] = np.where(known, changes, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return found
