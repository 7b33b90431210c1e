"""Series side by side: what comes in as a Series, a frame or an array, as one flat table, and the way back."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tsrnn.forecasting.checks import numbers, refuse_missing, with_index
from tsrnn.forecasting.timeindex import (
    OFF_GRID,
    frequency,
    future_index,
    in_zone_of,
    name_stamps,
    past_index,
    steps_from,
)

SINGLE, WIDE, LONG = "single", "wide", "long"


@dataclass(frozen=True)
class Panel:
    """Series of one frequency, one after the other in a table of values.

    Attributes
    ----------
    values : (N, K) ndarray, float64
        NaN where missing. K is 1, or the number of columns that are forecast together.
    covariates : (N, E) ndarray, float64
        What goes along with them, in units of its own.
    begin, end : (S,) ndarray, int64
        Rows of each series.
    last : Index of length S
        The last stamp of each series.
    freq : DateOffset or int
    kind : str
        SINGLE (one series), WIDE (a series in each column, on one index) or LONG (by id and time).
    ids : Index or None
        Of the series, or of the columns that are forecast together; None for SINGLE.
    names : tuple
        Of the Series, or of the values; of the levels of a LONG index.
    framed : bool
        The values came as a DataFrame or as an array of two dimensions.
    """

    values: np.ndarray
    covariates: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    last: pd.Index
    freq: object
    kind: str
    ids: pd.Index | None
    names: tuple
    framed: bool

    @property
    def lengths(self) -> np.ndarray:
        """Values of each series."""
        return self.end - self.begin

    @property
    def n_series(self) -> int:
        return len(self.begin)

    def label(self, number: int) -> str:
        """How an error names a series."""
        return f"series {self.ids[number]!r} of y" if self.n_series > 1 else "y"

    def series(self, number: int) -> np.ndarray:
        """Values (L, K) of one series: a view."""
        return self.values[self.begin[number] : self.end[number]]

    def stamps(self, number: int, most: int | None = None) -> pd.Index:
        """The stamps of one series, or the last of them, `most` at most."""
        count = int(self.lengths[number])
        return past_index(self.last[number : number + 1], self.freq, count if most is None else min(count, most))

    def rows(self, length: int) -> np.ndarray:
        """Rows of the last `length` values of each series, one series after the other; fewer where there are fewer."""
        kept = np.minimum(self.lengths, length)
        within = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
        return np.repeat(self.end - kept, kept) + within

    def tail(self, length: int) -> "Panel":
        """The last `length` values of each series: copies, which do not keep the others in memory."""
        end = np.cumsum(np.minimum(self.lengths, length))
        begin = np.append(0, end[:-1])
        rows = self.rows(length)
        return replace(
            self,
            values=self.values[rows],
            covariates=self.covariates[rows],
            begin=begin,
            end=end,
            last=self.last.copy(deep=True),
        )

    def only(self, numbers: np.ndarray) -> "Panel":
        """Some of the series, in that order."""
        rows = [np.arange(self.begin[number], self.end[number]) for number in numbers]
        end = np.cumsum(self.lengths[numbers])
        order = np.concatenate(rows)
        return replace(
            self,
            values=self.values[order],
            covariates=self.covariates[order],
            begin=np.append(0, end[:-1]),
            end=end,
            last=self.last.take(numbers),
            ids=None if self.ids is None else self.ids.take(numbers),
        )

    def forecast(self, values: np.ndarray) -> pd.Series | pd.DataFrame:
        """Values (S, P, K) that follow the series, as what came in, on the stamps after it."""
        steps = values.shape[1]
        if self.kind == LONG:
            return self._long(values[:, :, 0], steps)
        index = future_index(self.last[:1], self.freq, steps)
        if self.kind == SINGLE:
            return pd.Series(values[0, :, 0], index, name=self.names[0])
        table = values[0] if values.shape[2] > 1 else values[:, :, 0].T
        return pd.DataFrame(table, index, self.ids)

    def _long(self, values: np.ndarray, steps: int):
        stamps, where = self.last.unique(), self.last.unique().get_indexer(self.last)
        futures = [future_index(stamps[k : k + 1], self.freq, steps) for k in range(len(stamps))]
        times = futures[0].append(futures[1:])
        times = times.take((where[:, None] * steps + np.arange(steps)).ravel())
        index = pd.MultiIndex.from_arrays([self.ids.repeat(steps), times], names=self.names[1:])
        found = pd.Series(values.ravel(), index, name=self.names[0])
        return found.to_frame() if self.framed else found


def panel_of(y, together: bool, index: pd.Index | None = None, masks: bool = False, freq=None) -> Panel:
    """`y` as a panel of finite numbers on a regular index; errors name what is wrong, in which series and where.

    Parameters
    ----------
    y : Series, DataFrame or array-like of one or two dimensions
    together : bool
        Forecast the columns of a wide frame together, as channels of one series.
    index : Index, optional
        Of the exogenous columns: that of an array `y`.
    masks : bool
        Values may be missing, though not a series' first one.
    """
    y = with_index(y, index)
    if isinstance(y.index, pd.MultiIndex):
        return _long_panel(y, together, masks, freq)
    framed = isinstance(y, pd.DataFrame)
    table = y if framed else y.to_frame()
    if framed and y.columns.has_duplicates:
        raise ValueError(f"y has duplicated columns: {list(y.columns[y.columns.duplicated()].unique())}")
    labels = [f" in column {column!r}" for column in table.columns] if framed else [""]
    columns = [numbers(table.iloc[:, k], label) for k, label in enumerate(labels)]
    freq, last = frequency(y.index, freq), y.index[-1:]
    if framed and together:
        for column, label in zip(columns, labels, strict=True):
            _refuse(column, y.index, label, masks)
        values = np.column_stack(columns)
        begin, end = np.array([0]), np.array([len(values)])
        return Panel(values, _none(values), begin, end, last, freq, WIDE, y.columns, (None,), framed)
    if together:
        raise ValueError("multivariate=True needs a DataFrame with a column a series, got a single one")
    starts = [0]
    if framed or masks:  # values before the first one are missing since the series is younger
        starts = [_first_value(column, label) for column, label in zip(columns, labels, strict=True)]
    for column, label, start in zip(columns, labels, starts, strict=True):
        _refuse(column[start:], y.index[start:], label, masks)
    end = np.cumsum([len(column) - start for column, start in zip(columns, starts, strict=True)])
    values = np.concatenate([column[start:] for column, start in zip(columns, starts, strict=True)])[:, None]
    last = last.repeat(len(columns))
    names = (None,) if framed else (y.name,)
    ids = y.columns if framed else None
    kind = WIDE if framed else SINGLE
    return Panel(values, _none(values), np.append(0, end[:-1]), end, last, freq, kind, ids, names, framed)


def _refuse(values: np.ndarray, index: pd.Index, label: str, masks: bool) -> None:
    refuse_missing(np.where(np.isnan(values), 0.0, values) if masks else values, index, label)


def _none(values: np.ndarray) -> np.ndarray:
    return np.empty((len(values), 0))


def _long_panel(y, together: bool, masks: bool, freq=None) -> Panel:
    if together:
        raise ValueError("multivariate=True needs a DataFrame with a column a series, got an index of (id, time)")
    if y.index.nlevels != 2:
        raise ValueError(f"the index of y must have the levels (id, time), got {list(y.index.names)}")
    framed = isinstance(y, pd.DataFrame)
    if framed and y.shape[1] != 1:
        raise ValueError(f"y with an index of (id, time) must have one column, got {list(y.columns)}")
    column = y.iloc[:, 0] if framed else y
    codes, ids = pd.factorize(y.index.get_level_values(0))
    if (codes < 0).any():
        raise ValueError(f"the ids of y are missing in {int((codes < 0).sum())} rows")
    ids = pd.Index(ids)
    order = np.argsort(codes, kind="stable")
    codes, times = codes[order], y.index.get_level_values(1)[order]
    end = np.cumsum(np.bincount(codes))
    begin = np.append(0, end[:-1])

    def label(row: int) -> str:
        return f" in series {ids[codes[row]]!r}"

    longest = int(np.argmax(end - begin))
    try:
        freq = frequency(times[begin[longest] : end[longest]], freq)
    except ValueError as error:
        raise ValueError(f"series {ids[longest]!r} of y: {error}") from error
    steps = steps_from(times[begin[longest] : begin[longest] + 1], times, freq)
    off = np.flatnonzero(steps == OFF_GRID)
    if len(off):
        raise ValueError(
            f"the stamps of all series must go in steps of {getattr(freq, 'freqstr', freq)}, as those of series "
            f"{ids[longest]!r} do; others{label(off[0])}: {name_stamps(times[off][codes[off] == codes[off[0]]])}"
        )
    step = np.diff(steps)
    wrong = np.flatnonzero((step != 1) & (codes[1:] == codes[:-1]))
    if len(wrong):
        row = int(wrong[0])
        what = {0: "has duplicated stamps", 1: "misses stamps"}.get(int(np.sign(step[row])), "is not sorted")
        raise ValueError(
            f"the index of y {what}{label(row)}: {times[row]} is followed by {times[row + 1]} at a step of "
            f"{getattr(freq, 'freqstr', freq)}"
        )
    values = numbers(column, "")[order]
    bad = np.flatnonzero(~np.isfinite(values) & ~(np.isnan(values) & masks))
    if len(bad):
        row = int(bad[0])
        inside = slice(begin[codes[row]], end[codes[row]])
        refuse_missing(values[inside], times[inside], label(row))
    names = (column.name, *y.index.names)
    return Panel(values[:, None], _none(values), begin, end, times[end - 1], freq, LONG, ids, names, framed)


def _first_value(column: np.ndarray, label: str) -> int:
    """Where a column of a wide frame begins: values before that are missing since the series is younger."""
    found = np.flatnonzero(~np.isnan(column))
    if not len(found):
        raise ValueError(f"y holds no value{label}")
    return int(found[0])


def joined(old: Panel, new: Panel) -> Panel:
    """Series and what follows them; series of `new` alone are added, those of `old` alone stay as they are.

    Raises `ValueError` where a series does not go on at the step after its last one.
    """
    if new.kind != old.kind:
        raise ValueError(f"y must be of the kind fitted, {old.kind} series, got {new.kind} ones")
    if old.kind == WIDE and not new.ids.equals(old.ids):
        raise ValueError(f"y must have the columns {list(old.ids)}, got {list(new.ids)}")
    place = np.arange(old.n_series)
    if old.kind == LONG:
        place = new.ids.get_indexer(old.ids)
    anchor = old.last[:1]
    going_on = place >= 0
    ends = steps_from(anchor, old.last, old.freq)[going_on]
    starts = steps_from(anchor, new.last, old.freq)[place[going_on]] - new.lengths[place[going_on]]
    wrong = np.flatnonzero(starts != ends)
    if len(wrong):
        number = int(np.flatnonzero(going_on)[wrong[0]])
        first = new.stamps(int(place[number]))[0]
        expected = future_index(old.last[number : number + 1], old.freq, 1)[0]
        raise ValueError(f"{old.label(number)} must go on at {expected}, got values from {first} on")
    added = np.setdiff1d(np.arange(new.n_series), place)
    # Rows of both tables laid under one another: those of each old series, what follows it, then the new series.
    rows = []
    for number in range(old.n_series):
        rows.append(np.arange(old.begin[number], old.end[number]))
        if going_on[number]:
            more = np.arange(new.begin[place[number]], new.end[place[number]])
            rows[-1] = np.append(rows[-1], len(old.values) + more)
    rows += [len(old.values) + np.arange(new.begin[number], new.end[number]) for number in added]
    end = np.cumsum([len(part) for part in rows])
    order = np.concatenate(rows)
    # Stamps are taken from the old index: it keeps the kind, the time zone and the name.
    last = in_zone_of(anchor, new.last) if isinstance(new.last, pd.DatetimeIndex) else new.last
    both = old.last.append(last)
    latest = np.where(going_on, old.n_series + np.maximum(place, 0), np.arange(old.n_series))
    stamps = both.take(np.append(latest, old.n_series + added))
    ids = old.ids if not len(added) else old.ids.append(new.ids[added])
    return replace(
        old,
        values=np.concatenate([old.values, new.values])[order],
        covariates=np.concatenate([old.covariates, new.covariates])[order],
        begin=np.append(0, end[:-1]),
        end=end,
        last=stamps,
        ids=ids,
    )
