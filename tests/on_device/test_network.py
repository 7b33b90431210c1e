"""Networks on the device: outputs and gradients of every cell, decoder and structure are the host's."""

import numpy as np
import pytest

from gradcheck import assert_close
from network.case import EVERY_CELL, Case
from tsrnn.kernels.cuda.machine.arrays import Array, On


def on_device(case, bptt_steps=None):
    """Outputs and gradient of a case, computed on the device."""
    network, p = case.network, case.network.layout.views(Array.from_host(case.vector))
    work = network.allocate(case.x.shape[1], On(case.dtype))
    work.x[...] = case.x
    work.known[...] = case.known
    out = network.forward(p, work, case.keys, Array.from_host(case.targets)).to_host()
    gradient = Array.from_host(np.full_like(case.vector, np.nan))
    views = network.layout.views(gradient)
    network.backward(p, views, Array.from_host(case.d_out), work, case.keys, bptt_steps)
    return out, gradient.to_host()


def assert_same(case, bptt_steps=None):
    tolerance = {np.float64: 1e-11, np.float32: 2e-5}[case.dtype]
    out, gradient = on_device(case, bptt_steps)
    assert_close(out, case.outputs(), tolerance)
    assert_close(gradient, case.gradient(bptt_steps=bptt_steps), tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cell", EVERY_CELL)
def test_cells(cell, dtype):
    assert_same(Case(cell, dtype=dtype))


STRUCTURES = {
    "deep": {"layers": 2, "skip": True},
    "both ways": {"bidirectional": True, "layers": 2, "residual": True},
    "widths": {"layers": 2, "size": (3, 2), "residual": True, "layer_norm": True},
    "dropout": {"layers": 2, "dropout": 0.4, "recurrent_dropout": 0.4},
    "segments": {"steps": 5, "segment": 2, "skip": True, "skip_channels": 1},
    "known ahead": {"outputs": 4, "known_size": 2},
}


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)
def test_structures(structure):
    assert_same(Case("lstm", **structure))


DECODERS = {
    "in_step": {"outputs": 2},
    "parallel": {"outputs": 5, "segment": 2, "known_size": 1, "dropout": 0.3, "skip": True},
    "seq2seq": {"outputs": 5, "known_size": 1, "layers": 2, "skip": True},
}


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("decoder", DECODERS)
def test_decoders(decoder, cell):
    assert_same(Case(cell, decoder=decoder, **DECODERS[decoder]))


@pytest.mark.parametrize("cell", EVERY_CELL)
def test_parallel_decoding_of_every_cell(cell):
    assert_same(Case(cell, steps=2, decoder="parallel", outputs=3))


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"decoder": "in_step"}])
def test_truncation(options):
    assert_same(Case("gru", **options), bptt_steps=2)


def test_seq2seq_that_reads_its_own_outputs():
    case = Case("gru", decoder="seq2seq", outputs=3, skip=True)
    case.work.x[...] = case.x
    expected = case.network.forward(case.parameters, case.work).copy()
    work = case.network.allocate(case.x.shape[1], On(case.dtype))
    work.x[...] = case.x
    p = case.network.layout.views(Array.from_host(case.vector))
    assert_close(case.network.forward(p, work).to_host(), expected, 1e-11)


def test_missing_targets_are_read_as_the_centre():
    case = Case("gru", decoder="seq2seq", outputs=3)
    case.targets[0, 0] = np.nan
    assert_same(case)
