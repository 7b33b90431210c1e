"""Weights to torch and back, and what is refused on the way; ONNX has a file of its own, test_onnxgraph.py."""

import os
import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from forecasting.small import (
    assert_untouched,
    daily,
    every_estimator,
    fit,
    forecaster,
    predict,
    regressor,
    sequences,
)
from gradcheck import assert_close
from tsrnn.forecasting.exchange import CELLS_IN_TORCH
from tsrnn.network.cells import CELLS

STRUCTURES = {
    "plain": {},
    "linear": {"linear_skip": True},
    "deep": {"num_layers": 2, "dropout": 0.2},
    "bidirectional": {"num_layers": 2, "bidirectional": True},
    "segment": {"segment": 2, "linear_skip": True},
}
every_structure = pytest.mark.parametrize("changes", STRUCTURES.values(), ids=STRUCTURES)


@pytest.fixture
def torch():
    """The module; tests that need it are skipped where it is not installed."""
    module = pytest.importorskip("torch")
    before = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(before)


@pytest.fixture
def without(monkeypatch):
    """Takes a module away, as if it were not installed."""
    return lambda name: monkeypatch.setitem(sys.modules, name, None)


def torch_module(torch, model, batch_first=True):
    """A module of the sizes of a fitted estimator, with torch's own weights."""
    network, size = model.network_, model.hidden_size
    kind = {"rnn": "RNN", "rnn_relu": "RNN", "lstm": "LSTM", "gru": "GRU"}[model.cell]
    options = {"nonlinearity": "relu"} if model.cell == "rnn_relu" else {}
    module = torch.nn.Module()
    module.rnn = getattr(torch.nn, kind)(
        size if network.segment else network.input_size,
        size,
        model.num_layers,
        bidirectional=model.bidirectional,
        batch_first=batch_first,
        **options,
    )
    module.head = torch.nn.Linear(size * (1 + model.bidirectional), network.output_size)
    if model.linear_skip:
        module.linear = torch.nn.Linear(network.steps * network.input_size, network.output_size)
    if model.segment > 1:
        module.segment = torch.nn.Linear(model.segment * network.input_size, size)
    return module.to(torch.from_numpy(model.parameters_).dtype)


def torch_outputs(torch, module, x):
    """Outputs (n, O) of the module for the windows x (n, T, C)."""
    y = x
    if hasattr(module, "segment"):
        length = module.segment.in_features // x.shape[2]
        missing = -x.shape[1] % length
        y = torch.cat([x[:, :1].repeat(1, missing, 1), x], dim=1)
        y = torch.relu(module.segment(y.reshape(len(y), -1, module.segment.in_features)))
    y, _ = module.rnn(y)
    size = module.rnn.hidden_size
    out = module.head(torch.cat([y[:, -1, :size], y[:, 0, size:]], dim=1))
    return out + module.linear(x.flatten(1)) if hasattr(module, "linear") else out


@pytest.mark.parametrize("cell", CELLS_IN_TORCH)
@every_structure
def test_torch_computes_the_same_predictions(torch, cell, changes):
    X, y = sequences(steps=6)
    model = regressor(cell, **changes).fit(X, y)
    module = torch_module(torch, model)
    module.load_state_dict(model.to_torch(), strict=True)
    with torch.no_grad():
        out = torch_outputs(torch, module, torch.from_numpy((X - model.x_mean_) / model.x_scale_))
    assert_close(out.numpy()[:, 0] * model.y_scale_ + model.y_mean_, model.predict(X), 1e-10)


@every_structure
def test_torch_computes_the_same_forecast(torch, changes):
    y = daily()
    model = forecaster(**changes).fit(y)
    module = torch_module(torch, model)
    module.load_state_dict(model.to_torch(), strict=True)
    window = y.to_numpy()[-6:]
    centre, scale = window[-1], window.std() + 0.01 * y.std(ddof=0)
    with torch.no_grad():
        out = torch_outputs(torch, module, torch.tensor((window - centre) / scale, dtype=torch.float32)[None, :, None])
    assert_close(centre + scale * out[0].numpy(), model.predict(), 1e-6)


@every_estimator
def test_tensors_are_copies_of_the_fitted_type(torch, make):
    model = fit(make())
    before = model.parameters_.copy()
    tensors = model.to_torch()
    assert tensors.keys() == model.weights().keys()
    assert {tensor.numpy().dtype for tensor in tensors.values()} == {before.dtype}
    for tensor in tensors.values():
        tensor.zero_()
    np.testing.assert_array_equal(model.parameters_, before)


@pytest.mark.parametrize("cell", sorted(set(CELLS) - set(CELLS_IN_TORCH)))
def test_what_torch_does_not_have(cell):
    X, y = sequences()
    model = regressor(cell).fit(X, y)
    model.set_params(cell="gru")  # of the next fit: what counts is the network
    with pytest.raises(ValueError, match=rf"no cell '{cell}'.*'lstm' \(torch.nn.LSTM\).*weights\(\)"):
        model.to_torch()


def test_torch_missing(without):
    model = fit(regressor())
    without("torch")
    with pytest.raises(ModuleNotFoundError, match="pip install torch"):
        model.to_torch()
    model.from_torch(model.weights())


@pytest.mark.parametrize("changes", [*STRUCTURES.values(), {"num_layers": 2, "residual": True}])
@pytest.mark.parametrize("cell", CELLS)
def test_weights_move_to_another_estimator(cell, changes):
    """As arrays, which need no torch and which every cell has."""
    X, y = sequences(steps=6)
    trained = regressor(cell, **changes).fit(X, y)
    other = regressor(cell, random_state=1, **changes).fit(X, y)
    assert not np.array_equal(other.predict(X), trained.predict(X))
    assert other.from_torch(trained.weights()) is other
    np.testing.assert_array_equal(other.predict(X), trained.predict(X))
    assert not np.shares_memory(other.parameters_, trained.parameters_)


@every_estimator
def test_a_module_of_torch_moves_into_an_estimator(torch, make):
    model = fit(make(cell="lstm"))
    module = torch_module(torch, model)
    before, loss = predict(model), model.loss_curve_
    model.from_torch(module.state_dict())
    assert not np.array_equal(predict(model), before)
    for name, tensor in module.state_dict().items():
        np.testing.assert_array_equal(model.weights()[name], tensor.numpy())
    assert model.loss_curve_ is loss


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "float64", "parameter", "list"])
def test_from_torch_reads(torch, kind):
    model = fit(forecaster())
    weights = {name: np.round(8 * array) / 8 for name, array in model.weights().items()}  # exact in each type
    if kind == "list":
        given = {name: array.tolist() for name, array in weights.items()}
    elif kind == "parameter":
        given = {name: torch.nn.Parameter(torch.tensor(array)) for name, array in weights.items()}
    else:
        given = {name: torch.tensor(array, dtype=getattr(torch, kind)) for name, array in weights.items()}
    model.from_torch(given)
    assert model.parameters_.dtype == np.float32
    for name, array in model.weights().items():
        np.testing.assert_array_equal(array, weights[name])


def test_one_error_names_all_that_is_wrong():
    model = fit(forecaster())
    state = dict(model.weights())
    del state["rnn.weight_ih_l0"], state["head.bias"]
    state["lstm.weight_ih_l0"] = np.zeros(3)
    state["rnn.weight_hh_l0"] = state["rnn.weight_hh_l0"].T
    state["head.weight"] = np.full(state["head.weight"].shape, 1e300)  # more than float32 holds
    state["rnn.bias_hh_l0"] = np.full(12, np.nan)
    state["rnn.bias_ih_l0"] = np.array(["1"] * 12)
    state["linear.bias"] = [[1], [2, 3]]
    before = dict(vars(model))
    with pytest.raises(ValueError, match="state_dict") as raised:
        model.from_torch(state)
    for part in (
        "missing: rnn.weight_ih_l0, head.bias",
        "unexpected: lstm.weight_ih_l0",
        "rnn.weight_hh_l0 has shape (4, 12) in place of (12, 4)",
        "head.weight holds values that are not finite in float32",
        "rnn.bias_hh_l0 holds values that are not finite",
        "rnn.bias_ih_l0 holds <U1 in place of real numbers",
        "linear.bias has shape (2,) in place of (3,)",
    ):
        assert part in str(raised.value)
    assert_untouched(model, before)


def test_what_is_no_state_dict():
    model = fit(forecaster())
    with pytest.raises(TypeError, match=r"state_dict must be a mapping.*got ndarray.*state_dict\(\)"):
        model.from_torch(model.parameters_)


@every_estimator
@pytest.mark.parametrize("method", ["weights", "to_torch", "from_torch", "to_onnx"])
def test_before_fit(make, method, tmp_path):
    arguments = {"from_torch": [{}], "to_onnx": [tmp_path / "model.onnx"]}.get(method, [])
    with pytest.raises(NotFittedError):
        getattr(make(), method)(*arguments)
    assert not list(tmp_path.iterdir())


def test_onnx_missing(without, tmp_path):
    model = fit(regressor())
    without("onnx")
    with pytest.raises(ModuleNotFoundError, match=r'pip install "tsrnn\[onnx\]"'):
        model.to_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_paths_that_are_refused(tmp_path):
    model = fit(regressor())
    with pytest.raises(FileNotFoundError, match=r"no folder .*missing"):
        model.to_onnx(tmp_path / "missing" / "model.onnx")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        model.to_onnx(tmp_path)
    with pytest.raises(ValueError, match="no file that could be replaced"):
        model.to_onnx(os.devnull)
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_when_the_new_one_is_complete(tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    path = tmp_path / "model.onnx"
    path.write_text("old")
    model = fit(regressor())

    def broken(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", broken)
        with pytest.raises(OSError, match="disk full"):
            model.to_onnx(path)
    assert path.read_text() == "old"
    assert model.to_onnx(str(path)) == path.resolve()
    assert path.stat().st_size > 1000
    assert list(tmp_path.iterdir()) == [path]
