"""Learning-rate schedules: what share of the initial rate holds at update `step` of `total`."""

import math
from collections.abc import Callable

# Adam's second moments are guesses during the first updates; a short ramp keeps them from large steps.
WARM_UP = 50


def constant(step: int, total: int) -> float:
    """The initial rate throughout."""
    return 1.0


def staircase(step: int, total: int) -> float:
    """A tenth of the rate after half of the updates, a hundredth after three quarters."""
    return 1.0 if 2 * step < total else (0.1 if 4 * step < 3 * total else 0.01)


def cosine(step: int, total: int) -> float:
    """A ramp up over the first updates, then half a cosine down to zero (Loshchilov and Hutter, 2017)."""
    ramp = min(1.0, (step + 1) / min(WARM_UP, 1 + total // 10))
    return ramp * 0.5 * (1 + math.cos(math.pi * step / total))


SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "constant": constant,
    "step": staircase,
    "cosine": cosine,
}
