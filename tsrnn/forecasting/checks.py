"""Checks of parameters and series: each error names the argument, what came and what is accepted."""

from collections.abc import Iterable
from numbers import Integral, Real

import numpy as np
import pandas as pd

from tsrnn.forecasting.timeindex import name_stamps


def check_integer(name: str, value, minimum: int, *also: str | None) -> None:
    """Refuse what is neither an integer of at least `minimum` nor one of `also`."""
    if any(value is other or (isinstance(value, str) and value == other) for other in also):
        return
    if not isinstance(value, Integral) or isinstance(value, bool) or value < minimum:
        alternatives = "".join(f" or {other!r}" for other in also)
        raise ValueError(f"{name} must be an integer of at least {minimum}{alternatives}, got {value!r}")


def check_sizes(name: str, value, length: int) -> None:
    """Refuse what is neither a positive integer nor a tuple of `length` of them, one for each layer."""
    sizes = value if isinstance(value, tuple) else (value,)
    right = all(isinstance(size, Integral) and not isinstance(size, bool) and size >= 1 for size in sizes)
    if not right or (isinstance(value, tuple) and len(value) != length):
        raise ValueError(
            f"{name} must be an integer of at least 1 or a tuple of them, one for each of num_layers={length} layers, "
            f"got {value!r}"
        )


def check_real(name: str, value, low: float, high: float, closed: str, *, none: bool = False) -> None:
    """Refuse what is no number between `low` and `high`; `closed` names the ends that are allowed."""
    if none and value is None:
        return
    inside = isinstance(value, Real) and not isinstance(value, bool)
    if inside:
        above = value >= low if closed in ("left", "both") else value > low
        below = value <= high if closed in ("right", "both") else value < high
        inside = above and below
    if not inside:
        left, right = "[" if closed in ("left", "both") else "(", "]" if closed in ("right", "both") else ")"
        or_none = " or None" if none else ""
        raise ValueError(f"{name} must be a number in {left}{low:g}, {high:g}{right}{or_none}, got {value!r}")


def check_option(name: str, value, options: Iterable[str]) -> None:
    """Refuse what is not one of the names in `options`."""
    options = list(options)
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")


def check_flag(name: str, value) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {value!r}")


def check_series(y) -> pd.Series:
    """`y` as a Series of finite numbers with an index; errors name what is wrong and where."""
    if not isinstance(y, pd.Series):
        if isinstance(y, pd.DataFrame):
            raise TypeError(f"y must be a Series or one-dimensional, got a DataFrame with columns {list(y.columns)}")
        y = y.filled(np.nan) if isinstance(y, np.ma.MaskedArray) else np.asarray(y)
        if y.ndim != 1:
            raise ValueError(f"y must be a Series or one-dimensional, got an array of shape {y.shape}")
        y = pd.Series(y)
    if len(y) == 0:
        raise ValueError("y is empty")
    numeric = pd.api.types.is_numeric_dtype(y.dtype) and not pd.api.types.is_complex_dtype(y.dtype)
    if not numeric or pd.api.types.is_bool_dtype(y.dtype):
        raise TypeError(f"y must hold real numbers, got dtype {y.dtype}")
    values = y.to_numpy(np.float64, na_value=np.nan)
    finite = np.isfinite(values)
    if not finite.all():
        raise ValueError(
            f"y holds {int((~finite).sum())} missing or infinite values, at {name_stamps(y.index[~finite])}; "
            "fill them, for example with y.interpolate()"
        )
    return pd.Series(values, y.index, name=y.name)
