"""Adam and AdamW on a flat parameter vector, with clipping of the gradient's norm."""

import numpy as np

from tsrnn.kernels.optimization import adam

SOLVERS = ("adam", "adamw")


class Adam:
    """Adam (Kingma and Ba, 2015), or AdamW (Loshchilov and Hutter, 2019) with the decay off the gradient.

    Parameters
    ----------
    size : int
        Length of the parameter vector.
    dtype : dtype
    solver : {"adam", "adamw"}
    alpha : float
        L2 penalty, alpha / 2 * |w|^2 added to the loss ("adam"), or weight decay, w -= rate * alpha * w ("adamw").
    clip_norm : float or None
        A gradient with a larger norm is scaled down to it (Pascanu, Mikolov and Bengio, 2013).
    """

    BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # the values of both papers

    def __init__(self, size: int, dtype: np.dtype, solver: str, alpha: float, clip_norm: float | None):
        self.first = np.zeros(size, dtype)
        self.second = np.zeros(size, dtype)
        self.penalty = alpha if solver == "adam" else 0.0
        self.decay = alpha if solver == "adamw" else 0.0
        self.clip_norm = clip_norm
        self.t = 0

    def update(self, parameters: np.ndarray, gradient: np.ndarray, norm: float, rate: float) -> None:
        """Change `parameters` in place, given the gradient and its norm."""
        self.t += 1
        scale = 1.0 if self.clip_norm is None or norm <= self.clip_norm else self.clip_norm / norm
        scalars = (
            scale,
            rate,
            self.BETA_1,
            self.BETA_2,
            1 / (1 - self.BETA_1**self.t),
            1 / (1 - self.BETA_2**self.t),
            self.EPSILON,
            self.penalty,
            rate * self.decay,
        )
        adam(parameters, gradient, self.first, self.second, np.array(scalars, parameters.dtype))
