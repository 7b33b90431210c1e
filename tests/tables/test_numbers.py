"""Numbers as people write them, and those of which nobody can say what they mean."""

import numpy as np
import pandas as pd
import pytest

from tsrnn.tables.numbers import as_numbers

NUMBERS = [1000.5, 25.25, -1234567.75, 0.5]


def english(number):
    return f"{number:,.2f}"


def german(number):
    return english(number).translate(str.maketrans(",.", ".,"))


@pytest.mark.parametrize(
    ("write", "understood"),
    [
        (str, ""),
        (lambda number: f" {number} ", ""),
        (lambda number: str(number).replace("-", "\N{MINUS SIGN}"), ""),
        (lambda number: str(number).replace(".", ","), "decimal comma"),
        (english, "comma between thousands"),
        (german, "decimal comma, point between thousands"),
        (lambda number: english(number).replace(",", "\u202f"), "gap between thousands"),
        (lambda number: english(number).replace(",", "'"), "gap between thousands"),
        (
            lambda number: german(number).replace(".", "\xa0") + "\xa0€",
            "€ left out, gap between thousands, decimal comma",
        ),
        (lambda number: f"{number}%", "% left out"),
        (lambda number: f"{number:.2f} %", "% left out"),
        (lambda number: f"$ {number}", "$ left out"),
        (lambda number: f"{number}".replace("-", "-$") if number < 0 else f"${number}", "$ left out"),
        (
            lambda number: f"(${english(-number)})" if number < 0 else f"${english(number)}",
            "$ left out, brackets for minus, comma between thousands",
        ),
    ],
)
def test_numbers_in_many_forms(write, understood):
    values, words = as_numbers(pd.Series([*map(write, NUMBERS), None]))
    assert values.dropna().to_list() == NUMBERS
    assert values.dtype == np.float64
    assert words == understood


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["950", "1,000"], [950, 1000]),  # with decimals there would be three of them everywhere
        (["1,000", "1,000,000"], [1000, 1000000]),
        (["1.000", "1.000.000"], [1000, 1000000]),
        (["0,500", "1,500"], [0.5, 1.5]),
        (["1,000.5", "2.250"], [1000.5, 2.25]),
    ],
)
def test_all_values_tell_what_a_mark_means(values, numbers):
    assert as_numbers(pd.Series(values))[0].to_list() == numbers


@pytest.mark.parametrize(
    "values", [["1,000", "2,500"], ["$1,000", "$2,500"], ["1,000", "2500"], ["a", "b"], ["$5", "€5"], ["5 kg", "6 kg"]]
)
def test_nothing_is_guessed(values):
    found, words = as_numbers(pd.Series(values))
    assert found[0] != found[0]
    assert words == ""


def test_a_mistake_among_numbers_is_missing_alone():
    values, _ = as_numbers(pd.Series(["1,5", "?", "2,5", "3,25"]))
    assert values.isna().to_list() == [False, True, False, False]
    values, _ = as_numbers(pd.Series(["0.05", "5%", "0.07"]))
    assert values.isna().to_list() == [False, True, False]
