"""Gates in 16 bits for the way back: how exact they are, and that nobody but `backward` meets them."""

import numpy as np
import pandas as pd
import pytest

import naive
from kernels.case import in_float64, problem
from on_device.case import on_device, unwritten
from on_device.test_cells import run_backward, run_forward
from on_device.test_tiles import LIMIT, assert_near
from training.problems import CHANNELS, make_network, make_samples, make_trainer
from tsrnn import RNNForecaster
from tsrnn.forecasting.samples.windows import TableRows
from tsrnn.kernels.cuda import lstm
from tsrnn.kernels.cuda.machine.arrays import On
from tsrnn.kernels.cuda.machine.driver import compiled, cuda, launch
from tsrnn.kernels.cuda.machine.instructions import load, store
from tsrnn.kernels.cuda.on_chip import lstm as lstm_tiles
from tsrnn.kernels.cuda.on_chip import tiles
from tsrnn.kernels.cuda.on_chip.saved import from_share, pack, to_share, unpack
from tsrnn.training.cuda import Device

RNG = np.random.default_rng(0)

every_saving_cell = pytest.mark.parametrize("cell", ["lstm", "gru"])


@compiled
def _through_memory(x, y, words, x_found, y_found):
    n = cuda.threadIdx.x
    store(words, n, pack(load(x, n), to_share(load(y, n))))
    x_n, y_n = unpack(load(words, n))
    store(x_found, n, x_n)
    store(y_found, n, from_share(y_n))


def through_memory(x, y):
    found = [unwritten(len(x), dtype=np.float32) for _ in range(3)]
    launch(_through_memory, 1, len(x), *map(on_device, (x, y)), *found)
    return found[1].to_host(), found[2].to_host()


def test_two_gates_in_the_place_of_one():
    """As near as they say, also where the place would be a NaN or next to nothing as a number."""
    x = np.concatenate([[0, 1, 0.9985, 1 - 2.0**-15, 1e-6], RNG.random(27)]).astype(np.float32)
    y = np.concatenate([[-1, 1, 0, 0.997, 1 - 2.0**-14], RNG.uniform(-1, 1, 27)]).astype(np.float32)
    x_found, y_found = through_memory(x, y)
    assert abs(x_found - x).max() <= 2.0**-16
    assert abs(y_found - y).max() <= 2.0**-15
    np.testing.assert_array_equal(x_found[[0, 1, 3]], x[[0, 1, 3]])
    np.testing.assert_array_equal(y_found[[0, 1, 2, 4]], y[[0, 1, 2, 4]])


def test_each_of_the_numbers_that_there_are_comes_back():
    """In the upper half, where it decides what the place would be as a number."""
    for first in range(2**15 - 2**8, 2**15, 32):  # next to 1
        y = (np.arange(first, first + 32) * 2.0**-14 - 1).astype(np.float32)
        np.testing.assert_array_equal(through_memory(np.zeros(32, np.float32), y)[1], y)


@every_saving_cell
def test_half_of_the_places_are_written(cell):
    q = problem(cell, (2, 2, 1, 16), np.float32)
    for precision, share in (("float32", 1), ("tf32", 0.5)):
        a, _ = run_forward(q, precision)  # starts as NaN, with other bits than a pair of gates
        written = a.to_host().view(np.uint32) != np.float32(np.nan).view(np.uint32)
        assert written.mean() == share


@every_saving_cell
def test_spans_of_steps(cell):
    q = problem(cell, (5, 2, 2, 16), np.float32)
    a, memory = run_forward(q, "tf32")
    _, x, states, weights = in_float64(q)
    before = [state[2] for state in naive.forward(cell, x, states, weights)]
    expected = naive.backward(cell, x[2:], before, weights, q.dy[2:], q.d_states)
    found = run_backward(q, a, memory, q.dy[2:], 2)
    for name, gradient in expected.items():
        assert_near(found[name], gradient, LIMIT["tf32"], name)


def test_gates_that_forget_little():
    """Which multiply one another over all steps: float16 would take them for 1, or for 2^-11 less."""
    q = problem("lstm", (16, 1, 1, 16), np.float32)
    q.weights["bias_ih"][16:32] = 8
    a, memory = run_forward(q, "tf32")
    q.dy[...] = 0
    gradients = run_backward(q, a, memory, q.dy)
    expected = naive.backward(*in_float64(q), q.dy, q.d_states)
    for name in ("c0", "weight_hh"):
        assert_near(gradients[name], expected[name], LIMIT["tf32"], name)


def test_where_no_kernel_could_read_them_none_saves_them(monkeypatch):
    """Of 112 units, where blocks have 99 KiB of shared memory, the weights of a forward pass alone fit."""
    monkeypatch.setattr(tiles, "most_shared", lambda: 99 * 1024)
    a, x = On(np.float32, "tf32").empty((1, 1, 448)), On(np.float32).empty((1, 1, 20))
    assert tiles.fitted(lstm_tiles.forward, a, 112, False) is not None
    assert tiles.fitted_forward(lstm_tiles.forward, lstm_tiles.backward, x, a, 112) == (None, False)
    found, projects = tiles.fitted_forward(lstm_tiles.forward, lstm_tiles.backward, x, a, 96)
    assert found is not None
    assert not projects


def test_either_both_passes_are_kept_on_the_chip_or_none(monkeypatch):
    q = problem("lstm", (2, 1, 1, 16), np.float32)
    room = lstm_tiles.backward(16, False).shared
    monkeypatch.setattr(tiles, "most_shared", lambda: room - 1)
    a, memory = run_forward(q, "tf32")
    monkeypatch.setattr(lstm, "by_steps", lambda size: True)
    gradients = run_backward(q, a, memory, q.dy)
    for name, expected in naive.backward(*in_float64(q), q.dy, q.d_states).items():
        assert_near(gradients[name], expected, LIMIT["tf32"], name)


@every_saving_cell
def test_replayed_updates_are_the_direct_ones(cell, monkeypatch):
    """Windows of two spans, between which the gradient stops."""
    samples = make_samples(4)
    table = TableRows(samples.x, samples.y, np.ones(4), np.zeros(CHANNELS), np.ones(CHANNELS))
    found = []
    for device, precision, records in (("cuda", "tf32", False), ("cuda", "tf32", True), ("cpu", "float32", False)):
        monkeypatch.setattr(Device, "records", records)
        network = make_network(cell, hidden_size=16)
        options = {"batch_size": 2, "max_iter": 1, "bptt_steps": 2, "device": device, "precision": precision}
        trainer = make_trainer(table, network=network, dtype=np.float32, **options)
        begin = trainer.parameters.copy()
        trainer.run()
        found.append(trainer.parameters)
    np.testing.assert_array_equal(found[1], found[0])
    moved, expected = found[0] - begin, found[2] - begin
    assert np.linalg.norm(moved - expected) < 0.02 * np.linalg.norm(expected)


@every_saving_cell
def test_a_model_shows_the_gates_themselves(cell):
    y = pd.Series(10 + np.sin(np.arange(24) / 2), pd.date_range("2020", periods=24, freq="MS"))
    options = {"hidden_size": 16, "lookback": 4, "segment": 2, "max_steps": 2, "batch_size": 4, "random_state": 0}
    model = RNNForecaster(2, cell=cell, device="cuda", precision="tf32", **options).fit(y)
    found, expected = model.inspect_gates(), model.set_params(device="cpu").inspect_gates()
    pd.testing.assert_frame_equal(found, expected)
