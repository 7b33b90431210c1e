"""`warmup`: what it compiles is all that fits and forecasts need."""

from unittest.mock import Mock

import numpy as np
import pytest

import tsrnn
from processes import python

# Signatures that a process has compiled or loaded after the warm-up.
AFTER = """
import pkgutil, sys, warnings
from importlib import import_module
import numpy as np
import pandas as pd
import tsrnn, tsrnn.kernels
from tsrnn.network.cells import CELLS

warnings.simplefilter("ignore")
modules = [import_module(found.name) for found in pkgutil.iter_modules(tsrnn.kernels.__path__, "tsrnn.kernels.")]
loops = {value for module in modules for value in vars(module).values() if hasattr(value, "signatures")}


def signatures():
    return {(loop.__module__, loop.__name__, str(one)) for loop in loops for one in loop.signatures}


dtype = sys.argv[1]
tsrnn.warmup(dtype)
ready = signatures()
rng = np.random.default_rng(0)
X = rng.standard_normal((70, 6)).astype(dtype)
X.setflags(write=False)
for cell in CELLS:
    for decoder in ("direct", "in_step", "parallel", "seq2seq"):
        for options in ({}, {"num_layers": 2, "bidirectional": True, "residual": True, "recurrent_dropout": 0.1}):
            model = tsrnn.RNNRegressor(cell, decoder=decoder, max_iter=2, **options)
            model.fit(X, X if decoder == "in_step" else X[:, :2]).predict(X[:1])
for options in (
    {"linear_skip": True, "n_channels": 3, "segment": 2, "layer_norm": True},
    {"early_stopping": True, "bptt_steps": 2, "alpha": 0.1, "clip_norm": None, "hidden_size": 400},
    {"loss": "huber", "batch_size": 1, "recurrent_init": "orthogonal"},
):
    tsrnn.RNNRegressor(max_iter=1, **options).fit(np.array(X), X[:, 0].astype(float), X[:, 1] ** 2).predict(X)
if dtype == "float32":
    stamps = pd.date_range("2020-01-01", periods=60, freq="MS")
    y = pd.Series(rng.standard_normal(60), stamps)
    wide = pd.DataFrame({"a": y, "b": y.shift(3)})
    for series, options in (
        (y, {"decoder": "recursive", "normalize": "mean"}),
        (y, {"decoder": "parallel", "calendar": "all"}),
        (y, {"stateful": True, "bptt_steps": 5, "segment": 2, "early_stopping": True}),
        (wide, {"normalize": "series"}),
        (wide, {"missing": "mask", "loss": "squared_error"}),
        (wide.dropna(), {"multivariate": True}),
        (wide.dropna().stack().swaplevel().sort_index(), {"decoder": "seq2seq"}),
    ):
        model = tsrnn.RNNForecaster(3, max_steps=2, **options).fit(series)
        model.predict()
        model.predict(y=series[-len(series) // 2 :])
print(sorted(signatures() - ready), len(ready) > 20)
"""


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_fit_compiles_anything_after_it(dtype):
    assert python("-c", AFTER, dtype).stdout == "[] True\n"


def test_it_is_silent_and_says_how_long_it_took(capsys, monkeypatch):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert tsrnn.warmup(cell="rnn") > 0
    monkeypatch.setattr(tsrnn.compilation, "time", Mock(perf_counter=Mock(side_effect=[100.0, 107.5])))
    assert tsrnn.warmup(np.float32, cell=("rnn",)) == 7.5
    assert capsys.readouterr() == ("", "")
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_verbose(capsys):
    tsrnn.warmup(cell=("rnn", "rnn_relu"), verbose=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(":")[0] for line in err.splitlines()] == ["rnn", "rnn_relu"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "float16"}, "dtype must be one of 'float32', 'float64', got 'float16'"),
        ({"dtype": int}, "dtype must be one of .*, got 'int64'"),
        ({"dtype": None}, "dtype must be one of .*, got None"),
        ({"cell": "mgu"}, "cell must be one of .*, got 'mgu'"),
        ({"cell": ("gru", "mgu")}, "cell must be one of .*, got 'mgu'"),
        ({"verbose": "yes"}, "verbose must be True or False, got 'yes'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        tsrnn.warmup(**arguments)
