"""Numbers written by people: with thousands in groups, decimal commas, signs of currency, in percent."""

import re

import numpy as np
import pandas as pd

SIGN = re.compile("([$€£¥₹%])")
GAP = re.compile(r"(?<=\d)[\s'’](?=\d{3}(?!\d))")  # a space of any width, or an apostrophe
IN_BRACKETS = re.compile(r"^\(([^-].*)\)$")  # how accountants write what is negative
UNCLEAR = re.compile(r"\D*\d{1,3},\d{3}\D*")


def as_numbers(column: pd.Series) -> tuple[pd.Series, str]:
    """The numbers of a column, and how they were read, in words; the words are empty where there is nothing to say.

    Where a comma may be a decimal sign as well as one between thousands, nothing is guessed: such values, and others
    that are no numbers, are missing in the result.

    Examples
    --------
    >>> import pandas as pd
    >>> from tsrnn.tables.numbers import as_numbers
    >>> values, understood = as_numbers(pd.Series(["$1,250.50", "$980.00"]))
    >>> values.to_list(), understood
    ([1250.5, 980.0], '$ left out, comma between thousands')
    """
    plain = pd.to_numeric(column, errors="coerce")
    if plain.notna().equals(column.notna()):
        return plain, ""
    text = column.astype("string").str.strip().str.replace("\N{MINUS SIGN}", "-")
    words = []
    signs = text.str.extract(SIGN)[0].dropna().unique()
    if len(signs) == 1 and plain.isna().all():  # 5% among 0.05 is a mistake, and so are two currencies
        text = text.str.replace(signs[0], "").str.replace(r"^([+-]?)\s+|\s+$", r"\1", regex=True)
        words.append(f"{signs[0]} left out")
    for pattern, by, meaning in ((IN_BRACKETS, r"-\1", "brackets for minus"), (GAP, "", "gap between thousands")):
        written, text = text, text.str.replace(pattern, by, regex=True)
        if not text.equals(written):
            words.append(meaning)
    points, commas = _read(text, ",", "."), _read(text, ".", ",")
    values, between, decimal = points, ",", "."
    if commas.notna().sum() > points.notna().sum():
        values, between, decimal = commas, ".", ","
    elif commas.notna().sum() == points.notna().sum() and not commas.equals(points) and not _has_small(text):
        values, between = pd.to_numeric(text, errors="coerce"), ""
    if values.notna().sum() <= plain.notna().sum():
        return plain, ""
    if decimal == "," and text.str.contains(",", regex=False).any():
        words.append("decimal comma")
    if between and text.str.contains(between, regex=False).any():
        words.append(f"{'comma' if between == ',' else 'point'} between thousands")
    return values.astype(np.float64), ", ".join(words)


def _read(text: pd.Series, between: str, decimal: str) -> pd.Series:
    """Numbers with these marks; missing where a value has others."""
    groups = rf"[1-9]\d{{0,2}}(?:{re.escape(between)}\d{{3}})+"
    fits = text.str.fullmatch(rf"[+-]?(?:{groups}|\d+)?(?:{re.escape(decimal)}\d*)?").fillna(False).astype(bool)
    bare = text.where(fits).str.replace(between, "", regex=False).str.replace(decimal, ".", regex=False)
    return pd.to_numeric(bare, errors="coerce")


def _has_small(text: pd.Series) -> bool:
    """Whether numbers below a thousand stand without the mark that all others have: then it is no decimal sign."""
    without = text[~text.str.contains("[,.]", regex=True).fillna(True).astype(bool)]
    return len(without) > 0 and bool(without.str.fullmatch(r"[+-]?\d{1,3}").all())
