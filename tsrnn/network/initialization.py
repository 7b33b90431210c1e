"""How recurrent weights start."""

import numpy as np

RECURRENT_INITS = ("uniform", "orthogonal")


def uniform(array: np.ndarray, bound: float, rng: np.random.Generator) -> None:
    """Fill with values from [-bound, bound)."""
    array[...] = rng.uniform(-bound, bound, array.shape)


def orthogonal_blocks(weight: np.ndarray, rng: np.random.Generator) -> None:
    """Fill (G * H, H) with one random orthogonal matrix a gate (Saxe, McClelland and Ganguli, 2014).

    An orthogonal matrix keeps the norm of what it multiplies, so that states and gradients neither vanish nor
    explode by it at the start.
    """
    size = weight.shape[1]
    for start in range(0, weight.shape[0], size):
        q, r = np.linalg.qr(rng.standard_normal((size, size)))
        # The signs make the distribution uniform over the orthogonal group (Mezzadri, 2007).
        weight[start : start + size] = q * np.sign(np.diag(r))
