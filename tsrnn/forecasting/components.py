"""What a forecast is made of: the parts that a fitted forecaster adds up."""

import copy

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

# What is still forecast with these parts of the network set to zero, and the name of what comes in there.
STAGES = (
    ("level", ("linear.", "known.", "head.")),
    ("linear", ("known.", "head.")),
    ("exogenous", ("head.",)),
    ("network", ()),
)


class Components:
    """What `RNNForecaster` shows of the parts of a forecast."""

    def inspect_components(self, X=None, *, horizon=None, y=None, static=None):
        """The forecast as a sum of what each part of the model adds to it.

        Each part is the difference that it makes to the forecast of those before it, in the units of the series. Where
        windows are taken in logarithms the parts multiply, and what a later one adds depends on the earlier ones. A
        horizon beyond that trained for is taken apart without the warning of `predict`.

        Parameters
        ----------
        X, horizon, y, static
            As for `predict`.

        Returns
        -------
        DataFrame
            A row for each row of the forecast, and a column for each part; of a forecast with a series a column, the
            columns have two levels, the part and the series. Their sum over the parts is what `predict` gives.

            level : the forecast of a model whose outputs are zero, from the units of the window alone: its last value,
                what lies near that, or its mean.
            linear : what the linear map of the window adds; without `linear_skip` there is none.
            exogenous : what the linear map of columns known ahead adds, the calendar's among them, and their effects
                that were taken out of the series before (see `fit`); there is none without such columns, and without
                `linear_skip` only with `decoder="direct"`.
            network : what the recurrent layers add.
            smoothing : what the mean with exponential smoothing of each series by itself changes; there is none where
                `smoothing_share_` is 0.

        Raises
        ------
        NotFittedError
        ValueError
            For an ensemble, whose median is no sum of parts: ask one of `members_`; and as `predict`.

        Examples
        --------
        >>> from tsrnn import RNNForecaster
        >>> from tsrnn.datasets import load_airpassengers
        >>> model = RNNForecaster(horizon=3, max_steps=50, random_state=0).fit(load_airpassengers())
        >>> parts = model.inspect_components()
        >>> list(parts.columns)
        ['level', 'linear', 'network', 'smoothing']
        >>> bool(abs(parts.sum(axis=1) - model.predict()).max() < 1e-6)
        True
        """
        check_is_fitted(self)
        if self.members_:
            raise ValueError(
                f"n_members={self.n_members}: the median of an ensemble is no sum of parts; ask one of members_"
            )
        asked = {"horizon": horizon, "y": y, "static": static}
        forecasts = {}
        there = {"linear": self.network_.linear, "exogenous": self.network_.known or self._effects}
        for name, zero in STAGES:
            if there.get(name, self.network_) is not None:
                forecasts[name] = _without(self, zero).predict(X, **asked)
        if self.smoothing_share_:
            forecasts["smoothing"] = _without(self, (), self.smoothing_share_).predict(X, **asked)
        parts, before = {}, 0
        for name, forecast in forecasts.items():
            parts[name] = _framed(forecast - before, X)
            before = forecast
        if isinstance(next(iter(parts.values())), pd.DataFrame):
            return pd.concat(parts, axis=1, names=["part"])
        return pd.DataFrame(parts)


def _without(model, zero: tuple[str, ...], smoothing_share: float = 0.0):
    """A model as fitted, but with weights of these names at zero and, by default, without smoothing."""
    part = copy.copy(model)
    part.parameters_, part.smoothing_share_ = model.parameters_.copy(), smoothing_share
    part._quiet = True  # each would warn, and of a line of this file
    part._puts_back = "known." not in zero
    for name, weights in part.weights().items():
        if name.startswith(zero):
            weights[...] = 0
    return part


def _framed(forecast, X):
    """A forecast of the rows of `X`, which comes as an array, on their index."""
    if not isinstance(forecast, np.ndarray):
        return forecast
    index = getattr(X, "index", None)
    return pd.Series(forecast, index) if forecast.ndim == 1 else pd.DataFrame(forecast, index)
