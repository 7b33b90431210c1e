"""Series side by side: what comes in as a Series, a frame or an array, as one flat table, and the way back."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tsrnn.forecasting.checks import numbers, refuse_duplicates, refuse_in_series, unusable, usable, with_index
from tsrnn.forecasting.series.layout import (
    AS_THEY_ARE,
    column_label,
    columns_of,
    first_values,
    series_of,
    stretches,
)
from tsrnn.forecasting.series.timeindex import (
    BLOCK,
    OFF_GRID,
    frequency,
    future_index,
    in_zone_of,
    name_stamps,
    past_index,
    put_in,
    steps_from,
    steps_to_stamps,
)

SINGLE, WIDE, LONG = "single", "wide", "long"


@dataclass(frozen=True)
class Panel:
    """Series of one frequency, one after the other in a table of values.

    Attributes
    ----------
    values : (N, K) ndarray, float64, or float32 where the series came so
        NaN where missing. Not to be written: it may be what the user gave. K is 1, or the number of columns that are
        forecast together.
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

    def missing_at_end(self) -> np.ndarray:
        """Rows (S,) at the end of each series in which all is missing; 0 where nothing is observed before them."""
        observed = np.flatnonzero(~np.isnan(self.values).all(axis=1))
        last = np.append(observed, -1)[np.searchsorted(observed, self.end) - 1]
        return np.where(last >= self.begin, self.end - 1 - last, 0)

    def tail(self, length: int | np.ndarray) -> "Panel":
        """The last `length` values of each series: copies, which do not keep the others in memory."""
        kept = np.minimum(self.lengths, length)
        return self._stretches(self.end - kept, kept, last=self.last.copy(deep=True))

    def only(self, numbers: np.ndarray) -> "Panel":
        """Some of the series, in that order."""
        return self._stretches(
            self.begin[numbers],
            self.lengths[numbers],
            last=self.last.take(numbers),
            ids=None if self.ids is None else self.ids.take(numbers),
        )

    def blocks(self, size: int) -> Iterator[tuple[slice, "Panel"]]:
        """So many series after so many, as views."""
        if self.n_series <= size:
            yield slice(None), self
            return
        for first in range(0, self.n_series, size):
            part = slice(first, first + size)
            rows = slice(self.begin[part][0], self.end[part][-1])
            yield (
                part,
                replace(
                    self,
                    values=self.values[rows],
                    covariates=self.covariates[rows],
                    begin=self.begin[part] - rows.start,
                    end=self.end[part] - rows.start,
                    last=self.last[part],
                ),
            )

    def _stretches(self, begin: np.ndarray, lengths: np.ndarray, **changes) -> "Panel":
        """A panel of copies of stretches of rows."""
        end = np.cumsum(lengths)
        values, covariates = (stretches(table, begin, lengths) for table in (self.values, self.covariates))
        return replace(self, values=values, covariates=covariates, begin=end - lengths, end=end, **changes)

    def forecast(self, values: np.ndarray) -> pd.Series | pd.DataFrame:
        """Values (S, P, K) that follow the series, as what came in, on the stamps after it."""
        steps = values.shape[1]
        if self.kind == LONG:
            return self._long(values[:, :, 0], steps)
        index, table = future_index(self.last[:1], self.freq, steps), self.side_by_side(values)
        return pd.DataFrame(table, index, self.ids) if table.ndim == 2 else pd.Series(table, index, name=self.names[0])

    def side_by_side(self, values: np.ndarray) -> np.ndarray:
        """Values (S, P, K) as a table with a column for each series or channel, (P, S * K); of a SINGLE series (P,)."""
        if self.kind == SINGLE:
            return values[0, :, 0]
        return values[0] if values.shape[2] > 1 else values[:, :, 0].T

    def _long(self, values: np.ndarray, steps: int):
        stamps, where = self.last.unique(), self.last.unique().get_indexer(self.last)
        futures = [future_index(stamps[k : k + 1], self.freq, steps) for k in range(len(stamps))]
        times = futures[0].append(futures[1:])
        # Put together of what differs: a million ids are not to be looked up once for each step.
        if isinstance(times, pd.DatetimeIndex):  # those of several ends have no frequency: nor have those of one
            times = pd.DatetimeIndex(times, freq=None)
        ids, times = (pd.MultiIndex.from_arrays([part]) for part in (self.ids, times))
        codes = [ids.codes[0].repeat(steps), times.codes[0].reshape(-1, steps)[where].ravel()]
        index = pd.MultiIndex([ids.levels[0], times.levels[0]], codes, names=self.names[1:])
        found = pd.Series(values.ravel(), index, name=self.names[0])
        return found.to_frame() if self.framed else found


def panel_of(
    y, together: bool, index: pd.Index | None = None, masks: bool = False, freq=None, young: bool = True
) -> Panel:
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
    freq : DateOffset or int, optional
        That of the series before, where a few stamps tell none.
    young : bool
        Columns begin where they have their first value; else all of them at the first stamp.
    """
    y = with_index(y, index)
    if isinstance(y.index, pd.MultiIndex):
        return _long_panel(y, together, masks, freq)
    framed = isinstance(y, pd.DataFrame)
    if framed:
        refuse_duplicates("y", y.columns)
    columns = columns_of(y)
    freq, last = frequency(y.index, freq), y.index[-1:]
    if together and not framed:
        raise ValueError("multivariate=True needs a DataFrame with a column a series, got a single one")
    starts = np.zeros(len(columns), np.int64)
    if not usable(columns):
        if young and not together and (framed or masks):  # what is missing before the first value never was
            starts = first_values(columns, y)
        before = 0 if masks else starts  # so many are missing and may be
        for number in np.flatnonzero(unusable(columns, masks).sum(axis=1) > before):
            first = starts[number]
            own = columns[number, first:], y.index[first:], column_label(y, number), masks
            refuse_in_series(*own, wide=framed and young and not together)
    if together:
        values = np.ascontiguousarray(columns.T)
        begin, end = np.zeros(1, np.int64), np.array([len(values)])
        return Panel(values, _none(values), begin, end, last, freq, WIDE, y.columns, (None,), framed)
    n_series, length = columns.shape
    values, lengths = columns.reshape(-1, 1), length - starts
    if starts.any():
        values = stretches(values, np.arange(n_series) * length + starts, lengths)
    end, last = np.cumsum(lengths), last.repeat(n_series)
    names = (None,) if framed else (y.name,)
    ids = y.columns if framed else None
    kind = WIDE if framed else SINGLE
    return Panel(values, _none(values), end - lengths, end, last, freq, kind, ids, names, framed)


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
    codes, stamp_codes = y.index.codes
    if (codes < 0).any():
        raise ValueError(f"the ids of y are missing in {int((codes < 0).sum())} rows")
    order, which, end = series_of(codes)
    ids, begin = y.index.levels[0].take(which).rename(None), np.append(0, end[:-1])
    stamp_codes = stamp_codes if order is None else stamp_codes[order]

    def stamps(rows) -> pd.Index:
        return y.index[rows if order is None else order[rows]].get_level_values(1)

    def label(row: int) -> str:
        return f" in series {ids[np.searchsorted(end, row, side='right')]!r}"

    longest = int(np.argmax(end - begin))
    try:
        freq = frequency(stamps(slice(begin[longest], end[longest])), freq, by_id=True)
    except ValueError as error:
        raise ValueError(f"series {ids[longest]!r} of y: {error}") from error
    steps, used = steps_to_stamps(stamps(slice(begin[longest], begin[longest] + 1)), y.index, freq)
    if (steps[used] == OFF_GRID).any():
        off = np.flatnonzero(steps[stamp_codes] == OFF_GRID)
        own = off[off < end[np.searchsorted(end, off[0], side="right")]]
        raise ValueError(
            f"the stamps of all series must go in steps of {getattr(freq, 'freqstr', freq)}, as those of series "
            f"{ids[longest]!r} do; others{label(off[0])}: {name_stamps(stamps(own))}"
        )
    ends = np.zeros(len(codes), bool)
    ends[end - 1] = True
    for first in range(0, len(codes) - 1, BLOCK):
        step = np.diff(steps[stamp_codes[first : first + BLOCK + 1]])
        wrong = np.flatnonzero((step != 1) & ~ends[first : first + len(step)])
        if len(wrong):
            row = first + int(wrong[0])
            what = {0: "has duplicated stamps", 1: "misses stamps"}.get(int(np.sign(step[wrong[0]])), "is not sorted")
            before, after = stamps(np.array([row, row + 1]))
            remedy = f"; {put_in(before, freq, by_id=True)}" if step[wrong[0]] > 1 else ""
            raise ValueError(
                f"the index of y {what}{label(row)}: {before} is followed by {after} at a step of "
                f"{getattr(freq, 'freqstr', freq)}{remedy}"
            )
    values = numbers(column, also=AS_THEY_ARE)
    values = np.ascontiguousarray(values if order is None else values[order])
    if not usable(values, masks):
        row = int(np.flatnonzero(unusable(values, masks))[0])
        inside = slice(*(edge[np.searchsorted(end, row, side="right")] for edge in (begin, end)))
        refuse_in_series(values[inside], stamps(inside), label(row), masks)
    names = (column.name, *y.index.names)
    return Panel(values[:, None], _none(values), begin, end, stamps(end - 1), freq, LONG, ids, names, framed)


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
    more, below = np.where(going_on, new.lengths[place], 0), len(old.values) + new.begin
    begin = np.append(np.column_stack([old.begin, below[place]]), below[added])
    lengths = np.append(np.column_stack([old.lengths, more]), new.lengths[added])
    values, covariates = (
        stretches(np.concatenate(tables), begin, lengths)
        for tables in ((old.values, new.values), (old.covariates, new.covariates))
    )
    lengths = np.append(old.lengths + more, new.lengths[added])
    end = np.cumsum(lengths)
    # Stamps are taken from the old index: it keeps the kind, the time zone and the name.
    last = in_zone_of(anchor, new.last) if isinstance(new.last, pd.DatetimeIndex) else new.last
    both = old.last.append(last)
    latest = np.where(going_on, old.n_series + np.maximum(place, 0), np.arange(old.n_series))
    stamps = both.take(np.append(latest, old.n_series + added))
    ids = old.ids if not len(added) else old.ids.append(new.ids[added])
    return replace(
        old,
        values=values,
        covariates=covariates,
        begin=end - lengths,
        end=end,
        last=stamps,
        ids=ids,
    )
