"""A network with random parameters and a random batch, for the tests of this folder."""

import numpy as np

from tsrnn.network.cells import CELLS
from tsrnn.network.network import Network

EVERY_CELL = tuple(CELLS)
OUTPUTS = 2


class Case:
    """Parameters, input, cotangent of the outputs and, with dropout, keys: all random and the same each time."""

    def __init__(
        self,
        cell,
        steps=4,
        rows=3,
        inputs=2,
        size=3,
        layers=1,
        outputs=OUTPUTS,
        dropout=0.0,
        skip=False,
        dtype=np.float64,
        **structure,
    ):
        rng = np.random.default_rng(0)
        self.cell, self.dtype = cell, dtype
        self.network = Network(
            cell, steps, inputs, size, layers, outputs, dropout=dropout, linear_skip=skip, **structure
        )
        self.vector = (0.6 * rng.standard_normal(self.network.layout.size)).astype(dtype)
        self.x = rng.standard_normal((steps, rows, inputs)).astype(dtype)
        self.d_out = rng.standard_normal((rows * self.network.output_rows, outputs)).astype(dtype)
        n_keys = self.network.n_dropout_keys
        self.keys = rng.integers(2**32, size=n_keys, dtype=np.uint64) if n_keys else None
        # Only the decoder "seq2seq" looks at targets; `backward` needs that it did.
        self.targets = rng.standard_normal(self.d_out.shape).astype(dtype)
        self.known = rng.standard_normal((len(self.d_out), self.network.known_size)).astype(dtype)
        self.work = self.network.allocate(rows, dtype)

    @property
    def parameters(self):
        return self.network.layout.views(self.vector)

    def outputs(self, vector=None):
        """Outputs (B, O) of the network, with dropout if there is any; `backward` may follow."""
        self.work.x[...] = self.x
        self.work.known[...] = self.known
        p = self.network.layout.views(self.vector if vector is None else vector)
        return self.network.forward(p, self.work, self.keys, self.targets).copy()

    def gradient(self, d_out=None, bptt_steps=None):
        """Gradient of sum(outputs * d_out) with respect to the flat vector, after a forward pass."""
        self.outputs()
        gradient = np.full_like(self.vector, np.nan)
        views = self.network.layout.views(gradient)
        d_out = self.d_out if d_out is None else d_out
        self.network.backward(self.parameters, views, d_out, self.work, self.keys, bptt_steps)
        return gradient
