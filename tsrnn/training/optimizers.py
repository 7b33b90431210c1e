"""AdamW on a flat parameter vector, with clipping of the gradient's norm. Without decay it is Adam."""

import math

import numpy as np

from tsrnn.kernels.devices import run, zeros
from tsrnn.kernels.optimization import clipped_adam
from tsrnn.kernels.subnormal import flushed


class AdamW:
    """Adam (Kingma and Ba, 2015) with the decay of the weights off the gradient (Loshchilov and Hutter, 2019).

    Parameters
    ----------
    size : int
        Length of the parameter vector.
    dtype : dtype, or `tsrnn.kernels.cuda.machine.arrays.On`
        That of the parameters, and with it the device on which they are.
    alpha : float
        Weight decay, w -= rate * alpha * w; 0 is plain Adam.
    apart : (slice, float), optional
        A part of the vector, and its own weight decay.
    clip_norm : float or None
        A gradient with a larger norm is scaled down to it (Pascanu, Mikolov and Bengio, 2013).
    """

    BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # the values of both papers

    def __init__(
        self,
        size: int,
        dtype: np.dtype,
        alpha: float,
        clip_norm: float | None,
        apart: tuple[slice, float] | None = None,
    ):
        self.first = zeros((size,), dtype)
        self.second = zeros((size,), dtype)
        self.alpha = alpha
        self.clip_norm = clip_norm
        self.apart = apart
        self.t = 0

    def scalars(self, rate: float) -> np.ndarray:
        """What the next update is made with, of each part of the vector, (parts, 8): see `clipped_adam`."""
        self.t += 1
        shared = (
            1.0,  # the gradient's scale, taken from its norm
            rate,
            self.BETA_1,
            self.BETA_2,
            1 / (1 - self.BETA_1**self.t),
            1 / (1 - self.BETA_2**self.t),
            self.EPSILON,
        )
        return np.array([(*shared, rate * alpha) for _, alpha in self._parts()], self.first.dtype)

    def update(self, parameters: np.ndarray, gradient: np.ndarray, norm: float, scalars: np.ndarray) -> None:
        """Change `parameters` in place, given the gradient and its norm; not if the norm is not finite.

        All of them lie where the moments do; on a device the norm is an array of one element, which nobody waits for.
        """
        clip_norm = math.inf if self.clip_norm is None else float(self.clip_norm)
        with flushed():  # squares of small gradients are the first to be subnormal
            for k, (part, _) in enumerate(self._parts()):
                vectors = (vector[part] for vector in (parameters, gradient, self.first, self.second))
                run(clipped_adam, *vectors, norm, clip_norm, scalars[k])

    def _parts(self) -> list[tuple[slice, float]]:
        if self.apart is None:
            return [(slice(None), self.alpha)]
        part, alpha = self.apart
        return [(slice(0, part.start), self.alpha), (part, alpha), (slice(part.stop, None), self.alpha)]
