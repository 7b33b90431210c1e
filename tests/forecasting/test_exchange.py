"""Weights to torch and back, and what is refused on the way; ONNX has a file of its own, onnx/test_graph.py."""

import os
import sys
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal
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
    stateful,
)
from forecasting.test_tasks import task
from gradcheck import assert_close
from tsrnn.forecasting.exchange import CELLS_IN_TORCH
from tsrnn.forecasting.samples.streams import Reader
from tsrnn.network.cells import CELLS
from tsrnn.network.decoders import Parallel, Seq2Seq

STRUCTURES = {
    "plain": {},
    "linear": {"linear_skip": True},
    "deep": {"num_layers": 2, "dropout": 0.2},
    "bidirectional": {"num_layers": 2, "bidirectional": True},
    "segment": {"segment": 2, "linear_skip": True},
    "layer norm": {"layer_norm": True},
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


def torch_module(torch, model):
    """A module of the sizes of a fitted estimator, with torch's own weights."""
    network, size = model.network_, model.hidden_size
    kind = {"rnn": "RNN", "rnn_relu": "RNN", "lstm": "LSTM", "gru": "GRU"}[model.cell]
    options = {"nonlinearity": "relu"} if model.cell == "rnn_relu" else {}
    kind = partial(getattr(torch.nn, kind), batch_first=True, **options)
    module = torch.nn.Module()
    module.rnn = kind(
        size if network.segment else network.input_size, size, model.num_layers, bidirectional=model.bidirectional
    )
    top = size * (1 + model.bidirectional)
    module.head = torch.nn.Linear(top, network.decoder.head.output_size)
    parts = [module.rnn]
    if isinstance(network.decoder, Seq2Seq):
        width = network.decoder.head.output_size
        module.decoder = kind(width, top, model.num_layers)
        module.decoder.first_input = torch.nn.Parameter(torch.zeros(width))
        parts.append(module.decoder)
    if isinstance(network.decoder, Parallel):
        module.decoder = kind(top, top)
        module.decoder.position = torch.nn.Parameter(torch.zeros(network.decoder.positions, top))
    for part in parts if model.layer_norm else ():
        for k in range(model.num_layers):
            for name in ("norm_weight", "norm_bias"):
                part.register_parameter(f"{name}_l{k}", torch.nn.Parameter(torch.ones(top)))
    if model.linear_skip:
        seen = 1 if network.decoder.every_step else network.steps
        module.linear = torch.nn.Linear(seen * network.input_size, network.output_size)
    if model.segment > 1:
        module.segment = torch.nn.Linear(model.segment * network.input_size, size)
    return module.to(torch.from_numpy(model.parameters_).dtype)


def torch_outputs(torch, module, x, decoder="direct"):
    """Outputs of the module for the windows x (n, T, C): (n, O), in step (n, T, O), else (n, P, C) with P = 3."""
    y = x
    if hasattr(module, "segment"):
        length = module.segment.in_features // x.shape[2]
        missing = -x.shape[1] % length
        y = torch.cat([x[:, :1].repeat(1, missing, 1), x], dim=1)
        y = torch.relu(module.segment(y.reshape(len(y), -1, module.segment.in_features)))
    y, states = module.rnn(y)
    size = module.rnn.hidden_size
    if decoder == "in_step":
        return module.head(normed(torch, module.rnn, y)) + skip(torch, module, x, x.shape[1], -1, every_step=True)
    last = normed(torch, module.rnn, torch.cat([y[:, -1, :size], y[:, 0, size:]], dim=1))
    if decoder == "direct":
        return module.head(last) + skip(torch, module, x, -1)
    h, *c = states if isinstance(states, tuple) else (states,)
    # From (layers * directions, n, H) to (layers, n, directions * H).
    h, *c = (torch.cat(list(s.unflatten(0, (module.rnn.num_layers, -1)).unbind(1)), dim=2) for s in (h, *c))
    linear = skip(torch, module, x, 3, -1)
    if decoder == "parallel":
        start = (last[None], c[0][-1:]) if c else last[None]
        steps = [module.decoder(e.expand(len(x), 1, -1), start)[0] for e in module.decoder.position]
        return module.head(torch.cat(steps, dim=1)) + linear
    value, states, out = module.decoder.first_input.expand(len(x), 1, -1), (h, *c) if c else h, []
    for k in range(3):
        y, states = module.decoder(value, states)
        value = module.head(normed(torch, module.decoder, y)) + linear[:, k : k + 1]
        out.append(value)
    return torch.cat(out, dim=1)


def skip(torch, module, x, *shape, every_step=False):
    """Outputs (n, *shape) of the linear map, or zeros that add to such."""
    if not hasattr(module, "linear"):
        return torch.zeros(len(x), *(abs(n) for n in shape))
    return module.linear(x if every_step else x.flatten(1)).reshape(len(x), *shape)


def normed(torch, part, y):
    """The outputs of a layer, normalised where it has what that takes."""
    if not hasattr(part, "norm_weight_l0"):
        return y
    return torch.nn.functional.layer_norm(y, y.shape[-1:], part.norm_weight_l0, part.norm_bias_l0)


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


@pytest.mark.parametrize("cell", CELLS_IN_TORCH)
@pytest.mark.parametrize("decoder", ["in_step", "parallel", "seq2seq"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"layer_norm": True, "linear_skip": True}, {"num_layers": 2, "bidirectional": True, "linear_skip": True}],
    ids=str,
)
def test_torch_decodes_the_same(torch, cell, decoder, changes):
    """Three steps of two channels, or as many as the sequence has."""
    X, y = task(decoder)
    model = regressor(cell, decoder=decoder, **changes).fit(X, y)
    module = torch_module(torch, model)
    module.load_state_dict(model.to_torch(), strict=True)
    with torch.no_grad():
        out = torch_outputs(torch, module, torch.from_numpy((X - model.x_mean_) / model.x_scale_), decoder)
    assert_close(out.numpy() * model.y_scale_ + model.y_mean_, model.predict(X), 1e-10)


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


def test_layers_of_torch_are_equally_wide(torch):
    X, y = sequences()
    assert "rnn.weight_ih_l1" in regressor(hidden_size=(4, 4), num_layers=2).fit(X, y).to_torch()
    model = regressor(hidden_size=(4, 3), num_layers=2).fit(X, y)
    model.set_params(hidden_size=4)  # of the next fit
    with pytest.raises(ValueError, match=r"one hidden_size for all layers, got .*hidden_size=\(4, 3\)\. weights\(\)"):
        model.to_torch()


def test_torch_missing(without):
    model = fit(regressor())
    without("torch")
    with pytest.raises(ModuleNotFoundError, match="pip install torch"):
        model.to_torch()
    model.from_torch(model.weights())


MORE = [
    {"num_layers": 2, "residual": True},
    {"num_layers": 2, "residual": True, "hidden_size": (3, 5), "layer_norm": True, "decoder": "seq2seq"},
    {"decoder": "parallel"},
]


@pytest.mark.parametrize("changes", [*STRUCTURES.values(), *MORE])
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


def test_a_stream_is_read_anew_by_other_weights():
    """As if the series were what is left of it: the last part and the targets after it, with one value before."""
    y = daily()
    trained, other = stateful(hidden_size=5).fit(y), stateful(hidden_size=5, random_state=1).fit(y)
    before = dict(vars(other))
    assert_untouched(other.from_torch(other.weights()), before, but=["parameters_"])  # the same weights
    other.from_torch(trained.weights())
    n = other.lookback_ + other.horizon_ + 1
    outputs, _ = Reader(other.network_, other.parameters_).read(y.to_numpy()[-n:], other._units[0])
    assert_close(other.predict(), other._units[0].forecast(outputs, y.iloc[-1]), 1e-6)
    assert other.inspect_gates().index.equals(y.index[-5:])
    assert not np.array_equal(other.predict(), trained.predict())
    # A network forgets: the longer the part, the less the rest of the series matters.
    far = {"hidden_size": 5, "bptt_steps": 40}
    trained, other = stateful(**far).fit(y), stateful(**far, random_state=1).fit(y)
    assert_close(other.from_torch(trained.weights()).predict(), trained.predict(), 1e-3)


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


def test_an_ensemble_is_not_written_as_its_first_member(tmp_path):
    model = fit(forecaster(n_members=2))
    with pytest.raises(ValueError, match=r"one network, and this is an ensemble of 2: write each of model\.members_"):
        model.to_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match=r"to_torch gives one network.*: ask each of model\.members_"):
        model.to_torch()
    before = model.predict()
    with pytest.raises(ValueError, match=r"from_torch takes one network.*: give weights to each of model\.members_"):
        model.from_torch(model.members_[0].weights())
    assert_array_equal(model.predict(), before)


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
