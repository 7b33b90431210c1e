"""Where the values of each series lie in what the user gave; they are copied only where they lie in no one's order."""

import numpy as np
import pandas as pd

from tsrnn.forecasting.checks import numbers
from tsrnn.kernels.series import copy_stretches, read_only

AS_THEY_ARE = (np.float32, np.float64)  # the loops read both, and reckon in float64


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
    order, last = None, _ends_of_runs(codes)
    which = pd.unique(codes[last])
    if len(which) < np.count_nonzero(last):
        rank = np.empty(which.max() + 1, codes.dtype)
        rank[which] = np.arange(len(which))
        order = np.argsort(rank[codes], kind="stable")
        last = _ends_of_runs(codes[order])
    return order, which, np.flatnonzero(last) + 1


def _ends_of_runs(codes: np.ndarray) -> np.ndarray:
    """Whether each row is the last of those that are alike and follow one another."""
    return np.append(codes[1:] != codes[:-1], True)


def first_values(columns: np.ndarray, y: pd.Series | pd.DataFrame) -> np.ndarray:
    """Where each column begins: values before that are missing since the series is younger."""
    observed = ~np.isnan(columns)
    empty = np.flatnonzero(~observed.any(axis=1))
    if len(empty):
        raise ValueError(f"y holds no value{column_label(y, empty[0])}")
    return np.argmax(observed, axis=1)


def stretches(table: np.ndarray, begin: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Copies of the rows of a table from each of `begin` on, so many of each, one stretch after the other."""
    found = np.empty((lengths.sum(), table.shape[1]), table.dtype)
    copy_stretches(read_only(table), begin, lengths, found)
    return found
