"""The races behind "auto": held-back values say which units, how much of the last season, and how many updates."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tsrnn.forecasting.defaults import Choices, candidates, other_steps, rate_share, seasonal_weights
from tsrnn.forecasting.panel import Panel
from tsrnn.forecasting.plans import Plan, windowed
from tsrnn.kernels.windows import read_only, seasonal_changes
from tsrnn.network.network import Network
from tsrnn.training.linear import fit_linear, linear_outputs, start_linear
from tsrnn.training.parallel import Workers
from tsrnn.training.passes import Passes
from tsrnn.training.trainer import DivergenceError, Trainer

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the seasonal naive in the linear map
# Forecasts that tell two candidates apart, if there are so many series or values: of one series so many, and so many
# horizons, for what happens to be right in one stretch of it need not be in the next.
ENOUGH_ORIGINS, ENOUGH_HORIZONS = 50, 4
# By which another candidate must be better than the first: on the held-back values of one series much is chance.
LEAST_GAIN, GAIN_OF_ONE = 0.01, 0.3

FLOAT = np.dtype(np.float32)


class Races:
    """Candidates are fitted without the last windows of each series, which then tell them apart.

    By the mean absolute error in units of the seasonal naive's, the mean over the series. Where there is too little to
    hold anything back, the first candidate wins.

    Parameters
    ----------
    model : RNNForecaster
    panel : Panel
    outputs, ahead : int
        See `tsrnn.forecasting.plans.windowed`.
    season : int
        Steps in a season.
    build : callable
        Gives the network of some choices.
    rng : Generator
    """

    def __init__(
        self, model, panel: Panel, outputs: int, ahead: int, season: int, build: Callable[[Choices], Network], rng
    ):
        self._model, self._panel, self._outputs, self._ahead = model, panel, outputs, ahead
        self._season, self._build, self._rng = season, build, rng
        # Mean absolute error of the seasonal naive within each series.
        self._unit = np.empty((panel.n_series, panel.values.shape[1]))
        seasonal_changes(read_only(panel.values), panel.begin, panel.end, season, self._unit)
        # Windows of each series: many of few series, but no more than a part of them.
        most = max(outputs, int(np.median(panel.lengths)) // 4)
        self._held = min(most, -(-max(ENOUGH_ORIGINS, ENOUGH_HORIZONS * outputs) // panel.n_series))

    def run(self, choices: Choices) -> Choices:
        """The choices with what has won."""
        if self._model._goes_on() or self._model.early_stopping or not choices.linear_skip:
            return choices
        return self._number_of_updates(self._units(choices))

    def start(self, network: Network, plan: Plan, choices: Choices) -> np.ndarray | None:
        """Coefficients of the linear map that training starts with: fitted, and drawn toward the last season."""
        return self._toward_season(network, plan, self._fitted(network, plan), choices.seasonal_share)

    def _units(self, choices: Choices) -> Choices:
        """With the normalization and the share of the seasonal naive of the best linear map."""
        model = self._model
        names, shares = candidates(model, self._panel, choices), SHARES if model.linear_skip == "auto" else (0.0,)
        if len(names) * len(shares) == 1:
            return choices
        entries, errors = [], []
        for normalize in names:
            candidate = replace(choices, normalize=normalize)
            plan, network = self._held_back(candidate), self._build(candidate)
            linear = self._fitted(network, plan)
            if linear is None or not plan.validation.size:
                return choices
            maps = [self._toward_season(network, plan, linear, share) for share in shares]
            found, _ = linear_outputs(network, plan.validation, maps, FLOAT)
            errors += [self._errors(network, plan, outputs) for outputs in found]
            entries += [replace(candidate, seasonal_share=share) for share in shares]
        return entries[_winner(errors, self._held / self._outputs)]

    def _number_of_updates(self, choices: Choices) -> Choices:
        """With the number of updates after which the network is best."""
        numbers = other_steps(self._model, choices)
        if len(numbers) == 1:
            return choices
        plan, network = self._held_back(choices), self._build(choices)
        linear = self.start(network, plan, choices)
        if linear is None or not plan.validation.size:
            return choices
        rate = self._model.learning_rate_init
        entries = [replace(choices, max_steps=steps, learning_rate_init=rate * rate_share(steps)) for steps in numbers]
        errors = []
        for entry in entries:
            parameters = network.initialize(self._rng, FLOAT, self._model.recurrent_init)
            start_linear(network, parameters, linear)
            options = self._model._options(**entry.training)
            trainer = Trainer(network, parameters, options, plan.training, None, self._rng)
            try:
                trainer.run()
            except DivergenceError:
                errors.append(np.full(self._panel.n_series, np.inf))
                continue
            with Workers(self._model.n_jobs) as workers:
                outputs = Passes(network, trainer.parameters, workers).outputs(plan.validation)
            errors.append(self._errors(network, plan, outputs.astype(np.float64)))
        return entries[_winner(errors, self._held / self._outputs)]

    def _held_back(self, choices: Choices) -> Plan:
        return windowed(self._model, self._panel, choices, self._outputs, self._ahead, self._held)

    def _fitted(self, network: Network, plan: Plan) -> np.ndarray | None:
        return fit_linear(network, plan.training, FLOAT, self._model.loss, self._rng, self._model.n_jobs)

    def _toward_season(self, network: Network, plan: Plan, linear: np.ndarray | None, share: float):
        if linear is None or share == 0:
            return linear
        channels = self._panel.values.shape[1]
        drawn = (1 - share) * linear
        drawn[:-1] += share * seasonal_weights(network.output_size // channels, channels, plan.steps, self._season).T
        return drawn

    def _errors(self, network: Network, plan: Plan, outputs: np.ndarray) -> np.ndarray:
        """Mean absolute error (S,) of outputs for the held-back windows of each series; NaN where there are none."""
        every, n = np.arange(plan.validation.size), self._panel.n_series
        channels = self._panel.values.shape[1]
        series, (centre, scale) = plan.validation.series(every), plan.validation.measure(every, plan.steps)
        units = plan.units.only(series)
        _, targets = linear_outputs(network, plan.validation, [], FLOAT)
        forecast, truth = (
            units.leave(centre[:, None] + scale[:, None] * values.reshape(len(every), -1, channels))
            for values in (outputs, targets)
        )
        unit = np.where(self._unit > 0, self._unit, np.nan)[series][:, None]
        error = np.nan_to_num(np.abs(forecast - truth) / unit).mean(axis=(1, 2))
        known = (np.bincount(series, minlength=n) > 0) & (self._unit > 0).all(axis=1)
        total = np.bincount(series, error, n) / np.maximum(np.bincount(series, minlength=n), 1)
        return np.where(known, total, np.nan)


def _winner(errors: list[np.ndarray], horizons: float) -> int:
    """The number of the candidate with the least mean of errors (S,), if that is clearly below the first one's.

    The forecasts of a series overlap: they are as good as independent ones that fill as many `horizons`.
    """
    table = np.array(errors)
    table = table[:, ~np.isnan(table).any(axis=0)]
    if not table.size:
        return 0
    means = table.mean(axis=1)
    best = int(np.argmin(means))
    gain = LEAST_GAIN + GAIN_OF_ONE / np.sqrt(table.shape[1] * (1 + horizons))
    return best if means[best] < (1 - gain) * means[0] else 0
