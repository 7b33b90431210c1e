"""Small tasks of each kind."""

import numpy as np
import pandas as pd
from accuracy_tasks import Task

LENGTHS = {"b": 9, "a": 7}


def panel_series(lengths=LENGTHS, start=1.0):
    """Counting upwards, the second series a thousand higher."""
    parts = []
    for number, (name, length) in enumerate(lengths.items()):
        stamps = pd.date_range("2020-01-01", periods=length, freq="MS")
        index = pd.MultiIndex.from_product([[name], stamps], names=["unique_id", "ds"])
        parts.append(pd.Series(start + np.arange(length) ** 1.5 + 1000.0 * number, index, name="y"))
    return pd.concat(parts)


def panel_task(metric="MASE", horizon=2):
    y = panel_series()
    left = y.groupby(level=0, sort=False).cumcount(ascending=False).to_numpy()
    return Task("panel", "validation", horizon, 3, 3, metric, y[left >= horizon], y[left < horizon])


def columns_task(stride=1, X=None):
    """Two columns, five rows to learn from, two more to read, eight to forecast three at a time."""
    stamps = pd.date_range("2020-01-01", periods=15, freq="h")
    table = pd.DataFrame({"u": np.arange(15.0) ** 1.5, "v": -np.arange(15.0)}, stamps)
    return Task("columns", "test", 3, 2, 2, "MSE", table[:5], table[7:], stride, table[5:7], X)


def single_task(with_X=True):
    """One series with a column known ahead, forecast two at a time."""
    stamps = pd.date_range("2020-01-01", periods=12, freq="h")
    y = pd.Series(np.arange(12.0) ** 1.5, stamps)
    X = pd.DataFrame({"known": np.arange(100.0, 112.0)}, stamps) if with_X else None
    return Task("single", "test", 2, 2, 2, "MASE", y[:6], y[6:], 2, None, X)
