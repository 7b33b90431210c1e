"""Readings of time stamps: where they stand in the day, the week and the year, and whether their day is a holiday."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

WEEKS = 365.2425 / 7  # in a year: one of 52 would have no place for week 53


class Cycle(NamedTuple):
    """Two readings of time stamps: the share of the cycle that is over, in [0, 1), and the one of `values` they are."""

    share: Callable[[pd.DatetimeIndex], np.ndarray]
    value: Callable[[pd.DatetimeIndex], np.ndarray]
    values: range


def _seconds(stamps: pd.DatetimeIndex) -> np.ndarray:
    """Since midnight, by the clock: on a day of 25 hours too the hour of noon is 12."""
    whole = stamps.hour * 3600 + stamps.minute * 60 + stamps.second
    return np.asarray(whole, np.float64) + np.asarray(stamps.microsecond) / 1e6


def _week(stamps: pd.DatetimeIndex) -> np.ndarray:
    return stamps.isocalendar()["week"].to_numpy(np.int64)


# Months and years are measured by their own length, so that each ends one day before the next begins.
CYCLES = {
    "minute": Cycle(lambda t: _seconds(t) % 3600 / 3600, lambda t: t.minute, range(60)),
    "hour": Cycle(lambda t: _seconds(t) / 86400, lambda t: t.hour, range(24)),
    "weekday": Cycle(lambda t: t.day_of_week / 7, lambda t: t.day_of_week, range(7)),
    "day": Cycle(lambda t: (t.day - 1) / t.days_in_month, lambda t: t.day, range(1, 32)),
    "dayofyear": Cycle(lambda t: (t.day_of_year - 1) / (365 + t.is_leap_year), lambda t: t.day_of_year, range(1, 367)),
    "week": Cycle(lambda t: (_week(t) - 1) / WEEKS, _week, range(1, 54)),
    "month": Cycle(lambda t: (t.month - 1) / 12, lambda t: t.month, range(1, 13)),
    "quarter": Cycle(lambda t: (t.quarter - 1) / 4, lambda t: t.quarter, range(1, 5)),
}


def waves(name: str, clock: pd.DatetimeIndex, order: int) -> Iterator[tuple[str, np.ndarray]]:
    """Sines and cosines of a cycle, `order` of them or as many as tell its whole values apart; with their names."""
    cycle = CYCLES[name]
    count = len(cycle.values)
    angle = 2 * np.pi * np.asarray(cycle.share(clock), np.float64)
    for k in range(1, min(order, count // 2) + 1):
        if 2 * k < count:  # at half of the values, the sine is zero at all of them
            yield f"{name}_sin{k}", np.sin(k * angle)
        yield f"{name}_cos{k}", np.cos(k * angle)


def is_holiday(code: str, clock: pd.DatetimeIndex) -> np.ndarray:
    """1 on the days that are holidays in the country, or country and part, of this code; else 0."""
    try:
        from holidays import country_holidays
    except ImportError:
        raise ImportError(f"holidays={code!r} needs the package holidays: pip install 'tsrnn[holidays]'") from None
    country, _, part = code.partition("-")
    try:
        days = country_holidays(country, subdiv=part or None, years=clock.year.unique().to_list())
    except NotImplementedError as unknown:
        raise ValueError(f"holidays must be a code that the package holidays knows, got {code!r}: {unknown}") from None
    return np.asarray(clock.normalize().isin(pd.to_datetime(list(days))), np.float64)


def time_stamps(index: pd.Index) -> pd.DatetimeIndex:
    """The stamps of an index, or of the last level of several; of periods, their first moments."""
    times = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if not isinstance(times, (pd.DatetimeIndex, pd.PeriodIndex)):
        raise TypeError(
            "X must have an index of time stamps or periods (DatetimeIndex or PeriodIndex; of a MultiIndex the last "
            f"level counts), got {type(times).__name__} of {times.dtype}: integers have no calendar, and "
            "pandas.to_datetime makes time stamps of strings"
        )
    if times.hasnans:
        raise ValueError(f"the index of X holds {int(times.isna().sum())} missing time stamps (NaT)")
    return times.to_timestamp(how="start") if isinstance(times, pd.PeriodIndex) else times


def usual_step(index: pd.Index, clock: pd.DatetimeIndex) -> pd.Timedelta | None:
    """The usual time between a stamp and the next, by the clock; None where there is but one stamp, or none.

    Gaps, repetitions and disorder do not matter, and of a MultiIndex neither do the stamps of other series.
    """
    times, series = index, np.zeros(len(index), np.int64)
    if isinstance(index, pd.MultiIndex):
        times, series = index.get_level_values(-1), pd.factorize(index.droplevel(-1))[0]
    if isinstance(times, pd.PeriodIndex):
        return (times[:1] + 1).to_timestamp(how="start")[0] - clock[0] if len(times) else None
    order = np.lexsort((clock.asi8, series))
    steps = np.diff(clock.asi8[order])[np.diff(series[order]) == 0]
    steps = steps[steps > 0]
    if len(steps):
        return pd.Timedelta(int(np.median(steps)), unit=clock.unit)
    return clock[0] + times.freq - clock[0] if len(times) and times.freq is not None else None
