"""The kernels that keep their weights on the chip, against the reference: as exact as their precision says."""

import numpy as np
import pytest

import naive
from kernels.case import in_float64, problem
from on_device.test_cells import run_backward, run_forward
from tsrnn import RNNRegressor
from tsrnn.kernels.cuda import families, gru, lstm, rnn
from tsrnn.kernels.cuda.machine.arrays import On
from tsrnn.kernels.cuda.machine.driver import SIMULATED
from tsrnn.kernels.cuda.on_chip import gru as gru_tiles
from tsrnn.kernels.cuda.on_chip import lstm as lstm_tiles
from tsrnn.kernels.cuda.on_chip import rnn as rnn_tiles
from tsrnn.kernels.cuda.on_chip import tiles
from tsrnn.network.cells import CELLS

# Of the length of an array of errors to that of the array.
LIMIT = {"float32": 1e-6, "tf32": 1e-3}
MODULES = {"lstm": (lstm, lstm_tiles), "gru": (gru, gru_tiles), "rnn": (rnn, rnn_tiles)}

every_precision = pytest.mark.parametrize("precision", LIMIT)
every_tiled_cell = pytest.mark.parametrize("cell", MODULES)
on_a_gpu = pytest.mark.skipif(SIMULATED, reason="too long for the simulator")


@pytest.fixture(autouse=True)
def launched(monkeypatch):
    """Threads and shared memory of the blocks of each launch of such a kernel."""
    found = []

    def launch(self, blocks, *arguments):
        found.append((self.threads, self.shared))
        _launch(self, blocks, *arguments)

    _launch = families.Fitted.launch
    monkeypatch.setattr(families.Fitted, "launch", launch)
    return found


@pytest.fixture
def few_registers(monkeypatch):
    """Weights of small layers have no room in registers."""
    kernels = [kernel for _, module in MODULES.values() for kernel in (module.forward, module.backward)]
    monkeypatch.setattr(tiles, "HELD", {False: 32, True: 32})
    for kernel in kernels:
        kernel.cache_clear()
    yield
    for kernel in kernels:
        kernel.cache_clear()


def assert_near(actual, expected, limit, name):
    error, length = np.linalg.norm(np.float64(actual) - expected), np.linalg.norm(expected)
    assert error <= limit * length, f"{name}: {error / length}"


def assert_right(cell, shape, precision, outputs=None):
    """States and gradients, of as many last outputs, in the limit of the precision."""
    q = problem(cell, shape, np.float32)
    first = len(q.x) - outputs if outputs is not None else 0
    a, memory = run_forward(q, precision)
    for name, m, states in zip(CELLS[cell].memory, memory, naive.forward(*in_float64(q)), strict=False):
        assert_near(m.to_host(), states, LIMIT[precision], name)
    gradients = run_backward(q, a, memory, q.dy[first:])
    q.dy[:first] = 0
    for name, expected in naive.backward(*in_float64(q), q.dy, q.d_states).items():
        assert_near(gradients[name], expected, LIMIT[precision], name)


# T, B, I, H: more steps than wait in the ring; a single step, inputs projected before; two warps.
@every_tiled_cell
@every_precision
@pytest.mark.parametrize("shape", [(6, 3, 1, 16), (1, 1, 17, 16), (2, 2, 3, 32)])
def test_states_and_gradients(cell, precision, shape, launched):
    assert_right(cell, shape, precision)
    assert [threads for threads, _ in launched] == [2 * shape[3]] * 2


@every_precision
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_weights_in_shared_memory(cell, precision, few_registers, launched):
    assert_right(cell, (1, 2, 1, 32), precision)
    weights = 4 * 32 * 32 * len(CELLS[cell].gates)
    held = 2 * 4 * 32 * 32  # by two warps
    assert [shared > weights - held for _, shared in launched] == [True, True]


@every_tiled_cell
@pytest.mark.parametrize("outputs", [0, 1])
def test_gradients_of_the_last_outputs(cell, outputs):
    assert_right(cell, (2, 1, 2, 16), "float32", outputs)


def test_rectified():
    assert_right("rnn_relu", (2, 1, 2, 16), "float32")


@every_precision
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_nan_spoils_its_own_row_from_its_step_on(cell, precision):
    q = problem(cell, (2, 3, 2, 16), np.float32)
    a, clean = run_forward(q, precision)
    q.x[1, 1, 1] = np.nan
    for before, after in zip(clean[: len(q.states)], run_forward(q, precision)[1], strict=False):
        before, after = before.to_host(), after.to_host()
        assert np.isnan(after[2:, 1]).all()
        np.testing.assert_array_equal(after[:2], before[:2])
        np.testing.assert_array_equal(after[:, ::2], before[:, ::2])
    q.dy[1, 1] = np.nan
    gradients = run_backward(q, a, clean, q.dy)
    assert np.isnan(gradients["weight_hh"]).all()
    assert np.isnan(gradients["h0"][1]).all()
    assert np.isfinite(gradients["x"][:, ::2]).all()


@every_tiled_cell
def test_a_sequence_comes_out_the_same_in_any_company(cell):
    q = problem(cell, (1, 9, 2, 16), np.float32)  # alone in its block
    _, together = run_forward(q)
    q.x, q.states = q.x[:, 8:], [state[8:] for state in q.states]
    _, alone = run_forward(q)
    for m, m_alone in zip(together, alone, strict=True):
        np.testing.assert_array_equal(m.to_host()[1:, 8:], m_alone.to_host()[1:])


@pytest.mark.parametrize(
    ("dtype", "size", "taken"),
    [(np.float32, 16, True), (np.float32, 128, True), (np.float64, 16, False)]
    + [(np.float32, size, False) for size in (1, 8, 24, 144)],
)
def test_the_choice_by_type_and_size(dtype, size, taken):
    a = On(dtype).empty((1, 1, 4 * size))
    assert (tiles.fitted(lstm_tiles.forward, a, size, True) is not None) == taken


def test_the_choice_by_device(monkeypatch):
    a = On(np.float32).empty((1, 1, 512))
    exact, rounded = (tiles.fitted(lstm_tiles.backward, On(np.float32, p).empty(a.shape), 128) for p in LIMIT)
    assert exact.shared > rounded.shared
    monkeypatch.setattr(tiles, "most_shared", lambda: 163 * 1024)  # an A100
    assert tiles.fitted(lstm_tiles.backward, a, 128) is None
    assert tiles.fitted(gru_tiles.backward, a, 128) is not None
    rounded, x = On(np.float32, "tf32").empty(a.shape), On(np.float32).empty((1, 1, 8))
    found = [tiles.fitted_forward(lstm_tiles.forward, lstm_tiles.backward, x, rounded, size) for size in (96, 128)]
    assert [projects for _, projects in found] == [True, False]
    assert found[1][0] is not None
    monkeypatch.setattr(tiles, "capability", lambda: (7, 5))
    assert tiles.fitted(gru_tiles.backward, a, 128) is None


def test_estimators_say_the_precision(launched):
    X = np.random.default_rng(0).standard_normal((2, 2)).astype(np.float32)
    model = RNNRegressor("rnn", hidden_size=16, max_iter=1, random_state=0, device="cuda", precision="tf32")
    model.fit(X, X[:, 0]).predict(X)
    exact, rounded = (
        tiles.fitted(rnn_tiles.forward, On(np.float32, p).empty((2, 2, 16)), 16, True).shared for p in LIMIT
    )
    assert launched[0][1] == launched[-1][1] == rounded < exact


def test_precision_stays_with_views_and_with_arrays_like_another():
    a = On(np.float32, "tf32").empty((2, 3))
    assert {b.precision for b in (a[1:], a.T, a.reshape(6), np.empty_like(a), np.zeros_like(a))} == {"tf32"}


@on_a_gpu
@every_tiled_cell
@every_precision
@pytest.mark.parametrize("size", [16, 48, 64, 80, 96, 112, 128])
@pytest.mark.parametrize("shape", [(12, 37, 8), (5, 9, 20)])
def test_real_sizes(cell, precision, size, shape):
    assert_right(cell, (*shape, size), precision)
