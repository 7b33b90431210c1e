"""The benchmark on a GPU, at tiny shapes: its check sees what is wrong, and what it times can be called."""

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import bench_cuda  # noqa: E402
from cell_shapes import Shape  # noqa: E402
from cuda_precision import precisions  # noqa: E402
from cuda_sides import Problem, checked  # noqa: E402

from tsrnn.kernels.cuda.machine.driver import SIMULATED  # noqa: E402
from tsrnn.network.recurrent import Recurrent  # noqa: E402

TINY = Shape(5, 3, 2, 4)
DEVICE = "cpu" if SIMULATED else "cuda"


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("precision", precisions())
def test_a_layer_is_right(cell, precision):
    found = checked(Problem(cell, TINY), precision, some=3)
    assert found["all_written"]
    assert bench_cuda.worst(found) < bench_cuda.LIMITS[precision]


def test_what_is_left_out_is_seen(monkeypatch):
    forward = Recurrent.forward

    def lazy(self, p, x, work, keys=None):
        y = forward(self, p, x, work, keys)
        work.memory[0][-1:] = np.nan
        return y

    monkeypatch.setattr(Recurrent, "forward", lazy)
    assert not checked(Problem("gru", TINY), some=3)["all_written"]


def test_a_slip_is_seen(monkeypatch):
    backward = Recurrent.backward

    def slipping(self, p, g, *others):
        dx = backward(self, p, g, *others)
        g["bias_ih"] *= 1.001
        return dx

    monkeypatch.setattr(Recurrent, "backward", slipping)
    found = checked(Problem("gru", TINY), some=3)
    assert found["all_written"]
    assert found["error_states"] < 1e-6
    assert found["worst_gradient"] == "bias_ih"
    assert 1e-4 < found["error_gradients"] < 1e-2


class Lent:
    """A tensor of the host as the simulator's device lends it."""

    def __init__(self, tensor):
        self._array = tensor.numpy()
        self.__cuda_array_interface__ = self._array.__array_interface__


def test_what_is_timed_can_be_called(monkeypatch):
    if SIMULATED:
        import cuda_sides

        lend = cuda_sides.Array.borrowed
        monkeypatch.setattr(cuda_sides.Array, "borrowed", lambda tensor: lend(Lent(tensor)))
    monkeypatch.setattr(bench_cuda, "LAUNCH_BOUND", TINY)
    monkeypatch.setattr("cuda_timing.FEW", 1)
    found = bench_cuda.timed("lstm", TINY, precisions(), lambda function: 60.0, 0.0, DEVICE)["ms"]
    names = {f"{side} {precision}" for side in ("tsrnn", "torch") for precision in precisions()} | {"torch tf32"}
    assert found["forward"].keys() == found["both"].keys() == names
    assert found["training"].keys() == names | {bench_cuda.CALL_BY_CALL}
    assert found["forward"]["torch float32"] == 60.0
