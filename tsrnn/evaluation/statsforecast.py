"""`RNNForecaster` as one of the models of Nixtla's StatsForecast, which need not be installed."""

import copy
from numbers import Integral

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tsrnn.forecasting.checks import check_integer, check_option
from tsrnn.forecasting.forecaster import RNNForecaster
from tsrnn.forecasting.insample import one_step_forecasts


class StatsForecastRNN:
    """`RNNForecaster` for `StatsForecast(models=[...])`: a network for each series.

    It has the methods that StatsForecast calls, with arrays in and dictionaries of arrays out. The series stays in
    the user's table: `StatsForecast.forecast`, `.fit` and `.predict`, `.cross_validation` and what they return, such
    as for `evaluate` of utilsforecast, are as with any other of its models::

        from statsforecast import StatsForecast
        from statsforecast.models import AutoETS

        models = [AutoETS(season_length=12), StatsForecastRNN(season_length=12, random_state=0)]
        StatsForecast(models, freq="MS", n_jobs=2).cross_validation(df=df, h=12, n_windows=3, step_size=12)

    One network for all series learns from each what helps the others: for that see `RNNForecaster` itself and
    `from_long`.

    Parameters
    ----------
    season_length : int, default=1
        Steps in a season. Only the user can tell: StatsForecast hands over values without their time stamps.
    horizon : int or "auto", default="auto"
        Steps to train for. "auto" is the `h` that `forecast` is asked for; `fit`, which is not told it, trains for
        one season. More steps than trained for are forecast from forecasts.
    n_jobs : int or None, default=1
        Threads of one series. `StatsForecast(n_jobs=...)` has a process for each share of the series.
    alias : str, default="RNNForecaster"
        Name of the column of the forecasts; StatsForecast wants another one for each of its models.
    prediction_intervals : ConformalIntervals, optional
        From `statsforecast.utils`, or any object with its attributes `h`, `n_windows` and `method`: what `level` needs.
        As long as it is None here, StatsForecast puts there what its own methods are given.
    **parameters
        All other parameters of `RNNForecaster`. Those of a forecaster that is there, such as the best one of a search,
        are `StatsForecastRNN(**forecaster.get_params())`. Exogenous columns are called "x0", "x1", ... in their order
        in the table: `past_covariates="x1"`. The calendar and `multivariate` cannot be had here.

    Attributes
    ----------
    forecaster : RNNForecaster
        The parameters; each series gets a clone.
    forecaster_ : RNNForecaster
        Of `fit`.

    Raises
    ------
    TypeError
        For a parameter that `RNNForecaster` does not have.
    ValueError
        For a parameter or series that cannot be used; for `level` without `prediction_intervals`.
    NotFittedError
        In `predict` and `forward` before `fit`.

    Notes
    -----
    The intervals are StatsForecast's conformal ones, from the errors of forecasts of the last `n_windows` stretches of
    `h` values, each by a network trained on what lies before: `n_windows` more trainings for each series. `forward`
    trains nothing and keeps the errors known in `fit`. Fitted values are forecasts by one step, NaN before the first
    whole window; as everywhere in StatsForecast their intervals are those of a normal distribution of the errors in
    training, and thus too narrow.

    References
    ----------
    Garza, A., Mergenthaler Canseco, M., Challú, C. and Olivares, K. G. (2022). StatsForecast: Lightning fast
    forecasting with statistical and econometric models. https://github.com/Nixtla/statsforecast

    Stankevičiūtė, K., Alaa, A. M. and van der Schaar, M. (2021). Conformal time-series forecasting. *Advances in
    Neural Information Processing Systems*, 34.

    Examples
    --------
    What StatsForecast calls, for each series:

    >>> from tsrnn.datasets import load_airpassengers
    >>> from tsrnn.evaluation.statsforecast import StatsForecastRNN
    >>> model = StatsForecastRNN(season_length=12, max_steps=100, random_state=0)
    >>> model
    RNNForecaster
    >>> found = model.forecast(load_airpassengers().to_numpy(), h=3, fitted=True)
    >>> {name: values.shape for name, values in found.items()}
    {'mean': (3,), 'fitted': (144,)}
    """

    uses_exog = True
    only_conformal_intervals = True

    def __init__(
        self,
        season_length=1,
        *,
        horizon="auto",
        n_jobs=1,
        alias="RNNForecaster",
        prediction_intervals=None,
        **parameters,
    ):
        check_integer("horizon", horizon, 1, "auto")
        self.horizon = horizon
        self.alias = alias
        self.prediction_intervals = prediction_intervals
        self.forecaster = RNNForecaster(season_length=season_length, n_jobs=n_jobs, **parameters)
        if self.forecaster.calendar == "all":
            raise ValueError(
                "calendar must be 'auto' or None, got 'all': StatsForecast hands over values without "
                "their time stamps; what CalendarFeatures makes of them can be exogenous columns of its table"
            )
        if self.forecaster.multivariate:
            raise ValueError("multivariate must be False, got True: StatsForecast hands over one series at a time")

    def __repr__(self):
        return self.alias

    @property
    def season_length(self):
        return self.forecaster.season_length

    def new(self):
        """A model of the same parameters, and as far fitted, that a fit of this one does not change."""
        return copy.copy(self)

    def fit(self, y, X=None):
        """Train on a series.

        Parameters
        ----------
        y : ndarray of shape (n_timepoints,)
            Oldest value first.
        X : ndarray of shape (n_timepoints, n_columns), optional
            Exogenous columns.

        Returns
        -------
        self
        """
        horizon, y = self.horizon, np.asarray(y)
        if horizon == "auto":
            horizon = self.season_length if isinstance(self.season_length, Integral) else 1
        forecaster, scores = self._trained(y, X, horizon), None
        if self.prediction_intervals is not None:
            scores = self._scores(y, X, horizon, self.prediction_intervals.h)
        self.forecaster_, self._length, self._fit_scores = forecaster, len(y), scores
        return self

    def predict(self, h, X=None, level=None):
        """Forecast what follows the series fitted.

        Parameters
        ----------
        h : int
            Steps to forecast.
        X : ndarray of shape (h, n_columns), optional
            Exogenous columns of these steps.
        level : list of float, optional
            Coverage of the intervals, in percent.

        Returns
        -------
        dict of ndarray of shape (h,)
            "mean", and for a level of 80 "lo-80" and "hi-80".
        """
        self._check(h, level, self._fitted()._fit_scores)
        mean = _mean(self.forecaster_, h, _columns(self._length, X))
        return {"mean": mean, **self._intervals(mean, self._fit_scores, level)}

    def forecast(self, y, h, X=None, X_future=None, level=None, fitted=False):
        """Train on a series and forecast what follows, and keep nothing.

        Parameters
        ----------
        y, X
            As in `fit`.
        h : int
            Steps to forecast.
        X_future : ndarray of shape (h, n_columns), optional
            Exogenous columns of these steps.
        level : list of float, optional
            Coverage of the intervals, in percent.
        fitted : bool, default=False
            Return forecasts of the values of `y` too, each by one step.

        Returns
        -------
        dict of ndarray
            As from `predict`; "fitted" of shape (n_timepoints,), and with `level` "fitted-lo-80" and so on.
        """
        y = np.asarray(y)
        self._check(h, level)
        horizon = h if self.horizon == "auto" else self.horizon
        forecaster = self._trained(y, X, horizon)
        mean = _mean(forecaster, h, _columns(len(y), X_future))
        scores = self._scores(y, X, horizon, h) if _some(level) else None
        in_sample = _in_sample(forecaster, y, X, level) if fitted else {}
        return {"mean": mean, **in_sample, **self._intervals(mean, scores, level)}

    def forward(self, y, h, X=None, X_future=None, level=None, fitted=False):
        """Forecast what follows another series, or more of the same, by the weights of `fit`.

        Parameters and result are those of `forecast`.
        """
        y = np.asarray(y)
        self._check(h, level, self._fitted()._fit_scores)
        mean = _mean(self.forecaster_, h, _columns(0, X, X_future), y)
        in_sample = _in_sample(self.forecaster_, y, X, level) if fitted else {}
        return {"mean": mean, **in_sample, **self._intervals(mean, self._fit_scores, level)}

    def _fitted(self):
        if not hasattr(self, "forecaster_"):
            raise NotFittedError(f"This {type(self).__name__} is not fitted yet: call fit before")
        return self

    def _trained(self, y: np.ndarray, X: np.ndarray | None, horizon: int) -> RNNForecaster:
        return clone(self.forecaster).set_params(horizon=horizon).fit(_columns(0, X), y)

    def _check(self, h, level, scores=()) -> None:
        """Refuse, before any training, steps and levels that cannot be had; `scores` is None if `fit` kept none."""
        check_integer("h", h, 1)
        if not _some(level):
            return
        if self.prediction_intervals is None or scores is None:
            when = "" if self.prediction_intervals is None else " already in fit"
            raise ValueError(
                f"level={list(level)} needs prediction_intervals{when}, such as ConformalIntervals(h={h}, n_windows=5) "
                "of statsforecast.utils: RNNForecaster has no intervals of its own yet"
            )
        if h > self.prediction_intervals.h:
            raise ValueError(
                f"h={h} is more than prediction_intervals.h={self.prediction_intervals.h}, the steps that level="
                f"{list(level)} has errors for"
            )

    def _scores(self, y: np.ndarray, X: np.ndarray | None, horizon: int, steps: int) -> np.ndarray:
        """Absolute errors (W, steps) of the forecasts of the last W stretches of the series from what lies before."""
        length = self.prediction_intervals.h
        count = min(self.prediction_intervals.n_windows, (len(y) - 1) // length)
        if count < 2:
            raise ValueError(f"prediction_intervals.h={length} needs {2 * length + 1} values of y, got {len(y)}")
        scores = np.empty((count, steps))
        for k in range(count):
            end = len(y) - (count - k) * length
            before, after = (None, None) if X is None else (X[:end], X[end : end + steps])
            forecaster = self._trained(y[:end], before, horizon)
            scores[k] = np.abs(_mean(forecaster, steps, _columns(end, after)) - y[end : end + steps])
        return scores

    def _intervals(self, mean: np.ndarray, scores: np.ndarray | None, level) -> dict[str, np.ndarray]:
        """Conformal intervals by name; the errors of missing values do not count."""
        if not _some(level):
            return {}
        check_option("prediction_intervals.method", self.prediction_intervals.method, CONFORMAL)
        return _named("", level, CONFORMAL[self.prediction_intervals.method](mean, scores[:, : len(mean)], level))


def _conformal_distribution(mean: np.ndarray, scores: np.ndarray, level) -> list[tuple[np.ndarray, np.ndarray]]:
    """Quantiles of the paths that the errors give, to either side."""
    paths = np.concatenate([mean - scores, mean + scores])
    return [tuple(np.nanquantile(paths, [(100 - one) / 200, (100 + one) / 200], axis=0)) for one in level]


def _conformal_error(mean: np.ndarray, scores: np.ndarray, level) -> list[tuple[np.ndarray, np.ndarray]]:
    """The same quantile of the errors to both sides."""
    reach = [np.nanquantile(scores, one / 100, axis=0) for one in level]
    return [(mean - one, mean + one) for one in reach]


CONFORMAL = {"conformal_distribution": _conformal_distribution, "conformal_error": _conformal_error}


def _in_sample(forecaster: RNNForecaster, y: np.ndarray, X: np.ndarray | None, level) -> dict[str, np.ndarray]:
    fitted = one_step_forecasts(forecaster, y, _columns(0, X))
    if not _some(level):
        return {"fitted": fitted}
    error = (y - fitted)[~np.isnan(y - fitted)]
    sigma = np.sqrt(np.mean(error**2)) if len(error) else np.nan
    reach = [sigma * norm.ppf((100 + one) / 200) for one in level]
    return {"fitted": fitted, **_named("fitted-", level, [(fitted - one, fitted + one) for one in reach])}


def _named(prefix: str, level, intervals: list) -> dict[str, np.ndarray]:
    """Lower ends, the lowest first, and upper ends, in StatsForecast's order of columns."""
    ordered = sorted(zip(level, intervals, strict=True), key=lambda pair: pair[0])
    lower = {f"{prefix}lo-{one}": low for one, (low, _) in reversed(ordered)}
    return lower | {f"{prefix}hi-{one}": high for one, (_, high) in ordered}


def _mean(forecaster: RNNForecaster, h: int, X: pd.DataFrame | None, y: np.ndarray | None = None) -> np.ndarray:
    if X is not None and not hasattr(forecaster, "feature_names_in_"):
        raise ValueError(f"X must be None, got columns {list(X)}: the model was fitted without")
    return forecaster.predict(X, horizon=h, y=y).to_numpy()


def _columns(start: int, *parts: np.ndarray | None) -> pd.DataFrame | None:
    """Exogenous columns of consecutive steps from position `start` on; None where there are none."""
    parts = [np.asarray(part) for part in parts if part is not None]
    if not parts:
        return None
    table = np.concatenate([part.reshape(len(part), -1) for part in parts])
    index = pd.RangeIndex(start, start + len(table))
    return pd.DataFrame(table, index, [f"x{k}" for k in range(table.shape[1])])


def _some(level) -> bool:
    return level is not None and len(level) > 0
