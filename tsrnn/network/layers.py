"""The layers that look at one step at a time, and what all layers share.

Each layer knows the shapes of its parameters, its work space, its forward and its backward pass. It holds no
parameters and no activations: both are passed in, so that threads may share it. Sequences are (T, B, I) arrays,
time first; `p` and `g` are the named views of the parameters and of their gradients.
"""

import numpy as np

from tsrnn.kernels.dropout import dropout
from tsrnn.kernels.linear import affine, affine_gradient, affine_input_gradient

Views = dict[str, np.ndarray]


def flat_rows(a: np.ndarray) -> np.ndarray:
    """(T, B, I) seen as (T * B, I)."""
    return a.reshape(-1, a.shape[-1])


class Dropout:
    """Sets a share `rate` of the values to zero while training and scales the others up."""

    def __init__(self, rate: float):
        self.threshold = np.uint64(rate * 2**32)
        self.scale = 1 / (1 - rate)

    def apply(self, a: np.ndarray, out: np.ndarray, key: np.uint64, first_step: int) -> None:
        """Forward, and on gradients backward too: the same key gives the same mask.

        `a` and `out` are (K, B, H): the steps of the sequence from `first_step` on. `out` may be `a`.
        """
        first = np.uint64(first_step * a[0].size)
        dropout(a.reshape(-1), out.reshape(-1), key, first, self.threshold, a.dtype.type(self.scale))


class Dense:
    """Affine map of the rows of a matrix: `weight` (O, I) and `bias` (O,), as torch's Linear."""

    def __init__(self, input_size: int, output_size: int, prefix: str):
        self.input_size = input_size
        self.output_size = output_size
        self._names = (f"{prefix}weight", f"{prefix}bias")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return dict(zip(self._names, [(self.output_size, self.input_size), (self.output_size,)], strict=True))

    def forward(self, p: Views, x: np.ndarray, out: np.ndarray) -> None:
        """out (B, O) from x (B, I)."""
        affine(x, p[self._names[0]], p[self._names[1]], out)

    def backward(self, g: Views, x: np.ndarray, d_out: np.ndarray) -> None:
        """Gradients of the parameters."""
        affine_gradient(x, d_out, g[self._names[0]], g[self._names[1]])

    def input_gradient(self, p: Views, d_out: np.ndarray, dx: np.ndarray) -> None:
        """dx (B, I) from d_out (B, O)."""
        affine_input_gradient(d_out, p[self._names[0]], dx)
