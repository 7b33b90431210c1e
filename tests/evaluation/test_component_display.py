"""What a picture of the parts of a forecast shows."""

import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from evaluation.test_displays import png
from tsrnn import RNNForecaster
from tsrnn.evaluation.component_display import ComponentDisplay

pytest.importorskip("matplotlib.figure")


def fitted(y, **changes):
    return RNNForecaster(4, hidden_size=4, max_steps=3, random_state=0, **changes).fit(y)


def weeks(n=60):
    stamps = pd.date_range("2020-01-01", periods=n, freq="D", name="day")
    return pd.Series(5 + np.sin(np.arange(n) * 2 * np.pi / 7), stamps, name="level of the lake")


@pytest.mark.parametrize("y", [weeks(), weeks().reset_index(drop=True)], ids=["days", "steps"])
def test_the_forecast_and_its_parts(y):
    model = fitted(y)
    display = ComponentDisplay.from_estimator(model).plot()
    assert png(display).startswith(b"\x89PNG")
    above, below = display.axes_
    lines = {line.get_label(): line.get_ydata() for line in above.get_lines()}
    np.testing.assert_allclose(lines["forecast"], model.predict(), rtol=1e-9)
    assert_array_equal(lines["observed"], y[-model.lookback_ :])
    lines = {line.get_label(): line.get_ydata() for line in below.get_lines()}
    for name in display.components.columns.drop("level"):
        assert_array_equal(lines[name], display.components[name])
    assert above.get_ylabel() == str(y.name or "value")


def test_one_series_of_several():
    y = weeks()
    both = pd.DataFrame({"a": y, "b": y + 1})
    model = fitted(both)
    with pytest.raises(ValueError, match="series"):
        ComponentDisplay.from_estimator(model)
    display = ComponentDisplay.from_estimator(model, both["b"])
    assert len(display.components) == 4
    with pytest.raises(ValueError, match="multivariate=True"):
        ComponentDisplay.from_estimator(fitted(both, multivariate=True))


def test_without_matplotlib(monkeypatch):
    display = ComponentDisplay.from_estimator(fitted(weeks()))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "tsrnn\[plot\]"'):
        display.plot()
