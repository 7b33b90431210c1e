"""How parameters start."""

import numpy as np
import pytest

from network.case import EVERY_CELL, Case

SIZE = 16
every_cell = pytest.mark.parametrize("cell", EVERY_CELL)
LSTMS = [cell for cell in EVERY_CELL if cell.startswith("lstm")]
OTHERS = [cell for cell in EVERY_CELL if cell not in LSTMS]


def start(cell, seed=0, dtype=np.float64, **options):
    """Named parameters of a fresh network of two layers."""
    network = Case(cell, size=SIZE, layers=2, skip=True).network
    vector = network.initialize(np.random.default_rng(seed), dtype, **options)
    assert vector.dtype == dtype
    return network.layout.views(vector)


@every_cell
def test_uniform_within_the_inverse_root_of_the_width(cell):
    bound = SIZE**-0.5
    for name, value in start(cell).items():
        # A forget gate's bias may be one, see below.
        if name.startswith("rnn.weight") or name == "head.weight":
            assert abs(value).max() <= bound
            assert abs(value).max() > 0.8 * bound
            assert abs(value.mean()) < 4 * bound / (3 * value.size) ** 0.5


@pytest.mark.parametrize("cell", OTHERS)
def test_biases_of_cells_without_a_forget_gate(cell):
    for name, value in start(cell).items():
        if "bias" in name and not name.startswith("linear"):
            assert 0 < abs(value).max() <= SIZE**-0.5


@pytest.mark.parametrize("cell", LSTMS)
def test_forget_gate_of_an_lstm_starts_open(cell):
    p = start(cell)
    for layer in ("l0", "l1"):
        total = p[f"rnn.bias_ih_{layer}"] + p[f"rnn.bias_hh_{layer}"]
        _, forget, *_ = np.split(total, 4)
        np.testing.assert_array_equal(forget, 1)
        others = np.delete(total, np.s_[SIZE : 2 * SIZE])
        assert abs(others).max() <= 2 * SIZE**-0.5
        assert abs(others).min() > 0


@every_cell
def test_orthogonal_recurrent_weights(cell):
    p = start(cell, recurrent_init="orthogonal")
    for layer in ("l0", "l1"):
        weight = p[f"rnn.weight_hh_{layer}"]
        blocks = np.split(weight, len(weight) // SIZE)
        for block in blocks:
            np.testing.assert_allclose(block @ block.T, np.eye(SIZE), atol=1e-12)
        for other in blocks[1:]:
            assert not np.allclose(other, blocks[0])
        assert abs(p[f"rnn.weight_ih_{layer}"]).max() <= SIZE**-0.5


def test_linear_map_starts_at_zero():
    p = start("lstm")
    assert not p["linear.weight"].any()
    assert not p["linear.bias"].any()


@every_cell
@pytest.mark.parametrize("recurrent_init", ["uniform", "orthogonal"])
def test_same_seed_same_numbers(cell, recurrent_init):
    one, again, other = (start(cell, seed, recurrent_init=recurrent_init) for seed in (3, 3, 4))
    single = start(cell, 3, np.float32, recurrent_init=recurrent_init)
    for name in one:
        np.testing.assert_array_equal(one[name], again[name])
        np.testing.assert_array_equal(one[name].astype(np.float32), single[name])
    assert not np.array_equal(one["head.weight"], other["head.weight"])
