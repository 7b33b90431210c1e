"""The shapes at which recurrent cells are compared, and how many operations they take."""

from typing import NamedTuple

GATES = {"rnn": 1, "lstm": 4, "gru": 3}  # blocks of weights, of H rows each


class Shape(NamedTuple):
    """Batch, steps, inputs, hidden units of a direction, recurrent layers, directions, type."""

    B: int
    T: int
    I: int  # noqa: E741  the name in every paper
    H: int
    layers: int = 1
    directions: int = 1
    dtype: str = "float32"

    def __str__(self) -> str:
        words = [f"{name}{getattr(self, name)}" for name in "BTIH"]
        words += [f"L{self.layers}"] if self.layers > 1 else []
        words += ["bidirectional"] if self.directions == 2 else []
        words += [self.dtype] if self.dtype != "float32" else []
        return " ".join(words)

    @property
    def streaming(self) -> bool:
        """One step of one series: inference goes on from a carried state."""
        return self.B == self.T == 1


def shape_of(row: dict) -> Shape:
    """The shape of a row of results."""
    return Shape(**{name: row[name] for name in Shape._fields})


SHAPES = [
    Shape(32, 24, 1, 32),
    Shape(64, 48, 1, 64),
    Shape(64, 168, 8, 64),
    Shape(256, 96, 1, 64, layers=2),
    Shape(256, 96, 1, 128),
    Shape(256, 168, 8, 128, layers=2),
    Shape(128, 96, 4, 256),
    Shape(64, 48, 8, 512),
    Shape(1024, 21, 24, 128),
    Shape(1, 168, 1, 64),
    Shape(1, 1, 1, 64),
    Shape(4096, 24, 1, 16),
    Shape(64, 48, 1, 64, directions=2),
    Shape(64, 48, 1, 64, dtype="float64"),
    Shape(256, 21, 24, 64),
    Shape(2, 168, 1, 64),
]


def operations(cell: str, shape: Shape) -> tuple[int, int]:
    """Multiplications and additions of the matrix products in a forward and in a backward pass.

    With G gates, in each layer and direction: forward 2 B T G H (I + H); backward 2 B T G H H for the recurrent
    gradient, 2 B T G H (I + H) for that of the weights, and 2 B T G H I for that of the inputs, in the layers above
    the first alone. I is what the layer reads: the inputs, or what the layer below puts out.
    """
    forward = backward = 0
    width = shape.I
    for layer in range(shape.layers):
        product = 2 * shape.B * shape.T * GATES[cell] * shape.H * shape.directions
        forward += product * (width + shape.H)
        backward += product * (shape.H + width + shape.H + (width if layer else 0))
        width = shape.H * shape.directions
    return forward, backward
