"""What an ONNX file computes, by onnxruntime, is what `predict` returns."""

import numpy as np
import pytest

from forecasting.small import (
    assert_untouched,
    daily,
    fit,
    forecaster,
    regressor,
    sequences,
    stateful,
    values,
    with_tail,
)
from forecasting.test_tasks import task
from gradcheck import assert_close
from tsrnn import __version__
from tsrnn.forecasting.onnx.cells import CELLS_IN_ONNX
from tsrnn.network.cells import CELLS

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

STRUCTURES = {
    "plain": {},
    "linear": {"linear_skip": True},
    "deep": {"num_layers": 3, "dropout": 0.3},
    "residual": {"num_layers": 3, "residual": True},
    "bidirectional": {"bidirectional": True},
    "bidirectional residual": {"bidirectional": True, "num_layers": 2, "residual": True},
    "segment": {"segment": 3},
    "layer norm": {"num_layers": 2, "layer_norm": True},
    "unequal": {"num_layers": 3, "hidden_size": (3, 5, 2)},
    "unequal residual": {"num_layers": 2, "hidden_size": (3, 5), "residual": True, "layer_norm": True},
    "all": {
        "bidirectional": True,
        "num_layers": 2,
        "hidden_size": (3, 4),
        "residual": True,
        "layer_norm": True,
        "segment": 2,
        "linear_skip": True,
    },
}
SOME = ("plain", "linear", "unequal residual", "all")  # of the decoders and of streams
every_cell = pytest.mark.parametrize("cell", CELLS)
every_structure = pytest.mark.parametrize("changes", STRUCTURES.values(), ids=STRUCTURES)


def forecasts(model, windows):
    """Forecasts of a forecaster for each of the windows."""
    return np.array([with_tail(model, daily().iloc[:6] * 0 + window).predict() for window in windows])


def windows_of(series, lookback=6):
    return np.lib.stride_tricks.sliding_window_view(series, lookback)


def test_every_cell_is_there():
    assert CELLS_IN_ONNX.keys() == CELLS.keys()


@every_cell
@every_structure
def test_regressor(cell, changes, run):
    X, y = sequences(steps=6)
    X = X * [5, 0.01] + [3, 200]
    model = regressor(cell, **changes).fit(X, y)
    output = run(model, X)
    assert output.dtype == np.float64
    assert output.shape == (len(X),)
    assert_close(output, model.predict(X), 1e-5)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@every_structure
def test_forecaster(cell, changes, run):
    """The network is written as a regressor's, where every cell has every structure."""
    model = forecaster(cell=cell, **changes).fit(daily())
    windows = windows_of(values())[::9]
    output = run(model, windows)
    assert output.shape == (len(windows), 3)
    assert_close(output, forecasts(model, windows), 1e-5)


@every_cell
@pytest.mark.parametrize("decoder", ["parallel", "seq2seq"])
@pytest.mark.parametrize("structure", SOME)
def test_decoders_of_a_forecaster(cell, decoder, structure, run):
    """Three steps; of segments of two, the last is cut."""
    model = forecaster(cell=cell, decoder=decoder, **({"linear_skip": False} | STRUCTURES[structure])).fit(daily())
    windows = windows_of(values())[::9]
    assert_close(run(model, windows), forecasts(model, windows), 1e-5)


@every_cell
@pytest.mark.parametrize("decoder", ["in_step", "parallel", "seq2seq"])
@pytest.mark.parametrize("structure", SOME)
def test_decoders_of_a_regressor(cell, decoder, structure, run):
    X, y = task(decoder)
    model = regressor(cell, decoder=decoder, **(STRUCTURES[structure] | {"segment": 1})).fit(X, y)
    output = run(model, X)
    assert output.shape == y.shape
    assert_close(output, model.predict(X), 1e-5)


@pytest.mark.parametrize("decoder", ["in_step", "parallel", "seq2seq"])
@pytest.mark.parametrize("flat_rows", [False, True])
def test_targets_of_one_channel(decoder, flat_rows, run):
    X, y = task(decoder)
    X = X.reshape(len(X), -1) if flat_rows else X
    model = regressor(decoder=decoder, n_channels=2).fit(X, y[:, :, 1])
    for rows in (1, len(X)):
        output = run(model, X[:rows])
        assert output.shape == (rows, y.shape[1])
        assert_close(output, model.predict(X[:rows]), 1e-5)


@pytest.mark.filterwarnings("ignore:segment=[23] does not divide:UserWarning")
@pytest.mark.parametrize("decoder", ["parallel", "seq2seq"])
@pytest.mark.parametrize("segment", [2, 3])
def test_segments_of_several_channels_are_decoded(decoder, segment, run):
    X, y = task(decoder)
    model = regressor(decoder=decoder, segment=segment, linear_skip=True).fit(X, y)
    assert_close(run(model, X), model.predict(X), 1e-5)


STREAMS = {
    "plain": {},
    "series": {"normalize": "series", "linear_skip": False},
    "unequal residual": STRUCTURES["unequal residual"],
    "segment": {"segment": 2, "num_layers": 2},
    "recursive": {"decoder": "recursive"},
    "recursive segment": {"decoder": "recursive", "segment": 2},
}
every_stream = pytest.mark.parametrize("changes", STREAMS.values(), ids=STREAMS)


def names(ends):
    return [end.name for end in ends]


def follow(session, y, states):
    """The forecast after the last value of `y` (n, 1 + T * segment), and the states there."""
    forecast, *after = session.run(None, dict(zip(names(session.get_inputs()), [y, *states], strict=True)))
    return forecast, after


def carried(model, rows=1):
    """The states before the last part of the series fitted, and zeros like them for so many streams."""
    states = [state for layer in model._states[0].states for state in layer]
    return states, [np.zeros((rows, state.shape[1]), np.float32) for state in states]


def fitted_stream(level=0.0, cell="gru", **changes):
    """A forecaster of more than one part of a stream, and its series, from which its segments begin."""
    model = stateful(cell=cell, **changes).fit(daily() + level)
    return model, values() + level


@every_cell
@every_stream
def test_streams(cell, changes, load):
    """The last part from the states carried; the series from its start; and in parts, as its values come."""
    model, y = fitted_stream(cell=cell, **changes)
    session = load(model)
    states, zeros = carried(model)
    outputs = model.network_.output_size
    expected = model.predict(horizon=outputs)
    forecast, last = follow(session, model._tail.values[-model._states[0].unread - 1 :].T, states)
    assert forecast.shape == (1, outputs)
    assert forecast.dtype == np.float64
    assert_close(forecast[0], expected, 1e-5)
    y = np.append(y[0], y)
    assert_close(follow(session, y[None], zeros)[0][0], expected, 1e-5)
    before, states = 0, zeros
    for stop in (2, 4, 14, 60):
        forecast, states = follow(session, y[None, before : stop + 1], states)
        before = stop
    assert_close(forecast[0], expected, 1e-5)
    for state, other in zip(states, last, strict=True):
        assert state.dtype == np.float32
        assert_close(state, other, 1e-5)


@pytest.mark.parametrize("changes", [{"normalize": "last"}, {"normalize": "series"}], ids=str)
def test_units_of_streams(changes, load):
    """As those of windows: at 1e9 float32 would lose all digits of a change."""
    model, y = fitted_stream(1e9, **changes)
    states, _ = carried(model)
    forecast, _ = follow(load(model), y[None, -9:], states)
    assert_close(forecast[0] - 1e9, model.predict() - 1e9, 1e-5)


def test_streams_side_by_side(load):
    model, y = fitted_stream(cell="lstm", num_layers=2)
    session = load(model)
    both = np.stack([y[:20], y[20:40]])
    forecast, states = follow(session, both, carried(model, rows=2)[1])
    for k in range(2):
        own, own_states = follow(session, both[k : k + 1], carried(model)[1])
        assert_close(forecast[k], own[0], 1e-6)
        for state, own_state in zip(states, own_states, strict=True):
            assert_close(state[k], own_state[0], 1e-6)


@pytest.mark.parametrize("segment", [1, 2])
def test_a_recursive_stream_reads_its_forecasts(segment, load):
    model, _ = fitted_stream(decoder="recursive", segment=segment)
    session, (states, _) = load(model), carried(model)
    y = model._tail.values[-model._states[0].unread - 1 :].T
    for block in np.split(model.predict(horizon=3 * segment).to_numpy(), 3):
        forecast, states = follow(session, y, states)
        assert_close(forecast[0], block, 1e-5)
        y = np.hstack([y[:, -1:], forecast])


def test_ends_of_a_stream(load):
    model, _ = fitted_stream(cell="lstm", num_layers=2, hidden_size=(4, 3))
    session = load(model)
    ends = {end.name: (end.type, end.shape) for end in (*session.get_inputs(), *session.get_outputs())}
    states = {f"{name}_l{k}": ("tensor(float)", ["n", size]) for k, size in enumerate((4, 3)) for name in "hc"}
    assert names(session.get_inputs()) == ["y", *states]
    assert names(session.get_outputs()) == ["forecast", *(f"{name}_next" for name in states)]
    expected = {"y": ("tensor(double)", ["n", "values"]), "forecast": ("tensor(double)", ["n", 3])}
    assert ends == expected | states | {f"{name}_next": state for name, state in states.items()}


@pytest.mark.filterwarnings("ignore:segment=4 does not divide:UserWarning")
@pytest.mark.parametrize("bidirectional", [False, True])
def test_first_value_fills_up_a_segment(bidirectional, run):
    model = forecaster(segment=4, bidirectional=bidirectional).fit(daily())
    windows = windows_of(values())[::9]
    assert_close(run(model, windows), forecasts(model, windows), 1e-5)
    X, y = sequences(steps=6)
    model = regressor(segment=4, bidirectional=bidirectional).fit(X, y)
    assert_close(run(model, X), model.predict(X), 1e-5)


@pytest.mark.parametrize("normalize", ["last", "mean", "series", "difference", "reverting"])
@pytest.mark.parametrize("level", [0.0, 1e9])
def test_units_of_windows(normalize, level, run):
    """Differences from the level are compared: float32 would lose all of them at 1e9."""
    model = forecaster(normalize=normalize).fit(daily() + level)
    windows = windows_of(values() + level)[::9]
    assert_close(run(model, windows) - level, forecasts(model, windows) - level, 1e-5)


@pytest.mark.parametrize("normalize", ["log_last", "log_mean", "log_series", "log_difference", "log_reverting"])
def test_logarithms_that_end_at_zero(normalize, run):
    y = np.maximum(0, values())
    model = forecaster(normalize=normalize).fit(y)
    windows = windows_of(y)[::9]
    assert_close(run(model, windows), forecasts(model, windows), 1e-5)


@pytest.mark.parametrize("normalize", ["last", "mean", "series"])
def test_constant_window(normalize, run):
    model = forecaster(normalize=normalize).fit(daily())
    windows = np.full((2, 6), 3.0)
    assert_close(run(model, windows), forecasts(model, windows), 1e-5)


def test_constant_series(run):
    model = forecaster().fit(daily() * 0 + 7)
    windows = np.full((1, 6), 7.0)
    assert_close(run(model, windows), forecasts(model, windows), 1e-5)


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_constant_series_with_smoothing(level, run):
    """Neither map nor naive forecasts are ever wrong."""
    y = daily() * 0 + level
    model = forecaster(linear_skip="auto", season_length=7).fit(y)
    assert model.smoothing_share_ > 0
    for n in (6, 13, 30):
        assert_close(run(model, y.to_numpy()[None, :n]), np.full((1, 3), level), 1e-5)


@pytest.mark.parametrize(
    "changes",
    [{}, {"linear_skip": "auto", "season_length": 7}, {"linear_skip": "auto", "decoder": "recursive"}],
    ids=str,
)
def test_zero_as_a_floor(changes, run):
    y = (np.maximum(0, values(90)) + 0.05 * np.arange(90)[::-1]).clip(0) * (values(90) > 0)
    model = forecaster(normalize="last", **({"linear_skip": "auto"} | changes)).fit(y)
    n = 30 if model.smoothing_share_ else 6
    windows = np.lib.stride_tricks.sliding_window_view(y, n)[::5]
    found = run(model, windows)
    expected = [model.predict(y=window, horizon=found.shape[1]) for window in windows]
    assert_close(found, np.array(expected), 1e-5)
    assert found.min() == 0


def test_recursive_forecaster_gives_the_next_value(run):
    model = forecaster(decoder="recursive").fit(daily())
    window = values()[-6:]
    for expected in model.predict(horizon=4):
        following = run(model, window[None])
        assert following.shape == (1, 1)
        assert_close(following[0, 0], expected, 1e-5)
        window = np.append(window[1:], following)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("flat_rows", [False, True])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3)], ids=str)
def test_shapes_of_a_regressor(dtype, flat_rows, shape, run):
    X, y = sequences()
    X = X.astype(dtype)
    X = X.reshape(len(X), -1) if flat_rows else X
    factors = np.linspace(1, 100, np.prod(shape, dtype=int)).reshape(shape)
    targets = np.multiply.outer(y, factors)
    model = regressor(n_channels=2).fit(X, targets)
    for rows in (1, 7, len(X)):
        output = run(model, X[:rows])
        assert output.shape == targets[:rows].shape
        assert_close(output, model.predict(X[:rows]), 1e-5)


def test_lookback_of_one(run):
    model = forecaster(lookback=1).fit(daily())
    assert_close(run(model, values()[-1:, None])[0], model.predict(), 1e-5)


def test_file_says_what_it_is(tmp_path):
    model = forecaster(cell="lstm", bidirectional=True).fit(daily())
    proto = onnx.load(model.to_onnx(tmp_path / "model.onnx"))
    assert (proto.producer_name, proto.producer_version) == ("tsrnn", __version__)
    for part in ("RNNForecaster", "cell=lstm", "steps=6", "decoder=Direct", "hidden_size=4", "outputs=3"):
        assert part in proto.doc_string
    ends = [(end.name, [axis.dim_param or axis.dim_value for axis in end.type.tensor_type.shape.dim])
            for end in (*proto.graph.input, *proto.graph.output)]  # fmt: skip
    assert ends == [("y", ["n", 6]), ("forecast", ["n", 3])]


def test_the_network_counts_not_the_parameters_of_the_next_fit(run):
    X, y = sequences()
    model = regressor("lstm").fit(X, y)
    expected = model.predict(X)
    model.set_params(cell="gru", hidden_size=9, bidirectional=True, segment=2)
    assert_close(run(model, X), expected, 1e-5)


def test_writing_changes_nothing(tmp_path):
    model = fit(regressor())
    before = dict(vars(model))
    first = model.to_onnx(tmp_path / "a.onnx").read_bytes()
    assert_untouched(model, before)
    assert model.to_onnx(tmp_path / "b.onnx").read_bytes() == first


def test_a_cell_without_a_form_in_onnx(tmp_path, monkeypatch):
    model = fit(regressor("gru"))
    monkeypatch.delitem(CELLS_IN_ONNX, "gru")
    with pytest.raises(ValueError, match=r"cell='gru' cannot be written to ONNX; these can: .*lstm"):
        model.to_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
