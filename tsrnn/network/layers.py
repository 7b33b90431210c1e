"""The layers that look at one step at a time, and what all layers share.

Each layer knows the shapes of its parameters, its work space, its forward and its backward pass. It holds no
parameters and no activations: both are passed in, so that threads may share it. Sequences are (T, B, I) arrays,
time first; `p` and `g` are the named views of the parameters and of their gradients.
"""

from types import SimpleNamespace

import numpy as np

from tsrnn.kernels.devices import empty, run
from tsrnn.kernels.dropout import dropout
from tsrnn.kernels.layer_norm import layer_norm, layer_norm_gradient
from tsrnn.kernels.linear import affine, affine_gradient, affine_input_gradient

Views = dict[str, np.ndarray]

# Steps [first, stop) within which gradients flow; they stop at the edges. In order of time, one after the other.
Spans = list[tuple[int, int]]


def flat_rows(a: np.ndarray) -> np.ndarray:
    """(T, B, I) seen as (T * B, I)."""
    return a.reshape(-1, a.shape[-1])


class Dropout:
    """Sets a share `rate` of the values to zero while training and scales the others up."""

    def __init__(self, rate: float):
        self.threshold = np.uint64(rate * 2**32)
        self.scale = 1 / (1 - rate)

    def apply(self, a: np.ndarray, out: np.ndarray, key: np.uint64, first_step: int = 0) -> None:
        """Forward, and on gradients backward too: the same key gives the same mask.

        `a` and `out` are (K, B, H): the steps of the sequence from `first_step` on. `out` may be `a`.
        """
        first = np.uint64(first_step * a[0].size)
        run(dropout, a.reshape(-1), out.reshape(-1), key, first, self.threshold, a.dtype.type(self.scale))


class LayerNorm:
    """Each step in units of its own mean and deviation over the units, then a gain and a shift a unit.

    Parameters
    ----------
    size : int
    prefix, suffix : str
        Set around `norm_weight` and `norm_bias`.
    """

    def __init__(self, size: int, prefix: str = "", suffix: str = ""):
        self.size = size
        self._names = (f"{prefix}norm_weight{suffix}", f"{prefix}norm_bias{suffix}")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(self._names, (self.size,))

    def initialize(self, p: Views) -> None:
        p[self._names[0]][...] = 1
        p[self._names[1]][...] = 0

    def allocate(self, steps: int, rows: int, dtype: np.dtype) -> SimpleNamespace:
        shape = (steps, rows, self.size)
        return SimpleNamespace(z=empty(shape, dtype), inverse=empty(shape[:2], dtype), y=empty(shape, dtype))

    def forward(self, p: Views, x: np.ndarray, work: SimpleNamespace) -> np.ndarray:
        """Normalised steps (T, B, H)."""
        gain, shift = (p[name] for name in self._names)
        run(layer_norm, flat_rows(x), gain, shift, flat_rows(work.z), work.inverse.reshape(-1), flat_rows(work.y))
        return work.y

    def backward(self, p: Views, g: Views, dy: np.ndarray, work: SimpleNamespace) -> np.ndarray:
        """Turn gradients (K, B, H) of the last outputs into those of the inputs, in place."""
        first = len(work.z) - len(dy)
        gain, d_gain, d_shift = p[self._names[0]], g[self._names[0]], g[self._names[1]]
        z, inverse = flat_rows(work.z[first:]), work.inverse[first:].reshape(-1)
        run(layer_norm_gradient, flat_rows(dy), z, inverse, gain, d_gain, d_shift)
        return dy


class Dense:
    """Affine map of the rows of a matrix: `weight` (O, I) and `bias` (O,), as torch's Linear."""

    def __init__(self, input_size: int, output_size: int, prefix: str, suffix: str = ""):
        self.input_size = input_size
        self.output_size = output_size
        self._names = (f"{prefix}weight{suffix}", f"{prefix}bias{suffix}")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return dict(zip(self._names, [(self.output_size, self.input_size), (self.output_size,)], strict=True))

    def forward(self, p: Views, x: np.ndarray, out: np.ndarray) -> None:
        """out (B, O) from x (B, I)."""
        run(affine, x, p[self._names[0]], p[self._names[1]], out)

    def backward(self, g: Views, x: np.ndarray, d_out: np.ndarray) -> None:
        """Gradients of the parameters."""
        run(affine_gradient, x, d_out, g[self._names[0]], g[self._names[1]])

    def input_gradient(self, p: Views, d_out: np.ndarray, dx: np.ndarray) -> None:
        """dx (B, I) from d_out (B, O)."""
        run(affine_input_gradient, d_out, p[self._names[0]], dx)
