"""Sessions of onnxruntime, and a key pressed during a fit, for the tests of this folder."""

import numpy as np
import pytest

from tsrnn.training.passes import Passes


@pytest.fixture
def load(tmp_path):
    """A session that runs what an estimator writes."""
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")

    def load(model):
        path = model.to_onnx(tmp_path / "model.onnx")
        onnx.checker.check_model(str(path), full_check=True)
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    return load


@pytest.fixture
def run(load):
    """Runs what an estimator writes on one input, and returns the output."""

    def run(model, array):
        session = load(model)
        (name,) = (given.name for given in session.get_inputs())
        (output,) = session.run(None, {name: np.asarray(array, np.float64)})
        return output

    return run


@pytest.fixture
def interrupted(monkeypatch):
    """A function after which a key is pressed at the gradient of that number, counted from 0."""

    def at(update):
        gradient, calls = Passes.weighted_gradient, iter(range(10**6))

        def until(self, *arguments, **options):
            if next(calls) == update:
                raise KeyboardInterrupt
            return gradient(self, *arguments, **options)

        monkeypatch.setattr(Passes, "weighted_gradient", until)

    return at
