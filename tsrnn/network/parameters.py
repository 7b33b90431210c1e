"""All parameters of a network in one flat vector, with a named view for each array.

One vector makes an optimizer step one loop, a checkpoint one copy and an average one line.
"""

from math import prod

import numpy as np


class Layout:
    """Where each named array lies in the flat vector.

    Parameters
    ----------
    shapes : dict of str to tuple of int
        In the order in which the arrays lie.
    """

    def __init__(self, shapes: dict[str, tuple[int, ...]]):
        self.shapes = dict(shapes)
        self.size = sum(prod(shape) for shape in self.shapes.values())

    def views(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays by name that share memory with `vector`, of shape (size,)."""
        if vector.shape != (self.size,):
            raise ValueError(f"vector must have shape ({self.size},), got {vector.shape}")
        views, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + prod(shape)
            views[name] = vector[start:stop].reshape(shape)
            start = stop
        return views

    def span(self, prefix: str) -> slice:
        """Where the arrays lie whose names begin so; they are neighbours. Empty where there are none."""
        start = 0
        first = last = None
        for name, shape in self.shapes.items():
            stop = start + prod(shape)
            if name.startswith(prefix):
                first, last = start if first is None else first, stop
            start = stop
        return slice(0, 0) if first is None else slice(first, last)
