"""Checks of what is asked for: horizons, rows of `X` found by their index, exogenous columns, updates."""

import itertools

import numpy as np
import pandas as pd

from tsrnn.testing.registry import checked
from tsrnn.testing.subject import STEPS, close, columns, expect, finite, refused, same, same_index


@checked()
def check_horizons(subject):
    """A shorter forecast is the beginning of a longer one; `predict()` has as many steps as fitted for."""
    model = subject.fitted()
    forecast = model.predict()
    wanted = model.get_params().get("horizon", len(forecast))
    expect(len(forecast) == wanted, f"predict() to forecast {wanted} steps, got {len(forecast)}")
    days = subject.index(3 * STEPS)[subject.length :]
    for steps in (1, STEPS - 1, STEPS, 2 * STEPS + 1, 3 * STEPS):
        found = model.predict(horizon=steps)
        same_index(found.index, days[:steps], f"predict(horizon={steps})")
        finite(found, f"predict(horizon={steps})")
        both = min(steps, STEPS)
        close(found[:both], forecast[:both], f"the first steps of predict(horizon={steps}) and predict()")


@checked(horizon=[0, -1, 1.5, "2"])
def check_wrong_horizons(subject, horizon):
    """What is no positive number of steps is refused."""
    with refused(f"predict(horizon={horizon!r})", "horizon"):
        subject.fitted().predict(horizon=horizon)


@checked()
def check_rows(subject):
    """`predict(X)` is an array with a row for each of `X`; the index says which steps, whatever `X` holds."""
    model, days = subject.fitted(), subject.index()[subject.length :]
    forecast = np.asarray(model.predict())
    for what, X in {
        "a frame without columns": pd.DataFrame(index=days),
        "a Series": pd.Series(0.0, days),
        "the forecast itself": model.predict(),
        "an array without columns": np.empty((STEPS, 0)),
    }.items():
        found = model.predict(X)
        expect(type(found) is np.ndarray, f"predict(X) to return an array for {what}, got {type(found).__name__}")
        close(found, forecast, f"predict(X) with {what} and predict()")


@checked()
def check_gap(subject):
    """Rows after a gap are those steps of the longer forecast, not the first ones."""
    model, days = subject.fitted(), subject.index(2 * STEPS)[subject.length :]
    longer = np.asarray(model.predict(horizon=2 * STEPS))
    for first in (1, STEPS - 2, STEPS + 1):
        found = model.predict(pd.DataFrame(index=days[first:]))
        close(found, longer[first:], f"rows from step {first + 1} on and those of the longer forecast")
    close(model.predict(pd.DataFrame(index=days[::2])), longer[::2], "every other row and that of the longer forecast")


@checked()
def check_permuted_rows(subject):
    """Rows of `X` come back in the order of `X`."""
    model, days = subject.fitted(), subject.index()[subject.length :]
    forecast = np.asarray(model.predict())
    for order in ([3, 2, 1, 0], [2, 0, 3, 1], [1, 1, 0]):
        close(model.predict(pd.DataFrame(index=days[order])), forecast[order], f"rows {order} of the forecast")


@checked()
def check_rows_that_cannot_be_forecast(subject):
    """Rows before the end of the series, between two steps or on another kind of index are refused, by stamp."""
    model, days = subject.fitted(), subject.index()
    n = subject.length
    with refused("predict(X) of days within the series", str(days[n - 1].date())):
        model.predict(pd.DataFrame(index=days[n - 1 :]))
    between = days[n:] + pd.Timedelta("6h")
    with refused("predict(X) of stamps between two days", str(between[0])):
        model.predict(pd.DataFrame(index=between))
    with refused("predict(X) with integers after a DatetimeIndex"):
        model.predict(pd.DataFrame(index=range(n, n + STEPS)))
    with refused("predict(X) with both X and horizon", "horizon"):
        model.predict(pd.DataFrame(index=days[n:]), horizon=2)


@checked()
def check_other_series(subject):
    """`predict(y=...)` of the series fitted is `predict()`; of another it follows that one, on its own level."""
    model, y = subject.fitted(), subject.daily()
    close(model.predict(y=y), model.predict(), "predict(y=...) of the series fitted and predict()", 1e-4)
    other = y[: subject.length - 9]
    forecast = model.predict(y=other)
    same_index(forecast.index, subject.index()[subject.length - 9 :][:STEPS], "the forecast after another series")
    finite(forecast, "the forecast after another series")
    with refused("predict(y=...) of another frequency"):
        model.predict(y=y[::2])


@checked()
def check_update(subject):
    """`update` returns the estimator and forecasts from all that is known, without training."""
    y, n, unit = subject.daily(), subject.length, subject.unit
    pieces = [n - 6 * unit, n - 5 * unit, n - 2 * unit, n]
    model = subject.fitted(y[: pieces[0]])
    expected = model.predict(y=y)
    for start, stop in itertools.pairwise(pieces):
        expect(model.update(y[start:stop]) is model, "update to return the estimator")
    found = model.predict()
    same_index(found.index, expected.index, "the forecast after updates")
    close(found, expected, "the forecast after updates and that of predict(y=...)", 1e-4)
    for what, start in {"that leave a day out": n + 1, "that are known": n - 3}.items():
        with refused(f"update with values {what}", str(subject.index()[n].date())):
            model.update(subject.daily(STEPS)[start:])


def takes_columns(subject) -> bool:
    return subject.exogenous


@checked(lambda subject: not subject.exogenous)
def check_columns_are_refused(subject):
    """A forecaster that takes no exogenous columns says so, rather than to leave them out."""
    with refused("fit(X, y) with columns", "X"):
        subject.new().fit(columns(subject.index(0)), subject.daily())


@checked(takes_columns)
def check_columns(subject):
    """Exogenous columns are found by their index: more rows, in another order, are the same."""
    y, X, n = subject.daily(), columns(subject.index()), subject.length
    model = subject.new().fit(X[:n], y)
    forecast = model.predict(X[n:])
    expect(forecast.shape == (STEPS, *y.shape[1:]), f"one row a row of X, got shape {forecast.shape}")
    finite(forecast, "the forecast with exogenous columns")
    same(subject.new().fit(X, y).predict(X[n:]), forecast, "the forecast when fit had more rows of X than of y")
    same(subject.new().fit(X[:n][::-1], y).predict(X[n:]), forecast, "the forecast when fit had permuted rows of X")
    order = [2, 0, 3, 1]
    close(model.predict(X[n:].iloc[order]), forecast[order], "the forecast of permuted rows of X")
    close(model.predict(X[n:][X.columns[::-1]]), forecast, "the forecast of permuted columns of X")
    series = model.predict(X, horizon=STEPS)
    same_index(series.index, X.index[n:], "predict(X, horizon=...)")
    close(series, forecast, "predict(X, horizon=...) and predict(X)")


@checked(takes_columns)
def check_arrays_of_columns(subject):
    """Rows of an array go along with `y`, and count from the first step to forecast."""
    y, X, n = subject.daily(), columns(subject.index()).astype(float), subject.length
    expected = subject.new().fit(X[:n], y).predict(X[n:])
    found = subject.new().fit(X[:n].to_numpy(), y).predict(X[n:].to_numpy())
    close(found, expected, "the forecast with an array X and that with a frame")
    found = subject.new().fit(X[:n], y.to_numpy()).predict(X[n:])
    close(found, expected, "the forecast when an array y had the index of X")
    with refused("fit(X, y) with an array X of other rows than y", "X", str(n)):
        subject.new().fit(X[: n - 1].to_numpy(), y)


@checked(takes_columns)
def check_wrong_columns(subject):
    """Columns unknown to `fit`, or missing, are refused by name, and so are missing rows, by stamp."""
    y, X, n = subject.daily(), columns(subject.index()), subject.length
    model = subject.new().fit(X[:n], y)
    with refused("predict() without the columns that are known ahead", "heat"):
        model.predict()
    with refused("predict(X) with a column that fit did not have", "wind"):
        model.predict(X[n:].assign(wind=1.0))
    with refused("predict(X) without a column that fit had", "price"):
        model.predict(X[n:].drop(columns="price"))
    if not subject.missing:
        with refused("predict(X) with a missing value", "heat", str(X.index[n].date())):
            model.predict(X[n:].assign(heat=np.nan))
    with refused("predict(X) without the rows of a gap", str(X.index[n].date())):
        model.predict(X[n + 1 :])
    with refused("fit(X, y) without a row", str(X.index[7].date())):
        subject.new().fit(X[:n].drop(X.index[7]), y)
    with refused("fit(X, y) with a row twice", str(X.index[7].date())):
        subject.new().fit(pd.concat([X[:n], X[7:8]]), y)


@checked(takes_columns)
def check_update_with_columns(subject):
    """`update(y, X)` takes the columns along; without them it is refused."""
    y, X, n = subject.daily(STEPS), columns(subject.index(2 * STEPS)), subject.length
    model = subject.new().fit(X, y[:n])
    expected = model.predict(X, y=y)
    with refused("update(y) without the columns", "heat"):
        model.update(y[n:])
    close(model.update(y[n:], X).predict(X[n + STEPS :]), expected, "the forecast after update(y, X)", 1e-4)
