"""Exponential smoothing in ONNX, run by onnxruntime, is that of the kernels; forecasts are those of `predict`."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecasting.small import forecaster, values
from tsrnn import RNNForecaster
from tsrnn.datasets import load_airpassengers
from tsrnn.forecasting.onnx.nodes import Graph
from tsrnn.forecasting.onnx.smoothing import smoothing_nodes
from tsrnn.forecasting.smoothing import median_values, smoothed_values, smoothing_forecasts

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

STEPS = 9


def smoothed_by_onnx(windows, least_length, season, loss="absolute_error"):
    """Forecasts of windows (n, T) by smoothing alone, (n, STEPS)."""
    graph = Graph()
    y = graph.input("y", np.float64, "n", "values")
    graph.output(
        smoothing_nodes(graph, y, least_length, STEPS, season, median_values(season, loss)),
        "forecast",
        np.float64,
        "n",
        STEPS,
    )
    model = graph.model("0", "").SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"y": windows})[0]


def smoothed(windows, season, loss="absolute_error"):
    """The same by the kernels."""
    n, length = windows.shape
    begin = np.arange(n) * length
    return smoothing_forecasts(windows.reshape(-1, 1), begin, begin + length, STEPS, season, loss, 1)[:, :, 0]


def walks(n, length, level=0.0):
    return np.random.default_rng(length).standard_normal((n, length)).cumsum(axis=1) + level


@pytest.mark.parametrize(
    ("season", "least_length", "length"),
    [
        (1, 1, 1),
        (1, 1, 2),
        (1, 1, 30),
        (4, 4, 4),  # one season and nothing after it
        (4, 4, 19),
        (12, 12, 40),
        (4, 1, 3),  # less than a season, which is seen when the file is run
        (4, 1, 4),
        (4, 3, 19),
        (30, 1, 29),
    ],
)
def test_smoothing_is_that_of_the_kernels(season, least_length, length):
    """Of a batch whose rows are smoothed in logarithms and as they are."""
    windows = np.vstack([walks(2, length, 300.0), walks(1, length), -walks(1, length, 300.0)])
    assert_allclose(smoothed_by_onnx(windows, least_length, season), smoothed(windows, season), rtol=1e-10)


@pytest.mark.parametrize("share", [0.049, 0.051])
def test_values_well_above_zero_are_smoothed_in_logarithms(share):
    windows = np.full((1, 21), 1.0) + 0.01 * walks(1, 21)
    windows[0, 3] = 0
    windows[0, 3] = share * windows.sum() / (21 - share)  # this share of the mean
    assert_allclose(windows.min() / windows.mean(), share)
    assert_allclose(smoothed_by_onnx(windows, 4, 4), smoothed(windows, 4), rtol=1e-10)


@pytest.mark.parametrize("value", [0.0, 5.0, -1e12])
def test_what_does_not_change_goes_on(value):
    assert_allclose(smoothed_by_onnx(np.full((1, 9), value), 4, 4), np.full((1, STEPS), value), rtol=1e-9)


def test_growth_stays_a_number():
    windows = np.exp(np.linspace(0, 2.5, 30))[None] ** [[1], [100]]
    found = smoothed_by_onnx(windows, 1, 1)
    assert np.isfinite(found**2).all()
    assert_allclose(found, smoothed(windows, 1), rtol=1e-8)


@pytest.mark.compiled
def test_the_end_of_a_long_series_is_read():
    windows = walks(2, smoothed_values(4) + 50)
    found = smoothed_by_onnx(windows, 4, 4)
    assert_allclose(found, smoothed(windows, 4), rtol=1e-10)
    assert_array_equal(found, smoothed_by_onnx(windows[:, -smoothed_values(4) :], 4, 4))
    assert not np.allclose(found, smoothed_by_onnx(windows[:, -100:], 4, 4), rtol=1e-6)


def rare_events(n, length, season):
    """Counts that are zero by chance; by the season alone; all zero; before a beginning; beside what is often zero."""
    rng = np.random.default_rng(length)
    counts, t = rng.poisson(0.7, (n, length)).astype(float), np.arange(length)
    rows = [*counts, 5.0 * (t % max(season, 2) == 0), 0 * t, 3.0 * (t > length // 2), rng.poisson(1.4, length)]
    return np.array(rows, float)


@pytest.mark.parametrize("loss", ["absolute_error", "squared_error"])
@pytest.mark.parametrize(("season", "length"), [(1, 1), (1, 30), (4, 3), (4, 27), (12, 40), (4, 120)])
def test_rare_events(season, length, loss):
    windows = rare_events(20, length, season)
    expected = smoothed(windows, season, loss)
    assert_allclose(smoothed_by_onnx(windows, 1, season, loss), expected, rtol=1e-10, atol=1e-12)


def averaged(horizon=3, **changes):
    """A forecaster of a positive series by day, and its values; exponential smoothing has a share in it."""
    y = values(80) + 3 + np.tile([0.0, 0.5, 1.5, 0.2], 20)
    model = forecaster(horizon, **({"linear_skip": "auto", "season_length": 4} | changes)).fit(y)
    model.smoothing_share_ = 0.4  # whatever held-back values say
    model._usual = model._usual or (1.0, 1.3)[: 1 + (model.season_length_ > 1)]
    return model, y


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cell": "lstm"},
        {"normalize": "log_mean"},
        {"season_length": 1},
        {"season_length": 12},  # longer than the six values that the network reads
        {"horizon": 1},
        {"decoder": "seq2seq"},
        {"decoder": "recursive"},
        {"decoder": "recursive", "normalize": "log_last", "lookback": 1},
    ],
    ids=str,
)
def test_forecasts_are_those_of_predict(changes, load):
    model, y = averaged(**changes)
    session = load(model)
    for length in (model.lookback_, 7, 23, len(y)):
        windows = np.stack([y[-length:], np.roll(y, 17)[-length:] - 4 * ("log" not in model.normalize_)])
        (found,) = session.run(["forecast"], {"y": windows})
        assert found.dtype == np.float64
        assert_allclose(found, [model.predict(y=window) for window in windows], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [{}, {"normalize": "log_last"}, {"season_length": 24}, {"horizon": 1}, {"decoder": "recursive"}],
    ids=str,
)
def test_after_a_step_smoothing_has_more(changes, load):
    model, y = averaged(**changes)
    session, shares = load(model), []
    for length in (model.lookback_ + 5, model.lookback_ + 6, 23, len(y)):
        windows = np.stack([y[-length:] + by * (np.arange(length) >= length - 9) for by in (0.0, 2.0, 4.0, 40.0)])
        (found,) = session.run(["forecast"], {"y": windows})
        assert_allclose(found, [model.predict(y=window) for window in windows], rtol=1e-5, atol=1e-6)
        parts = [model.inspect_components(y=window).iloc[0] for window in windows]
        others = np.array([part.drop("smoothing").sum() for part in parts])
        shares.append([part["smoothing"] for part in parts] / (smoothed(windows, model.season_length_)[:, 0] - others))
    assert_allclose(shares[0], 0.4, rtol=1e-4)  # fewer than six windows before the last one
    assert np.max(shares[1:]) > 0.9


@pytest.mark.compiled
def test_the_default_forecaster(run):
    y = load_airpassengers()
    model = RNNForecaster(horizon=12, random_state=0, hidden_size=4).fit(y)
    assert model.smoothing_share_ > 0
    assert_allclose(run(model, y.to_numpy()[None])[0], model.predict(), rtol=1e-5)
    others = np.stack([y[:100], y[20:120][::-1], 1000 - y[30:130]])
    expected = [model.predict(y=pd.Series(other, y.index[:100])) for other in others]
    assert_allclose(run(model, others), expected, rtol=1e-5)


def test_ends(load):
    session = load(averaged()[0])
    ends = [(end.name, end.type, end.shape) for end in (*session.get_inputs(), *session.get_outputs())]
    assert ends == [("y", "tensor(double)", ["n", "values"]), ("forecast", "tensor(double)", ["n", 3])]


@pytest.mark.parametrize("n", [1, 2])
def test_less_than_a_window_is_refused(n, load):
    model, _ = averaged()
    session = load(model)
    with pytest.raises(Exception, match="out of data bounds"):
        session.run(None, {"y": walks(n, model.lookback_ - 1)})
