"""Checks of values: scales, types, what is missing, what must not be written to, series that are too short."""

from importlib.util import find_spec
from unittest import SkipTest

import numpy as np
import pandas as pd

from tsrnn.testing.registry import checked
from tsrnn.testing.subject import STEPS, close, columns, expect, finite, refused, same, same_index


def need_pyarrow() -> None:
    if find_spec("pyarrow") is None:
        raise SkipTest("pyarrow is not installed")


@checked(value=[0.0, 5.0, -1e30])
def check_constant(subject, value):
    """A constant series is forecast by finite numbers close to it."""
    y = subject.daily() * 0 + value
    forecast = subject.fitted(y).predict()
    finite(forecast, f"the forecast of a series of {value}")
    away = np.abs(forecast - value).to_numpy().max()
    expect(away <= max(abs(value), 1), f"a forecast near the constant {value}, got one {away} away")


@checked(scale=[1e30, 1e-30])
def check_scales(subject, scale):
    """In other units the forecast is the same but for the units."""
    y = subject.daily()
    expected = subject.fitted(y).predict()
    found = subject.fitted(y * scale).predict()
    close(found / scale, expected, f"the forecast of values times {scale}, divided by it", 1e-3)


@checked(dtype=["float32", "float16", "int64", "uint8", "Float64", "Float32", "Int64", "object"])
def check_dtypes(subject, dtype):
    """Numbers of any type of NumPy's or pandas' are as good as float64; objects are refused."""
    y = (subject.daily() * 4).round()
    if dtype == "object":
        with refused("fit on values of dtype object", "object"):
            subject.fitted(y.astype(object))
        return
    found = subject.fitted(y.astype(dtype)).predict()
    same(found, subject.fitted(y).predict(), f"the forecast of {dtype} and of float64")


@checked()
def check_pyarrow(subject):
    """Series and columns that pyarrow holds are as good as those of NumPy."""
    need_pyarrow()
    y, X, n = subject.daily(), columns(subject.index()), subject.length
    arrow = y.convert_dtypes(dtype_backend="pyarrow")
    same(subject.fitted(arrow).predict(), subject.fitted(y).predict(), "the forecast of values in pyarrow and NumPy")
    if subject.exogenous:
        expected = subject.new().fit(X, y).predict(X[n:])
        X = X.convert_dtypes(dtype_backend="pyarrow")
        same(subject.new().fit(X, arrow).predict(X[n:]), expected, "the forecast with columns in pyarrow and NumPy")


def with_value(y, value, dtype="float64"):
    """`y` with one value on 31 January of another kind."""
    y = y.astype(dtype)
    if y.ndim == 1:
        y.iloc[30] = value
    else:
        y.iloc[30, 1] = value
    return y


@checked(lambda subject: not subject.missing, dtype=["float64", "Float64", "Int64", "double[pyarrow]"])
def check_missing_values_are_refused(subject, dtype):
    """NaN and NA within a series are refused, by their stamps."""
    if "pyarrow" in dtype:
        need_pyarrow()
    y = with_value(subject.daily().round(), np.nan if dtype == "float64" else pd.NA, dtype)
    with refused(f"fit on a missing value of {dtype}", "2021-01-31"):
        subject.fitted(y)
    with refused(f"predict(y=...) with a missing value of {dtype}", "2021-01-31"):
        subject.fitted().predict(y=y)


@checked(lambda subject: subject.missing)
def check_missing_values(subject):
    """Missing values within a series are taken, of any type, and the forecast is finite."""
    y = subject.daily().round()
    expected = subject.fitted(with_value(y, np.nan)).predict()
    finite(expected, "the forecast of a series with a missing value")
    for dtype in ("Float64", "Int64"):
        same(subject.fitted(with_value(y, pd.NA, dtype)).predict(), expected, f"the forecast of {dtype} and float64")


@checked()
def check_infinite_values(subject):
    """Infinite values are refused, by their stamps."""
    for value in (np.inf, -np.inf):
        with refused(f"fit on {value}", "2021-01-31"):
            subject.fitted(with_value(subject.daily(), value))


@checked()
def check_no_numbers(subject):
    """Text, time stamps, complex numbers and nothing at all are refused."""
    y = subject.daily()
    for what, wrong in {
        "text": y.astype(str),
        "time stamps": y.apply(lambda column: pd.to_datetime(column, unit="D")) if y.ndim > 1 else pd.to_datetime(y),
        "complex numbers": y.astype(complex),
        "an empty series": y[:0],
        "an array of three dimensions": np.zeros((20, 2, 2)),
        "None": None,
    }.items():
        with refused(f"fit on {what}", "y"):
            subject.new().fit(wrong)


@checked()
def check_read_only(subject):
    """Arrays that cannot be written to are as good as others."""
    y, X = subject.daily(), columns(subject.index()).astype(float)
    n = subject.length

    def locked(table):
        values = table.to_numpy().copy()
        values.flags.writeable = False
        if values.ndim == 1:
            return pd.Series(values, table.index, name=table.name, copy=False)
        return pd.DataFrame(values, table.index, table.columns, copy=False)

    same(subject.fitted(locked(y)).predict(), subject.fitted(y).predict(), "the forecast of read-only values")
    if subject.untimed:
        array = locked(y).to_numpy()
        found = subject.fitted(array).predict()
        same(found, subject.fitted(array.copy()).predict(), "the forecast of a read-only array")
    if subject.exogenous:
        found = subject.new().fit(locked(X), locked(y)).predict(locked(X[n:]))
        same(found, subject.new().fit(X, y).predict(X[n:]), "the forecast with read-only columns")


@checked()
def check_inputs_stay(subject):
    """`fit`, `predict`, `update` and `score` leave what they are given as it was."""
    n = subject.length
    y, X = subject.daily(STEPS), columns(subject.index(2 * STEPS))
    y.index = pd.DatetimeIndex(y.index, freq=None)
    known, new, rows = y[:n].copy(), y[n:].copy(), X[n : n + STEPS].copy()
    given = {"X": X, "y": y, "y of fit": known, "y of update and score": new, "X of score": rows}
    copies = {what: table.copy() for what, table in given.items()}
    model = subject.new().fit(X, known) if subject.exogenous else subject.fitted(known)
    model.score(rows, new)
    model.predict(X if subject.exogenous else None, y=y)
    model.update(new, X) if subject.exogenous else model.update(new)
    for what, table in given.items():
        expect(table.equals(copies[what]), f"{what} to stay as it was")
        same_index(table.index, copies[what].index, what)
        expect(table.index.freq == copies[what].index.freq, f"the index of {what} to keep its frequency, or none")


@checked(lambda subject: subject.untimed)
def check_arrays_stay(subject):
    """An array stays as it was, and the forecast as it is where the array is written over after `fit`."""
    y = subject.daily().to_numpy()
    array = y.copy()
    model = subject.fitted(array)
    np.testing.assert_array_equal(array, y, err_msg="expected the array of fit to stay as it was")
    first = model.predict()
    array[:] = 0
    same(model.predict(), first, "the forecast after the array that was fitted is written over")


@checked()
def check_short_series(subject):
    """A series that is too short is refused, by the number of values that it needs; as many are enough."""
    y = subject.daily()
    errors = {}
    for n in range(1, len(y) + 1):
        try:
            forecast = subject.fitted(y[:n]).predict()
        except ValueError as error:
            errors[n] = str(error)
        else:
            break
    finite(forecast, f"the forecast of a series of {n} values")
    expect(len(forecast) == STEPS, f"{STEPS} steps after a series of {n} values, got {len(forecast)}")
    if errors:
        last = max(errors)
        for number in (last, last + 1):
            expect(str(number) in errors[last], f"that {last} values are too few and {last + 1} enough: {errors[last]}")
