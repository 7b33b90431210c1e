"""What the README says of a GPU."""

import json

import markup
import pytest
import render_cuda

SHAPE = {"B": 64, "T": 48, "I": 1, "H": 64, "layers": 1, "directions": 1, "dtype": "float32"}
RECORD = {
    "machine": {"processor": "P", "cores": 2},
    "python": "3",
    "versions": {"numpy": "2"},
    "gpu": {"name": "G"},
    "precisions": ["float32", "tf32"],
    "limits": {"float32": 1e-6, "tf32": 1e-3},
    "checks": [
        {"precision": "float32", "error_states": 1e-7, "error_gradients": 3e-7},
        {"precision": "float32", "error_states": 2e-7, "error_gradients": 1e-7},
        {"precision": "tf32", "error_states": 4e-4, "error_gradients": 1e-4},
    ],
    "cells": [
        {
            "cell": "gru",
            **SHAPE,
            "ms": {
                what: {"torch float32": 3.0, "torch tf32": 2.0, "tsrnn float32": 1.5, "tsrnn tf32": 0.5}
                for what in ("forward", "both", "training")
            },
        }
    ],
    "default_recipe": {
        "sides": {
            "tsrnn tf32": {"fit_s": 2.0, "training_s": 1.25, "updates": 1000},
            "torch tf32": {"fit_s": 9.0, "training_s": 8.5},
        }
    },
    "neuralforecast": None,
    "skipped": {"neuralforecast": "not installed"},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for module in (markup, render_cuda):
        monkeypatch.setattr(module, "HERE", tmp_path)
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def test_without_figures_it_says_so(folder):
    assert render_cuda.cuda().startswith("On a GPU none of it has run yet")


def test_like_is_compared_with_like(folder):
    (folder / "cuda.json").write_text(json.dumps(RECORD))
    text = render_cuda.cuda()
    assert "| gru B64 T48 I1 H64, float32 | 3.000 / 1.500, 2.00x |" in text
    assert "| gru B64 T48 I1 H64, tf32 | 2.000 / 0.500, 4.00x |" in text
    assert "float32 3.0e-07 (limit 1e-06, 2 checks), tf32 4.0e-04 (limit 1e-03, 1 checks)" in text
    assert "| tsrnn tf32 | 2.00 | 1.25 | 1000 |" in text
    assert "Not measured: neuralforecast (not installed)." in text
    assert "none of it has run" not in text


def test_what_ended_early_is_shown_as_far_as_it_came(folder):
    early = {name: value for name, value in RECORD.items() if name not in ("cells", "default_recipe", "neuralforecast")}
    (folder / "cuda.json").write_text(json.dumps(early))
    assert "Largest error" in render_cuda.cuda()
