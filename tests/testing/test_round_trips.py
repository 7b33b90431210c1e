"""The index goes in and comes out, for any frequency, length, start, time zone and shape of panel."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forecasting.small import assert_index, values
from testing.drift import Drift
from tsrnn import RNNForecaster

STAMPS = ["min", "30min", "h", "D", "B", "W-SUN", "MS", "ME", "QS", "QE-NOV", "YE"]
PERIODS = ["min", "h", "D", "W-SUN", "M", "Q", "Y"]
ZONES = [None, "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "+05:30"]
SHAPES = ["series", "columns", "by id"]
HORIZON = 3

starts = st.datetimes(pd.Timestamp("1960-01-01"), pd.Timestamp("2037-01-01")).map(lambda t: t.replace(microsecond=0))


@st.composite
def indexes(draw, n):
    """An index of `n` stamps of any kind."""
    kind, start = draw(st.sampled_from(["stamps", "periods", "integers"])), pd.Timestamp(draw(starts))
    if kind == "integers":
        first, step = draw(st.integers(-1000, 1000)), draw(st.integers(1, 50))
        full = pd.RangeIndex(first, first + n * step, step, name="step")
        return pd.Index(full.to_numpy(), name="step") if draw(st.booleans()) else full
    if kind == "periods":
        return pd.period_range(start, periods=n, freq=draw(st.sampled_from(PERIODS)), name="time")
    # At midnight UTC no zone changes its clocks, so that a start there exists and comes once.
    start = start.normalize().tz_localize("UTC").tz_convert(draw(st.sampled_from(ZONES)))
    return pd.date_range(start, periods=n, freq=draw(st.sampled_from(STAMPS)), name="time")


def in_shape(index, shape, ends):
    """Values on an index, alone, as two columns, or by id with ends of their own."""
    y = pd.Series(values(len(index)), index, name="demand")
    if shape == "series":
        return y
    if shape == "columns":
        return pd.DataFrame({"a": y, "b": 10 - y})
    return pd.concat({name: y[: len(y) - end] for name, end in zip("ab", ends, strict=True)}, names=["id", "time"])


def assert_round_trip(model, full, n, shape, ends):
    """Forecasts stand on what follows in the index `full`, and its rows find their values."""
    model.fit(in_shape(full[:n], shape, ends))
    forecast = model.predict()
    if shape != "by id":
        assert_index(forecast.index, full[n:] if is_time(full) else as_range(full[n:]))
        rows = np.array([2, 0])
        found = model.predict(pd.DataFrame(index=full[n:][rows]))
        np.testing.assert_allclose(found, forecast.iloc[rows], rtol=1e-5)
        return
    for name, end in zip("ab", ends, strict=True):
        own = forecast[name]
        assert own.index.equals(full[n - end : n - end + HORIZON])
        assert own.index.dtype == full.dtype
    some = forecast.sample(frac=0.5, random_state=0)
    np.testing.assert_allclose(model.predict(some), some, rtol=1e-5)


def is_time(index):
    return isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex))


def as_range(index):
    return pd.RangeIndex(index[0], index[-1] + 1, index[1] - index[0], name=index.name)


@st.composite
def cases(draw):
    n = draw(st.integers(12, 40))
    shape, ends = draw(st.sampled_from(SHAPES)), draw(st.permutations([0, draw(st.integers(0, 5))]))
    full = draw(indexes(n + HORIZON))
    if isinstance(full, pd.DatetimeIndex) and draw(st.booleans()):
        full = pd.DatetimeIndex(full, freq=None)
    return full, n, shape, ends


# The hour that comes twice: in the series, and in the forecast.
AUTUMN = pd.date_range("2021-10-30 20:00", periods=23, freq="30min", tz="Europe/Berlin", name="time")


@given(cases())
@example((AUTUMN[:-7], 13, "series", (0, 0)))
@example((AUTUMN, 20, "by id", (0, 4)))
@settings(max_examples=300)
def test_drift(case):
    assert_round_trip(Drift(HORIZON), *case)


@pytest.mark.compiled
@given(cases(), st.sampled_from(["direct", "recursive", "stateful"]))
@settings(max_examples=100)
def test_network(case, kind):
    settings = {"stateful": True, "bptt_steps": 4} if kind == "stateful" else {"decoder": kind, "lookback": 4}
    model = RNNForecaster(HORIZON, hidden_size=2, max_steps=1, random_state=0, n_jobs=1, **settings)
    assert_round_trip(model, *case)
