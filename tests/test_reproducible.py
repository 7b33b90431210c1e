"""The same seed gives the same weights in every process, whatever it has compiled or loaded before."""

import os

import pytest

from processes import python

FITS = """
import hashlib, sys
import numpy as np
from tsrnn import RNNForecaster

y = np.sin(np.arange(60) / 3) + 0.1 * np.random.default_rng(0).standard_normal(60)
found = {}
for decoder in sys.argv[1:]:
    model = RNNForecaster(3, cell="lstm", decoder=decoder, lookback=9, hidden_size=17, max_steps=5, random_state=0)
    found[decoder] = hashlib.sha256(model.fit(y).parameters_.tobytes()).hexdigest()
print(sorted(found.items()))
"""


@pytest.mark.slow
@pytest.mark.compiled
def test_the_process_that_compiles_and_those_that_load(tmp_path):
    """In another order too: a loop that two others call must not be shared between them."""

    def run(*decoders):
        return python("-c", FITS, *decoders, env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}).stdout

    first = run("direct", "parallel")
    assert run("direct", "parallel") == first
    assert run("parallel", "direct") == first
