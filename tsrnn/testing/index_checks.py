"""Checks of the time axis: the forecast stands on the index that pandas lets follow."""

import numpy as np
import pandas as pd

from tsrnn.testing.registry import checked
from tsrnn.testing.subject import STEPS, expect, finite, refused, same_index

MORE = 2  # steps by which an update goes on
FREQUENCIES = ["min", "30min", "h", "D", "B", "W-SUN", "MS", "ME", "QS", "YE"]
PERIODS = ["min", "30min", "h", "D", "W-SUN", "M", "Q", "Y"]
# When the clocks change: an hour is skipped in spring and comes twice in autumn.
CHANGES = {
    "Europe/Berlin, spring": "2021-03-28 01:00",
    "Europe/Berlin, autumn": "2021-10-31 01:00",
    "America/New_York, spring": "2021-03-14 07:00",
    "America/New_York, autumn": "2021-11-07 06:00",
}


def goes_on(subject, full: pd.Index, known: pd.Index) -> None:
    """A forecaster fitted on the index `known` forecasts, takes rows and goes on along the index `full`."""
    n = len(known)
    following = full[n : n + STEPS]
    y = subject.on(full)[:n].set_axis(known)
    model = subject.fitted(y)
    forecast = model.predict()
    same_index(forecast.index, following, "the forecast")
    finite(forecast, "the forecast")
    expect(len(model.predict(pd.DataFrame(index=following))) == STEPS, "predict(X) to take the index of the forecast")
    earlier = model.predict(y=y[:-3])
    same_index(earlier.index, full[n - 3 : n - 3 + STEPS], "the forecast after another series")
    model.update(subject.on(full)[n : n + MORE])
    same_index(model.predict().index, full[n + MORE : n + MORE + STEPS], "the forecast after an update")


def stamps_go_on(subject, full: pd.DatetimeIndex) -> None:
    """With the frequency that the index tells, and with the same stamps as they come from a file."""
    known = full[: -STEPS - MORE]
    goes_on(subject, full, known)
    goes_on(subject, full, pd.DatetimeIndex(known, freq=None))


@checked(freq=FREQUENCIES)
def check_stamps(subject, freq):
    """After a DatetimeIndex come the stamps that `date_range` makes, whether the index tells its frequency or not."""
    stamps_go_on(subject, pd.date_range("1950-01-06", periods=subject.length + STEPS + MORE, freq=freq, name="time"))


@checked(tz=["UTC", "Europe/Berlin", "+05:30"], freq=["h", "D", "MS"])
def check_time_zones(subject, tz, freq):
    """The forecast is in the time zone of the series."""
    n = subject.length + STEPS + MORE
    stamps_go_on(subject, pd.date_range("2021-01-01", periods=n, freq=freq, tz=tz, name="time"))


@checked(change=list(CHANGES), freq=["30min", "h", "D"])
def check_clock_changes(subject, change, freq):
    """Where the clocks change, within the forecast or before it, the stamps are those of `date_range`."""
    moment = pd.Timestamp(CHANGES[change], tz="UTC").tz_convert(change.split(",")[0])
    if freq == "D":
        moment = moment.normalize()
    n = subject.length + STEPS + MORE
    for after in (MORE + 2, MORE + STEPS + 10):  # stamps of the index after the change
        end = pd.date_range(moment, periods=after + 1, freq=freq)[-1]
        full = pd.date_range(end=end, periods=n, freq=freq, name="time")
        goes_on(subject, full, full[: -STEPS - MORE])


@checked(unit=["s", "ms", "us", "ns"])
def check_resolution(subject, unit):
    """The forecast keeps the resolution of the stamps."""
    full = pd.date_range("2021-01-01", periods=subject.length + STEPS + MORE, freq="h", name="time").as_unit(unit)
    goes_on(subject, full, full[: -STEPS - MORE])


@checked(freq=PERIODS)
def check_periods(subject, freq):
    """After a PeriodIndex come the periods that `period_range` makes."""
    full = pd.period_range("1950-01-06", periods=subject.length + STEPS + MORE, freq=freq, name="time")
    goes_on(subject, full, full[: -STEPS - MORE])


def takes_integers(subject) -> bool:
    return subject.untimed


@checked(lambda subject: not subject.untimed)
def check_integers_are_refused(subject):
    """A forecaster that needs stamps or periods says so."""
    for what, y in {"an array": subject.daily().to_numpy(), "integers": subject.on(pd.RangeIndex(60))}.items():
        with refused(f"fit on {what}", "index"):
            subject.fitted(y)


@checked(takes_integers, kind=["range", "range from 7 by 3", "int64", "int64 by 5"])
def check_integers(subject, kind):
    """After a RangeIndex or integers come the integers at the same step."""
    n = subject.length + STEPS + MORE
    start, step = {"range": (0, 1), "range from 7 by 3": (7, 3), "int64": (-5, 1), "int64 by 5": (100, 5)}[kind]
    full = pd.RangeIndex(start, start + n * step, step, name="step")
    if not kind.startswith("range"):
        full = pd.Index(np.arange(n) * step + start, name="step")
    goes_on(subject, full, full[: -STEPS - MORE])


@checked(takes_integers)
def check_arrays(subject):
    """An array counts its values from 0: the forecast stands on the integers that follow."""
    n = subject.length
    y = subject.daily().to_numpy()
    forecast = subject.fitted(y).predict()
    same_index(forecast.index, pd.RangeIndex(n, n + STEPS), "the forecast after an array")
    expect(forecast.shape == (STEPS, *y.shape[1:]), f"a forecast of shape {(STEPS, *y.shape[1:])}")
    if not subject.together:
        same_index(subject.fitted(list(y)).predict().index, forecast.index, "the forecast after a list")


@checked()
def check_irregular_index(subject):
    """An index with a gap, duplicates, out of order or of text is refused, by the stamps where there are some."""
    y, index = subject.daily(), subject.index(0)
    gap = y.drop(index[30])
    with refused("fit on an index with a gap", "2021-01-31"):
        subject.fitted(gap)
    with refused("fit on an index with duplicates", "2021-01-31"):
        subject.fitted(y.set_axis(index.where(index != index[31], index[30])))
    with refused("fit on an index out of order"):
        subject.fitted(y[::-1])
    with refused("fit on an index of text"):
        subject.fitted(y.set_axis(index.astype(str)))
