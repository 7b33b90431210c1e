"""What a picture of the inside of a model shows."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from evaluation.test_displays import INDEXES, png
from forecasting.small import daily, forecaster, regressor, sequences, stateful, values
from tsrnn.evaluation.gate_displays import GateDisplay, GradientFlowDisplay

Figure = pytest.importorskip("matplotlib.figure").Figure


def heat(display):
    """The values drawn, from the bottom row to the top one."""
    return np.asarray(display.axes_[1].collections[0].get_array()).reshape(display.gates.shape[::-1])


def edges(display):
    """Of the columns of the heat map, on the axis of time."""
    return display.axes_[1].collections[0].get_coordinates()[0, :, 0]


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_every_kind_of_index(index):
    y = pd.Series(values(60), index[:60], name="level")
    display = GateDisplay.from_estimator(forecaster(cell="lstm").fit(y)).plot()
    assert png(display).startswith(b"\x89PNG")
    above, below = display.axes_
    assert (above.get_ylabel(), below.get_xlabel(), below.get_ylabel()) == ("level", index.name, "unit")
    np.testing.assert_array_equal(above.get_lines()[0].get_ydata(), y[-6:])
    # A column stands below the value that it reads.
    assert above.get_xlim() == below.get_xlim()
    middles = (edges(display)[1:] + edges(display)[:-1]) / 2
    drawn = above.get_lines()[0].get_xdata(orig=False)
    assert len(middles) == 6
    assert ((edges(display)[:-1] < drawn) & (drawn < edges(display)[1:])).all()
    if index.name in ("hour", "step"):
        np.testing.assert_allclose(middles, drawn)


@pytest.mark.parametrize(
    ("cell", "gates"), [("lstm", "ifgo"), ("gru", "rzn"), ("lstm_peephole", "ifgo"), ("gru_reset_before", "rzn")]
)
def test_gates_of_each_cell(cell, gates):
    model = forecaster(cell=cell).fit(daily())
    inside = model.inspect_gates()
    for gate in gates:
        display = GateDisplay.from_estimator(model, gate=gate).plot()
        assert display.name == gate
        pd.testing.assert_frame_equal(display.gates, inside[gate])
        np.testing.assert_array_equal(heat(display), inside[gate][display.order].to_numpy().T)
        low = -1 if gate in "gn" else 0
        assert display.axes_[1].collections[0].get_clim() == (low, 1)
        assert display.colorbar_.ax.get_ylabel() == f"{'candidate' if gate in 'gn' else 'gate'} {gate}"
    default = GateDisplay.from_estimator(model)
    assert default.name == {"l": "f", "g": "z"}[cell[0]]
    assert default.plot(limits=(0.2, 0.8)).axes_[1].collections[0].get_clim() == (0.2, 0.8)


def test_units_are_ordered_by_their_memory():
    model = forecaster(cell="lstm").fit(daily())
    display = GateDisplay.from_estimator(model, gate="i")
    kept = model.inspect_gates()["f"].prod()
    np.testing.assert_array_equal(display.order, kept.sort_values().index)
    # What a unit keeps over the window, from its time constant.
    np.testing.assert_allclose(np.exp(-6 / display.time_constants), kept)


def test_gates_at_both_ends():
    """Never and always: time constants of zero and infinity."""
    gates = pd.DataFrame({0: [1.0, 1.0], 1: [0.0, 0.0], 2: [0.5, 0.5]})
    constants = pd.Series([np.inf, 0.0, 150.4])
    display = GateDisplay(pd.Series([1.0, 2.0]), gates, name="f", time_constants=constants).plot()
    assert list(display.order) == [1, 2, 0]
    right = display.figure_.axes[2]
    assert [text.get_text() for text in right.get_yticklabels()] == ["0.00", "150", "inf"]
    plain = GateDisplay(pd.Series([1.0, 2.0]), gates, name="f").plot()
    assert list(plain.order) == [1, 2, 0]
    assert png(display)
    assert png(plain)


def test_one_step():
    y = pd.Series([3.0])
    assert png(GateDisplay(y, pd.DataFrame({0: [0.2]}), name="z").plot())


def test_segments_stand_below_all_they_read():
    model = forecaster(cell="gru", segment=2).fit(daily())
    display = GateDisplay.from_estimator(model).plot()
    drawn = display.axes_[0].get_lines()[0].get_xdata(orig=False)
    np.testing.assert_allclose(edges(display), drawn[0] - 0.5 + np.arange(0, 7, 2))


def test_many_units_are_not_all_named():
    model = forecaster(hidden_size=20, num_layers=2, bidirectional=True).fit(daily())
    display = GateDisplay.from_estimator(model, layer=1, direction="backward").plot()
    named = [text.get_text() for text in display.axes_[1].get_yticklabels()]
    assert len(named) == 8
    assert (named[0], named[-1]) == (str(display.order[0]), str(display.order[-1]))


def test_another_series():
    model = forecaster().fit(daily())
    display = GateDisplay.from_estimator(model, daily(80)).plot()
    np.testing.assert_array_equal(display.axes_[0].get_lines()[0].get_ydata(), daily(80)[-6:])


@pytest.mark.parametrize(
    ("make", "changes"),
    [
        (forecaster, {"decoder": "parallel", "segment": 2}),
        (forecaster, {"decoder": "seq2seq", "cell": "lstm", "layer_norm": True}),
        (stateful, {"cell": "lstm", "num_layers": 2, "hidden_size": (4, 3)}),
        (stateful, {"decoder": "recursive", "segment": 2}),
    ],
)
def test_decoders_and_streams(make, changes):
    model = make(**changes).fit(daily())
    display = GateDisplay.from_estimator(model).plot()
    assert png(display)
    above, _ = display.axes_
    np.testing.assert_array_equal(above.get_lines()[0].get_ydata(), daily()[-model.lookback_ :])
    assert edges(display)[0] < above.get_lines()[0].get_xdata(orig=False)[0]
    flow = GradientFlowDisplay.from_estimators({"model": model}, daily(80)).plot()
    assert png(flow)
    assert len(flow.ax_.get_lines()[0].get_xdata()) == model.network_.recurrent_steps


def test_sequences():
    X, y = sequences()
    model = regressor("lstm").fit(X, y)
    display = GateDisplay.from_estimator(model, x=X[0], gate="o").plot()
    assert png(display)
    assert [text.get_text() for text in display.axes_[0].get_legend().get_texts()] == ["channel 0", "channel 1"]
    flow = GradientFlowDisplay.from_estimators({"one": model}, y[0], x=X[0])
    pd.testing.assert_frame_equal(flow.flows["one"], model.gradient_flow(X[0], y[0]))


def test_gate_that_the_cell_does_not_have():
    model = forecaster(cell="lstm").fit(daily())
    with pytest.raises(ValueError, match=r"^gate must be one of 'i', 'f', 'g', 'o', got 'z'$"):
        GateDisplay.from_estimator(model, gate="z")
    with pytest.raises(ValueError, match=r"^gate must be one of 'r', 'z', 'n', got 'h'$"):
        GateDisplay.from_estimator(forecaster().fit(daily()), gate="h")
    with pytest.raises(ValueError, match=r"^a model with cell='rnn' has no gates to display$"):
        GateDisplay.from_estimator(forecaster(cell="rnn").fit(daily()))
    with pytest.raises(ValueError, match=r"^layer must be an integer from 0 to 0, got 1$"):
        GateDisplay.from_estimator(model, layer=1)
    with pytest.raises(NotFittedError):
        GateDisplay.from_estimator(forecaster())
    with pytest.raises(NotFittedError):
        GradientFlowDisplay.from_estimators({"new": forecaster()})


def test_gradients_of_several_models():
    models = {cell: forecaster(cell=cell).fit(daily()) for cell in ("rnn", "lstm", "gru")}
    display = GradientFlowDisplay.from_estimators(models).plot()
    lines = display.ax_.get_lines()
    assert [line.get_label() for line in lines] == list(models)
    for line, model in zip(lines, models.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(6))
        np.testing.assert_array_equal(line.get_ydata(), model.gradient_flow()[(0, "forward")])
    assert display.ax_.get_yscale() == "log"
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 3
    assert png(display)
    relative = display.plot(relative=True).ax_.get_lines()
    assert all(line.get_ydata()[0] == 1 for line in relative)
    other = GradientFlowDisplay.from_estimators(models, daily(80))
    pd.testing.assert_frame_equal(other.flows["gru"], models["gru"].gradient_flow(daily(80)))


def test_layers_and_directions_are_named_where_there_are_several():
    models = {
        "deep": forecaster(num_layers=2).fit(daily()),
        "both ways": forecaster(bidirectional=True).fit(daily()),
        "all": forecaster(num_layers=2, bidirectional=True).fit(daily()),
    }
    lines = GradientFlowDisplay.from_estimators(models).plot().ax_.get_lines()
    assert [line.get_label() for line in lines] == [
        "deep, layer 0",
        "deep, layer 1",
        "both ways, forward",
        "both ways, backward",
        "all, layer 0, forward",
        "all, layer 0, backward",
        "all, layer 1, forward",
        "all, layer 1, backward",
    ]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 8


def test_a_gradient_that_has_vanished_altogether():
    columns = pd.MultiIndex.from_tuples([(0, "forward")], names=["layer", "direction"])
    flow = pd.DataFrame([[1.0], [1e-300], [0.0]], pd.RangeIndex(3, name="lag"), columns)
    display = GradientFlowDisplay({"dead": flow, "dead from the start": 0 * flow}).plot()
    assert png(display)
    np.testing.assert_array_equal(display.ax_.get_lines()[0].get_ydata(), [1.0, 1e-300, np.nan])


def test_no_models():
    with pytest.raises(ValueError, match=r"^models must hold at least one fitted model, got none$"):
        GradientFlowDisplay.from_estimators({})


def test_places_given_are_drawn_on():
    model = forecaster().fit(daily())
    figure = Figure()
    display = GateDisplay.from_estimator(model)
    assert display.plot(figure=figure) is display
    assert display.figure_ is figure
    assert display.axes_[0].figure is figure
    ax = Figure().add_subplot()
    flow = GradientFlowDisplay.from_estimators({"gru": model})
    assert flow.plot(ax=ax) is flow
    assert (flow.ax_, flow.figure_) == (ax, ax.figure)


def test_no_global_state_of_pyplot():
    before = "matplotlib.pyplot" in sys.modules
    model = forecaster().fit(daily())
    GateDisplay.from_estimator(model).plot()
    GradientFlowDisplay.from_estimators({"gru": model}).plot()
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    model = forecaster().fit(daily())
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for display in (GateDisplay.from_estimator(model), GradientFlowDisplay.from_estimators({"gru": model})):
        with pytest.raises(ModuleNotFoundError, match=r'pip install "tsrnn\[plot\]"'):
            display.plot()
