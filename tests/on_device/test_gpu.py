"""What only a GPU is asked: shapes of real size, and a fit under the memory checkers. The simulator would take days."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from gradcheck import assert_close, assert_gradient
from network.case import EVERY_CELL, Case
from on_device.test_network import on_device
from tsrnn.kernels.cuda.machine.driver import SIMULATED

pytestmark = pytest.mark.skipif(SIMULATED, reason="needs a GPU")


@pytest.mark.parametrize("seed", range(20))
def test_random_shapes(seed):
    rng = np.random.default_rng(seed)
    steps, rows, inputs, size = (int(np.exp(rng.uniform(0, np.log(most)))) for most in (200, 500, 40, 500))
    case = Case(EVERY_CELL[seed % len(EVERY_CELL)], steps, rows, inputs, size, layers=1 + seed % 2)
    case.vector /= np.sqrt(size)  # states of many units stay off their ends
    out, gradient = on_device(case)
    assert_close(out, case.outputs(), 1e-10)
    assert_close(gradient, case.gradient(), 1e-9)


@pytest.mark.parametrize("cell", EVERY_CELL)
def test_gradients_by_central_differences(cell):
    case = Case(cell)
    _, gradient = on_device(case)
    start = case.vector.copy()

    def value(vector):
        case.vector = vector
        return (on_device(case)[0] * case.d_out).sum()

    assert_gradient(gradient, value, start)


@pytest.mark.parametrize("tool", ["memcheck", "racecheck"])
def test_a_fit_reads_and_writes_its_own_memory_alone(tool):
    checker = shutil.which("compute-sanitizer")
    if checker is None:
        pytest.skip("compute-sanitizer is not installed")
    fit = (
        "import numpy as np; from tsrnn import RNNForecaster; "
        "RNNForecaster(3, device='cuda', max_steps=3).fit(np.sin(np.arange(60.0))).predict()"
    )
    found = subprocess.run(
        [checker, "--tool", tool, "--error-exitcode", "1", sys.executable, "-c", fit],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert found.returncode == 0, found.stdout[-2000:]
