"""Long format in and out: a row for each series and time stamp, as Nixtla's packages and databases have it."""

from collections.abc import Hashable

import numpy as np
import pandas as pd

from tsrnn.forecasting.checks import holds_reals, no_reals, refuse_duplicates
from tsrnn.forecasting.series.timeindex import name_stamps, with_stamps_of_pandas


def from_long(df, id_col="unique_id", time_col="ds", target_col="y"):
    """Series and exogenous columns of a table in long format.

    Parameters
    ----------
    df : DataFrame
        A row for each series and time stamp, in any order.
    id_col : str, default="unique_id"
        The column that tells the series apart.
    time_col : str, default="ds"
        The column of time stamps, with or without time zone, of periods or of integers.
    target_col : str or None, default="y"
        The column to forecast. None for a table without one, such as that of the columns known of the future.

    Returns
    -------
    X : DataFrame
        All other columns, as they are; there may be none. The index is a MultiIndex of (`id_col`, `time_col`), sorted
        by both, so that neither the order of the rows nor that of the series in `df` matters.
    y : Series or None
        The target, on the same index; None with `target_col=None`. Values may be missing.

    Raises
    ------
    TypeError
        If `df` is no pandas DataFrame, or a column is of a type that cannot be used.
    ValueError
        If a column is missing, or a row lacks its series or its time stamp or repeats another one's.

    See Also
    --------
    to_long : the way back.

    Notes
    -----
    It is always a pair, so that the columns of a table do not decide what a line of code means:
    `X, y = from_long(df)`, and where there is nothing but the target `_, y = from_long(df)`.

    Examples
    --------
    >>> import pandas as pd
    >>> from tsrnn import from_long
    >>> sales = pd.DataFrame({
    ...     "unique_id": ["tea", "tea", "ale", "ale"],
    ...     "ds": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-01", "2024-01-02"]),
    ...     "y": [5.0, 6.0, 3.0, 4.0],
    ...     "price": [2.5, 2.5, 4.0, 3.9],
    ... })
    >>> X, y = from_long(sales)
    >>> y
    unique_id  ds
    ale        2024-01-01    3.0
               2024-01-02    4.0
    tea        2024-01-01    5.0
               2024-01-02    6.0
    Name: y, dtype: float64
    >>> X.columns.to_list()
    ['price']
    """
    if not isinstance(df, pd.DataFrame):
        way = "reset_index() makes one of it" if isinstance(df, pd.Series) else "that of polars has to_pandas()"
        raise TypeError(f"df must be a pandas DataFrame, got {type(df).__name__}; {way}")
    roles = {"id_col": id_col, "time_col": time_col} | ({} if target_col is None else {"target_col": target_col})
    _check_columns(df, roles)
    index = pd.MultiIndex.from_arrays([_ids(df[id_col]), _times(df[time_col])], names=[id_col, time_col])
    _check_ids(index.levels[0], id_col)
    order = _order(index)
    X = df.drop(columns=list(roles.values())).set_axis(index, axis=0)
    y = None if target_col is None else _target(df[target_col])
    if order is None:
        return X, y if y is None else y.set_axis(index)
    X = X.iloc[order]
    return X, y if y is None else pd.Series(y.to_numpy()[order], X.index, name=target_col, copy=False)


def to_long(forecast, value_col="RNNForecaster", *, id_col="unique_id", time_col="ds"):
    """A table in long format of forecasts, or of series.

    Parameters
    ----------
    forecast : Series or DataFrame
        As `RNNForecaster.predict` returns it, or `from_long`:

        - a Series on a time index: one series, called by the name of the Series, or "y" if it has none;
        - a DataFrame on a time index: each column is a series, called by its name;
        - a Series on a MultiIndex (id, time);
        - a DataFrame on a MultiIndex (id, time): its columns stay what they are, and `value_col` is not used.
    value_col : str, default="RNNForecaster"
        The column of the values: the name of the model, or "y" for what was observed.
    id_col : str, default="unique_id"
        The column that tells the series apart.
    time_col : str, default="ds"
        The column of time stamps.

    Returns
    -------
    DataFrame
        Columns `id_col`, `time_col` and `value_col`; rows in the order of `forecast`, one series after the other.

    Raises
    ------
    TypeError
        If `forecast` is neither a Series nor a DataFrame, or has no index of time stamps, periods or integers.
    ValueError
        If two columns would have the same name.

    See Also
    --------
    from_long : the way back.

    Examples
    --------
    Joined to what came true, it is what `evaluate` of utilsforecast takes.

    >>> import pandas as pd
    >>> from tsrnn import to_long
    >>> days = pd.date_range("2024-01-03", periods=2, freq="D")
    >>> forecast = pd.DataFrame({"ale": [3.5, 3.6], "tea": [6.5, 6.4]}, days)
    >>> to_long(forecast)
      unique_id         ds  RNNForecaster
    0       ale 2024-01-03            3.5
    1       ale 2024-01-04            3.6
    2       tea 2024-01-03            6.5
    3       tea 2024-01-04            6.4
    """
    if not isinstance(forecast, (pd.Series, pd.DataFrame)):
        raise TypeError(f"forecast must be a Series or a DataFrame, got {type(forecast).__name__}")
    index = forecast.index
    panel = isinstance(index, pd.MultiIndex)
    if panel and index.nlevels != 2:
        raise TypeError(f"forecast must have an index of time or of (id, time), got {index.nlevels} levels")
    _check_time(index.get_level_values(1) if panel else index, "the time index of forecast")
    table = isinstance(forecast, pd.DataFrame)
    if table and isinstance(forecast.columns, pd.MultiIndex):
        raise TypeError(f"forecast must have one level of columns, got {forecast.columns.nlevels}")
    if table:
        refuse_duplicates("forecast", forecast.columns)
    names = [id_col, time_col, *(forecast.columns if table and panel else [value_col])]
    if len(set(names)) < len(names):
        raise ValueError(f"the columns must have different names, got {names}")
    if panel:
        values = {name: forecast[name].array for name in forecast} if table else {value_col: forecast.array}
        return pd.DataFrame({id_col: index.get_level_values(0), time_col: index.get_level_values(1)} | values)
    if not table:
        name = "y" if forecast.name is None else forecast.name
        return pd.DataFrame({id_col: [name] * len(index), time_col: index, value_col: forecast.array})
    n_series = len(forecast.columns)
    return pd.DataFrame(
        {
            id_col: forecast.columns.repeat(len(index)),
            time_col: index.take(np.tile(np.arange(len(index)), n_series)),
            value_col: forecast.to_numpy().ravel(order="F"),
        }
    )


def _check_columns(df: pd.DataFrame, roles: dict[str, str]) -> None:
    """Refuse a table that has not, once each, the columns that the arguments in `roles` name."""
    for role, name in roles.items():
        if not isinstance(name, Hashable):
            raise TypeError(f"{role} must be the name of a column, got {name!r}")
    if len(set(roles.values())) < len(roles):
        raise ValueError(f"{', '.join(roles)} must name different columns, got {', '.join(map(repr, roles.values()))}")
    missing = [f"{role}={name!r}" for role, name in roles.items() if name not in df.columns]
    if missing:
        inside = [name for name in df.index.names if name is not None and name in roles.values()]
        hint = f"; {', '.join(map(repr, inside))} in the index becomes one with df.reset_index()" if inside else ""
        if missing == [f"target_col={roles.get('target_col')!r}"]:
            hint = "; target_col=None is for tables without one"
        raise ValueError(f"df has no column {' and '.join(missing)}; its columns are {list(df.columns)}{hint}")
    refuse_duplicates("df", df.columns)
    if not len(df):
        raise ValueError("df has no rows")


def _rows(missing: np.ndarray) -> str:
    """How many rows, and the first of them by position."""
    return f"{int(missing.sum())} rows, at position {name_stamps(pd.Index(np.flatnonzero(missing)))}"


def _ids(column: pd.Series) -> pd.Index:
    missing = column.isna().to_numpy()
    if missing.any():
        raise ValueError(f"the column {column.name!r} has no id in {_rows(missing)}")
    if isinstance(column.dtype, pd.CategoricalDtype):  # the order of the categories is not that of the ids
        column = column.astype(column.cat.categories.dtype)
    return pd.Index(column.to_numpy() if pd.api.types.is_numeric_dtype(column.dtype) else column.array)


def _check_ids(ids: pd.Index, id_col: str) -> None:
    """Refuse ids that have no order."""
    try:
        ids.sort_values()
    except TypeError:
        kinds = sorted({type(name).__name__ for name in ids})
        raise TypeError(
            f"the column {id_col!r} must have ids that can be sorted, got a mix of {' and '.join(kinds)}; make "
            "them strings, for example with astype(str)"
        ) from None


def _order(index: pd.MultiIndex) -> np.ndarray | None:
    """The rows by series and time, None where they stand so; refused where two are of the same series and time."""
    own, at = index.codes  # the levels are sorted, and so their codes
    if ((own[1:] > own[:-1]) | ((own[1:] == own[:-1]) & (at[1:] > at[:-1]))).all():
        return None
    place = own.astype(np.int64) * len(index.levels[1]) + at
    order = np.argsort(place)
    place = place[order]
    if (place[1:] == place[:-1]).any():
        repeated = index[index.duplicated()].unique().map("{0[0]} {0[1]}".format)
        raise ValueError(
            f"df has more than one row for the same {' and '.join(map(str, index.names))}: {name_stamps(repeated)}"
        )
    return order


def _times(column: pd.Series) -> pd.Index:
    missing = column.isna().to_numpy()
    if missing.any():
        raise ValueError(f"the column {column.name!r} has no time stamp (NaT) in {_rows(missing)}")
    index = with_stamps_of_pandas(pd.Index(column.array))
    _check_time(index, f"the column {column.name!r}")
    if pd.api.types.is_integer_dtype(index.dtype):
        return pd.Index(column.to_numpy(index.dtype if isinstance(index.dtype, np.dtype) else np.int64))
    return index


def _check_time(index: pd.Index, what: str) -> None:
    """Refuse what is neither time stamps nor periods nor integers."""
    types = pd.api.types
    known = types.is_datetime64_any_dtype(index.dtype) or types.is_integer_dtype(index.dtype)
    if not known and not isinstance(index, pd.PeriodIndex):
        raise TypeError(
            f"{what} must hold time stamps, periods or integers, got dtype {index.dtype}; pandas.to_datetime makes "
            "time stamps of strings"
        )


def _target(column: pd.Series) -> pd.Series:
    if not holds_reals(column):
        raise TypeError(f"the column {column.name!r} must hold real numbers, {no_reals(column)}")
    if isinstance(column.dtype, np.dtype):
        return column
    return pd.Series(column.to_numpy(np.float64, na_value=np.nan), name=column.name, copy=False)
