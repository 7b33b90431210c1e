"""What a picture of a forecast shows."""

import io
import sys

import numpy as np
import pandas as pd
import pytest

from tsrnn.evaluation.baselines import seasonal_naive
from tsrnn.evaluation.displays import ForecastDisplay

Figure = pytest.importorskip("matplotlib.figure").Figure


def series(index):
    return pd.Series(np.sin(np.arange(len(index))), index, name="level")


def png(display):
    """The figure drawn, which is when matplotlib finds what it cannot draw."""
    buffer = io.BytesIO()
    display.figure_.savefig(buffer, format="png", dpi=40)
    return buffer.getvalue()


INDEXES = {
    "months": pd.date_range("2000-01-01", periods=300, freq="MS", name="month"),
    "hours": pd.date_range("2024-03-30", periods=300, freq="h", tz="Europe/Berlin", name="hour"),
    "years": pd.date_range("1700-01-01", periods=300, freq="YS", name="year"),
    "quarters": pd.period_range("1950Q1", periods=300, freq="Q", name="quarter"),
    "steps": pd.RangeIndex(0, 3000, 10, name="step"),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_every_kind_of_index(index):
    y = series(index)
    display = ForecastDisplay(y, seasonal_naive(y, 12), test_forecast=seasonal_naive(y[:-12], 12)).plot()
    assert png(display).startswith(b"\x89PNG")
    assert display.ax_.get_xlabel() == index.name
    assert display.ax_.get_ylabel() == "level"
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["observed", "forecast of the values held out", "forecast"]
    lines = {line.get_label(): line for line in display.ax_.get_lines()}
    np.testing.assert_array_equal(lines["forecast"].get_ydata(), display.forecast)
    np.testing.assert_array_equal(lines["forecast of the values held out"].get_ydata(), display.test_forecast)
    observed = lines["observed"].get_ydata()
    np.testing.assert_array_equal(observed, y[-len(observed) :])


@pytest.mark.parametrize(("horizon", "shown"), [(1, 60), (12, 60), (24, 96)])
def test_a_long_history_is_cut_to_its_last_seasons(horizon, shown):
    y = series(pd.date_range("2000-01-01", periods=1000, freq="MS"))
    display = ForecastDisplay(y, seasonal_naive(y, horizon)).plot()
    assert len(display.ax_.get_lines()[0].get_ydata()) == shown
    display.plot(n_history=7)
    assert len(display.ax_.get_lines()[0].get_ydata()) == 7


def test_a_short_series_without_names():
    y = pd.Series([1.0, 2.0])
    display = ForecastDisplay(y, seasonal_naive(y, 1), test_forecast=seasonal_naive(y[:1], 1)).plot()
    assert png(display)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("time", "value")


def test_axes_given_are_drawn_on():
    ax = Figure().add_subplot()
    y = series(INDEXES["months"])
    display = ForecastDisplay(y, seasonal_naive(y, 3))
    assert display.plot(ax=ax) is display
    assert display.ax_ is ax
    assert display.figure_ is ax.figure


def test_no_global_state_of_pyplot():
    y = series(INDEXES["months"])
    before = "matplotlib.pyplot" in sys.modules
    ForecastDisplay(y, seasonal_naive(y, 3)).plot()
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    y = series(INDEXES["months"])
    with pytest.raises(ModuleNotFoundError, match=r'pip install "tsrnn\[plot\]"'):
        ForecastDisplay(y, seasonal_naive(y, 3)).plot()
