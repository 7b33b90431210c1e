"""The network as a whole: names, work space, dropout."""

import pickle

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from network.case import EVERY_CELL, Case
from tsrnn.network.network import Network

every_cell = pytest.mark.parametrize("cell", EVERY_CELL)


@every_cell
def test_names_and_shapes_are_those_of_torch(cell):
    network = Case(cell, steps=5, inputs=2, size=3, layers=2, skip=True).network
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[cell.partition("_")[0]]
    # Which torch has not; the name follows its others.
    peepholes = {"rnn.weight_peephole_l0": (3, 3), "rnn.weight_peephole_l1": (3, 3)} if "peephole" in cell else {}
    assert network.layout.shapes == peepholes | {
        "rnn.weight_ih_l0": (gates * 3, 2),
        "rnn.weight_hh_l0": (gates * 3, 3),
        "rnn.bias_ih_l0": (gates * 3,),
        "rnn.bias_hh_l0": (gates * 3,),
        "rnn.weight_ih_l1": (gates * 3, 3),
        "rnn.weight_hh_l1": (gates * 3, 3),
        "rnn.bias_ih_l1": (gates * 3,),
        "rnn.bias_hh_l1": (gates * 3,),
        "head.weight": (2, 3),
        "head.bias": (2,),
        "linear.weight": (2, 10),
        "linear.bias": (2,),
    }


@every_cell
@pytest.mark.parametrize("layers", [1, 2])
def test_outputs_against_the_reference(cell, layers):
    case = Case(cell, layers=layers, skip=True)
    p, y = case.parameters, case.x
    for k in range(layers):
        names = naive.CELLS[cell].shapes(y.shape[2], 3)
        zeros = [np.zeros((y.shape[1], 3)) for _ in naive.CELLS[cell].states]
        y = naive.forward(cell, y, zeros, {name: p[f"rnn.{name}_l{k}"] for name in names})[0][1:]
    windows = case.x.transpose(1, 0, 2).reshape(len(case.d_out), -1)
    expected = naive.dense(y[-1], p["head.weight"], p["head.bias"])
    expected += naive.dense(windows, p["linear.weight"], p["linear.bias"])
    assert_close(case.outputs(), expected, 1e-12)


@every_cell
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_work_space_can_be_used_again(cell, dropout):
    """Neither pass leaves anything behind that changes the next batch."""
    case = Case(cell, layers=2, dropout=dropout, skip=True)
    outputs, gradient = case.outputs(), case.gradient()
    inputs, case.x = case.x, case.x + 1
    case.gradient(bptt_steps=1)
    case.x = inputs
    np.testing.assert_array_equal(case.outputs(), outputs)
    np.testing.assert_array_equal(case.gradient(), gradient)


@every_cell
def test_dropout_is_for_training_only(cell):
    plain, dropped = Case(cell, layers=2), Case(cell, layers=2, dropout=0.5)
    assert not np.array_equal(dropped.outputs(), plain.outputs())
    dropped.keys = None
    np.testing.assert_array_equal(dropped.outputs(), plain.outputs())


@every_cell
def test_each_layer_has_a_mask_of_its_own(cell):
    case = Case(cell, layers=2, dropout=0.5)
    outputs = case.outputs()
    for k in range(2):
        keys = case.keys
        case.keys = keys.copy()
        case.keys[k] += np.uint64(1)
        assert not np.array_equal(case.outputs(), outputs)
        case.keys = keys


@every_cell
def test_share_of_states_dropped(cell):
    case = Case(cell, steps=20, rows=20, size=10, layers=2, dropout=0.3)
    case.outputs()
    first, last = case.work.stack.dropped
    states, (*_, last_states) = (work.memory[0][1:] for work in case.work.layers)
    # Of those that were not zero before: a rectified state may be.
    assert (first[states != 0] == 0).mean() == pytest.approx(0.3, abs=0.03)
    assert (last[0, last_states != 0] == 0).mean() == pytest.approx(0.3, abs=0.13)
    np.testing.assert_allclose(first[first != 0], states[first != 0] / 0.7)


@every_cell
def test_pickle(cell):
    network = Case(cell, layers=2, dropout=0.5, skip=True).network
    copy = pickle.loads(pickle.dumps(network))
    assert copy.layout.shapes == network.layout.shapes
    assert copy.stack.dropout.threshold == network.stack.dropout.threshold


@every_cell
@pytest.mark.parametrize("structure", [{}, {"bidirectional": True, "residual": True}])
def test_work_space_without_backward_gives_the_same_outputs(cell, structure):
    case = Case(cell, layers=2, steps=5, rows=45, size=33, **structure)
    work = case.network.allocate(45, case.dtype, for_backward=False)
    work.x[...] = case.x
    p = case.parameters
    np.testing.assert_array_equal(case.network.forward(p, work), case.outputs())


def test_work_counts_each_weight_once_a_step():
    network = Network("lstm", 10, 3, (4, 5), 2, 1, segment=2, bidirectional=True, linear_skip=True)
    first, second = 4 * 4 * (4 + 4 + 2), 4 * 5 * (8 + 5 + 2)
    assert network.work == 5 * 2 * (first + second)
