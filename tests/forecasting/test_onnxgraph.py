"""What an ONNX file computes, by onnxruntime, is what `predict` returns."""

import numpy as np
import pytest

from forecasting.small import assert_untouched, daily, fit, forecaster, regressor, sequences, values, with_tail
from gradcheck import assert_close
from tsrnn import __version__
from tsrnn.forecasting.onnxcells import CELLS_IN_ONNX
from tsrnn.network.cells import CELLS

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

STRUCTURES = {
    "plain": {},
    "linear": {"linear_skip": True},
    "deep": {"num_layers": 3, "dropout": 0.3},
    "residual": {"num_layers": 3, "residual": True},
    "bidirectional": {"bidirectional": True},
    "bidirectional residual": {"bidirectional": True, "num_layers": 2, "residual": True},
    "segment": {"segment": 3},
    "all": {"bidirectional": True, "num_layers": 2, "residual": True, "segment": 2, "linear_skip": True},
}
every_cell = pytest.mark.parametrize("cell", CELLS)
every_structure = pytest.mark.parametrize("changes", STRUCTURES.values(), ids=STRUCTURES)


@pytest.fixture
def run(tmp_path):
    """Runs what an estimator writes on one input, and returns the output."""

    def run(model, array):
        path = model.to_onnx(tmp_path / "model.onnx")
        onnx.checker.check_model(str(path), full_check=True)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (name,) = (given.name for given in session.get_inputs())
        (output,) = session.run(None, {name: np.asarray(array, np.float64)})
        return output

    return run


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


@every_cell
@every_structure
def test_forecaster(cell, changes, run):
    model = forecaster(cell=cell, **changes).fit(daily())
    windows = windows_of(values())[::9]
    output = run(model, windows)
    assert output.shape == (len(windows), 3)
    assert_close(output, forecasts(model, windows), 1e-5)


@pytest.mark.filterwarnings("ignore:segment=4 does not divide:UserWarning")
@pytest.mark.parametrize("bidirectional", [False, True])
def test_first_value_fills_up_a_segment(bidirectional, run):
    model = forecaster(segment=4, bidirectional=bidirectional).fit(daily())
    windows = windows_of(values())[::9]
    assert_close(run(model, windows), forecasts(model, windows), 1e-5)
    X, y = sequences(steps=6)
    model = regressor(segment=4, bidirectional=bidirectional).fit(X, y)
    assert_close(run(model, X), model.predict(X), 1e-5)


@pytest.mark.parametrize("normalize", ["last", "mean", "series"])
@pytest.mark.parametrize("level", [0.0, 1e9])
def test_units_of_windows(normalize, level, run):
    """Differences from the level are compared: float32 would lose all of them at 1e9."""
    model = forecaster(normalize=normalize).fit(daily() + level)
    windows = windows_of(values() + level)[::9]
    assert_close(run(model, windows) - level, forecasts(model, windows) - level, 1e-5)


@pytest.mark.parametrize("normalize", ["last", "mean", "series"])
def test_constant_window(normalize, run):
    model = forecaster(normalize=normalize).fit(daily())
    windows = np.full((2, 6), 3.0)
    assert_close(run(model, windows), forecasts(model, windows), 1e-5)


def test_constant_series(run):
    model = forecaster().fit(daily() * 0 + 7)
    windows = np.full((1, 6), 7.0)
    assert_close(run(model, windows), forecasts(model, windows), 1e-5)


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
@pytest.mark.parametrize("n_targets", [None, 1, 3])
def test_shapes_of_a_regressor(dtype, flat_rows, n_targets, run):
    X, y = sequences()
    X = X.astype(dtype)
    X = X.reshape(len(X), -1) if flat_rows else X
    targets = y if n_targets is None else np.linspace(1, 100, n_targets) * y[:, None]
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
    for part in ("RNNForecaster", "cell=lstm", "steps=6", "hidden_size=4", "bidirectional=True", "outputs=3"):
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
