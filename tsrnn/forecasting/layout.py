"""Where the values of each series lie in what the user gave; they are copied only where they lie in no one's order."""

import numpy as np
import pandas as pd

from tsrnn.forecasting.checks import numbers

AS_THEY_ARE = (np.float32, np.float64)  # the loops read both, and reckon in float64
BLOCK = 1 << 16  # series, or rows, for which row numbers are laid out at once


def columns_of(y: pd.Series | pd.DataFrame) -> np.ndarray:
    """Values (S, L) of a Series, or of the columns of a frame; where it can be done a view."""
    if isinstance(y, pd.Series):
        return np.ascontiguousarray(numbers(y, also=AS_THEY_ARE))[None]
    types = set(y.dtypes)
    if all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in types):
        same = types.pop() if len(types) == 1 else None
        return np.ascontiguousarray(y.to_numpy(same if same in AS_THEY_ARE else np.float64).T)
    return np.array([numbers(y.iloc[:, k], column_label(y, k)) for k in range(y.shape[1])])


def column_label(y: pd.Series | pd.DataFrame, number: int) -> str:
    return f" in column {y.columns[number]!r}" if isinstance(y, pd.DataFrame) else ""


def begun(starts: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Which values (S, L) stand where their series has begun."""
    return np.arange(columns.shape[1]) >= starts[:, None]


def series_of(codes: np.ndarray) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Rows by series, the series in the order in which they come first.

    Returns
    -------
    order : (N,) ndarray or None
        Rows of one series after the other; None where they stand so.
    which : (S,) ndarray
        The code of each series.
    end : (S,) ndarray
        Where each ends, in that order.
    """
    edges = np.append(np.flatnonzero(codes[1:] != codes[:-1]) + 1, len(codes))
    runs = codes[edges - 1]
    which = pd.unique(runs)
    if len(which) == len(runs):
        return None, which, edges
    rank = np.empty(which.max() + 1, codes.dtype)
    rank[which] = np.arange(len(which))
    order = np.argsort(rank[codes], kind="stable")
    return order, which, np.cumsum(np.bincount(rank[codes]))


def first_values(columns: np.ndarray, y: pd.Series | pd.DataFrame) -> np.ndarray:
    """Where each column begins: values before that are missing since the series is younger."""
    observed = ~np.isnan(columns)
    empty = np.flatnonzero(~observed.any(axis=1))
    if len(empty):
        raise ValueError(f"y holds no value{column_label(y, empty[0])}")
    return np.argmax(observed, axis=1)


def stretches(table: np.ndarray, begin: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Copies of the rows of a table from each of `begin` on, so many of each, one stretch after the other."""
    end = np.cumsum(lengths)
    found = np.empty((end[-1], *table.shape[1:]), table.dtype)
    for first in range(0, len(begin), BLOCK):
        part = slice(first, first + BLOCK)
        length, stop = lengths[part], end[part]
        start = stop[0] - length[0]
        rows = np.arange(start, stop[-1]) + np.repeat(begin[part] - stop + length, length)
        found[start : stop[-1]] = table[rows]
    return found
