"""What estimators show of their inside with the other decoders, and of streams."""

import copy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_series_equal

from forecasting.small import daily, every_cell, forecaster, measure, regressor, stateful, values
from forecasting.test_tasks import task
from gradcheck import central_differences
from tsrnn.forecasting.samples.normalization import Units
from tsrnn.forecasting.samples.streams import Reader, gather_part
from tsrnn.network.inspection import gates_and_states
from tsrnn.network.network import Network


def flow_by_differences(model, values, states=None):
    """Norms by lag of a model of one layer: its state moved after each step, the rest of the way anew, in float64."""
    network = model.network_
    p = network.layout.views(model.parameters_.astype(np.float64))
    (layer,), outputs = network.layers, network.output_size
    seen, after = values[:-outputs], values[-outputs:]
    if not isinstance(model._units, Units):  # the first value is the one before the first step
        scale = model._units[0].scale
        x, target = np.diff(seen) / scale, (after - seen[-1]) / scale
    else:
        centre, scale = measure(model._units, seen)
        x, target = (seen - centre) / scale, (after - centre) / scale
    x, target = x.reshape(-1, 1, 1), target.reshape(1, -1)
    start = [np.zeros((1, layer.output_size)) for _ in range(layer.cell.n_states)] if states is None else states[0]
    skip = (x[-1:] if network.decoder.every_step else x).reshape(1, -1) @ p["linear.weight"].T + p["linear.bias"]

    def read(x, states):
        if not len(x):
            return states
        work = layer.allocate(len(x), 1, np.float64)
        layer.start(work, states)
        layer.forward(p, x, work)
        return [state.copy() for state in layer.final_states(work)]

    def loss(t, bump):
        h, *c = read(x[:t], start)
        states = read(x[t:], [h + bump, *c])
        work = network.decoder.allocate(1, 1, np.float64)
        out = network.decoder.forward(p, states[0][None], [states], skip, None, work, None, target)
        return np.mean((out - target) ** 2)

    gradients = [central_differences(lambda bump, t=t: loss(t, bump), np.zeros(4)) for t in range(1, len(x) + 1)]
    return np.linalg.norm(gradients, axis=1)[::-1]


@every_cell
@pytest.mark.parametrize("decoder", ["direct", "parallel", "recursive", "seq2seq"])
def test_gradient_flow_by_differences(cell, decoder):
    """Through the decoder; "seq2seq" reads the targets."""
    model = forecaster(cell=cell, decoder=decoder, loss="squared_error").fit(daily())
    outputs = model.network_.output_size
    expected = flow_by_differences(model, values()[-6 - outputs :])
    assert_allclose(model.gradient_flow()[0, "forward"], expected, rtol=1e-5)


@every_cell
@pytest.mark.parametrize("decoder", ["direct", "recursive"])
def test_gradient_flow_of_a_stream_by_differences(cell, decoder):
    """Of the outputs after the last step, from the states carried; of another series from those it leaves."""
    model = stateful(cell=cell, decoder=decoder, loss="squared_error").fit(daily())
    kept = values()[-6 - model.network_.output_size :]
    expected = flow_by_differences(model, kept, model._states[0].states)
    assert_allclose(model.gradient_flow()[0, "forward"], expected, rtol=1e-5)
    other = daily(80)[40:] + 3
    reach = 5 + model.network_.output_size
    _, states = Reader(model.network_, model.parameters_).read(other.to_numpy()[:-reach], model._units[0])
    expected = flow_by_differences(model, other.to_numpy()[-reach - 1 :], states)
    assert_allclose(model.gradient_flow(other)[0, "forward"], expected, rtol=1e-5)


@every_cell
@pytest.mark.parametrize("normalize", ["last", "series"])
def test_gates_of_a_stream(cell, normalize):
    """The last part, from the states carried: those of the whole series, read step by step from its start."""
    model = stateful(cell=cell, num_layers=2, layer_norm=True, normalize=normalize).fit(daily())
    inside = model.inspect_gates(layer=1)
    assert inside.index.equals(daily().index[-5:])
    assert_series_equal(model.inspected_window(), daily()[-5:])
    network = model.network_.over(60)
    work = network.allocate(1, np.float32)
    gather_part(values(), 0, model._units[0], 1, work.x)
    out = network.forward(network.layout.views(model.parameters_), work)[-1]
    whole = gates_and_states(network, work, 1, "forward")
    for name, quantity in whole.items():
        assert_allclose(inside[name], quantity[-5:, 0], atol=1e-6)
    assert_allclose(model.predict(), model._units[0].forecast(out, values()[-1]), atol=1e-6)


def test_another_series_is_a_stream_of_its_own():
    """Read from its start, and from a zero state."""
    model = stateful(linear_skip=False).fit(daily())
    y = daily(80)[30:]
    inside = model.inspect_gates(y)
    assert inside.index.equals(y.index[-5:])
    assert_series_equal(model.inspected_window(y), y[-5:])
    assert not np.array_equal(model.inspect_gates(y[-6:]), inside)
    assert_allclose(model.inspect_gates(daily()), model.inspect_gates(), atol=1e-6)
    flow = model.gradient_flow(y)
    assert flow.shape == (5, 1)
    assert not np.array_equal(model.gradient_flow(y[-9:]), flow)
    assert_allclose(model.gradient_flow(daily()), model.gradient_flow(), rtol=1e-4)
    with pytest.raises(ValueError, match=r"^y has 4 values; 5 are needed, for a window of lookback_=5$"):
        model.inspect_gates(y[:4])
    with pytest.raises(ValueError, match=r"^y has 7 values; 8 are needed, .* lookback_=5 and the 3 after it$"):
        model.gradient_flow(y[:7])


@pytest.mark.parametrize("decoder", ["direct", "recursive"])
def test_segments_of_a_stream(decoder):
    model = stateful(decoder=decoder, segment=3, bptt_steps=4, num_layers=2).fit(daily())
    assert model.inspect_gates().index.equals(daily().index[[50, 53, 56, 59]])
    assert model.inspected_window().index.equals(daily().index[-12:])
    assert model.gradient_flow().shape == (4, 2)
    assert (model.gradient_flow(daily(80)) > 0).all(axis=None)


def test_a_stream_of_a_single_part():
    """As long as the series but for the targets: no value is before the part that training has seen."""
    model = stateful(bptt_steps=1000).fit(daily(20))
    assert model.lookback_ == 17
    assert model.gradient_flow().shape == (17, 1)
    pd.testing.assert_frame_equal(model.gradient_flow(), model.gradient_flow(daily(20)))
    assert model.inspect_gates().index.equals(daily(20).index[3:])


@pytest.mark.parametrize("decoder", ["parallel", "seq2seq"])
def test_gates_do_not_depend_on_what_is_decoded(decoder):
    """The layers that read the window are shown, and they have not seen what comes after."""
    model = forecaster(decoder=decoder, num_layers=2, hidden_size=(4, 3)).fit(daily())
    assert model.inspect_gates(layer=1)["h"].shape == (6, 3)
    assert list(model.gradient_flow().columns) == [(0, "forward"), (1, "forward")]
    direct = copy.copy(model)
    direct.network_ = Network("gru", 6, 1, (4, 3), 2, 3)
    vector = np.zeros(direct.network_.layout.size, np.float32)
    for name, view in direct.network_.layout.views(vector).items():
        if name.startswith("rnn."):
            view[...] = model.weights()[name]
    direct.parameters_ = vector
    pd.testing.assert_frame_equal(model.inspect_gates(layer=1), direct.inspect_gates(layer=1))


@every_cell
@pytest.mark.parametrize("decoder", ["in_step", "parallel", "seq2seq"])
def test_tasks(cell, decoder):
    X, y = task(decoder)
    model = regressor(cell, decoder=decoder, num_layers=2).fit(X, y)
    assert model.inspect_gates(X[0], layer=1)["h"].shape == (5, 4)
    flow = model.gradient_flow(X[0], y[0])
    assert flow.shape == (5, 2)
    assert np.isfinite(flow).all(axis=None)
