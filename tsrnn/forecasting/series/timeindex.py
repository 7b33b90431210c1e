"""The time axis of a series: is it regular, what comes next, how long is a season."""

from collections.abc import Callable

import numpy as np
import pandas as pd

SHOWN = 5  # stamps named in an error
OFF_GRID = np.iinfo(np.int64).min  # no number of steps
FEWEST = 3  # stamps that a frequency can be inferred from
FEW = 1000  # stamps in even steps that tell their frequency
BLOCK = 1 << 16  # stamps whose steps are compared at once
FULL_INDEX = 1000  # an index with fewer than one in so many of its stamps is not filled up to name the missing ones

# Steps in the season that people mean first: a day, a week, a year.
SEASONS = {
    "s": 60, "min": 24 * 60, "h": 24, "D": 7, "B": 5, "C": 5, "W": 52,
    "ME": 12, "MS": 12, "M": 12, "BME": 12, "BMS": 12, "QE": 4, "QS": 4, "Q": 4, "BQE": 4, "BQS": 4,
}  # fmt: skip
# Steps of fixed length, the longest first: 24 hours are a day, however they are written.
FINEST = ("s", 10**9)
FIXED = [(name, pd.Timedelta(1, unit).value) for name, unit in (("W", "W"), ("D", "D"), ("h", "h"), ("min", "min"))]


def name_stamps(index: pd.Index) -> str:
    """The first stamps, and how many more there are."""
    shown = ", ".join(str(stamp) for stamp in index[:SHOWN])
    return shown + (f" and {len(index) - SHOWN} more" if len(index) > SHOWN else "")


def with_stamps_of_pandas(index: pd.Index) -> pd.Index:
    """The index, of time or of (id, time), with time stamps of pyarrow made those of pandas, which know frequencies."""
    stamps = index.levels[-1] if isinstance(index, pd.MultiIndex) else index
    if not isinstance(stamps.dtype, pd.ArrowDtype) or stamps.dtype.kind != "M":
        return index
    found = pd.DatetimeIndex(stamps)
    return index.set_levels(found, level=-1) if isinstance(index, pd.MultiIndex) else found


def indexed_by_pandas(table: pd.Series | pd.DataFrame) -> pd.Series | pd.DataFrame:
    """A Series or a frame itself, or the same values with time stamps of pandas: see `with_stamps_of_pandas`."""
    index = with_stamps_of_pandas(table.index)
    return table if index is table.index else table.set_axis(index)


def put_in(stamp, freq, by_id: bool = False) -> str:
    """The remedy for stamps that `y` lacks, of the kind of `stamp`; it is one series, or several `by_id` and time."""
    if not isinstance(stamp, pd.Timestamp):
        code = "y.reindex(...)"
    elif by_id:
        code = f"y.groupby(level=0).apply(lambda own: own.droplevel(0).asfreq({freq.freqstr!r}))"
    else:
        code = f"y.asfreq({freq.freqstr!r})"
    return f"{code} puts them in as NaN, which .interpolate() fills and missing='mask' takes"


def frequency(index: pd.Index, known=None, by_id: bool = False):
    """The step of a regular index: an offset, or an integer.

    Parameters
    ----------
    index : DatetimeIndex, PeriodIndex, RangeIndex or Index of integers
    known : DateOffset or int, optional
        The step of the series that these go on from, which so few stamps do not tell.
    by_id : bool, default=False
        They are those of one of several series, by id and time.

    Returns
    -------
    DateOffset or int

    Raises
    ------
    TypeError
        For another kind of index.
    ValueError
        If a stamp is missing, comes twice or out of order, or no frequency can be inferred.
    """
    one = len(index) == 1 and isinstance(known, (int, np.integer))
    if one and pd.api.types.is_integer_dtype(index.dtype):
        return known
    if isinstance(index, pd.RangeIndex) and index.step > 0:  # nothing to look at, and no integers to write out
        return index.step if len(index) > 1 else 1
    if isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)):
        if index.hasnans:
            raise ValueError(f"the index holds {int(index.isna().sum())} missing time stamps (NaT)")
    elif isinstance(index, pd.Index) and pd.api.types.is_integer_dtype(index.dtype):
        if index.hasnans:
            raise ValueError(f"the index holds {int(index.isna().sum())} missing integers")
        index = index.astype(np.int64)  # differences of smaller types overflow
    else:
        raise TypeError(
            "the index must be a DatetimeIndex, a PeriodIndex, a RangeIndex or integers, got "
            f"{type(index).__name__} of {index.dtype}; pandas.to_datetime makes time stamps of strings"
        )
    in_order = index.is_monotonic_increasing  # first: of stamps in order pandas knows that none comes twice
    if index.has_duplicates:
        raise ValueError(f"the index has duplicated stamps: {name_stamps(index[index.duplicated()].unique())}")
    if not in_order:
        late = index[1:][index[1:] < index[:-1]]
        raise ValueError(f"the index is not sorted: {name_stamps(late)} come after a later one; use sort_index()")
    if isinstance(index, pd.DatetimeIndex):
        few = len(index) < 3 and index.freq is None and isinstance(known, pd.tseries.offsets.BaseOffset)
        if few and future_index(index[:1], known, len(index) - 1).equals(index[1:]):
            return known
        return _datetime_frequency(index, by_id)
    if isinstance(index, pd.PeriodIndex):
        count = int(index.asi8[-1] - index.asi8[0]) // index.freq.n + 1
        _refuse_gaps(index, index.freq, count, lambda: pd.period_range(index[0], index[-1], freq=index.freq), by_id)
        return index.freq
    return _integer_step(index, by_id)


def _datetime_frequency(index: pd.DatetimeIndex, by_id: bool = False):
    if index.freq is not None:
        return index.freq
    if len(index) < FEWEST:
        raise ValueError(
            f"no frequency can be inferred from {len(index)} time stamp{'s' if len(index) != 1 else ''} "
            f"({name_stamps(index)}), {FEWEST} are the fewest; give the index one, for example y.asfreq('D')"
        )
    if len(index) > FEW and index.tz is None and _even(index.asi8):
        return _datetime_frequency(index[:FEW])  # no months or years are all of one length for so long
    freq = _infer(index)
    if freq is None and index.tz is not None and _even(index.asi8):
        freq = _hours(index)  # 24 of them are no day where the clock changes, and then nothing is inferred
    # Odd patterns are "inferred" that skip stamps, business hours for one: the frequency has to make the index.
    if freq is not None and index.equals(pd.date_range(index[0], periods=len(index), freq=freq).as_unit(index.unit)):
        return freq
    # Irregular. A frequency that a stretch of the index has and that explains all of it makes the rest gaps; of
    # several, the one with the fewest: four days from a Monday on look daily also where weekends are left out.
    starts = np.unique(np.linspace(0, max(len(index) - 4, 0), 25).astype(int))
    guesses = {_infer(index[start : start + length]) for start in starts for length in (4, 6)} - {None}
    explanations, too_many = [], []
    for freq in guesses:
        count = _fixed_count(index, freq)
        if count > FULL_INDEX * len(index):
            too_many.append(count)
            continue
        full = pd.date_range(index[0], index[-1], freq=freq)
        if index.isin(full).all():
            explanations.append(full)
    if explanations:
        full = min(explanations, key=len)
        _refuse_gaps(index, full.freq, len(full), lambda: full, by_id)
    if too_many:
        _refuse_wide_gap(index, min(too_many))
    raise ValueError(
        f"no frequency can be inferred from the {len(index)} time stamps of the index ({name_stamps(index)}); "
        f"{_resampled(index, by_id)} makes even steps of them"
    )


def _hours(index: pd.DatetimeIndex):
    """The step between the first two stamps in hours, or None."""
    hours, rest = divmod(index[1] - index[0], pd.Timedelta(1, "h"))
    return None if rest else pd.offsets.Hour(hours)


def _resampled(index: pd.DatetimeIndex, by_id: bool) -> str:
    """The remedy for stamps that go in steps of about one length."""
    step = float(np.median(np.diff(index.as_unit("ns").asi8)))
    name, length = next(((name, length) for name, length in FIXED[1:] if length < 1.5 * step), FINEST)
    count = max(1, round(step / length))
    step = f"{count if count > 1 else ''}{name}"
    return f"y.unstack(0).resample({step!r}).mean().unstack().dropna()" if by_id else f"y.resample({step!r}).mean()"


def _even(stamps: np.ndarray) -> bool:
    """Whether all steps are alike; looked at in parts, which leaves nothing as large as the index in memory."""
    step = stamps[1] - stamps[0]
    parts = (stamps[first : first + BLOCK + 1] for first in range(0, len(stamps) - 1, BLOCK))
    return all((np.diff(part) == step).all() for part in parts)


def _fixed_count(index: pd.DatetimeIndex, freq) -> int:
    """Stamps from the first to the last at a frequency of fixed length; 0 for others, which are of days at least."""
    try:
        return int((index[-1] - index[0]) / pd.Timedelta(freq)) + 1
    except ValueError:  # months and the like have no fixed length
        return 0


def _infer(index: pd.DatetimeIndex):
    """The offset between all the stamps, or None. `pandas.infer_freq` would warn of what it is going to return."""
    return pd.DatetimeIndex(index, freq="infer").freq


def _integer_step(index: pd.Index, by_id: bool) -> int:
    if len(index) < 2:
        return 1
    stamps = index.to_numpy()
    if _even(stamps):
        return int(stamps[1] - stamps[0])
    steps = np.diff(stamps)
    step = int(steps.min())
    count = (int(index[-1]) - int(index[0])) // step + 1
    _refuse_gaps(index, step, count, lambda: pd.RangeIndex(index[0], index[-1] + 1, step), by_id)
    if (steps != step).any():
        raise ValueError(f"the integers of the index have no common step: they differ by {step} to {steps.max()}")
    return step


def _refuse_wide_gap(index: pd.Index, count: int) -> None:
    at = int(np.argmax(np.diff(index.to_numpy() if pd.api.types.is_integer_dtype(index.dtype) else index.asi8)))
    raise ValueError(
        f"the index has {len(index)} of the {count} stamps between {index[0]} and {index[-1]}; its widest gap lies "
        f"between {index[at]} and {index[at + 1]}"
    )


def _refuse_gaps(index: pd.Index, freq, count: int, build: Callable[[], pd.Index], by_id: bool) -> None:
    """Refuse an index that has fewer than the `count` stamps of the complete one, which `build` makes."""
    if count > FULL_INDEX * len(index):
        _refuse_wide_gap(index, count)
    if count <= len(index):  # no stamp twice: none is missing
        return
    full = build()
    missing = full.difference(index)
    if len(missing) and len(full) == len(index) + len(missing):
        raise ValueError(
            f"the index misses {len(missing)} of the {len(full)} stamps between {index[0]} and {index[-1]}: "
            f"{name_stamps(missing)}; {put_in(index[0], freq, by_id)}"
        )


def future_index(last: pd.Index, freq, steps: int) -> pd.Index:
    """The `steps` stamps after the index of one stamp `last`, of the same kind, time zone and name."""
    if isinstance(last, pd.DatetimeIndex):
        future = pd.date_range(last[0], periods=steps + 1, freq=freq)[1:].as_unit(last.unit)
    elif isinstance(last, pd.PeriodIndex):
        future = pd.period_range(last[0] + 1, periods=steps, freq=freq)
    else:
        start = int(last[0]) + freq
        future = pd.RangeIndex(start, start + freq * steps, freq)
    return future.rename(last.name)


def past_index(last: pd.Index, freq, steps: int) -> pd.Index:
    """The `steps` stamps up to that of the index of one stamp `last`, of the same kind, time zone and name."""
    if isinstance(last, pd.DatetimeIndex):
        past = pd.date_range(end=last[0], periods=steps, freq=freq).as_unit(last.unit)
    elif isinstance(last, pd.PeriodIndex):
        past = pd.period_range(end=last[0], periods=steps, freq=freq)
    else:
        stop = int(last[0]) + freq
        past = pd.RangeIndex(stop - freq * steps, stop, freq)
    return past.rename(last.name)


def steps_from(anchor: pd.Index, index: pd.Index, freq) -> np.ndarray:
    """Steps of `freq` from the index of one stamp `anchor` to each stamp of `index`; OFF_GRID where it is between two.

    Raises
    ------
    TypeError, ValueError
        If only one of both has a time zone, if periods are of another length, or if the stamps lie so far apart that
        something must be wrong with them.
    """
    if isinstance(index, pd.DatetimeIndex):
        index = in_zone_of(anchor, index)
        low, high = min(index.min(), anchor[0]), max(index.max(), anchor[0])
        if _fixed_count(pd.DatetimeIndex([low, high]), freq) > FULL_INDEX * max(len(index), 1000):
            raise ValueError(f"the stamps {low} and {high} lie too many steps of {freq.freqstr} apart")
        before = len(pd.date_range(low, anchor[0], freq=freq)) + 1
        grid = pd.date_range(end=anchor[0], periods=before, freq=freq)[:-1].append(
            pd.date_range(anchor[0], high, freq=freq)
        )
        found = grid.as_unit(index.unit).get_indexer(index)
        return np.where(found < 0, OFF_GRID, found - (before - 1))
    if isinstance(index, pd.PeriodIndex):
        if index.freq.base != freq.base:  # their numbers would be compared, which count other things
            raise ValueError(f"periods of {index.freqstr} are no steps of {freq.freqstr}: {name_stamps(index)}")
        away, step = index.asi8 - anchor.asi8[0], freq.n
    else:
        away, step = index.to_numpy(np.int64) - int(anchor[0]), freq
    return np.where(away % step, OFF_GRID, away // step)


def steps_to_stamps(anchor: pd.Index, index: pd.MultiIndex, freq) -> tuple[np.ndarray, np.ndarray]:
    """As `steps_from`, of each different stamp of an index by id and time, not of each row; and which are in use.

    The last place is for what is no stamp, whose code is -1.
    """
    stamps, codes = index.levels[1], index.codes[1]
    steps, used = np.full(len(stamps) + 1, OFF_GRID), np.zeros(len(stamps) + 1, bool)
    used[codes] = True
    found = np.flatnonzero(used[:-1])
    steps[found] = steps_from(anchor, stamps.take(found), freq)
    return steps, used


def in_zone_of(anchor: pd.DatetimeIndex, index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The same moments in the time zone of `anchor`."""
    if (index.tz is None) != (anchor.tz is None):
        raise TypeError(
            f"stamps must be in a time zone as those of the series are, {anchor.tz or 'none'}, got "
            f"{index.tz or 'none'}: {name_stamps(index)}; tz_localize gives them one or takes it"
        )
    return index if index.tz is None else index.tz_convert(anchor.tz)


def check_same_frequency(index: pd.Index, freq, fitted: pd.Index) -> None:
    """Refuse an index that does not go in the steps `freq` of the index `fitted`, or is of another kind.

    Raises
    ------
    TypeError, ValueError
        As `frequency`, and where both are regular but not alike.
    """
    given = frequency(index, freq)
    kinds = (pd.DatetimeIndex, pd.PeriodIndex)
    alike = [isinstance(index, kind) for kind in kinds] == [isinstance(fitted, kind) for kind in kinds]
    # Stepping says more than names do: quarters from January on are QS-JAN, and inferred from stamps QS-OCT. A year
    # or two of steps tells all frequencies apart, and stays within the years that a time stamp can have.
    few = index[:25]
    if alike and len(few) == 1:  # nothing to step over: only what both say comes next
        few = few.append(future_index(few, given, 24))
    if alike and (given == freq or future_index(few[:1], freq, len(few) - 1).equals(few[1:])):
        return
    shown = [getattr(step, "freqstr", step) for step in (given, freq)]
    raise ValueError(
        f"y has an index of frequency {shown[0]} ({type(index).__name__}), but the model was fitted on {shown[1]} "
        f"({type(fitted).__name__})"
    )


def season_length(freq) -> int:
    """Steps in a season of this frequency; 1 where there is none (yearly data, integers)."""
    if isinstance(freq, (int, np.integer)):
        return 1
    try:
        name, n = freq.rule_code.split("-")[0], freq.n
    except NotImplementedError:  # an offset without a name, such as DateOffset(months=1)
        return 1
    if isinstance(freq, (pd.tseries.offsets.Tick, pd.tseries.offsets.Day)):
        name, n = next(((unit, freq.nanos // length) for unit, length in FIXED if freq.nanos % length == 0), (name, n))
    steps = SEASONS.get(name, 1)
    return steps // n if steps % n == 0 else 1


def season_within(freq, lengths: np.ndarray) -> int:
    """Steps in a season of this frequency, if series of these lengths tell of it; else 1.

    They do where one is longer than a season. Where there are as many series as one has values, each is a window of
    its own, whatever comes again in it.
    """
    season, longest = season_length(freq), int(lengths.max())
    return season if longest > season or len(lengths) >= longest else 1
