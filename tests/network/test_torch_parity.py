"""torch as the judge: outputs, states and every gradient, with the parameters copied by name.

It has neither peepholes nor a reset gate before the product.
"""

from functools import partial

import numpy as np
import pytest

from gradcheck import assert_close
from network.case import Case
from tsrnn.network.layers import Dropout

torch = pytest.importorskip("torch")

TOLERANCE = {np.float64: 1e-10, np.float32: 1e-5}
RECURRENT = {
    "rnn": torch.nn.RNN,
    "rnn_relu": partial(torch.nn.RNN, nonlinearity="relu"),
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
}
every_cell = pytest.mark.parametrize("cell", RECURRENT)
every_type = pytest.mark.parametrize("dtype", TOLERANCE)


@pytest.fixture(autouse=True, scope="module")
def one_torch_thread():
    """Its threads wait busily for one another; on arrays of this size that is all they do."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Reference(torch.nn.Module):
    """The same network in torch; its state dict has the names of `Network.layout`."""

    def __init__(self, case):
        super().__init__()
        n = case.network
        inputs, size, outputs = n.input_size, n.hidden_size, n.output_size
        self.rnn = RECURRENT[case.cell](inputs, size, num_layers=len(n.layers))
        self.head = torch.nn.Linear(size, outputs)
        if n.linear:
            self.linear = torch.nn.Linear(n.steps * inputs, outputs)
        self.to(torch.from_numpy(case.vector).dtype)
        self.load_state_dict({name: torch.from_numpy(view.copy()) for name, view in case.parameters.items()})

    def forward(self, x):
        self.states, last = self.rnn(x)
        self.last_states = last if isinstance(last, tuple) else (last,)
        y = self.head(self.states[-1])
        return y + self.linear(x.transpose(0, 1).flatten(1)) if hasattr(self, "linear") else y


def assert_gradients_close(gradient, case, named_parameters):
    """One tolerance for each array: the flat vector's largest element would hide the small ones."""
    views = case.network.layout.views(gradient)
    assert views.keys() == named_parameters.keys()
    for name, parameter in named_parameters.items():
        assert_close(views[name], parameter.grad.numpy(), TOLERANCE[case.dtype])


@every_cell
@every_type
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("skip", [False, True])
def test_outputs_states_and_gradients(cell, dtype, layers, skip):
    case = Case(cell, steps=6, rows=5, inputs=3, size=7, layers=layers, skip=skip, dtype=dtype)
    reference = Reference(case)
    out = reference(torch.from_numpy(case.x))
    out.backward(torch.from_numpy(case.d_out))
    tolerance = TOLERANCE[dtype]
    assert_close(case.outputs(), out.detach().numpy(), tolerance)
    assert_close(case.work.layers[-1].memory[0][1:], reference.states.detach().numpy(), tolerance)
    for k, work in enumerate(case.work.layers):
        for memory, last in zip(work.memory, reference.last_states, strict=False):
            assert_close(memory[-1], last[k].detach().numpy(), tolerance)
    assert_gradients_close(case.gradient(), case, dict(reference.named_parameters()))


@every_cell
@every_type
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_truncation_is_detaching_the_states(cell, dtype, layers, steps):
    case = Case(cell, steps=6, rows=5, inputs=3, size=7, layers=layers, dtype=dtype)
    reference = Reference(case)
    x, first = torch.from_numpy(case.x), case.network.steps - steps
    with torch.no_grad():
        _, states = reference.rnn(x[:first])
    y, _ = reference.rnn(x[first:], states)
    reference.head(y[-1]).backward(torch.from_numpy(case.d_out))
    assert_gradients_close(case.gradient(bptt_steps=steps), case, dict(reference.named_parameters()))


@every_cell
@pytest.mark.parametrize("steps", [1, 4])
def test_truncation_with_dropout(cell, steps):
    """Layer by layer: torch draws its own masks, so ours are taken and multiplied in."""
    case = Case(cell, steps=6, rows=5, inputs=3, size=7, layers=2, dropout=0.4)
    whole = Reference(case)
    first = case.network.steps - steps
    before, after = torch.from_numpy(case.x[:first]), torch.from_numpy(case.x[first:])
    parameters = {f"head.{name}": parameter for name, parameter in whole.head.named_parameters()}
    for k, key in enumerate(case.keys):
        layer = RECURRENT[cell](before.shape[2], 7).double()
        layer.load_state_dict(
            {f"{name[:-1]}0": value for name, value in whole.rnn.state_dict().items() if name[-1] == str(k)}
        )
        mask = np.ones((6, 5, 7))
        Dropout(0.4).apply(mask, mask, key, first_step=0)
        with torch.no_grad():
            before, states = layer(before)
        after, _ = layer(after, states)
        before, after = before * torch.from_numpy(mask[:first]), after * torch.from_numpy(mask[first:])
        parameters |= {f"rnn.{name[:-1]}{k}": parameter for name, parameter in layer.named_parameters()}
    out = whole.head(after[-1])
    out.backward(torch.from_numpy(case.d_out))
    assert_close(case.outputs(), out.detach().numpy(), 1e-10)
    assert_gradients_close(case.gradient(bptt_steps=steps), case, parameters)
