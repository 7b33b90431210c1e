"""How a forecaster is fitted: the series laid out, "auto" resolved, the network built and trained."""

import warnings
from dataclasses import replace

import numpy as np

from tsrnn.forecasting.base import InterruptedFitWarning
from tsrnn.forecasting.checks import check_flag, check_integer, check_option
from tsrnn.forecasting.defaults import CHOSEN, choose
from tsrnn.forecasting.ensemble import fit_members
from tsrnn.forecasting.plans import (
    carried_states,
    check_signs,
    effects_in_fit,
    kept_of,
    streamed,
    windowed,
    with_exogenous,
    with_room,
    with_year,
)
from tsrnn.forecasting.samples.normalization import NORMALIZATIONS
from tsrnn.forecasting.selection import Races
from tsrnn.forecasting.series.panel import panel_of
from tsrnn.forecasting.series.timeindex import season_within
from tsrnn.forecasting.shifts import usual_errors
from tsrnn.training.linear import MOST_INPUTS, can_fit, draw_back, joined, start_linear

DECODERS = ("direct", "parallel", "recursive", "seq2seq")


class Fitting:
    """`fit` of `RNNForecaster`."""

    _LEAST_STEPS = 0
    _place = 0  # among five members of an ensemble, of which the last ones read less: see `shortened`
    _AUTO = ("hidden_size", "segment", "dropout", "linear_skip", "alpha", "max_steps")

    def fit(self, X=None, y=None, *, static=None):
        """Train on one or more series.

        Parameters
        ----------
        X : DataFrame or array-like, optional
            Without `y` the series themselves: `fit(y)`. With `y` exogenous columns: numbers, true or false, or
            categories. Their rows are found by their index, of time or of (id, time), and may be more than those of
            `y`; those of an array go along with `y`. A frame without columns gives an array `y` its index. What the
            columns known ahead do at once, by a regression of the series' changes on theirs (or of those of its
            logarithms), is taken out of the series first and put back into the forecast, where that explains a
            twentieth and more of the changes that come after those it is learnt from, and unless
            `linear_skip=False`.
        y : Series, DataFrame or array-like
            One series: a Series or an array of one dimension, in order of time, without gaps. The index may be a
            DatetimeIndex with a frequency or one that can be inferred, a PeriodIndex, a RangeIndex or integers with a
            constant step; an array counts its values from 0. Several series: a DataFrame or an array with a series in
            each column, of which some may begin later (missing values before that), or a Series with an index of
            (id, time), of lengths and ends of their own. One model is trained on all of them; with `multivariate`
            it reads and forecasts all columns at once.
        static : DataFrame, optional
            What each series has for all its time, such as its region: a row for each, by id or column name.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            For a parameter, a series or an index that cannot be used, by its name and stamps.
        DivergenceError, KeyboardInterrupt
            See the class. After any error before the first pass has ended, and of an ensemble after one in a further
            member, the estimator is as it was.

        Warns
        -----
        UserWarning
            Where `lookback` is cut to what the longest series has room for; where `segment` does not divide the window;
            where early stopping is left out, for it would leave nothing to train on; and where members of an ensemble
            are left out because their loss was no longer finite.
        InterruptedFitWarning
            When an interrupt ends the fit later than that: with the weights of the best pass, without early stopping of
            the last whole one, or with the members that have learnt by then.
        """
        untouched, before = dict(self.__dict__), getattr(self, "members_", ())
        self._check_parameters()
        check_integer("horizon", self.horizon, 1)
        check_integer("lookback", self.lookback, 1, "auto")
        check_integer("season_length", self.season_length, 1, "auto")
        check_option("decoder", self.decoder, ("auto", *DECODERS))
        check_option("normalize", self.normalize, ("auto", *NORMALIZATIONS))
        check_integer("n_members", self.n_members, 1)
        check_flag("stateful", self.stateful)
        check_flag("multivariate", self.multivariate)
        check_option("missing", self.missing, ("raise", "mask"))
        if self.calendar is not None:
            check_option("calendar", self.calendar, ("auto", "all"))
        if y is None:
            X, y = None, X
        if y is None:
            raise TypeError("fit needs y, the series to train on")
        masks = self.missing == "mask"
        panel = panel_of(y, bool(self.multivariate), getattr(X, "index", None), masks)
        panel, covariates = with_exogenous(self, panel, X, static)
        channels = panel.values.shape[1]
        season = season_within(panel.freq, panel.lengths) if self.season_length == "auto" else int(self.season_length)
        ahead, given_ahead = (covariates.ahead, covariates.given_ahead) if covariates else (0, 0)
        effects = effects_in_fit(self, panel, ahead, given_ahead, season)
        panel = effects.taken_out(panel, ahead) if effects else panel
        choices = choose(self, panel, season)
        panel, covariates, choices = with_year(self, panel, covariates, choices, season)
        ahead = covariates.ahead if covariates else 0
        if self.max_steps == 0 and (self.stateful or not choices.linear_skip or not can_fit(channels)):
            raise ValueError(
                "max_steps=0 is the linear map of windows alone: it needs linear_skip, stateful=False and no more than "
                f"{MOST_INPUTS} columns together"
            )
        check_signs(panel, choices.normalize)
        steps = int(self.horizon)
        if choices.decoder == "recursive":  # one step of what is read on: a value of a window, a segment of a stream
            steps = choices.segment if self.stateful else 1
        extra = panel.covariates.shape[1]

        def build(choices):
            return self._build(
                choices.lookback,
                channels + extra + (channels if masks else 0),
                steps * channels,
                "in_step" if self.stateful else choices.decoder.replace("recursive", "direct"),
                channels,
                known_size=extra - ahead,
                skip_channels=channels,
                **{name: getattr(choices, name) for name in ("segment", "hidden_size", "dropout", "linear_skip")},
            )

        rng, selection = self._generator(), "rules"
        if self.stateful:
            plan = streamed(self, panel, choices, steps)
            choices = replace(choices, lookback=plan.steps)
        else:
            choices = with_room(self, panel, choices, steps)
            races = Races(self, panel, steps, ahead, given_ahead > 0, season, build, rng)
            choices, selection = races.run(choices), races.selection
            plan = windowed(self, panel, choices, steps, ahead)
        network = build(choices)
        fitted = {
            **{f"{name}_": getattr(choices, name) for name in CHOSEN},
            "season_length_": season,
            "calendar_": covariates.calendar.features_ if covariates and covariates.calendar else (),
            "selection_": selection,
            "horizon_": int(self.horizon),
            "freq_": panel.freq,
            "_units": plan.units,
            "smoothing_share_": choices.smoothing_share,
            "_loss": self.loss,
            "_learnt_from": (choices.lookback, choices.max_steps, choices.apart),
            "_tail": kept_of(panel, network, bool(self.stateful), season if choices.smoothing_share else None, masks),
            "_states": None,
            "_usual": None,
            "_covariates": covariates,
            "_effects": effects,
            "_masks": masks,
            "members_": (),
        }
        if covariates and covariates.names and all(isinstance(name, str) for name in covariates.names):
            fitted["feature_names_in_"] = np.array(covariates.names, object)

        linear = None if self.stateful or self._goes_on() else races.start(choices, network, plan)
        apart = choices.apart and linear is not None
        # The linear map is a forecast of its own unless it was joined with a network that had learnt apart.
        alone = network.linear is not None and not choices.apart and not (self._goes_on() and self._usual is None)

        def start(network, dtype, rng):
            parameters = network.initialize(rng, dtype, self.recurrent_init)
            if linear is not None and not apart:
                start_linear(network, parameters, linear)
            return parameters

        def keep(trained, parameters):
            if apart:
                whole = joined(network, linear, trained, parameters, choices.training_share)
                return {"network_": network, "parameters_": whole}
            if linear is not None:
                draw_back(network, parameters, linear, choices.training_share)
            if self.stateful:
                return {"_states": carried_states(network, parameters, panel, plan.units)}
            if not (alone and choices.smoothing_share):
                return {}
            return {"_usual": usual_errors(network, network.layout.views(parameters), plan.training, season)}

        interrupted = self._train(
            build(replace(choices, linear_skip=False)) if apart else network,
            np.dtype(np.float32),
            plan.training,
            plan.validation,
            rng,
            fitted,
            keep,
            start=start,
            **choices.training,
        )
        if self.n_members > 1 and not interrupted:
            try:
                self.members_, diverged, missing = fit_members(self, before, X, y, static)
            except Exception:  # half an ensemble is none
                self.__dict__.clear()
                self.__dict__.update(untouched)
                raise
            self._warn_of_members(diverged, missing)
        return self

    def _warn_of_members(self, diverged: int, missing: int) -> None:
        """Say which members there are not. The fit is done: a warning may be an error."""
        n = int(self.n_members)
        if diverged:
            message = f"{diverged} of {n} members are left out: their loss was no longer finite"
            warnings.warn(message, stacklevel=3)
        if missing:
            message = f"fit was interrupted after {n - missing} of {n} members; the forecast is theirs"
            warnings.warn(message, InterruptedFitWarning, stacklevel=3)
