"""One exogenous column: as numbers in units of their own, or as a column for each of its categories."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from tsrnn.forecasting.checks import FILL, MASK, holds_reals, numbers, refuse_missing
from tsrnn.forecasting.samples.normalization import varies
from tsrnn.forecasting.series.timeindex import name_stamps

SHOWN = 5  # categories and columns named in an error


class Column(NamedTuple):
    """How one column is written as numbers: standardised, or a column for each of its categories.

    With `masks` a missing value is the column's mean, and a further column tells which values are observed; a missing
    category is none of them. Of a column that never varied nothing is learnt: it is zero, whatever comes, as its
    `scale` is infinite. Nor is anything of the categories `unseen`, which are known by name alone: they are none.
    """

    name: object
    known_ahead: bool
    masks: bool
    centre: float = 0.0
    scale: float = 1.0
    categories: tuple | None = None
    unseen: tuple = ()

    @property
    def width(self) -> int:
        return 1 + self.masks if self.categories is None else len(self.categories)

    def encode(self, values: pd.Series, rows: pd.Index, argument: str) -> np.ndarray:
        """(n, width) of a column; errors name its rows, and the argument that holds it: "X" or "static"."""
        label = f" in column {self.name!r}"
        if self.categories is None:
            found = numbers(as_numbers(values), label, argument)
            missing = np.isnan(found) & self.masks
            fill = FILL if argument == "X" else "fill them"  # rows of static do not follow one another
            remedy = fill + MASK * (not self.masks)
            refuse_missing(np.where(missing, 0, found), rows, label, argument, remedy=remedy)
            found = np.where(missing, 0, (found - self.centre) / self.scale)
            return np.column_stack([found, ~missing]) if self.masks else found[:, None]
        found, missing = pd.Index(self.categories).get_indexer(values), values.isna().to_numpy()
        if missing.any() and not self.masks:
            raise ValueError(
                f"{argument} holds {int(missing.sum())} missing values{label}, at {name_stamps(rows[missing])}; fill "
                f"them{MASK}"
            )
        unknown = (found < 0) & ~missing & ~values.isin(self.unseen).to_numpy()
        if unknown.any():
            raise ValueError(
                f"{argument} holds categories{label} that it did not have in fit: "
                f"{name_stamps(pd.Index(values[unknown].unique()))}; it had "
                f"{', '.join(map(repr, self.categories[:SHOWN]))}{' ...' if len(self.categories) > SHOWN else ''}"
            )
        told = np.eye(len(self.categories) + 1)[found, :-1]  # -1, no category, is the last row: all zero
        return told if len(self.categories) > 1 else np.zeros_like(told)


def learn_column(values: pd.Series, known_ahead: bool, masks: bool, argument: str) -> Column:
    """How a column is to be written, from the rows of a fit; `argument` is what holds it."""
    plain = as_numbers(values)
    if holds_reals(plain):
        found = plain.to_numpy(np.float64, na_value=np.nan)
        found = found[np.isfinite(found)]  # what is not is refused by stamp when the column is encoded
        centre, scale = (float(found.mean()), float(found.std())) if len(found) else (0.0, 0.0)
        return Column(values.name, known_ahead, masks, centre, scale if varies(centre, scale) else np.inf)
    if isinstance(values.dtype, pd.CategoricalDtype):
        came = values.cat.categories.isin(values.unique())
        seen, unseen = (tuple(values.cat.categories[which]) for which in (came, ~came))
        return Column(values.name, known_ahead, masks, categories=seen, unseen=unseen)
    # Each moment, period or length of time would be a category of its own.
    if values.dtype.kind in "mMc" or isinstance(values.dtype, pd.PeriodDtype):
        raise TypeError(
            f"{argument} must hold numbers or categories, got dtype {values.dtype} in column {values.name!r}"
        )
    return Column(values.name, known_ahead, masks, categories=tuple(sorted(values.dropna().unique(), key=str)))


def as_numbers(values: pd.Series) -> pd.Series:
    """True and false as 1 and 0; others as they are."""
    if pd.api.types.is_bool_dtype(values.dtype) and not isinstance(values.dtype, pd.CategoricalDtype):
        return values.astype("Float64")
    return values
