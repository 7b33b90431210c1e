"""Checks of parameters and series: each error names the argument, what came and what is accepted."""

from collections.abc import Iterable
from numbers import Integral, Real

import numpy as np
import pandas as pd

from tsrnn.forecasting.series.timeindex import indexed_by_pandas, name_stamps

LARGEST = 1e150  # its square is a number yet
FILL, MASK = "fill them, for example with {}.interpolate()", ", or fit with missing='mask'"  # the remedies


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


def check_real(name: str, value, low: float, high: float, *, open_below: bool = False, none: bool = False) -> None:
    """Refuse what is no number below `high`, and from `low` on or, with `open_below`, above it."""
    if none and value is None:
        return
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not low <= value < high or (open_below and value == low):
        left, or_none = "(" if open_below else "[", " or None" if none else ""
        raise ValueError(f"{name} must be a number in {left}{low:g}, {high:g}){or_none}, got {value!r}")


def check_option(name: str, value, options: Iterable[str]) -> None:
    """Refuse what is not one of the names in `options`."""
    options = list(options)
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")


def check_flag(name: str, value) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {value!r}")


def named(values) -> bool:
    """Whether it is a frame or a series of another library, such as polars, that pandas can take with its names."""
    return hasattr(values, "to_pandas")


def with_index(y, index: pd.Index | None = None) -> pd.Series | pd.DataFrame:
    """`y` as a Series or a DataFrame that is not empty; an array gets `index`, or counts its rows from 0."""
    if not isinstance(y, (pd.Series, pd.DataFrame)):
        given = type(y).__name__
        y = y.filled(np.nan) if isinstance(y, np.ma.MaskedArray) else y.to_pandas() if named(y) else np.asarray(y)
        if y.ndim not in (1, 2):
            raise ValueError(
                f"y must be a Series, a DataFrame or an array of 1 or 2 dimensions, got shape {y.shape} ({given})"
            )
        if index is not None and len(index) != len(y):
            raise ValueError(f"X and y must have as many rows, got {len(index)} and {len(y)}")
        y = (pd.Series if y.ndim == 1 else pd.DataFrame)(y, copy=False)  # never written to
        y = y if index is None else y.set_axis(index)
    if y.size == 0:
        raise ValueError("y is empty")
    return indexed_by_pandas(y)


def refuse_duplicates(name: str, columns: pd.Index) -> None:
    """Refuse columns of one name."""
    if columns.has_duplicates:
        raise ValueError(f"{name} has duplicated columns: {list(columns[columns.duplicated()].unique())}")


def holds_reals(column: pd.Series) -> bool:
    """Whether a column is of a type of real numbers; true and false are none."""
    dtype, types = column.dtype, pd.api.types
    return types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype) and not types.is_bool_dtype(dtype)


def no_reals(column: pd.Series, label: str = "") -> str:
    """How the error ends where a column holds no real numbers: what came, and what makes numbers of it."""
    dtype = column.dtype
    if dtype.kind in "cmM" or isinstance(dtype, pd.PeriodDtype):
        return f"got dtype {dtype}{label}"
    na = False
    for stamp, value in column.items():
        try:
            float(value)
        except (TypeError, ValueError):
            if not pd.api.types.is_scalar(value) or not pd.isna(value):
                return (
                    f"got dtype {dtype}{label}, with {value!r} at {stamp}; pandas.to_numeric(..., errors='coerce') "
                    "takes what is no number for missing"
                )
            na |= value is pd.NA
    wanted = "'Float64'" if na else "float"  # which NA is not
    return f"got dtype {dtype}{label}; astype({wanted}) makes numbers of it"


def numbers(column: pd.Series, label: str = "", name: str = "y", also: tuple = ()) -> np.ndarray:
    """A column as float64, NaN where a value is missing; refused by name where it holds no real numbers.

    It is a view of what is float64 already, or of one of the types in `also`.
    """
    if not holds_reals(column):
        table = "; ids and time go into the index, as from_long puts them" if label and name == "y" else ""
        raise TypeError(f"{name} must hold real numbers, {no_reals(column, label)}{table}")
    if column.dtype in (np.float64, *also):
        return column.to_numpy()
    return column.to_numpy(np.float64, na_value=np.nan)


def usable(values: np.ndarray, masks: bool = False) -> bool:
    """Whether all values are finite and not too large, or with `masks` missing. Nothing is laid out for it."""
    least, most = (np.fmin, np.fmax) if masks else (np.minimum, np.maximum)  # the latter two find a NaN
    low, high = (float(extreme.reduce(values, axis=None, initial=0)) for extreme in (least, most))
    return low >= -LARGEST and high <= LARGEST


def unusable(values: np.ndarray, masks: bool) -> np.ndarray:
    """Which values `usable` means."""
    most = np.float64(LARGEST)  # in float32 it would be infinite
    return ~((values >= -most) & (values <= most)) & ~(np.isnan(values) & masks)


def refuse_missing(
    values: np.ndarray, index: pd.Index, label: str = "", name: str = "y", masks: bool = False, remedy: str = FILL
) -> None:
    """Refuse values that are not finite, or too large to be squared, and name their stamps.

    The `remedy` stands at the end, where braces are for the argument, without infinite values.
    """
    if usable(values, masks):
        return
    bad = unusable(values, masks)
    infinite = bad & ~np.isfinite(values)
    if infinite.any():
        emptied = ".replace([np.inf, -np.inf], np.nan)" if np.isinf(values).any() else ""  # or they would stay
        raise ValueError(
            f"{name} holds {int(infinite.sum())} missing or infinite values{label}, at {name_stamps(index[infinite])}; "
            f"{remedy.format(name + emptied)}"
        )
    raise _too_large(name, f"{label}, at {name_stamps(index[bad])}")


def refuse_in_series(values: np.ndarray, stamps: pd.Index, label: str, masks: bool, wide: bool = False) -> None:
    """Say which values are missing, and that a column of a wide frame cannot end before the others."""
    if masks:  # what is left are infinite ones
        refuse_missing(values, stamps, label, masks=True, remedy="make them missing ones, with {}")
    elif not wide:
        refuse_missing(values, stamps, label, remedy=FILL + MASK)
    else:
        length = np.flatnonzero(~np.isnan(values))[-1] + 1
        within = FILL.replace("()", "(limit_area='inside')") + MASK  # the rest of the column would be made up
        refuse_missing(values[:length], stamps[:length], label, remedy=within)
        raise ValueError(
            f"y ends with {len(values) - length} missing values{label}, at {name_stamps(stamps[length:])}; series that "
            f"end before others go into long format, with y.unstack().dropna(){MASK}, which forecasts them"
        )


def refuse_large(counts: np.ndarray | bool = True, /, **arrays: np.ndarray) -> None:
    """Refuse arrays of finite numbers that are too large to be squared, by argument and by those rows that count."""
    for name, values in arrays.items():
        if not usable(values):
            rows = counts & unusable(values, masks=False).reshape(len(values), -1).any(axis=1)
            if rows.any():
                raise _too_large(name, f", in rows {name_stamps(pd.Index(np.flatnonzero(rows)))}")


def _too_large(name: str, where: str) -> ValueError:
    return ValueError(f"{name} holds values beyond {LARGEST:g}{where}: their squares are not finite; use a larger unit")


def check_series(y) -> pd.Series:
    """`y` as one Series of finite numbers with an index; errors name what is wrong and where."""
    y = with_index(y)
    if isinstance(y, pd.DataFrame):
        raise TypeError(f"y must be a Series or one-dimensional, got columns {list(y.columns)}")
    values = numbers(y)
    refuse_missing(values, y.index)
    return pd.Series(values, y.index, name=y.name)
