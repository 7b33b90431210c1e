"""What is checked, and what every check needs: small series, quick fits, comparisons that say what was expected."""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

STEPS = 4  # forecast by most checks
UPDATES = 2  # of training, where the estimator counts them: the checks ask for no accuracy


@dataclass(frozen=True)
class Subject:
    """An estimator under test.

    Attributes
    ----------
    estimator : BaseEstimator
        Never fitted itself.
    exogenous, panels, missing, together, untimed : bool
        As for `tsrnn.testing.check_forecaster`.
    length : int
        Values of the series that most checks fit.
    """

    estimator: BaseEstimator
    exogenous: bool
    panels: bool
    missing: bool
    together: bool
    untimed: bool
    length: int

    @property
    def unit(self) -> int:
        """Values that the estimator reads as one."""
        given = self.estimator.get_params().get("segment", 1)
        return given if isinstance(given, int) else 1  # one chosen in `fit` is a choice of windows, not of streams

    def new(self, **changes) -> BaseEstimator:
        """A clone that is quick to fit and repeatable: of the parameters for that, those it has are set."""
        parameters = self.estimator.get_params()
        quick = {"horizon": STEPS, "random_state": 0, "warm_start": False, "verbose": False}
        for name in ("max_steps", "max_iter"):
            given = parameters.get(name)
            quick[name] = min(given, UPDATES) if isinstance(given, int) and given else UPDATES
        known = {name: value for name, value in quick.items() if name in parameters}
        return clone(self.estimator).set_params(**(known | changes))

    def fitted(self, y=None) -> BaseEstimator:
        """One that is fitted, on daily values by default."""
        return self.new().fit(self.daily() if y is None else y)

    def index(self, more: int = STEPS) -> pd.DatetimeIndex:
        """Days of the series, and `more` that follow."""
        return pd.date_range("2021-01-01", periods=self.length + more, name="day")

    def daily(self, more: int = 0) -> pd.Series | pd.DataFrame:
        return self.on(self.index(more))

    def on(self, index: pd.Index) -> pd.Series | pd.DataFrame:
        """Values on an index; those of a longer index begin alike."""
        y = pd.Series(wave(len(index)), index, name="demand")
        return pd.DataFrame({"demand": y, "supply": 50 - 3 * y}) if self.together else y


def wave(n: int) -> np.ndarray:
    """A wave on a slope with a little noise, all positive."""
    t = np.arange(n)
    return 10 + np.sin(t / 3) + 0.02 * t + 0.05 * np.random.default_rng(0).standard_normal(n)


def columns(index: pd.Index) -> pd.DataFrame:
    """Exogenous columns: two of numbers, one of flags."""
    rng = np.random.default_rng(1)
    n = len(index)
    heat, price, is_open = rng.standard_normal(n), 5 + rng.random(n), rng.random(n) > 0.3
    return pd.DataFrame({"heat": heat, "price": price, "open": is_open}, index)


def by_id(y: dict) -> pd.Series:
    """Series under one another, by (id, time)."""
    return pd.concat(y, names=["shop", *next(iter(y.values())).index.names])


def expect(condition, expected: str) -> None:
    """Fail, and say what was expected."""
    if not condition:
        raise AssertionError(f"expected {expected}")


def close(actual, expected, what: str, tolerance: float = 1e-5) -> None:
    """Values are equal up to `tolerance` times the spread of those expected."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    expect(actual.shape == expected.shape, f"{what} to have shape {expected.shape}, got {actual.shape}")
    spread = max(float(np.ptp(expected)), 1e-3 * float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(actual, expected, 0, tolerance * spread, err_msg=f"expected {what} to be equal")


def same(actual, expected, what: str) -> None:
    """Values are equal to the last bit, and so is the index where there is one."""
    expect(type(actual) is type(expected), f"{what} to be a {type(expected).__name__}, got {type(actual).__name__}")
    if isinstance(expected, (pd.Series, pd.DataFrame)):
        same_index(actual.index, expected.index, what)
    np.testing.assert_array_equal(actual, expected, err_msg=f"expected {what} to be equal")


def same_index(actual: pd.Index, expected: pd.Index, what: str) -> None:
    """The same stamps, of the same type, resolution, time zone and name; the frequency that it tells may be lost."""

    def kind(index):
        stamps = isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex))
        return (*((type(index).__name__, index.dtype) if stamps else ["integers"]), list(index.names))

    expect(kind(actual) == kind(expected), f"the index of {what} to be of {kind(expected)}, got {kind(actual)}")
    expect(actual.equals(expected), f"{what} on {list(expected)}, got {list(actual)}")


def finite(forecast, what: str) -> None:
    expect(np.isfinite(np.asarray(forecast, np.float64)).all(), f"{what} to be finite, got {forecast}")


@contextmanager
def refused(what: str, *words: str, errors=(ValueError, TypeError)):
    """`what` raises an error that holds each of `words`."""
    try:
        yield
    except errors as error:
        missing = [word for word in words if word not in str(error)]
        if missing:
            raise AssertionError(f"expected {what} to raise an error with {missing}, got: {error}") from error
    else:
        names = " or ".join(error.__name__ for error in errors)
        raise AssertionError(f"expected {what} to raise {names}, and nothing was raised")
