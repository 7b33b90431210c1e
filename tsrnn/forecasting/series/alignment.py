"""Rows of exogenous columns, and rows to forecast, found by their index beside the series."""

from numbers import Integral

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from tsrnn.forecasting.checks import named
from tsrnn.forecasting.series.panel import LONG, Panel
from tsrnn.forecasting.series.timeindex import (
    OFF_GRID,
    future_index,
    indexed_by_pandas,
    name_stamps,
    past_index,
    steps_from,
    steps_to_stamps,
    with_stamps_of_pandas,
)


def framed(X, panel: Panel, stamps: pd.Index | None = None) -> pd.DataFrame:
    """`X` as a DataFrame; an array gets the stamps of the only series, or those given."""
    if isinstance(X, (pd.DataFrame, pd.Series)):
        return indexed_by_pandas(X.to_frame() if isinstance(X, pd.Series) else X)
    X = pd.DataFrame(X.to_pandas() if named(X) else np.asarray(X))
    if panel.kind == LONG:
        raise ValueError("X must be a DataFrame with an index of time, or of (id, time), for series by id and time")
    if stamps is None:
        longest = int(np.argmax(panel.lengths))
        stamps = panel.stamps(longest)
    if len(X) != len(stamps):
        raise ValueError(f"X must have a row for each of the {len(stamps)} rows of y, got {len(X)}")
    return X.set_axis(stamps)


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
    stamps = X.index.levels[1] if by_id else X.index
    own = np.zeros(len(X), np.int64)
    if by_id:  # each id is looked up once, however many rows have it; -1 is no id
        own = np.append(panel.ids.get_indexer(X.index.levels[0]), -1)[X.index.codes[0]]
    check_kind(stamps, panel)
    if by_id:
        found = steps_to_stamps(anchor, X.index, panel.freq)[0][X.index.codes[1]]
    else:
        found = steps_from(anchor, stamps, panel.freq)
    used = (found != OFF_GRID) & (own >= 0)
    wanted = ends[series] + steps
    low, high = int(wanted.min()), int(wanted.max())
    used &= (found >= low) & (found <= high)
    span = high - low + 1
    table = np.full((panel.n_series if by_id else 1) * span, -1)
    keys = own[used] * span + found[used] - low
    given = np.flatnonzero(used)
    table[keys] = given
    if (table[keys] != given).any():
        again = X.index[used][pd.Index(keys).duplicated()]
        raise ValueError(f"X has duplicated rows: {name_stamps(again.unique())}")
    rows = table[(series if by_id else 0) * span + wanted - low]
    if (rows < 0).any():
        number = int(series[rows < 0][0])
        gone = steps[(rows < 0) & (series == number)]
        of = f" of series {panel.ids[number]!r}" if by_id else ""
        raise ValueError(f"X lacks {len(gone)} stamps{of}: {name_stamps(stamps_at(panel, number, gone))}")
    return rows


def check_kind(stamps: pd.Index, panel: Panel) -> None:
    """Refuse an index of `X` that is of another kind than that of the series: time stamps, periods or integers."""
    kinds = (pd.DatetimeIndex, pd.PeriodIndex)
    if [isinstance(stamps, kind) for kind in kinds] != [isinstance(panel.last, kind) for kind in kinds]:
        raise TypeError(
            f"X must have an index like that of y, {type(panel.last).__name__}, got {type(stamps).__name__} of "
            f"{stamps.dtype}"
        )


def stamps_at(panel: Panel, number: int, steps: np.ndarray) -> pd.Index:
    """Stamps of a series at steps relative to its end."""
    last, low, high = panel.last[number : number + 1], int(steps.min()), int(steps.max())
    before = past_index(last, panel.freq, max(1, 1 - low))
    after = future_index(last, panel.freq, max(0, high))
    return before.append(after)[steps - low if low < 0 else steps]


def rows_asked(X, panel: Panel) -> tuple[np.ndarray | None, np.ndarray]:
    """Series (where `X` tells them) and steps after their ends, from 1 on, of each row of `X`."""
    if isinstance(X, Integral):
        raise TypeError(f"X must have a row for each step to forecast; predict(horizon={X}) forecasts {X} steps")
    if isinstance(X, (str, bytes)) or issparse(X) or not hasattr(X, "__len__"):
        raise TypeError(f"X must be a Series, a DataFrame or an array with a row for each step, got {type(X).__name__}")
    if not isinstance(X, (pd.Series, pd.DataFrame)):
        if panel.kind == LONG:
            raise ValueError(
                "X must be a DataFrame with an index of (id, time), as y had in fit; predict(horizon=...) forecasts "
                "all series"
            )
        return None, np.arange(1, len(np.asarray(X)) + 1)
    if (panel.kind == LONG) != isinstance(X.index, pd.MultiIndex):
        levels = "(id, time)" if panel.kind == LONG else "time alone"
        raise ValueError(f"X must have an index of {levels}, as y had in fit")
    series, stamps = None, with_stamps_of_pandas(X.index)
    if panel.kind == LONG:
        names, stamps = (stamps.get_level_values(level) for level in (0, 1))
        series = panel.ids.get_indexer(names)
        if (series < 0).any():
            unknown = names[series < 0].unique()
            raise ValueError(f"X asks for series that y does not have: {name_stamps(unknown)}")
    check_kind(stamps, panel)
    if not len(X):
        return series, np.empty(0, np.int64)
    anchor = panel.last[:1]
    steps = steps_from(anchor, stamps, panel.freq)
    off = steps == OFF_GRID
    if not off.any():
        ends = steps_from(anchor, panel.last, panel.freq)
        steps = steps - (ends[0] if series is None else ends[series])
    bad = off | (steps < 1)
    if bad.any():
        ends = panel.last.unique()
        raise ValueError(
            f"X must have stamps after the end of the series ({name_stamps(ends)}), at steps of "
            f"{getattr(panel.freq, 'freqstr', panel.freq)}; it has {name_stamps(stamps[bad])}"
        )
    return series, steps
