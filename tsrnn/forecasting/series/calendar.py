"""`CalendarFeatures`: what the calendar says of a time stamp, as numbers."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from tsrnn.forecasting.checks import check_flag, check_integer, check_option
from tsrnn.forecasting.series.cycles import CYCLES, is_holiday, time_stamps, usual_step, waves
from tsrnn.forecasting.series.timeindex import indexed_by_pandas

ENCODINGS = ("fourier", "ordinal", "onehot")
FEATURES = (*CYCLES, "is_weekend", "time")
COUNTRY = re.compile(r"[A-Z]{2,3}(-\w+)?", re.ASCII)

YEAR = pd.Timedelta(365.2425, "D")
# How long they take; the others a year.
LENGTHS = {"minute": pd.Timedelta(1, "h"), "hour": pd.Timedelta(1, "D"), "weekday": pd.Timedelta(7, "D")}

# Steps shorter than this, and the cycles for them: each is longer than a step. One stands for the year, the finest that
# the step allows; the day of the month is left out, for most series do not know it.
AUTO = {
    "1h": ("minute", "hour", "weekday", "dayofyear"),
    "1D": ("hour", "weekday", "dayofyear"),
    "7D": ("weekday", "dayofyear"),
    "28D": ("week",),
    "90D": ("month",),
    "360D": ("quarter",),
}


class CalendarFeatures(TransformerMixin, BaseEstimator):
    """Calendar and holiday features of a time index.

    Every row of `X` becomes numbers that its time stamp alone decides: where it stands in the day, the week and the
    year, and whether its day is a holiday. They are known of the future too, and so serve as exogenous columns.

    Stamps with a time zone are read by the local clock: eight in the morning is hour 8 before and after the clocks
    change. A period is read at its first moment. `X` is anything with such an index; of a MultiIndex, as panels have
    it, the last level counts.

    Parameters
    ----------
    features : "auto", str or tuple of str, default="auto"
        Any of

        - "hour" and "minute": the time of day and past the hour, fractions included (13:30 is hour 13.5);
        - "weekday" (0 is Monday), "day" of the month, "dayofyear", "week" (by ISO 8601), "month", "quarter";
        - "is_weekend": 1 on Saturday and Sunday, else 0;
        - "time": the trend, 0 at the first stamp seen in `fit`, 1 at the last, and so above 1 after it.

        "auto" takes the cycles that are longer than a step of the index: "hour", "weekday" and "dayofyear" for steps
        under a day (and "minute" for those under an hour), "weekday" and "dayofyear" for days, "week" for weeks,
        "month" for months, "quarter" for quarters, and nothing for years.
    encoding : {"fourier", "ordinal", "onehot"}, default="fourier"
        Columns that a cycle becomes:

        - "fourier", sines and cosines of the share of the cycle that is over: its end lies next to its start;
        - "ordinal", that share itself: 0 at the start of the cycle, short of 1 at its end;
        - "onehot", a column for each whole value, seen in `fit` or not: 7 for "weekday", 366 for "dayofyear".

        "is_weekend", "time" and the holidays are one column whatever the encoding. For two encodings put two
        transformers one after the other.
    order : int, default=1
        Sines and cosines of each cycle under "fourier": one pair makes a single wave, more follow sharper shapes. No
        cycle gets more than tell its whole values apart: "weekday" 3 pairs, "month" 5 and a cosine.
    holidays : str or None, default=None
        A country ("AU"), or a country and one of its parts ("US-NY"), by their codes in the package `holidays`, which
        has to be installed (`pip install "tsrnn[holidays]"`). Adds the column "holiday": 1 where the local day of the
        stamp is a public holiday there, else 0. Meant for steps of a day or less.
    keep : bool, default=True
        Whether the columns of a DataFrame `X` come first, as they are. The values of a Series are never kept: it is
        most likely the one to forecast.

    Attributes
    ----------
    features_ : tuple of str
        The features, as resolved from "auto".
    n_features_in_ : int
        Columns of `X` seen in `fit`.
    feature_names_in_ : ndarray of str
        Their names, if there were any.

    Raises
    ------
    TypeError
        If `X` has no index of time stamps or periods: integers have no calendar.
    ValueError
        For a parameter that cannot be used, missing time stamps (NaT), a time zone other than in `fit`, and names that
        would come twice.
    ImportError
        If `holidays` is set and the package is missing.

    Notes
    -----
    All columns lie within [-1, 1], but for "time" outside of the stamps seen in `fit`. The result is a DataFrame on the
    index of `X`. In a Pipeline a step before this one has to keep the index: `set_output(transform="pandas")` has
    scikit-learn's own transformers do so.

    Examples
    --------
    >>> import pandas as pd
    >>> from tsrnn import CalendarFeatures
    >>> days = pd.date_range("2024-02-28", periods=3, freq="D")
    >>> CalendarFeatures(("weekday", "dayofyear"), encoding="ordinal").fit_transform(days).round(3)
                weekday  dayofyear
    2024-02-28    0.286      0.158
    2024-02-29    0.429      0.161
    2024-03-01    0.571      0.164
    >>> calendar = CalendarFeatures().fit(days)
    >>> calendar.features_
    ('weekday', 'dayofyear')
    >>> calendar.transform(pd.date_range("2024-03-02", periods=2, freq="D")).columns.to_list()
    ['weekday_sin1', 'weekday_cos1', 'dayofyear_sin1', 'dayofyear_cos1']
    """

    def __init__(self, features="auto", *, encoding="fourier", order=1, holidays=None, keep=True):
        self.features = features
        self.encoding = encoding
        self.order = order
        self.holidays = holidays
        self.keep = keep

    def fit(self, X, y=None):
        """Learn the step of the index for "auto", its time zone, and the names of the columns.

        Parameters
        ----------
        X : DataFrame, Series, DatetimeIndex, PeriodIndex or MultiIndex
            With time stamps or periods as its index; a DataFrame may be without columns.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        self._check_parameters()
        X = _as_frame(X)
        stamps = time_stamps(X.index)
        clock = stamps.tz_localize(None)
        features = _features_of(self.features, X.index, clock)
        trend = _trend(stamps) if "time" in features else None
        names = [name for name, _ in self._columns(features, stamps[:0], trend)]
        if self.keep:
            names = [*_names_kept(X), *names]
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(
                f"the columns {', '.join(map(repr, twice))} would come twice; rename those of X, or keep=False"
            )
        if not names:
            raise ValueError(
                f"features={self.features!r} makes no column of this index, and there is none to keep; name some of "
                f"{', '.join(map(repr, FEATURES))}"
            )
        validate_data(self, X, skip_check_array=True)
        self.features_ = features
        self._trend = trend
        self._zone = _zone(stamps)
        self._names_out = names
        return self

    def transform(self, X):
        """The features of each row.

        Parameters
        ----------
        X : DataFrame, Series, DatetimeIndex, PeriodIndex or MultiIndex
            As in `fit`, with the same columns if they are kept. Its stamps may be others: those of the future.

        Returns
        -------
        DataFrame of shape (n_rows, n_features_out)
            On the index of `X`; the features are float64.
        """
        check_is_fitted(self)
        X = _as_frame(X)
        stamps = time_stamps(X.index)
        if _zone(stamps) != self._zone:
            raise ValueError(
                f"X must have stamps with the time zone seen in fit, {self._zone}, got {_zone(stamps)}: the same hour "
                "would mean another; use tz_convert or tz_localize"
            )
        made = pd.DataFrame(dict(self._columns(self.features_, stamps, self._trend)), index=X.index)
        if not self.keep:
            return made
        known = list(getattr(self, "feature_names_in_", []))
        if bool(known) != bool(len(X.columns)):  # scikit-learn would only warn
            raise ValueError(f"X must have the columns seen in fit, {known}, to keep them, got {list(X.columns)}")
        validate_data(self, X, reset=False, skip_check_array=True)
        return pd.concat([X, made], axis=1) if len(X.columns) else made

    def get_feature_names_out(self, input_features=None):
        """Names of the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, optional
            The columns of `X`, which have to be those seen in `fit`.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        known = list(getattr(self, "feature_names_in_", []))
        if input_features is not None and list(input_features) != known:
            raise ValueError(f"input_features must be equal to feature_names_in_, {known}, got {list(input_features)}")
        return np.asarray(self._names_out, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Columns of X are handed through unseen; what is made of the index is float64 whatever they are.
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _check_parameters(self) -> None:
        check_option("encoding", self.encoding, ENCODINGS)
        check_integer("order", self.order, 1)
        check_flag("keep", self.keep)
        if self.holidays is not None and not (isinstance(self.holidays, str) and COUNTRY.fullmatch(self.holidays)):
            raise ValueError(
                f"holidays must be the code of a country, such as 'AU', or of a part of one, such as 'US-NY', or None, "
                f"got {self.holidays!r}"
            )

    def _columns(self, features, stamps: pd.DatetimeIndex, trend) -> Iterator[tuple[str, np.ndarray]]:
        """Names and values of the new columns; the names do not depend on the stamps."""
        clock = stamps.tz_localize(None)
        for name in features:
            if name == "time":
                yield name, np.asarray((stamps - trend[0]) / trend[1], np.float64)
            elif name == "is_weekend":
                yield name, np.asarray(clock.day_of_week >= 5, np.float64)
            elif self.encoding == "fourier":
                yield from waves(name, clock, int(self.order))
            elif self.encoding == "ordinal":
                yield name, np.asarray(CYCLES[name].share(clock), np.float64)
            else:
                value = np.asarray(CYCLES[name].value(clock))
                yield from ((f"{name}_{one}", np.asarray(value == one, np.float64)) for one in CYCLES[name].values)
        if self.holidays is not None:
            yield "holiday", is_holiday(self.holidays, clock)


def repeated(features: tuple[str, ...], stamps: pd.DatetimeIndex) -> tuple[str, ...]:
    """Of these cycles those that the stamps go through twice: what is seen once need not come again."""
    span = stamps.max() - stamps.min() if len(stamps) else pd.Timedelta(0)
    return tuple(name for name in features if span >= 2 * LENGTHS.get(name, YEAR))


def _as_frame(X) -> pd.DataFrame:
    """`X` itself, or the index of what is no DataFrame; with time stamps of pandas."""
    if isinstance(X, (pd.DataFrame, pd.Series, pd.Index)):
        X = X if isinstance(X, pd.DataFrame) else pd.DataFrame(index=X.index if isinstance(X, pd.Series) else X)
        return indexed_by_pandas(X)
    raise TypeError(
        f"X must be a DataFrame, a Series or an index, with time stamps or periods, got {type(X).__name__}: a calendar "
        "needs stamps; in a Pipeline, set_output(transform='pandas') keeps them"
    )


def _names_kept(X: pd.DataFrame) -> list[str]:
    others = [name for name in X.columns if not isinstance(name, str)]
    if others:
        raise ValueError(f"X must have strings as names of its columns, got {others}; use X.rename(columns=str)")
    return list(X.columns)


def _zone(stamps: pd.DatetimeIndex) -> str | None:
    return None if stamps.tz is None else str(stamps.tz)


def _trend(stamps: pd.DatetimeIndex) -> tuple[pd.Timestamp, pd.Timedelta]:
    """The first stamp, and the time from there to the last."""
    if not len(stamps) or stamps.min() == stamps.max():
        raise ValueError(f"the feature 'time' needs two time stamps or more in fit, got {stamps.nunique()}")
    return stamps.min(), stamps.max() - stamps.min()


def _features_of(features, index: pd.Index, clock: pd.DatetimeIndex) -> tuple[str, ...]:
    """The names in `features`, checked, or those for the step of the index."""
    if isinstance(features, str) and features == "auto":
        step = usual_step(index, clock)
        if step is None:
            raise ValueError(
                f"features='auto' needs two time stamps or more to see their step, got {clock.nunique()}; name some "
                f"of {', '.join(map(repr, FEATURES))}"
            )
        return next((names for longer, names in AUTO.items() if step < pd.Timedelta(longer)), ())
    names = (features,) if isinstance(features, str) else features
    if not isinstance(names, (tuple, list)) or not all(isinstance(n, str) and n in FEATURES for n in names):
        raise ValueError(
            f"features must be 'auto' or names, as a tuple, of {', '.join(map(repr, FEATURES))}, got {features!r}"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"features must name each feature once, got {features!r}")
    return tuple(map(str, names))
