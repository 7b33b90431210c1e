"""Layer normalisation, recurrent dropout, layers of unequal width."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close, assert_gradient
from network.case import EVERY_CELL, Case

every_cell = pytest.mark.parametrize("cell", EVERY_CELL)


def assert_right(case):
    assert_gradient(case.gradient(), lambda vector: (case.outputs(vector) * case.d_out).sum(), case.vector)


@every_cell
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("residual", [False, True])
def test_gradient(cell, bidirectional, residual):
    structure = {"bidirectional": bidirectional, "residual": residual}
    assert_right(Case(cell, size=(3, 1, 2), layers=3, layer_norm=True, dropout=0.2, recurrent_dropout=0.3, **structure))


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_truncation_cuts_no_path_above_the_states(steps, bidirectional):
    """The head and the last normalisation read the last output alone; the weights of the recurrence lose paths."""
    structure = {"size": (3, 2), "layers": 2, "residual": True, "layer_norm": True, "bidirectional": bidirectional}
    case = Case("gru", **structure)
    whole, cut = (case.network.layout.views(case.gradient(bptt_steps=k)) for k in (None, steps))
    for name in ("head.weight", "rnn.norm_weight_l1"):
        np.testing.assert_array_equal(cut[name], whole[name])
    assert not np.array_equal(cut["rnn.weight_hh_l0"], whole["rnn.weight_hh_l0"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layer_norm_is_torchs(dtype):
    torch = pytest.importorskip("torch")
    case = Case("lstm", steps=5, rows=4, size=7, layers=2, layer_norm=True, dtype=dtype)
    p = {name: torch.from_numpy(view.copy()).requires_grad_() for name, view in case.parameters.items()}
    y = torch.from_numpy(case.x)
    for k in range(2):
        layer = torch.nn.LSTM(y.shape[2], 7).to(y.dtype)
        named = {f"{n}_l0": p[f"rnn.{n}_l{k}"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        y, _ = torch.func.functional_call(layer, named, (y,))
        y = torch.nn.functional.layer_norm(y, (7,), p[f"rnn.norm_weight_l{k}"], p[f"rnn.norm_bias_l{k}"])
    out = y[-1] @ p["head.weight"].T + p["head.bias"]
    out.backward(torch.from_numpy(case.d_out))
    tolerance = {np.float64: 1e-10, np.float32: 2e-5}[dtype]
    assert_close(case.outputs(), out.detach().numpy(), tolerance)
    for name, gradient in case.network.layout.views(case.gradient()).items():
        assert_close(gradient, p[name].grad.numpy(), tolerance)


def test_a_fresh_norm_changes_scale_alone():
    case = Case("gru", size=6, layer_norm=True)
    p = case.network.layout.views(case.network.initialize(np.random.default_rng(0), np.float64))
    case.outputs(np.concatenate([view.ravel() for view in p.values()]))
    (norm,) = case.work.stack.norms
    np.testing.assert_allclose(norm.y.mean(axis=2), 0, atol=1e-12)
    np.testing.assert_allclose(norm.y.std(axis=2), 1, atol=0.01)


@every_cell
def test_recurrent_dropout_is_one_mask_for_all_steps(cell):
    """The naive loops with the masked columns of weight_hh: what a unit is hidden from, it is at every step."""
    case = Case(cell, steps=6, size=8, recurrent_dropout=0.5)
    outputs = case.outputs()
    (work,) = case.work.layers
    kept = work.mask != 0
    assert 0 < kept.sum() < 8
    np.testing.assert_allclose(work.mask[kept], 2)
    p = case.parameters
    names = naive.CELLS[cell].shapes(2, 8)
    weights = {name: p[f"rnn.{name}_l0"] * (work.mask if name == "weight_hh" else 1) for name in names}
    start = [np.zeros((3, 8)) for _ in naive.CELLS[cell].states]
    y = naive.forward(cell, case.x, start, weights)[0]
    assert_close(outputs, naive.dense(y[-1], p["head.weight"], p["head.bias"]), 1e-12)
    gradient = case.network.layout.views(case.gradient())["rnn.weight_hh_l0"]
    assert not gradient[:, ~kept].any()
    assert gradient[:, kept].any()


@every_cell
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_dropout_is_for_training_only_and_differs_by_layer(cell, bidirectional):
    case = Case(cell, size=16, layers=2, recurrent_dropout=0.5, bidirectional=bidirectional)
    plain = Case(cell, size=16, layers=2, bidirectional=bidirectional)
    dropped = case.outputs()
    spaces = [s for w in case.work.layers for s in (w.directions if bidirectional else [w])]
    assert len({space.mask.tobytes() for space in spaces}) == len(spaces) == case.network.n_dropout_keys
    case.keys = None
    np.testing.assert_array_equal(case.outputs(), plain.outputs())
    assert not np.array_equal(case.outputs(), dropped)


def test_shortcut_has_a_map_where_the_widths_differ():
    shapes = Case("gru", inputs=2, size=(3, 4, 4), layers=3, residual=True).network.layout.shapes
    shortcuts = {name: shape for name, shape in shapes.items() if "shortcut" in name}
    assert shortcuts == {"rnn.shortcut_weight_l1": (4, 3), "rnn.shortcut_bias_l1": (4,)}
    assert shapes["rnn.weight_ih_l1"] == (12, 3)
    assert shapes["head.weight"] == (2, 4)


def test_shortcut_map_against_the_reference():
    case = Case("gru", size=(3, 4), layers=2, residual=True)
    p, y = case.parameters, case.x
    for k, size in enumerate((3, 4)):
        weights = {name: p[f"rnn.{name}_l{k}"] for name in naive.CELLS["gru"].shapes(1, 1)}
        states = naive.forward("gru", y, [np.zeros((3, size))], weights)[0][1:]
        y = states if k == 0 else states + y @ p["rnn.shortcut_weight_l1"].T + p["rnn.shortcut_bias_l1"]
    assert_close(case.outputs(), naive.dense(y[-1], p["head.weight"], p["head.bias"]), 1e-12)


@every_cell
def test_the_linear_map_of_some_channels(cell):
    case = Case(cell, inputs=3, skip=True, skip_channels=1)
    assert case.network.layout.shapes["linear.weight"] == (2, 4)
    assert_right(case)
    case.vector[...] = 0
    case.parameters["linear.weight"][...] = 1
    assert_close(case.outputs(), case.x[:, :, :1].sum(axis=0).repeat(2, axis=1), 1e-12)
