"""What estimators show of their inside: shapes, stamps, numbers, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from forecasting.small import assert_untouched, daily, every_cell, forecaster, measure, regressor, sequences, values
from tsrnn.forecasting.series.timeindex import check_same_frequency

LSTM, GRU = ["i", "f", "g", "o", "h", "c", "time_constant"], ["r", "z", "n", "h", "time_constant"]
QUANTITIES = {
    "rnn": ["h"],
    "rnn_relu": ["h"],
    "lstm": LSTM,
    "lstm_peephole": LSTM,
    "lstm_peephole_previous": LSTM,
    "gru": GRU,
    "gru_reset_before": GRU,
}
INDEXES = {
    "days": pd.date_range("2021-01-01", periods=60, freq="D", name="day"),
    "zoned hours": pd.date_range("2021-03-27", periods=60, freq="h", tz="Europe/Berlin"),
    "quarters": pd.period_range("2001Q1", periods=60, freq="Q", name="quarter"),
    "tens": pd.RangeIndex(0, 600, 10, name="step"),
}


@every_cell
@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_gates_by_stamp(cell, index):
    model = forecaster(cell=cell).fit(pd.Series(values(), index))
    inside = model.inspect_gates()
    assert inside.index.equals(index[-6:])
    assert inside.index.name == index.name
    assert list(inside.columns) == [(name, unit) for name in QUANTITIES[cell] for unit in range(4)]
    assert inside.columns.names == ["quantity", "unit"]
    assert (inside.dtypes == np.float64).all()
    if len(QUANTITIES[cell]) > 1:
        gate = inside["f" if "f" in QUANTITIES[cell] else "z"]
        assert ((gate > 0) & (gate < 1)).all(axis=None)
        assert_allclose(inside["time_constant"], -1 / np.log(gate))
        assert_allclose(np.exp(-1 / inside["time_constant"]), gate)


@every_cell
def test_states_lead_to_the_forecast(cell):
    model = forecaster(cell=cell, num_layers=2, linear_skip=False).fit(daily())
    weights = model.weights()
    outputs = weights["head.weight"] @ model.inspect_gates(layer=1)["h"].iloc[-1] + weights["head.bias"]
    centre, scale = measure(model._units, model.inspected_window().to_numpy())
    assert_allclose(model.predict(), centre + scale * outputs, rtol=1e-5)


@every_cell
def test_another_series(cell):
    """The window is its last values, whatever comes before them."""
    model = forecaster(cell=cell, loss="squared_error").fit(daily())
    pd.testing.assert_frame_equal(model.inspect_gates(daily()), model.inspect_gates())
    pd.testing.assert_frame_equal(model.inspect_gates(daily()[-6:]), model.inspect_gates())
    pd.testing.assert_frame_equal(model.gradient_flow(daily()), model.gradient_flow())
    pd.testing.assert_frame_equal(model.gradient_flow(daily()[-9:]), model.gradient_flow())
    other = daily(80)
    assert model.inspect_gates(other).index.equals(other.index[-6:])
    pd.testing.assert_series_equal(model.inspected_window(other), other[-6:])
    assert not np.array_equal(model.inspect_gates(other)["h"], model.inspect_gates()["h"])
    assert not np.array_equal(model.gradient_flow(other), model.gradient_flow())


@pytest.mark.filterwarnings("ignore:segment=4 does not divide")
@pytest.mark.parametrize(("segment", "days"), [(1, range(54, 60)), (2, [55, 57, 59]), (4, [55, 59]), (6, [59])])
def test_segments_have_the_stamp_of_their_last_value(segment, days):
    model = forecaster(cell="lstm", segment=segment, bidirectional=True).fit(daily())
    for direction in ("forward", "backward"):
        assert model.inspect_gates(direction=direction).index.equals(daily().index[list(days)])
    assert list(model.gradient_flow().index) == list(range(len(days)))


@every_cell
def test_both_directions_and_all_layers(cell):
    model = forecaster(cell=cell, bidirectional=True, num_layers=3, residual=True).fit(daily())
    found = [model.inspect_gates(layer=k, direction=d)["h"] for k in range(3) for d in ("forward", "backward")]
    assert all(not np.allclose(a, b) for k, a in enumerate(found) for b in found[:k])
    flow = model.gradient_flow()
    assert list(flow.columns) == [(k, d) for k in range(3) for d in ("forward", "backward")]
    assert flow.columns.names == ["layer", "direction"]
    assert flow.index.equals(pd.RangeIndex(6))
    assert flow.index.name == "lag"
    assert (flow >= 0).all(axis=None)
    assert (flow > 0).all(axis=None) or cell == "rnn_relu"  # whose units may be dead


@every_cell
@pytest.mark.parametrize("decoder", ["direct", "recursive"])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_gradient_at_lag_zero(cell, decoder, loss):
    """By hand: the loss sees the last state through the head alone."""
    model = forecaster(cell=cell, decoder=decoder, loss=loss, linear_skip=False, dropout=0.0).fit(daily())
    outputs = 3 if decoder == "direct" else 1
    head = model.weights()["head.weight"]
    y = daily()
    window, after = y[:-outputs], y[-outputs:].to_numpy()
    centre, scale = measure(model._units, window[-6:].to_numpy())
    state = model.inspect_gates(window)["h"].iloc[-1].to_numpy()
    error = head @ state + model.weights()["head.bias"] - (after - centre) / scale
    slope = {
        "squared_error": 2 * error,
        "absolute_error": np.sign(error),
        "huber": np.clip(error, -1, 1),
    }[loss]
    expected = np.linalg.norm(head.T @ slope / outputs)
    assert_allclose(model.gradient_flow().loc[0, (0, "forward")], expected, rtol=1e-4)


def test_gradient_flow_is_not_truncated():
    model = forecaster(bptt_steps=1).fit(daily())
    assert (model.gradient_flow() > 0).all(axis=None)


def test_early_stopping_ends_with_a_validation_window():
    model = forecaster(early_stopping=True).fit(daily())
    pd.testing.assert_frame_equal(model.gradient_flow(), model.gradient_flow(daily()))


@every_cell
def test_sequences(cell):
    X, y = sequences()
    model = regressor(cell, num_layers=2, bidirectional=True).fit(X, y)
    inside = model.inspect_gates(X[0], layer=1, direction="backward")
    assert inside.index.equals(pd.RangeIndex(5))
    assert list(inside.columns.unique("quantity")) == QUANTITIES[cell]
    flow = model.gradient_flow(X[0], y[0])
    assert flow.shape == (5, 4)
    for layout in (X[0].ravel(), X[:1], X[:1].reshape(1, -1), X[0].tolist()):
        pd.testing.assert_frame_equal(model.inspect_gates(layout, layer=1, direction="backward"), inside)
        pd.testing.assert_frame_equal(model.gradient_flow(layout, y[:1]), flow)


@every_cell
def test_states_lead_to_the_prediction(cell):
    X, y = sequences()
    model = regressor(cell).fit(X, y)
    weights = model.weights()
    outputs = weights["head.weight"] @ model.inspect_gates(X[3])["h"].iloc[-1] + weights["head.bias"]
    assert_allclose(outputs * model.y_scale_ + model.y_mean_, model.predict(X[3:4]))


def test_gradient_flow_of_several_targets():
    X, y = sequences()
    model = regressor().fit(X, np.column_stack([y, -y]))
    assert model.gradient_flow(X[0], [1.0, 2.0]).shape == (5, 1)
    with pytest.raises(ValueError, match=r"^y must be the target of one sequence, 2 finite numbers, got 1\.0$"):
        model.gradient_flow(X[0], 1.0)
    with pytest.raises(ValueError, match=r"2 finite numbers, got \[1\.0, nan\]$"):
        model.gradient_flow(X[0], [1.0, np.nan])


def test_estimators_stay_as_they_are():
    model = forecaster(cell="lstm").fit(daily())
    before, parameters = dict(vars(model)), model.parameters_.copy()
    forecast = model.predict()
    window, inside = model.inspected_window(), model.inspect_gates()
    window[:], inside.iloc[:] = 0, 0
    model.gradient_flow()
    assert_untouched(model, before)
    assert_array_equal(model.parameters_, parameters)
    assert_array_equal(model.predict(), forecast)


@pytest.mark.parametrize("method", ["inspect_gates", "gradient_flow", "inspected_window"])
def test_unfitted(method):
    with pytest.raises(NotFittedError):
        getattr(forecaster(), method)()
    X, y = sequences()
    with pytest.raises(NotFittedError):
        getattr(regressor(), method)(*([X[0], y[0]] if method == "gradient_flow" else [X[0]]))


@pytest.mark.parametrize("layer", [-1, 2, 0.0, "0", None, True])
def test_layer_out_of_range(layer):
    model = forecaster(num_layers=2).fit(daily())
    with pytest.raises(ValueError, match=rf"^layer must be an integer from 0 to 1, got {layer!r}$"):
        model.inspect_gates(layer=layer)


def test_direction_that_there_is_not():
    X, y = sequences()
    model = regressor().fit(X, y)
    with pytest.raises(ValueError, match=r"^direction must be one of 'forward', 'backward', got 'up'$"):
        model.inspect_gates(X[0], direction="up")
    with pytest.raises(ValueError, match=r"^direction='backward' needs a model fitted with bidirectional=True$"):
        model.inspect_gates(X[0], direction="backward")


def test_loss_that_there_is_not():
    model = forecaster().fit(daily()).set_params(loss="worst")
    with pytest.raises(ValueError, match=r"^loss must be one of"):
        model.gradient_flow()


def test_too_short():
    model = forecaster().fit(daily())
    with pytest.raises(ValueError, match=r"^y has 5 values; 6 are needed, for a window of lookback_=6$"):
        model.inspect_gates(daily(5))
    with pytest.raises(ValueError, match=r"^y has 8 values; 9 are needed, .* lookback_=6 and the 3 after it$"):
        model.gradient_flow(daily(8))


@pytest.mark.parametrize("method", ["inspect_gates", "gradient_flow"])
def test_series_of_another_kind(method):
    model = forecaster().fit(daily())
    look = getattr(model, method)
    with pytest.raises(ValueError, match=r"^y has an index of frequency h \(DatetimeIndex\), .* fitted on D"):
        look(pd.Series(values(), INDEXES["zoned hours"]))
    with pytest.raises(ValueError, match=r"^y has an index of frequency 1 \(RangeIndex\), .* fitted on D"):
        look(values())
    with pytest.raises(ValueError, match=r"frequency Q.* \(PeriodIndex\), .* fitted on D \(DatetimeIndex\)$"):
        look(pd.Series(values(), INDEXES["quarters"]))
    with pytest.raises(ValueError, match=r"misses 1 of the 60 stamps"):
        look(daily().drop(daily().index[30]))
    with pytest.raises(ValueError, match=r"y holds 1 missing"):
        look(daily().where(daily().index != daily().index[-1]))


@pytest.mark.parametrize("method", ["inspect_gates", "inspected_window", "gradient_flow"])
def test_one_of_several_series_is_looked_at(method):
    y = pd.DataFrame({"a": daily(), "b": -daily()})
    look = getattr(forecaster().fit(y), method)
    with pytest.raises(ValueError, match=r"^the model was fitted on 2 series: give the one to look at as y$"):
        look()
    with pytest.raises(ValueError, match=r"^y must be one series to look at, got 2$"):
        look(y)
    assert look(y["b"]).index.equals(look(y[["b"]]).index)


@pytest.mark.parametrize("method", ["inspect_gates", "inspected_window", "gradient_flow"])
def test_with_exogenous_columns_the_fitted_series_is_looked_at(method):
    look = getattr(forecaster().fit(daily().to_frame("X") ** 2, daily()), method)
    look()
    with pytest.raises(ValueError, match=r"^X must give the columns \['X'\] of all rows of y"):
        look(daily())


def test_of_an_ensemble_the_first_member_is_looked_at():
    alone, several = (forecaster(n_members=n).fit(daily()) for n in (1, 2))
    pd.testing.assert_frame_equal(several.inspect_gates(), alone.inspect_gates())


@pytest.mark.parametrize("shape", [(4, 2), (5, 3), (9,), (2, 5, 2), ()])
def test_sequence_of_another_shape(shape):
    model = regressor().fit(*sequences())
    with pytest.raises(ValueError, match=r"^x must be one sequence of 5 steps and 2 channels, of shape \(5, 2\) or"):
        model.inspect_gates(np.zeros(shape))
    with pytest.raises(ValueError, match=r"^x holds missing or infinite values$"):
        model.inspect_gates(np.full((5, 2), np.nan))


def test_frequencies_that_are_one_by_another_name():
    """Quarters from January on have many names; stamps tell."""
    stamps = pd.date_range("2001-01-01", periods=40, freq="QS-JAN")
    check_same_frequency(pd.DatetimeIndex(stamps, freq=None), stamps.freq, stamps)
    check_same_frequency(stamps[3:], pd.date_range("2001-01-01", periods=4, freq="QS-OCT").freq, stamps)
    with pytest.raises(ValueError, match="QS-FEB"):
        check_same_frequency(pd.date_range("2001-02-01", periods=40, freq="QS-FEB"), stamps.freq, stamps)
    hours = pd.date_range("2001-01-01", periods=40_000, freq="h")
    with pytest.raises(ValueError, match=r"frequency h .* fitted on YS"):
        check_same_frequency(hours, pd.tseries.frequencies.to_offset("YS"), hours)
    with pytest.raises(ValueError, match=r"frequency 5 .* fitted on 10"):
        check_same_frequency(pd.RangeIndex(0, 50, 5), 10, INDEXES["tens"])
    check_same_frequency(pd.Index(range(0, 50, 10)), 10, INDEXES["tens"])
