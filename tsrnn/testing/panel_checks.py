"""Checks of several series: as columns, of which some begin later, or by (id, time), with ends of their own."""

import numpy as np
import pandas as pd

from tsrnn.testing.registry import checked
from tsrnn.testing.subject import STEPS, by_id, close, expect, finite, refused, same, same_index

ENDS = {"a": 0, "b": 9, "c": 4}  # days by which each series ends before the longest


def takes_panels(subject) -> bool:
    return subject.panels


def wide(subject, more: int = 0) -> pd.DataFrame:
    """Three series; the last one is eight days younger."""
    y = subject.daily(more)
    table = pd.DataFrame({"a": y, "b": 50 - 3 * y[::-1].to_numpy(), "c": 1e3 * y})
    table.iloc[:8, 2] = np.nan
    return table


def long(subject, more: int = 0) -> pd.Series:
    """The same by id and time, with ends of their own."""
    table = wide(subject, more)
    return by_id({name: table[name].dropna().iloc[: -end or None] for name, end in ENDS.items()}).rename("demand")


@checked(lambda subject: not subject.panels)
def check_panels_are_refused(subject):
    """A forecaster that takes no panels says so."""
    with refused("fit on series by (id, time)"):
        subject.fitted(long(subject))


@checked(takes_panels)
def check_columns_of_series(subject):
    """A DataFrame is a series a column: back come its columns, on the days after, each on its own level."""
    y = wide(subject)
    model = subject.fitted(y)
    forecast = model.predict()
    expect(list(forecast.columns) == list("abc"), f"the columns a, b and c, got {list(forecast.columns)}")
    same_index(forecast.index, subject.index()[subject.length :], "the forecast")
    finite(forecast, "the forecast")
    for name in "abc":
        alone = model.predict(y=y[[name]].dropna())
        close(forecast[name], alone[name], f"the forecast of {name!r} among others and alone", 1e-4)
    order = [2, 0]
    rows = model.predict(pd.DataFrame(index=forecast.index[order]))
    close(rows, forecast.iloc[order], "rows of predict(X) and of predict()")


@checked(takes_panels)
def check_unequal_ends(subject):
    """By (id, time) each forecast begins right after the end of its own series."""
    y = long(subject)
    model = subject.fitted(y)
    forecast = model.predict()
    expect(forecast.index.names == y.index.names, f"index levels {y.index.names}, got {forecast.index.names}")
    finite(forecast, "the forecast")
    days = subject.index()
    for name, end in ENDS.items():
        n = subject.length - end
        same_index(forecast[name].index, days[n : n + STEPS], f"the forecast of {name!r}")
        alone = model.predict(y=y[[name]])[name]
        close(forecast[name], alone, f"the forecast of {name!r} among others and alone", 1e-4)
    some = forecast.sample(frac=0.6, random_state=0)
    close(model.predict(some.to_frame()), some, "rows by (id, time) in any order")
    same_index(subject.fitted(y.to_frame()).predict().index, forecast.index, "the forecast of a frame")


@checked(takes_panels)
def check_order_of_rows_by_id(subject):
    """Rows sorted by time and then id, as a database may give them, are the same panel."""
    y = long(subject)
    by_time = y.sort_index(level=1, kind="stable")
    same(subject.fitted(by_time).predict(), subject.fitted(y).predict(), "the forecast of rows sorted by time")


@checked(takes_panels)
def check_update_of_a_panel(subject):
    """Some series go on, others do not: each is forecast from its own end."""
    y = long(subject)
    model = subject.fitted(y)
    before = model.predict()
    more = long(subject, more=5)
    new = more[~more.index.isin(y.index)].drop("b")
    after = model.update(new).predict()
    same(after["b"], before["b"], "the forecast of a series without new values")
    days = subject.index(5 + STEPS)
    for name in "ac":
        n = subject.length - ENDS[name] + 5
        same_index(after[name].index, days[n : n + STEPS], f"the forecast of {name!r} after the update")


@checked(takes_panels)
def check_wrong_panels(subject):
    """A gap, or rows of series that were not fitted, are refused by the name of the series."""
    y = long(subject)
    with refused("fit on a series with a gap", "'c'", "2021-01-30"):  # followed by the first of February
        subject.fitted(y.drop(("c", pd.Timestamp("2021-01-31"))))
    with refused("fit on an infinite value", "'c'", "2021-01-31"):
        subject.fitted(y.mask(y.index == ("c", pd.Timestamp("2021-01-31")), np.inf))
    model = subject.fitted(y)
    with refused("predict(X) of a series that was not fitted", "new"):
        model.predict(model.predict().rename({"a": "new"}, level=0))
