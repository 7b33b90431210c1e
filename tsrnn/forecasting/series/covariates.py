"""Exogenous columns, the calendar and what a series has for all its time: found by their index, as numbers."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from tsrnn.forecasting.checks import refuse_duplicates
from tsrnn.forecasting.series.alignment import framed, rows_at, stamps_at
from tsrnn.forecasting.series.calendar import CalendarFeatures, repeated
from tsrnn.forecasting.series.columns import SHOWN, Column, learn_column
from tsrnn.forecasting.series.cycles import time_stamps
from tsrnn.forecasting.series.panel import WIDE, Panel
from tsrnn.forecasting.series.timeindex import name_stamps, steps_from


class Covariates:
    """Exogenous columns and the calendar, as a fit has learnt them.

    What a series has for all its time stands first, then the columns known only up to now, those known ahead, and the
    calendar.

    Parameters
    ----------
    columns : list of Column
    calendar : CalendarFeatures or None
        Fitted.
    static : Static or None

    Attributes
    ----------
    names : list
        Of the columns, as they came.
    ahead : int
        Numbers that are not known ahead, which stand first.
    given_ahead : int
        Those after them that are, but for the calendar's.
    """

    def __init__(self, columns: list[Column], calendar: CalendarFeatures | None, static: "Static | None"):
        self.names = [column.name for column in columns]
        self.columns = sorted(columns, key=lambda column: column.known_ahead)  # stable: in their order otherwise
        self.calendar = calendar
        self.static = static
        self.ahead = sum(column.width for column in self.columns if not column.known_ahead)
        self.given_ahead = sum(column.width for column in self.columns if column.known_ahead)
        if static is not None:
            self.ahead += static.table.shape[1]

    def with_static(self, static: "Static") -> "Covariates":
        """The same with what other series have for all their time."""
        return Covariates(self._as_they_came(), self.calendar, static)

    def with_calendar(self, calendar: CalendarFeatures) -> "Covariates":
        """The same with the calendar."""
        return Covariates(self._as_they_came(), calendar, self.static)

    def _as_they_came(self) -> list[Column]:
        by_name = {column.name: column for column in self.columns}
        return [by_name[name] for name in self.names]

    def at(self, X, panel: Panel, series: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """All of it as numbers, (n, E).

        Parameters
        ----------
        X : DataFrame or None
        panel : Panel
        series, steps : (n,) ndarray, int64
            Of each row a series, and a step relative to its end.
        """
        parts = [] if self.static is None else [self.static.of(panel)[series]]
        parts.append(self.columns_at(X, panel, series, steps))
        parts.append(calendar_at(self.calendar, panel, series, steps))
        return np.concatenate(parts, axis=1)

    def columns_at(
        self, X, panel: Panel, series: np.ndarray, steps: np.ndarray, *, ahead_only: bool = False
    ) -> np.ndarray:
        """Columns as numbers, (n, F): all, or those known ahead; `X` may be without the others then."""
        wanted = [column for column in self.columns if column.known_ahead or not ahead_only]
        if not wanted:
            return np.empty((len(series), 0))
        self._check_names(X, [column.name for column in wanted])
        rows = rows_at(X, panel, series, steps)
        parts = [column.encode(X[column.name].iloc[rows], X.index[rows], "X") for column in wanted]
        return np.concatenate(parts, axis=1)

    def _check_names(self, X: pd.DataFrame, names: list) -> None:
        missing = [name for name in names if name not in X.columns]
        extra = [name for name in X.columns if name not in [column.name for column in self.columns]]
        if missing or extra:
            parts = [f"lacks {missing}"] * bool(missing) + [f"has {extra} besides"] * bool(extra)
            raise ValueError(f"X must have the columns {names}; it {' and '.join(parts)}")


class Static(NamedTuple):
    """What each series has for all its time: numbers (n, E) by id."""

    columns: list[Column]
    ids: pd.Index
    table: np.ndarray

    @classmethod
    def learn(cls, static: pd.DataFrame, masks: bool) -> "Static":
        """Columns of a frame with a row for each series."""
        _check_static(static)
        columns = [learn_column(static[name], False, masks, "static") for name in static.columns]
        return cls(columns, static.index, _static_table(columns, static))

    def more(self, static: pd.DataFrame) -> "Static":
        """With the rows of further series."""
        _check_static(static)
        table, new = _static_table(self.columns, static), ~static.index.isin(self.ids)
        return self._replace(ids=self.ids.append(static.index[new]), table=np.concatenate([self.table, table[new]]))

    def of(self, panel: Panel) -> np.ndarray:
        """(S, E) of the series of a panel."""
        if panel.ids is None:
            raise ValueError("static has a row for each series by its id; y is one series without an id")
        rows = self.ids.get_indexer(panel.ids)
        if (rows < 0).any():
            raise ValueError(f"static has no row for the series {name_stamps(panel.ids[rows < 0])}")
        return self.table[rows]


def _check_static(static) -> None:
    if not isinstance(static, pd.DataFrame):
        raise TypeError(f"static must be a DataFrame with a row for each series, got {type(static).__name__}")
    if not static.shape[1]:
        raise ValueError("static has no columns; without any it must be None")
    refuse_duplicates("static", static.columns)


def _static_table(columns: list[Column], static: pd.DataFrame) -> np.ndarray:
    """A frame with a row for each series as numbers (n, E)."""
    names = [column.name for column in columns]
    if list(static.columns) != names:
        raise ValueError(f"static must have the columns {names}, got {list(static.columns)}")
    if static.index.has_duplicates:
        again = static.index[static.index.duplicated()].unique()
        raise ValueError(f"static has more than one row for {name_stamps(again)}")
    return np.concatenate([column.encode(static[column.name], static.index, "static") for column in columns], axis=1)


def calendar_at(calendar: CalendarFeatures | None, panel: Panel, series: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Calendar features (n, F); each stamp is looked up once, however many series have it."""
    if calendar is None:
        return np.empty((len(series), 0))
    after = steps_from(panel.last[:1], panel.last, panel.freq)[series] + steps
    found, where = np.unique(after, return_inverse=True)
    return calendar.transform(pd.DataFrame(index=stamps_at(panel, 0, found))).to_numpy(np.float64)[where]


def _names(X: pd.DataFrame) -> list:
    return list(X.columns)[:SHOWN] + (["..."] if X.shape[1] > SHOWN else [])


def _calendar_of(stamps: pd.Index) -> CalendarFeatures | None:
    """The calendar as far as the step of the stamps has one, which years do not, and what comes again in their time."""
    if not isinstance(stamps, (pd.DatetimeIndex, pd.PeriodIndex)):
        raise TypeError(f"calendar='all' needs y to have time stamps or periods as its index, got {stamps!r}")
    beside = pd.DataFrame({"kept": 0.0}, stamps)  # CalendarFeatures refuses to make nothing at all
    features = repeated(CalendarFeatures().fit(beside).features_, time_stamps(stamps))
    return CalendarFeatures(features).fit(pd.DataFrame(index=stamps)) if features else None


def _is_target(column: pd.Series, panel: Panel) -> bool:
    """Whether a column is what is to be forecast: the series, or of several the one of its name."""
    rows = slice(None)
    if panel.kind == WIDE and column.name in panel.ids:
        number = panel.ids.get_loc(column.name)
        rows = rows if panel.n_series == 1 else slice(panel.begin[number], panel.end[number])
    values = panel.values[rows]
    return any(same_values(column.iloc[rows], values[:, k]) for k in range(values.shape[1]))


def same_values(given, values: np.ndarray) -> bool:
    """Whether a column is these numbers; some may be missing in both."""
    column = pd.Series(given)
    if not (pd.api.types.is_numeric_dtype(column.dtype) or column.dtype == object):
        return False
    found = pd.to_numeric(column, errors="coerce").to_numpy(values.dtype, na_value=np.nan)
    return np.array_equal(found, values, equal_nan=True)


def has_columns(X) -> bool:
    """Whether there are exogenous columns: a Series is one, a frame may have none."""
    if X is None:
        return False
    if np.ndim(X) not in (1, 2):
        raise ValueError(
            f"X must be a DataFrame, a Series or an array of 1 or 2 dimensions, got shape {np.shape(X)} "
            f"({type(X).__name__})"
        )
    return np.ndim(X) == 1 or np.shape(X)[1] > 0


def with_history(panel: Panel, covariates: Covariates | None, X) -> Panel:
    """The panel with its covariates; those of `X` are found by their stamps."""
    if covariates is None:
        return panel
    if covariates.columns and X is None:
        raise ValueError(f"X must give the columns {covariates.names} of all rows of y: the model was fitted with them")
    X = framed(X, panel) if covariates.columns else None
    return replace(panel, covariates=covariates.at(X, panel, *_own_steps(panel)))


def learnt_history(
    panel: Panel, X, static: pd.DataFrame | None, past: tuple, every_cycle: bool, masks: bool
) -> tuple[Panel, Covariates | None]:
    """As `with_history`, with the covariates as they are learnt from these rows.

    Parameters
    ----------
    panel : Panel
    X : DataFrame or array-like, or None
    static : DataFrame or None
    past : tuple
        Names of the columns that are known only up to now.
    every_cycle : bool
        Whether to add the calendar, as far as the series go through its cycles twice.
    masks : bool
        Whether values may be missing.
    """
    columns = []
    if has_columns(X):
        X = framed(X, panel)
        refuse_duplicates("X", X.columns)
        missing = [name for name in past if name not in X.columns]
        if missing:
            raise ValueError(f"past_covariates must name columns of X, got {missing}; X has {_names(X)}")
        table = X.iloc[rows_at(X, panel, *_own_steps(panel))]
        for name in X.columns:
            if name not in past and _is_target(table[name], panel):
                raise ValueError(f"X holds y itself, in column {name!r}: it would be known ahead; leave it out")
        columns = [learn_column(table[name], name not in past, masks, "X") for name in X.columns]
    elif past:
        raise ValueError(f"past_covariates names columns of X, {list(past)}, and there are none")
    calendar = _calendar_of(panel.stamps(int(np.argmax(panel.lengths)))) if every_cycle else None
    static = None if static is None else Static.learn(static, masks)
    if not columns and calendar is None and static is None:
        return panel, None
    covariates = Covariates(columns, calendar, static)
    return with_history(panel, covariates, X), covariates


def with_calendar(panel: Panel, covariates: Covariates | None, calendar: CalendarFeatures) -> tuple[Panel, Covariates]:
    """As `with_history`, with a calendar beside covariates that are there already, and that had none."""
    told = calendar_at(calendar, panel, *_own_steps(panel))
    panel = replace(panel, covariates=np.concatenate([panel.covariates, told], axis=1))
    if covariates is None:
        return panel, Covariates([], calendar, None)
    return panel, covariates.with_calendar(calendar)


def _own_steps(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Series, and steps relative to its end, of each row of the panel."""
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    return series, np.arange(len(series)) - panel.end[series] + 1


def known_ahead(X, panel: Panel, covariates: Covariates, steps: np.ndarray, total: int) -> np.ndarray:
    """Covariates (S, total, F) of the next steps; the columns of `X` after the last step asked are as at that one.

    Parameters
    ----------
    X : DataFrame or None
    panel : Panel
    covariates : Covariates
    steps : (S,) ndarray
        Steps asked of each series.
    total : int
        Steps that the network looks at, at least as many.
    """
    n = panel.n_series
    series, after = np.repeat(np.arange(n), total), np.tile(np.arange(1, total + 1), n)
    calendar = calendar_at(covariates.calendar, panel, series, after)
    asked = np.repeat(np.arange(n), steps)
    first = np.cumsum(steps) - steps
    after = np.arange(len(asked)) - first[asked] + 1
    own = covariates.columns_at(X, panel, asked, after, ahead_only=True)
    own = own[np.minimum(np.arange(total), steps[:, None] - 1) + first[:, None]]
    return np.concatenate([own, calendar.reshape(n, total, -1)], axis=2)


def past_names(past) -> tuple:
    """`past_covariates` as a tuple of names."""
    if past is None:
        return ()
    if isinstance(past, (str, tuple)):
        return (past,) if isinstance(past, str) else past
    raise ValueError(f"past_covariates must be a name, a tuple of names or None, got {past!r}")
