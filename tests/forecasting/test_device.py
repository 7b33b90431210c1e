"""The parameter `device` where there is no GPU, or none that can be used."""

import importlib.util
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tsrnn import RNNForecaster, RNNRegressor
from tsrnn.kernels import availability
from tsrnn.training import devices

Y = np.sin(np.arange(40.0))


@pytest.fixture
def reason(monkeypatch):
    """A machine without a GPU, whatever the one that tests run on."""
    text = "no NVIDIA driver with a GPU was found"
    monkeypatch.setattr(devices, "why_no_gpu", lambda: text)
    return text


def test_cuda_is_refused_before_anything_else_happens(reason, capfd):
    model = RNNForecaster(2, max_steps=2, random_state=0).fit(Y)
    before = vars(model).copy()
    with pytest.raises(RuntimeError, match=f"^device='cuda' cannot be used: {reason}$"):
        model.set_params(device="cuda").fit(Y)
    assert vars(model) == before | {"device": "cuda"}
    with pytest.raises(RuntimeError, match=reason):
        model.predict()
    assert capfd.readouterr() == ("", "")


def test_auto_takes_the_cpu_in_silence(reason, capfd):
    found = [
        RNNForecaster(2, device=device, max_steps=2, random_state=0).fit(Y).predict() for device in ("auto", "cpu")
    ]
    np.testing.assert_array_equal(*found)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("device", ["gpu", "cuda:7", None, 0])
def test_devices_that_do_not_exist(device):
    with pytest.raises(ValueError, match="device must be"):
        RNNRegressor(device=device).fit(np.eye(4), np.arange(4.0))


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_arrays_on_a_device_are_refused_by_the_cpu(reason, device):
    X = np.random.default_rng(0).standard_normal((10, 3))
    model = RNNRegressor(hidden_size=2, max_iter=1, device=device).fit(X, X[:, 0])
    elsewhere = SimpleNamespace(__cuda_array_interface__={"shape": X.shape, "version": 3})
    message = f"^{{}} on a CUDA device cannot be read by the CPU, where device='{device}' computes; set device="
    for method in (model.fit, model.partial_fit, model.score):
        with pytest.raises(TypeError, match=message.format("X")):
            method(elsewhere, X[:, 0])
        with pytest.raises(TypeError, match=message.format("y")):
            method(X, elsewhere)
        with pytest.raises(TypeError, match=message.format("sample_weight")):
            method(X, X[:, 0], elsewhere)
    with pytest.raises(TypeError, match=message.format("X")):
        model.predict(elsewhere)


def test_without_the_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert availability.why_no_gpu() == (
        'numba-cuda is not installed; pip install "tsrnn[cuda12]" or "tsrnn[cuda13]", whichever CUDA nvidia-smi names'
    )


def test_with_a_package_that_cannot_be_imported(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace())
    monkeypatch.setitem(sys.modules, "tsrnn.kernels.cuda.machine.driver", None)
    monkeypatch.delattr(importlib.import_module("tsrnn.kernels.cuda.machine"), "driver", raising=False)  # if it was
    assert availability.why_no_gpu().startswith("numba-cuda cannot be imported (")


@pytest.mark.parametrize(
    ("capability", "driver", "compiler", "words"),
    [
        ((9, 0), (13, 0), (13, 0), None),
        ((8, 0), (13, 1), (12, 9), None),
        ((6, 1), (12, 4), (12, 4), "the GPU has compute capability 6.1, of at least 7.0 that are needed"),
        ((9, 0), (12, 4), (13, 0), 'supports CUDA 12.4, .* is of CUDA 13.0; .* pip install "tsrnn\\[cuda12\\]"'),
    ],
)
def test_gpus_and_drivers_that_are_too_old(capability, driver, compiler, words):
    module = pytest.importorskip("tsrnn.kernels.cuda.machine.driver", exc_type=ImportError)
    found = module._mismatch(capability, driver, compiler)
    assert found is None if words is None else re.search(words, found)


def test_after_a_fork(monkeypatch):
    module = pytest.importorskip("tsrnn.kernels.cuda.machine.driver", exc_type=ImportError)
    monkeypatch.setattr(module, "SIMULATED", False)
    monkeypatch.setattr(module, "_process", -1)
    assert "before this process was forked" in module.why_unusable()
