"""What a fetched data set is made of."""

from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True, eq=False)
class Dataset:
    """One or many series, cut where the forecasts begin.

    Attributes
    ----------
    name : str
    train : Series or DataFrame
        What `RNNForecaster.fit` takes: one series; a series a column; or many by (id, time).
    test : Series or DataFrame
        What follows, in the same form: as many values of each series as its horizon, or more, where several
        forecasts are made, one after the other.
    horizon : int
        Steps to forecast at once.
    season_length : int
        Steps in the season that the series have. A competition may scale its errors by another one.
    description : str
        What it is, its source and licence.
    X : DataFrame or None
        Exogenous columns of all rows of `train` and `test`.
    validation : DataFrame or None
        Where it is customary to choose on a part of its own: what lies between `train` and `test`.
    """

    name: str
    train: pd.Series | pd.DataFrame = field(repr=False)
    test: pd.Series | pd.DataFrame = field(repr=False)
    horizon: int
    season_length: int
    description: str = field(repr=False)
    X: pd.DataFrame | None = field(default=None, repr=False)
    validation: pd.DataFrame | None = field(default=None, repr=False)
