"""The races behind "auto": held-back values say which units, how many updates, and how much of them."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np

from tsrnn.forecasting.defaults import (
    LONG_TOGETHER,
    Choices,
    acting_with_state,
    candidates,
    enough_to_act,
    is_long,
    other_steps,
    rate_share,
)
from tsrnn.forecasting.plans import Plan, windowed
from tsrnn.forecasting.series.panel import Panel
from tsrnn.forecasting.smoothing import averaged, mixed, smoothing_forecasts
from tsrnn.kernels.series import read_only, seasonal_changes
from tsrnn.network.network import Network
from tsrnn.training.devices import workers_on
from tsrnn.training.linear import LinearMap, fit_linear, linear_outputs, start_linear
from tsrnn.training.passes import Passes
from tsrnn.training.trainer import DivergenceError, Trainer

# Forecasts that tell two candidates apart, if there are so many series or values: of one series so many, so many
# horizons, and such a part of it, for what happens to be right in one stretch of it need not be in the next.
ENOUGH_ORIGINS, ENOUGH_HORIZONS, MOST_ORIGINS = 50, 4, 20_000
PART, MOST_OF_ONE = 10, 5000  # a tenth, held back of series with columns known ahead too; origins of one at most
LONG = 10  # horizons of a series, or held back of it
LEAST_HORIZONS = 3  # of all series, that say how much is to be learnt
RACED_STEPS = 300  # updates, at most, that say which of two networks learns better
SHARES = (0.25, 0.5, 0.75, 1.0)  # of what training changes, where many horizons of a series can be held back
# By which another candidate must be better than the first: on the held-back values of one series much is chance.
# What training gains on one stretch of all series, which have much in common, it may lose on the next; and so may a
# linear map without smoothing beside it.
LEAST_GAIN, LEAST_GAIN_OF_TRAINING, LEAST_GAIN_ALONE, GAIN_OF_ONE = 0.01, 0.03, 0.03, 0.3

FLOAT = np.dtype(np.float32)


class Races:
    """Candidates are fitted without the last windows of each series, which then tell them apart.

    By absolute errors in units of the seasonal naive's and by symmetric relative ones, as the M4 competition did
    (Makridakis et al. 2020): those are led by series that change their ways, these by low values. Where there is too
    little to hold anything back, the first candidate wins.

    Parameters
    ----------
    model : RNNForecaster
    panel : Panel
    outputs, ahead : int
        See `tsrnn.forecasting.plans.windowed`.
    given_ahead : bool
        Whether columns known ahead were given, and not the calendar's alone, of which the seasons tell most.
    season : int
        Steps in a season.
    build : callable
        Gives the network of some choices.
    rng : Generator

    Attributes
    ----------
    selection : {"validation", "rules"}
        Whether held-back values have had a say.
    """

    def __init__(
        self,
        model,
        panel: Panel,
        outputs: int,
        ahead: int,
        given_ahead: bool,
        season: int,
        build: Callable[[Choices], Network],
        rng,
    ):
        self._model, self._panel, self._outputs, self._ahead = model, panel, outputs, ahead
        self._season, self._build, self._rng = season, build, rng
        self.selection = model.selection_ if model._goes_on() else "rules"
        self._held_smoothed = None
        self._signless = bool(np.nanmin(panel.values) >= 0)
        # Windows of each series: many of few series, but no more than a part of them.
        middle = int(np.median(panel.lengths))
        of_one = min(middle // PART, MOST_OF_ONE)
        wanted = -(-max(ENOUGH_ORIGINS, ENOUGH_HORIZONS * outputs, of_one) // panel.n_series)
        if middle >= LONG * outputs:  # origins of a whole horizon, which may be a season, cost nothing there
            wanted = max(wanted, min(outputs, -(-MOST_ORIGINS // panel.n_series)))
        self._given_ahead = given_ahead
        if given_ahead:
            wanted = max(wanted, middle // PART)
        self._held = min(max(outputs, middle // 4), wanted)
        self._much = min(self._held, of_one) >= max(ENOUGH_ORIGINS, LONG * outputs)
        # Of more series than that many origins want only some, evenly spaced, hold windows back.
        some = np.arange(panel.n_series) % -(-panel.n_series * self._held // MOST_ORIGINS) == 0
        self._held_of_each = np.where(some, self._held, 0)

    @cached_property
    def _unit(self) -> np.ndarray:
        """Mean absolute error (S, K) of the seasonal naive within each series."""
        panel = self._panel
        found = np.empty((panel.n_series, panel.values.shape[1]))
        seasonal_changes(read_only(panel.values), panel.begin, panel.end, self._season, found)
        return found

    def run(self, choices: Choices) -> Choices:
        """The choices with what has won."""
        if self._model._goes_on() or self._model.early_stopping or not choices.linear_skip:
            return replace(choices, apart=False, training_share=1.0)
        choices = self._units(choices)
        if self._build(choices).decoder.reads_outputs:  # a share of its weights is no share of its forecast
            choices = replace(choices, apart=False, training_share=1.0)
            return enough_to_act(self._model, choices) if self._given_ahead else choices
        if choices.apart:
            return self._together(choices)
        found = self._with_state(choices)
        return self._training(choices) if found is choices else found

    def start(self, choices: Choices, network: Network, plan: Plan) -> LinearMap | None:
        """The linear map that training starts with."""
        model = self._model
        return fit_linear(network, plan.training, FLOAT, model.loss, self._rng, model.n_jobs, choices.linear_spans)

    def _units(self, choices: Choices) -> Choices:
        """With the normalization of the best linear map, and without smoothing where one is better by itself."""
        names, share = candidates(self._model, self._panel, choices), choices.smoothing_share
        if len(names) == 1 and share == 0:
            return choices
        errors, without = [], []
        for normalize in names:
            candidate = replace(choices, normalize=normalize)
            mapped = self._mapped(candidate)
            if mapped is None:
                return choices
            plan, _, _, found, targets = mapped
            errors.append(self._errors(plan, found, targets, share))
            if share:
                without.append(self._errors(plan, found, targets, 0.0))
            del mapped, plan  # logarithms of all values, perhaps, of which the next candidate makes its own
        best = self._won(errors, LEAST_GAIN)
        if share:
            alone = self._won(without, LEAST_GAIN)
            if self._won([errors[best], without[alone]], LEAST_GAIN_ALONE) == 1:
                best, share = alone, 0.0
        return replace(choices, normalize=names[best], smoothing_share=share)

    def _training(self, choices: Choices) -> Choices:
        """With the number of updates after which the network is best, and the share of what they change."""
        numbers = other_steps(self._model, choices, self._much)
        if not numbers or not self._says_enough():
            return choices
        mapped = self._mapped(choices)
        if mapped is None:
            return choices
        plan, network, linear, untrained, targets = mapped
        rate = self._model.learning_rate_init
        others = (share for share in (SHARES if self._much else (1.0,)) if share != choices.training_share)
        shares = (choices.training_share, *others)
        entries, errors = [], []
        for steps in numbers:
            entry = replace(choices, max_steps=steps, learning_rate_init=rate * rate_share(steps))
            trained = self._trained(network, plan, entry, linear)
            for share in shares:
                entries.append(replace(entry, training_share=share))
                drawn = _drawn(untrained, trained, share)
                errors.append(self._errors(plan, drawn, targets, choices.smoothing_share))
        return entries[self._won(errors, LEAST_GAIN if self._much else LEAST_GAIN_OF_TRAINING)]

    def _with_state(self, choices: Choices) -> Choices:
        """With columns known ahead acting with the state too, unless a linear map of them, or that, is better alone."""
        asked = self._model.decoder == "parallel"
        if not (asked or self._model.decoder == "auto") or not self._given_ahead or choices.max_steps == 0:
            return choices
        if is_long(self._model):  # where they act so anyway
            return choices
        mean, alone = acting_with_state(self._model, choices)
        entries = () if asked else (choices,)
        entries = (mean, *entries, alone) if self._model.linear_skip == "auto" else (*entries, alone)
        return self._best(entries) if self._says_enough() else entries[0]

    def _together(self, choices: Choices) -> Choices:
        """With a network that learns what the linear map leaves, where that is better than apart from it."""
        if not self._says_enough():
            return choices
        return self._best((choices, replace(choices, apart=False, training_share=LONG_TOGETHER)))

    def _best(self, entries: tuple[Choices, ...]) -> Choices:
        """The one whose network, after some updates, is best; the first if none of the others is clearly better."""
        errors, decoder = [], None
        for entry in entries:
            if entry.decoder != decoder:  # else all but the training is as it was
                mapped, decoder = self._mapped(entry), entry.decoder
            if mapped is None:
                return entries[0]
            plan, whole, linear, untrained, targets = mapped
            network = self._build(replace(entry, linear_skip=False)) if entry.apart else whole
            steps = RACED_STEPS if entry.max_steps is None else min(RACED_STEPS, entry.max_steps)
            trained = self._trained(network, plan, replace(entry, max_steps=steps), None if entry.apart else linear)
            drawn = _drawn(untrained, trained, entry.training_share)
            errors.append(self._errors(plan, drawn, targets, entry.smoothing_share))
        return entries[self._won(errors, LEAST_GAIN_OF_TRAINING)]

    def _mapped(self, choices: Choices) -> tuple[Plan, Network, LinearMap, np.ndarray, np.ndarray] | None:
        """Plan and network of some choices, the linear map, what it makes of the held-back windows, and their targets.

        None where there is no such map, or where nothing can be held back.
        """
        plan, network = self._held_back(choices), self._build(choices)
        linear = self.start(choices, network, plan)
        if linear is None or not plan.validation.size:
            return None
        found, targets = linear_outputs(network, plan.validation, linear, FLOAT)
        return plan, network, linear, found, targets

    def _says_enough(self) -> bool:
        return self._held_of_each.sum() >= LEAST_HORIZONS * self._outputs

    def _won(self, errors: list[np.ndarray], least_gain: float) -> int:
        if not np.isnan(errors).any(axis=0).all():
            self.selection = "validation"
        return _winner(errors, self._held / self._outputs, least_gain, 0.0 if self._much else GAIN_OF_ONE)

    def _trained(self, network: Network, plan: Plan, choices: Choices, linear: LinearMap | None) -> np.ndarray:
        """Outputs for the held-back windows of the network, which starts from the linear map if there is one.

        They are infinite if its training diverges.
        """
        parameters = network.initialize(self._rng, FLOAT, self._model.recurrent_init)
        if linear is not None:
            start_linear(network, parameters, linear)
        trainer = Trainer(network, parameters, self._model._options(**choices.training), plan.training, None, self._rng)
        try:
            trainer.run(self._model._end_if_stopped)
        except DivergenceError:
            return np.full((plan.validation.size, network.output_size), np.inf)
        model = self._model
        with workers_on(model.device, model.n_jobs, model.precision) as workers:
            passes = Passes(network, workers.enter(trainer.parameters), workers)
            return passes.outputs(plan.validation).astype(np.float64)

    def _held_back(self, choices: Choices) -> Plan:
        return windowed(self._model, self._panel, choices, self._outputs, self._ahead, self._held_of_each)

    def _smoothed(self, plan: Plan) -> np.ndarray:
        """Exponential smoothing (N, P, K) of what lies before the targets of each held-back window."""
        if self._held_smoothed is None:  # all candidates have the same windows held back
            every = np.arange(plan.validation.size)
            begin, end = self._panel.begin[plan.validation.series(every)], plan.validation.end(every)
            how = self._outputs, self._season, self._model.loss, self._model.n_jobs
            self._held_smoothed = smoothing_forecasts(self._panel.values, begin, end, *how)
        return self._held_smoothed

    def _errors(self, plan: Plan, outputs: np.ndarray, targets: np.ndarray, share: float) -> np.ndarray:
        """Errors (2, S) of forecasts of the held-back windows of each series: scaled, and symmetric relative ones.

        Outputs and targets are in units of the windows; smoothing has a share of the forecasts. NaN where a series has
        no such windows, or where its naive is never wrong. A missing target is no error. Of values below zero there are
        scaled errors alone.
        """
        every, n = np.arange(plan.validation.size), self._panel.n_series
        series = plan.validation.series(every)
        forecast, truth = (plan.validation.in_user_units(every, values) for values in (outputs, targets))
        if share:
            forecast = mixed(forecast, self._smoothed(plan), share)
        forecast = plan.units.only(series).bounded(forecast)
        unit = np.where(self._unit > 0, self._unit, np.nan)[series][:, None]
        count, error = np.bincount(series, minlength=n), np.abs(forecast - truth)
        scaled, size = error / unit, np.abs(forecast) + np.abs(truth)
        relative = error / np.where(size > 0, size, 1) if self._signless else scaled
        known = (count > 0) & (self._unit > 0).all(axis=1)
        of_windows = (np.nan_to_num(each).mean(axis=(1, 2)) for each in (scaled, relative))
        totals = [np.bincount(series, each, n) / np.maximum(count, 1) for each in of_windows]
        return np.where(known, totals, np.nan)


def _drawn(linear: np.ndarray, trained: np.ndarray, share: float) -> np.ndarray:
    """Outputs of which training has a share, and the linear map the rest; infinite ones where training diverged."""
    drawn = averaged(linear, trained, share)
    return np.where(np.isfinite(drawn), drawn, np.inf)


def _winner(errors: list[np.ndarray], horizons: float, least_gain: float, of_one: float) -> int:
    """The number of the candidate with the least errors (..., S), if they are clearly below the first one's.

    Means over the series, of each kind of error in units of the first candidate's. The forecasts of a series overlap:
    they are as good as independent ones that fill as many `horizons`. On a single one the gain has to be larger by
    `of_one`.
    """
    table = np.array(errors)
    table = table[..., ~np.isnan(table).any(axis=tuple(range(table.ndim - 1)))]
    if not table.size:
        return 0
    means = table.mean(axis=-1)
    first = np.where(means[0] > 0, means[0], 1)
    with np.errstate(invalid="ignore"):  # where the training of the first one has diverged
        scores = np.nan_to_num((means / first).reshape(len(table), -1).mean(axis=1), nan=np.inf, posinf=np.inf)
    best = int(np.argmin(scores))
    gain = least_gain + of_one / np.sqrt(table.shape[-1] * (1 + horizons))
    return best if scores[best] < (1 - gain) * scores[0] else 0
