"""What a fitted forecaster does: predict, score, take new observations."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from tsrnn.forecasting.checks import check_integer
from tsrnn.forecasting.ensemble import median_of_members
from tsrnn.forecasting.following import Following
from tsrnn.forecasting.onnx.graph import stream_graph, windows_graph
from tsrnn.forecasting.onnx.nodes import Graph
from tsrnn.forecasting.plans import carried_states, kept_of
from tsrnn.forecasting.samples.normalization import Units
from tsrnn.forecasting.samples.streams import Carried, StreamUnits
from tsrnn.forecasting.series.alignment import framed, rows_asked
from tsrnn.forecasting.series.covariates import Covariates, known_ahead, with_history
from tsrnn.forecasting.series.panel import SINGLE, WIDE, Panel, joined, panel_of
from tsrnn.forecasting.series.timeindex import check_same_frequency, future_index


class Predictions(Following):
    """`predict`, `score` and `update` of `RNNForecaster`."""

    @median_of_members
    def predict(self, X=None, *, horizon=None, y=None, static=None):
        """Forecast what follows the series.

        Parameters
        ----------
        X : Series, DataFrame or array-like, optional
            What to forecast: one row for each step. Its index says which steps, in any order and with gaps; only an
            array counts from the first step on. For series by id and time the index is of both. A model that was
            fitted with exogenous columns wants those known ahead, of every step up to the last one asked. With
            `horizon` or `y` it finds the columns in `X`, by their index, and forecasts `horizon` steps; of another
            `y` it wants all columns of the rows of `y` too. Other models do not look at the columns.
            Under `decoder_` "parallel" and "seq2seq" a step looks at the columns of its whole segment; after the last
            row asked they are taken to be as in that row.
        horizon : int, optional
            Steps to forecast; default: the horizon fitted. Fewer are the first of these. More are forecast block
            by block, each block reading the ones before as if they had been observed; a direct forecaster of more
            than one step warns of it, for it was not trained to do so.
        y : Series, DataFrame or array-like, optional
            Other series than those fitted, of the same frequency: what follows their ends is forecast, by the weights
            as they are. A series that was fitted, by its id or as the only one, keeps its units.
        static : DataFrame, optional
            As in `fit`, for series of `y` that were not fitted.

        Returns
        -------
        Series, DataFrame or ndarray, float64
            In the units of the series. As `y` came: a Series, a DataFrame with the same columns, or a Series by id
            and time, on the index that follows each series. Where the rows of `X` say what to forecast an array with
            one row for each, of shape (n_rows,), or (n_rows, n_columns) for a DataFrame with a series a column.

        Raises
        ------
        NotFittedError
        TypeError, ValueError
            For rows of `X` that do not lie after the series or not on its frequency, by their stamps; for a `y` as in
            `fit`, or of another frequency.
        """
        check_is_fitted(self)
        wanted = [column.name for column in self._columns if column.known_ahead]
        if X is not None and horizon is not None and not self._columns:
            raise ValueError("give X or horizon, not both: X says by its rows which steps to forecast")
        panel, units, states = self._history(y, X, static)
        if wanted and X is None:
            raise ValueError(
                f"X must give the columns {wanted} of the steps to forecast: the model was fitted with them"
            )
        if horizon is None and (X is None or (y is not None and self._columns)):
            horizon = self.horizon_
        if horizon is not None:
            check_integer("horizon", horizon, 1)
        if wanted:
            X = framed(X, panel, future_index(panel.last[:1], self.freq_, len(X) if horizon is None else int(horizon)))
        if horizon is not None:
            known = self._known(X, panel, np.full(panel.n_series, int(horizon)))
            return panel.forecast(self._follow(panel, units, states, int(horizon), known))
        series, steps = rows_asked(X, panel)
        if not len(steps):
            return np.empty(0 if panel.kind != WIDE else (0, len(panel.ids)))
        each = np.full(panel.n_series, steps.max())
        if series is not None and states is None:  # only of these series, and so far, are the columns known
            each = np.zeros(panel.n_series, np.int64)
            np.maximum.at(each, series, steps)
            asked = np.flatnonzero(each)
            panel, each, series = panel.only(asked), each[asked], np.searchsorted(asked, series)
            units = units.only(asked)
        values = self._follow(panel, units, states, int(each.max()), self._known(X, panel, each))
        if series is not None:
            return values[series, steps - 1, 0]
        return panel.side_by_side(values[:, steps - 1])

    def score(self, X, y=None):
        """Coefficient of determination, R², of the forecast of a stretch of the series after the fitted one.

        Parameters
        ----------
        X : Series, DataFrame or array-like
            As for `predict`; or, without `y`, the observed values themselves.
        y : Series, DataFrame or array-like, optional
            The observed values, a row for each row of `X`.

        Returns
        -------
        float
            Of a DataFrame with a series a column the mean over the columns.

        Raises
        ------
        NotFittedError
        ValueError
            For rows that were fitted on, or that lie before them, as folds that are not in time do.

        Notes
        -----
        scikit-learn's searches and `cross_val_score` take a series alone, `GridSearchCV(model, grid,
        cv=TimeSeriesSplit(...)).fit(y)`, as long as they use this score; the default folds of `cv` are not in time
        and are refused. Scorers by name compare `y` with `predict(X)` and want both: `.fit(y, y)` for one series, or
        `.fit(pd.DataFrame(index=y.index), y)`. Without `X` scikit-learn fails before the forecaster is asked: a
        `TypeError` about `y_true` under `error_score="raise"`, else a warning and NaN for every candidate. A function
        `scorer(model, y)` needs no `X`. Rows fitted on cannot be scored: leave `return_train_score` off, which
        `HalvingGridSearchCV` turns on, and give that one `resource="max_steps"`. `Pipeline` and
        `TransformedTargetRegressor` always want an `X` in `predict`; a transformer that returns arrays loses its index,
        and rows then count from the first step on: `set_output(transform="pandas")` keeps it.
        """
        forecast, truth = self.predict(X), X if y is None else y
        if self._tail.kind == WIDE and isinstance(truth, pd.DataFrame):
            if not self._tail.ids.isin(truth.columns).all():
                raise ValueError(f"y must have the columns {list(self._tail.ids)}, got {list(truth.columns)}")
            truth = truth[self._tail.ids]
        return r2_score(np.asarray(truth), forecast)

    def update(self, y, X=None, *, static=None):
        """Take new observations without training: `predict` then starts after them.

        Parameters
        ----------
        y : Series, DataFrame or array-like
            What followed the fitted series, of the same kind and columns; an array goes on where they end. By id and
            time some series may have new values and others not, and new series may begin.
        X : DataFrame or array-like, optional
            The exogenous columns of these rows, of a model that was fitted with some.
        static : DataFrame, optional
            As in `fit`, for series that begin.

        Returns
        -------
        self

        Raises
        ------
        NotFittedError
        TypeError, ValueError
            For a `y` or an `X` as in `fit`, or `static` where the model has none. If a series does not go on at the
            step after its last one; the forecaster is then as before.
        """
        check_is_fitted(self)
        index = None  # an array goes on where the series ends
        if not isinstance(y, (pd.Series, pd.DataFrame)):
            index = future_index(self._tail.last[:1], self.freq_, len(np.atleast_1d(y)))
        new = panel_of(y, self._together, index, self._masks, self.freq_, young=False)
        self._check_alike(new)
        covariates = self._with_static(static)
        panel = joined(self._tail, self._read(new, covariates, X))
        units, states = self._units_of(panel), self._states
        if states is not None:
            added = panel.lengths[: len(states)] - self._tail.lengths
            before = [Carried(old.states, old.unread + int(more)) for old, more in zip(states, added, strict=True)]
            before += [None] * (panel.n_series - len(before))
            states = carried_states(self.network_, self.parameters_, panel, units, before)
        members = tuple(copy.copy(member).update(y, X, static=static) for member in self.members_)
        tail = self._kept_of(panel)
        self.__dict__.update(_tail=tail, _units=units, _states=states, _covariates=covariates, members_=members)
        return self

    @property
    def linear_coef_(self) -> np.ndarray:
        """Weights (horizon, lookback) of the linear map, of several columns together (horizon * K, lookback * K).

        Of a recursive forecaster those of the next step, (1, lookback). With `stateful` of the segment that a step
        reads, (horizon, segment), or recursive (segment, segment). In the units of a window. AttributeError before
        `fit` and without such a map.
        """
        if not hasattr(self, "parameters_") or self.network_.linear is None:
            raise AttributeError(f"{type(self).__name__} has no linear_coef_: not fitted, or without linear_skip")
        return self.weights()["linear.weight"]

    def _with_static(self, static) -> Covariates | None:
        """The covariates with what further series have for all their time."""
        if static is None:
            return self._covariates
        if self._covariates is None or self._covariates.static is None:
            raise ValueError("static must be None: the model was fitted without")
        own = self._covariates
        return own.with_static(own.static.more(static))

    def _known(self, X, panel: Panel, steps: np.ndarray) -> np.ndarray | None:
        """What is known ahead of the steps that the network looks at, those asked and the rest of its last block."""
        if self._covariates is None:
            return None
        block = self.network_.output_size // panel.values.shape[1]
        return known_ahead(X, panel, self._covariates, steps, -(-int(steps.max()) // block) * block)

    @property
    def _columns(self) -> list:
        """Exogenous columns."""
        return self._covariates.columns if self._covariates else []

    @property
    def _ahead(self) -> int:
        """Where the covariates begin that are known ahead."""
        return self._covariates.ahead if self._covariates else 0

    def _history(self, y, X=None, static=None) -> tuple[Panel, Units | list[StreamUnits], list | None]:
        """The series to go on from, their units and, of streams, the states before their last parts."""
        covariates = self._with_static(static)
        if y is None:
            return self._tail, self._units, self._states
        index = None if self._columns else getattr(X, "index", None)
        panel = panel_of(y, self._together, index, self._masks, self.freq_)
        self._check_alike(panel)
        panel = self._read(replace(panel, freq=self.freq_), covariates, X)
        units = self._units_of(panel)
        if self._states is None:
            return self._kept_of(panel), units, None
        states = carried_states(self.network_, self.parameters_, panel, units)
        return self._kept_of(panel), units, states

    def _read(self, panel: Panel, covariates: Covariates | None, X) -> Panel:
        """The panel with its covariates, and without what the columns known ahead did at once."""
        panel = with_history(panel, covariates, X)
        return self._effects.taken_out(panel, covariates.ahead) if self._effects else panel

    def _check_alike(self, panel: Panel) -> None:
        """Refuse series of another frequency, and other columns where they are forecast together."""
        longest = int(np.argmax(panel.lengths))
        check_same_frequency(panel.stamps(longest, 25), self.freq_, self._tail.last[:1])
        self._check_columns(panel)

    def _check_columns(self, panel: Panel) -> None:
        if self._together and not panel.ids.equals(self._tail.ids):
            raise ValueError(f"y must have the columns {list(self._tail.ids)}, got {list(panel.ids)}")

    def _units_in_fit(self, panel: Panel, fresh: Units | list[StreamUnits]) -> Units | list[StreamUnits]:
        """Units to train in: the `fresh` ones, but where a fit goes on from weights, those that they were learnt in."""
        if not self._goes_on():
            return fresh
        self._check_columns(panel)
        return self._units_of(panel, fresh)

    def _units_of(self, panel: Panel, fresh: Units | list[StreamUnits] | None = None) -> Units | list[StreamUnits]:
        """Units of series: as fitted where they were, else their own, or those given as `fresh`."""
        if panel.kind == self._tail.kind == SINGLE or self._together:
            units = self._units
            return units.unbounded_by(panel.values, panel.begin) if isinstance(units, Units) else units
        known = np.full(panel.n_series, -1)
        if self._tail.ids is not None and panel.ids is not None:
            known = self._tail.ids.get_indexer(panel.ids)
        if isinstance(self._units, Units):
            units = Units.of(panel.values, panel.begin, panel.end, self.normalize_) if fresh is None else fresh
            units = units.with_those_of(self._units, known >= 0, known[known >= 0])
            return units.unbounded_by(panel.values, panel.begin)
        segment, centring = self.network_.segment_length, self._units[0].centring
        if fresh is None:
            fresh = [StreamUnits.of(panel.series(k)[:, 0], centring, segment) for k in range(panel.n_series)]
        return [self._units[old] if old >= 0 else own for old, own in zip(known, fresh, strict=True)]

    @property
    def _together(self) -> bool:
        """Whether the columns of a frame are forecast together."""
        return self._tail.values.shape[1] > 1

    def _kept_of(self, panel: Panel) -> Panel:
        """What is kept of each series: see `kept_of`."""
        season = self.season_length_ if self.smoothing_share_ else None
        return kept_of(panel, self.network_, self._states is not None, season, self._masks)

    def _replace_parameters(self, parameters: np.ndarray) -> None:
        if self._states is not None and not np.array_equal(parameters, self.parameters_):
            # States of other weights mean nothing to these; what is kept of the series is read anew.
            self._states = carried_states(self.network_, parameters, self._tail, self._units)
        super()._replace_parameters(parameters)

    def _onnx_graph(self) -> Graph:
        if self._tail.n_series > 1 or self._together:
            raise ValueError("to_onnx writes forecasters of one series; this one was fitted on several")
        if self._covariates or self._masks:
            what = "exogenous columns or a calendar (calendar=None)" if self._covariates else "missing values"
            raise ValueError(f"to_onnx writes forecasters without {what}; this one was fitted with them")
        if self._states is not None:
            return stream_graph(self.network_, self.weights(), self._units[0])
        smoothing = self.smoothing_share_, self.season_length_, self._loss, self._usual
        return windows_graph(self.network_, self.weights(), self._units, self.horizon_, *smoothing)
