"""Decoders: central differences, the naive loops, torch; what they may and may not see."""

import itertools
import pickle

import numpy as np
import pytest

import naive
from gradcheck import assert_close, assert_gradient
from network.case import EVERY_CELL, Case

DECODERS = ("in_step", "parallel", "seq2seq")
TORCH = ("rnn", "lstm", "gru")
every_cell = pytest.mark.parametrize("cell", EVERY_CELL)
every_decoder = pytest.mark.parametrize("decoder", DECODERS)


def decoding(cell, decoder, **changes):
    """Five outputs: of segments of two, the last is cut."""
    return Case(cell, **{"steps": 6, "rows": 2, "size": 2, "layers": 2, "outputs": 5, **changes}, decoder=decoder)


def assert_right(case):
    assert_gradient(case.gradient(), lambda vector: (case.outputs(vector) * case.d_out).sum(), case.vector)


@every_cell
@every_decoder
@pytest.mark.parametrize("layers", [1, 2])
def test_gradient(cell, decoder, layers):
    assert_right(decoding(cell, decoder, layers=layers, skip=True))


@pytest.mark.parametrize("cell", ["lstm", "gru_reset_before"])
@every_decoder
@pytest.mark.parametrize("structure", list(itertools.product((False, True), (False, True), (1, 2))), ids=str)
def test_gradient_of_structures(cell, decoder, structure):
    """Sizes of one unit and of three: the shortcut of the second layer needs its map."""
    bidirectional, residual, segment = structure
    case = decoding(
        cell, decoder, size=(1, 3), bidirectional=bidirectional, residual=residual, segment=segment, layer_norm=True
    )
    assert_right(case)


@every_cell
@every_decoder
def test_gradient_under_dropout(cell, decoder):
    case = decoding(cell, decoder, size=4, dropout=0.3, recurrent_dropout=0.4, skip=True)
    assert_right(case)


@pytest.mark.parametrize("decoder", ["parallel", "seq2seq"])
@pytest.mark.parametrize("channels", [1, 2])
def test_gradient_of_several_channels(decoder, channels):
    assert_right(decoding("gru", decoder, outputs=6, target_channels=channels, segment=2))


@every_cell
@pytest.mark.parametrize("decoder", ["direct", *DECODERS])
@pytest.mark.parametrize("segment", [1, 2])
def test_gradient_with_inputs_known_ahead(cell, decoder, segment):
    """Two of them at each of the five steps, of which the last segment has one."""
    case = decoding(cell, decoder, segment=segment, known_size=2, skip=True, dropout=0.2, recurrent_dropout=0.2)
    assert case.work.known.shape[1] == 10
    assert_right(case)


@pytest.mark.parametrize("decoder", ["direct", *DECODERS])
def test_what_is_known_ahead_of_a_step_moves_it(decoder):
    """A later step's input does not move an earlier output of the decoders that have a place for each."""
    case = decoding("gru", decoder, known_size=1, rows=4, size=5)
    case.targets = None
    before = case.outputs()
    case.known[:, 3] += 1
    moved = case.outputs() != before
    assert moved[:, 3].all()
    if decoder in ("parallel", "seq2seq"):
        assert not moved[:, :3].any()
    if decoder == "parallel":
        assert not moved[:, 4].any()


def references(case, y, prefix, layers, starts):
    """States of all layers over a sequence, by the naive loops: outputs of the top one, last states of each."""
    p, last = case.parameters, []
    for k in range(layers):
        names = naive.CELLS[case.cell].shapes(1, 1)
        weights = {name: p[f"{prefix}{name}_l{k}"] for name in names}
        found = naive.forward(case.cell, y, starts[k], weights)
        states = len(naive.CELLS[case.cell].states)
        y, last = found[0][1:], [*last, [found[s][-1] for s in range(states)]]
    return y, last


def zeros(case, layers):
    shape = (case.x.shape[1], case.network.layers[0].output_size)
    return [[np.zeros(shape) for _ in naive.CELLS[case.cell].states] for _ in range(layers)]


@every_cell
def test_in_step_against_the_reference(cell):
    case = decoding(cell, "in_step")
    p = case.parameters
    y, _ = references(case, case.x, "rnn.", 2, zeros(case, 2))
    expected = naive.dense(y.reshape(-1, 2), p["head.weight"], p["head.bias"])
    assert_close(case.outputs(), expected, 1e-12)


@every_cell
def test_parallel_against_the_reference(cell):
    case = decoding(cell, "parallel")
    p = case.parameters
    y, last = references(case, case.x, "rnn.", 2, zeros(case, 2))
    out = []
    for embedding in p["decoder.position"]:
        step = np.tile(embedding, (1, 2, 1))
        state, _ = references(case, step, "decoder.", 1, [[y[-1], *last[-1][1:]]])
        out.append(naive.dense(state[0], p["head.weight"], p["head.bias"]))
    assert_close(case.outputs(), np.concatenate(out, axis=1), 1e-12)


@every_cell
@pytest.mark.parametrize("forced", [False, True])
def test_seq2seq_against_the_reference(cell, forced):
    """Its own outputs fed back, or the targets."""
    case = decoding(cell, "seq2seq", skip=True)
    p = case.parameters
    _, states = references(case, case.x, "rnn.", 2, zeros(case, 2))
    windows = case.x.transpose(1, 0, 2).reshape(2, -1)
    linear = naive.dense(windows, p["linear.weight"], p["linear.bias"])
    value, out = np.tile(p["decoder.first_input"], (2, 1)), []
    for k in range(5):
        y, states = references(case, value[None], "decoder.", 2, states)
        out.append(naive.dense(y[0], p["head.weight"], p["head.bias"]) + linear[:, k : k + 1])
        value = case.targets[:, k : k + 1] if forced else out[-1]
    if not forced:
        case.targets = None
    assert_close(case.outputs(), np.concatenate(out, axis=1), 1e-12)


@every_decoder
@pytest.mark.parametrize("cell", EVERY_CELL)
def test_every_output_depends_on_the_last_observation(cell, decoder):
    """What some direct decoders lack. In step, only the last output may."""
    case = decoding(cell, decoder, rows=4, size=6)
    case.targets = None
    before = case.outputs()
    case.x[-1] += 1
    moved = (case.outputs() != before).reshape(-1, 4, 5)
    if decoder == "in_step":
        assert not moved[:-1].any()
    assert moved[-1].all()


@every_cell
@pytest.mark.parametrize("steps", [2, 3, 4])
def test_spans_of_truncation_in_step_are_detached_states(cell, steps):
    """The gradient of the whole is the sum over spans, each on its own from the state before it."""
    case = decoding(cell, "in_step", steps=7, skip=True)
    outputs, gradient = case.outputs(), case.gradient(bptt_steps=steps)
    total = np.zeros_like(case.vector)
    states = [[m[0] for m in w.memory[: len(w.d_states)]] for w in case.work.layers]
    d_out, expected = case.d_out.reshape(7, 2, 5), outputs.reshape(7, 2, 5)
    for first in range(0, 7, steps):
        stop = min(first + steps, 7)
        part = decoding(cell, "in_step", steps=stop - first, skip=True)
        part.vector, part.x = case.vector, case.x[first:stop]
        part.network.start(part.work, states)
        total += part.gradient(d_out[first:stop].reshape(-1, 5))
        assert_close(part.outputs(), expected[first:stop].reshape(-1, 5), 1e-12)
        states = [[state.copy() for state in layer] for layer in part.network.final_states(part.work)]
    assert_close(gradient, total, 1e-12)
    assert not np.allclose(gradient, case.gradient())


@every_cell
@every_decoder
def test_as_many_steps_as_there_are_is_no_truncation(cell, decoder):
    case = decoding(cell, decoder, rows=4, size=5)
    whole = case.gradient()
    for steps in (6, 1000):
        np.testing.assert_array_equal(case.gradient(bptt_steps=steps), whole)
    assert not np.array_equal(case.gradient(bptt_steps=1), whole)


@every_decoder
def test_work_space_can_be_used_again(decoder):
    case = decoding("lstm", decoder, size=4, dropout=0.3, recurrent_dropout=0.4, skip=True, layer_norm=True)
    outputs, gradient = case.outputs(), case.gradient()
    x, keys, targets = case.x, case.keys, case.targets
    case.x, case.keys, case.targets = x + 1, None, None
    case.outputs()
    case.x, case.keys, case.targets = x, keys, targets
    np.testing.assert_array_equal(case.outputs(), outputs)
    np.testing.assert_array_equal(case.gradient(), gradient)


@every_decoder
def test_pickle(decoder):
    case = decoding("lstm", decoder, segment=2, size=(2, 3), residual=True, layer_norm=True, recurrent_dropout=0.2)
    network = pickle.loads(pickle.dumps(case.network))
    assert network.layout.shapes == case.network.layout.shapes
    work = network.allocate(2, np.float64)
    work.x[...] = case.x
    np.testing.assert_array_equal(network.forward(case.parameters, work, case.keys, case.targets), case.outputs())


@pytest.mark.parametrize("cell", TORCH)
def test_seq2seq_is_torchs_encoder_and_decoder(cell):
    torch = pytest.importorskip("torch")
    case = decoding(cell, "seq2seq", size=3, rows=4)
    p = {name: torch.from_numpy(view.copy()).requires_grad_() for name, view in case.parameters.items()}

    def run(prefix, x, states=None):
        layer = getattr(torch.nn, cell.upper())(x.shape[2], 3, num_layers=2).double()
        own = {n.removeprefix(prefix): a for n, a in p.items() if n.startswith(f"{prefix}weight_")}
        own |= {n.removeprefix(prefix): a for n, a in p.items() if n.startswith(f"{prefix}bias_")}
        return torch.func.functional_call(layer, own, (x,) if states is None else (x, states))

    _, states = run("rnn.", torch.from_numpy(case.x))
    first = p["decoder.first_input"].expand(1, 4, 1)
    x = torch.cat([first, torch.from_numpy(case.targets.T[:-1, :, None].copy())])
    y, _ = run("decoder.", x, states)
    out = (y @ p["head.weight"].T + p["head.bias"])[:, :, 0].T
    out.backward(torch.from_numpy(case.d_out))
    assert_close(case.outputs(), out.detach().numpy(), 1e-10)
    for name, gradient in case.network.layout.views(case.gradient()).items():
        assert_close(gradient, p[name].grad.numpy(), 1e-10)
