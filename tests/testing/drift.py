"""A forecaster of its own that keeps the contract, in a few lines: the straight line from the first value to the last.

Beside `RNNForecaster` it shows that the checks ask for the contract and not for a network; and it is quick.
"""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from tsrnn.forecasting.checks import check_integer
from tsrnn.forecasting.series.panel import joined, panel_of
from tsrnn.forecasting.series.timeindex import check_same_frequency

FURTHEST = 64  # steps after the series in which rows are looked for


class Drift(BaseEstimator):
    """Each step adds the mean difference of the fitted series to the last value."""

    def __init__(self, horizon=1):
        self.horizon = horizon

    def fit(self, X=None, y=None):
        if y is None:
            X, y = None, X
        if y is None:
            raise TypeError("fit needs y")
        if np.ndim(X) == 2 and np.shape(X)[1]:
            raise ValueError("X must have no columns")
        panel = panel_of(y, False, getattr(X, "index", None))
        if panel.lengths.min() < 2:
            raise ValueError(f"a series of y has {panel.lengths.min()} value; a slope needs at least 2")
        first, last = panel.values[panel.begin, 0], panel.values[panel.end - 1, 0]
        slopes = (last - first) / (panel.lengths - 1)
        self.slopes_ = dict(zip(panel.ids, slopes, strict=True)) if panel.ids is not None else {}
        self.mean_slope_ = float(slopes.mean())
        self.panel_ = panel.tail(1)
        return self

    def predict(self, X=None, *, horizon=None, y=None):
        check_is_fitted(self)
        if X is not None and horizon is not None:
            raise ValueError("give X or horizon, not both")
        horizon = self.horizon if horizon is None else horizon
        check_integer("horizon", horizon, 1)
        panel = self.panel_
        if y is not None:
            panel = panel_of(y, False)
            longest = int(np.argmax(panel.lengths))
            check_same_frequency(panel.stamps(longest), self.panel_.freq, self.panel_.last[:1])
        return self.follow(panel, horizon) if X is None else self.rows(panel, X)

    def follow(self, panel, horizon):
        slopes = [self.slopes_.get(name, self.mean_slope_) for name in (panel.ids if panel.ids is not None else [0])]
        last = panel.values[panel.end - 1]
        return panel.forecast((last + np.outer(slopes, np.arange(1, horizon + 1)))[:, :, None])

    def rows(self, panel, X):
        if not isinstance(X, (pd.Series, pd.DataFrame)):
            return self.follow(panel, len(X)).to_numpy()
        horizon, missing = 1, X.index
        while len(missing) and horizon < FURTHEST:
            horizon *= 2
            forecast = self.follow(panel, horizon)
            missing = X.index.difference(forecast.index)
        if len(missing):
            raise ValueError(f"X must have rows after the end of y, it has {', '.join(map(str, missing))}")
        return forecast.reindex(X.index).to_numpy()

    def update(self, y):
        check_is_fitted(self)
        self.panel_ = joined(self.panel_, panel_of(y, False)).tail(1)
        return self

    def score(self, X, y=None):
        return r2_score(X if y is None else y, self.predict(X))
