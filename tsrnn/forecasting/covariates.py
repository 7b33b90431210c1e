"""Exogenous columns: found by their index, written as numbers, in units of their own."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from tsrnn.forecasting.checks import numbers, refuse_missing
from tsrnn.forecasting.panel import LONG, Panel
from tsrnn.forecasting.timeindex import OFF_GRID, future_index, name_stamps, past_index, steps_from

SHOWN = 5  # categories and columns named in an error


class Column(NamedTuple):
    """How one column is written as numbers: standardised, or a column for each of its categories."""

    name: object
    known_ahead: bool
    centre: float = 0.0
    scale: float = 1.0
    categories: tuple | None = None

    @property
    def width(self) -> int:
        return 1 if self.categories is None else len(self.categories)

    def encode(self, values: pd.Series, stamps: pd.Index) -> np.ndarray:
        """(n, width) of a column."""
        label = f" in column {self.name!r}"
        if self.categories is None:
            found = numbers(_as_numbers(values), label, "X")
            refuse_missing(found, stamps, label, "X")
            return ((found - self.centre) / self.scale)[:, None]
        found = pd.Index(self.categories).get_indexer(values)
        if (found < 0).any():
            unknown = pd.Index(values[found < 0].unique())
            raise ValueError(
                f"X holds categories{label} that it did not have in fit: {name_stamps(unknown)}; it had "
                f"{', '.join(map(repr, self.categories[:SHOWN]))}{' ...' if len(self.categories) > SHOWN else ''}"
            )
        return np.eye(len(self.categories))[found]


class Covariates:
    """Exogenous columns as a fit has learnt them; those known only up to now stand before those known ahead.

    Parameters
    ----------
    columns : list of Column
    """

    def __init__(self, columns: list[Column]):
        self.columns = sorted(columns, key=lambda column: column.known_ahead)  # stable: in their order otherwise
        self.ahead = sum(column.width for column in self.columns if not column.known_ahead)
        self.size = sum(column.width for column in self.columns)

    @classmethod
    def learn(cls, X: pd.DataFrame, past: tuple) -> "Covariates":
        """From the rows of the series fitted.

        Parameters
        ----------
        X : DataFrame
        past : tuple
            Names of the columns that are known only up to now.
        """
        if X.columns.has_duplicates:
            raise ValueError(f"X has duplicated columns: {list(X.columns[X.columns.duplicated()].unique())}")
        missing = [name for name in past if name not in X.columns]
        if missing:
            raise ValueError(f"past_covariates must name columns of X, got {missing}; X has {_names(X)}")
        return cls([_learn(X[name], name not in past) for name in X.columns])

    def encode(self, X: pd.DataFrame, stamps: pd.Index, *, ahead_only: bool = False) -> np.ndarray:
        """Columns as numbers, (n, E), or (n, F) of those known ahead.

        Parameters
        ----------
        X : DataFrame
            Columns that are only known up to now may be missing where they are not asked for.
        stamps : Index
            Of the rows, for errors.
        ahead_only : bool
        """
        wanted = [column for column in self.columns if column.known_ahead or not ahead_only]
        names = [column.name for column in wanted]
        missing = [name for name in names if name not in X.columns]
        extra = [name for name in X.columns if name not in [column.name for column in self.columns]]
        if missing or extra:
            parts = [f"lacks {missing}"] * bool(missing) + [f"has {extra} besides"] * bool(extra)
            raise ValueError(f"X must have the columns {names}; it {' and '.join(parts)}")
        parts = [column.encode(X[column.name], stamps) for column in wanted]
        return np.concatenate(parts, axis=1) if parts else np.empty((len(X), 0))


def _learn(values: pd.Series, known_ahead: bool) -> Column:
    plain = _as_numbers(values)
    if pd.api.types.is_numeric_dtype(plain.dtype) and not pd.api.types.is_complex_dtype(plain.dtype):
        found = plain.to_numpy(np.float64, na_value=np.nan)
        found = found[np.isfinite(found)]  # what is not is refused by stamp when the column is encoded
        centre, scale = (float(found.mean()), float(found.std())) if len(found) else (0.0, 1.0)
        return Column(values.name, known_ahead, centre, scale if scale > 1e-12 * abs(centre) else 1.0)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return Column(values.name, known_ahead, categories=tuple(values.cat.categories))
    # Each moment, period or length of time would be a category of its own.
    if values.dtype.kind in "mMc" or isinstance(values.dtype, pd.PeriodDtype):
        raise TypeError(f"X must hold numbers or categories, got dtype {values.dtype} in column {values.name!r}")
    return Column(values.name, known_ahead, categories=tuple(sorted(values.dropna().unique(), key=str)))


def _as_numbers(values: pd.Series) -> pd.Series:
    """True and false as 1 and 0; others as they are."""
    if pd.api.types.is_bool_dtype(values.dtype) and not isinstance(values.dtype, pd.CategoricalDtype):
        return values.astype("Float64")
    return values


def _names(X: pd.DataFrame) -> list:
    return list(X.columns)[:SHOWN] + (["..."] if X.shape[1] > SHOWN else [])


def framed(X, panel: Panel, stamps: pd.Index | None = None) -> pd.DataFrame:
    """`X` as a DataFrame; an array gets the stamps of the only series, or those given."""
    if isinstance(X, pd.DataFrame):
        return X
    if isinstance(X, pd.Series):
        return X.to_frame()
    X = np.asarray(X)
    if X.ndim == 1:
        X = X[:, None]
    if panel.kind == LONG:
        raise ValueError("X must be a DataFrame with an index of time, or of (id, time), for series by id and time")
    if stamps is None:
        longest = int(np.argmax(panel.lengths))
        stamps = panel.stamps(longest)
    if len(X) != len(stamps):
        raise ValueError(f"X must have a row for each of the {len(stamps)} rows of y, got {len(X)}")
    return pd.DataFrame(X, stamps)


def rows_at(X: pd.DataFrame, panel: Panel, series: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Row of `X` for each pair of a series and a step relative to its end: 0 is its last stamp, 1 the one after.

    Raises
    ------
    ValueError
        For stamps that `X` does not have, by name.
    """
    anchor = panel.last[:1]
    ends = steps_from(anchor, panel.last, panel.freq)
    by_id = isinstance(X.index, pd.MultiIndex)
    if by_id and panel.kind != LONG:
        raise ValueError("X must have an index of time alone, as y has")
    stamps = X.index.get_level_values(1) if by_id else X.index
    own = panel.ids.get_indexer(X.index.get_level_values(0)) if by_id else np.zeros(len(X), np.int64)
    if type(stamps) is not type(panel.last) and not all(
        pd.api.types.is_integer_dtype(index.dtype) for index in (stamps, panel.last)
    ):
        kinds = type(panel.last).__name__, type(stamps).__name__
        raise TypeError(f"X must have an index like that of y, a {kinds[0]}, got a {kinds[1]}")
    found = steps_from(anchor, stamps, panel.freq)
    used = (found != OFF_GRID) & (own >= 0)
    wanted = ends[series] + steps
    low, high = int(wanted.min()), int(wanted.max())
    used &= (found >= low) & (found <= high)
    span = high - low + 1
    table = np.full((panel.n_series if by_id else 1) * span, -1)
    keys = own[used] * span + found[used] - low
    if len(np.unique(keys)) < len(keys):
        again = X.index[used][pd.Index(keys).duplicated()]
        raise ValueError(f"X has duplicated rows: {name_stamps(again.unique())}")
    table[keys] = np.flatnonzero(used)
    rows = table[(series if by_id else 0) * span + wanted - low]
    if (rows < 0).any():
        number = int(series[rows < 0][0])
        gone = steps[(rows < 0) & (series == number)]
        of = f" of series {panel.ids[number]!r}" if by_id else ""
        raise ValueError(f"X lacks {len(gone)} stamps{of}: {name_stamps(_stamps(panel, number, gone))}")
    return rows


def _stamps(panel: Panel, number: int, steps: np.ndarray) -> pd.Index:
    last, low, high = panel.last[number : number + 1], int(steps.min()), int(steps.max())
    before = past_index(last, panel.freq, max(1, 1 - low))
    after = future_index(last, panel.freq, max(0, high))
    return before.append(after)[steps - low if low < 0 else steps]


def with_history(panel: Panel, covariates: Covariates | None, X) -> Panel:
    """The panel with its covariates, found in `X` by their stamps."""
    if covariates is None:
        return panel
    names = [column.name for column in covariates.columns]
    if X is None:
        raise ValueError(f"X must give the columns {names} of all rows of y: the model was fitted with them")
    X = framed(X, panel)
    rows = rows_at(X, panel, *_own_steps(panel))
    return replace(panel, covariates=covariates.encode(X.iloc[rows], X.index[rows]))


def learnt_history(panel: Panel, X, past: tuple) -> tuple[Panel, Covariates]:
    """As `with_history`, with the covariates as they are learnt from these rows."""
    X = framed(X, panel)
    rows = rows_at(X, panel, *_own_steps(panel))
    covariates = Covariates.learn(X.iloc[rows], past)
    return replace(panel, covariates=covariates.encode(X.iloc[rows], X.index[rows])), covariates


def _own_steps(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Series, and steps relative to its end, of each row of the panel."""
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    return series, np.arange(len(series)) - panel.end[series] + 1


def known_ahead(X: pd.DataFrame, panel: Panel, covariates: Covariates, steps: np.ndarray) -> np.ndarray:
    """Covariates (S, P, F) of the next steps; those after the last step asked of a series are as that one.

    Parameters
    ----------
    X : DataFrame
    panel : Panel
    covariates : Covariates
    steps : (S,) ndarray
        Steps asked of each series.
    """
    n, horizon = panel.n_series, int(steps.max())
    series = np.repeat(np.arange(n), steps)
    wanted = np.arange(len(series)) - np.repeat(np.cumsum(steps) - steps, steps) + 1
    rows = rows_at(X, panel, series, wanted)
    found = covariates.encode(X.iloc[rows], X.index[rows], ahead_only=True)
    table = np.minimum(np.arange(horizon), steps[:, None] - 1) + (np.cumsum(steps) - steps)[:, None]
    return found[table]


def past_names(past) -> tuple:
    """`past_covariates` as a tuple of names."""
    if past is None:
        return ()
    if isinstance(past, (str, tuple)):
        return (past,) if isinstance(past, str) else past
    raise ValueError(f"past_covariates must be a name, a tuple of names or None, got {past!r}")
