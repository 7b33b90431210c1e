"""Bidirectional, residual and segmented networks: central differences, torch, truncation."""

import itertools
import pickle

import numpy as np
import pytest

from gradcheck import assert_close, assert_gradient
from network.case import EVERY_CELL, Case

# Three layers, so that a residual layer hands its gradient to another one.
STRUCTURES = [
    dict(zip(("bidirectional", "residual", "segment"), choice, strict=True))
    for choice in itertools.product((False, True), (False, True), (1, 3))
]
every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: "-".join(f"{v:d}" for v in s.values()))
every_cell = pytest.mark.parametrize("cell", EVERY_CELL)


def structured(cell, structure, **changes):
    return Case(cell, **{"steps": 7, "rows": 2, "size": 2, "layers": 3, **changes}, **structure)


@every_cell
@every_structure
def test_gradient(cell, structure):
    """With dropout between the layers, so that all that there is takes part."""
    case = structured(cell, structure, dropout=0.4, skip=True)
    assert_gradient(case.gradient(), lambda vector: (case.outputs(vector) * case.d_out).sum(), case.vector)


@every_cell
@every_structure
def test_as_many_steps_as_there_are_is_no_truncation(cell, structure):
    case = structured(cell, structure, rows=6, size=5)  # enough units for some to be alive under relu
    whole = case.gradient()
    for steps in (case.network.recurrent_steps, 1000):
        np.testing.assert_array_equal(case.gradient(bptt_steps=steps), whole)
    assert not np.array_equal(case.gradient(bptt_steps=1), whole)
    outputs = case.outputs()
    case.gradient(bptt_steps=1)
    np.testing.assert_array_equal(case.outputs(), outputs)


@every_structure
def test_pickle(structure):
    case = structured("gru", structure, dropout=0.4)
    network = pickle.loads(pickle.dumps(case.network))
    assert network.layout.shapes == case.network.layout.shapes
    work = network.allocate(2, np.float64)
    work.x[...] = case.x
    np.testing.assert_array_equal(network.forward(case.parameters, work, case.keys), case.outputs())


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@every_structure
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outputs_and_gradients_are_those_of_torch(cell, structure, dtype):
    """The network written again, layer by layer, over torch's own recurrent layers."""
    torch = pytest.importorskip("torch")
    case = structured(cell, structure, steps=8, rows=5, inputs=3, size=7, dtype=dtype)
    p = {name: torch.from_numpy(view.copy()).requires_grad_() for name, view in case.parameters.items()}
    y, segment = torch.from_numpy(case.x), structure["segment"]
    if segment > 1:
        missing = -len(y) % segment
        y = torch.cat([y[:1]] * missing + [y])
        folded = y.reshape(-1, segment, *y.shape[1:]).transpose(1, 2).flatten(2)
        y = torch.relu(folded @ p["segment.weight"].T + p["segment.bias"])
    directions = ("", "_reverse") if structure["bidirectional"] else ("",)
    for k in range(3):
        layer = getattr(torch.nn, cell.upper())(y.shape[2], 7, bidirectional=structure["bidirectional"])
        weights = [f"{n}_l{{}}{d}" for d in directions for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        named = {w.format(0): p[f"rnn.{w.format(k)}"] for w in weights}
        out, _ = torch.func.functional_call(layer.to(y.dtype), named, (y,))
        y = out + y if structure["residual"] and k else out
    final = torch.cat([y[-1, :, :7], y[0, :, 7:]], 1) if structure["bidirectional"] else y[-1]
    out = final @ p["head.weight"].T + p["head.bias"]
    out.backward(torch.from_numpy(case.d_out))
    tolerance = {np.float64: 1e-10, np.float32: 2e-5}[dtype]
    assert_close(case.outputs(), out.detach().numpy(), tolerance)
    gradients = case.network.layout.views(case.gradient())
    for name, gradient in gradients.items():
        assert_close(gradient, p[name].grad.numpy(), tolerance)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_truncation_of_both_directions_is_detaching_both(cell):
    """Each direction goes back through the last steps of its own order."""
    torch = pytest.importorskip("torch")
    case = Case(cell, steps=6, rows=4, inputs=2, size=3, bidirectional=True)
    layer = getattr(torch.nn, cell.upper())(2, 3).double()
    p = {name: torch.from_numpy(view.copy()).requires_grad_() for name, view in case.parameters.items()}
    x, last = torch.from_numpy(case.x), []
    for suffix, sequence in (("", x), ("_reverse", x.flip(0))):
        named = {f"{n}_l0": p[f"rnn.{n}_l0{suffix}"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        with torch.no_grad():
            _, state = torch.func.functional_call(layer, named, (sequence[:4],))
        y, _ = torch.func.functional_call(layer, named, (sequence[4:], state))
        last.append(y[-1])
    out = torch.cat(last, 1) @ p["head.weight"].T + p["head.bias"]
    out.backward(torch.from_numpy(case.d_out))
    for name, gradient in case.network.layout.views(case.gradient(bptt_steps=2)).items():
        assert_close(gradient, p[name].grad.numpy(), 1e-10)
