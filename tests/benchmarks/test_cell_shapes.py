"""The shapes of the benchmark of cells, and the operations that they are said to take."""

import pytest


@pytest.fixture(scope="module")
def shapes(script):
    return script("cell_shapes")


def test_shapes_have_names_of_their_own(shapes):
    assert len({str(shape) for shape in shapes.SHAPES}) == len(shapes.SHAPES) == 16
    assert [str(shape) for shape in shapes.SHAPES if shape.streaming] == ["B1 T1 I1 H64"]
    assert str(shapes.Shape(2, 3, 4, 5, layers=2, directions=2, dtype="float64")) == (
        "B2 T3 I4 H5 L2 bidirectional float64"
    )


def test_a_row_of_results_names_its_shape(shapes):
    for shape in shapes.SHAPES:
        assert shapes.shape_of({"cell": "gru", **shape._asdict(), "ratio": 1.0}) == shape


def counted(gates, shape):
    """Operations of each product of a training step, one after the other: 2 n m k for (n, k) times (k, m)."""
    forward = backward = 0
    width = shape.I
    for layer in range(shape.layers):
        rows, columns = shape.B, gates * shape.H
        for _ in range(shape.directions):
            for _ in range(shape.T):
                forward += 2 * rows * columns * width  # x W_ih
                forward += 2 * rows * columns * shape.H  # h W_hh
                backward += 2 * rows * columns * shape.H  # dh
                backward += 2 * rows * columns * shape.H  # dW_hh
                backward += 2 * rows * columns * width  # dW_ih
                backward += 2 * rows * columns * width * (layer > 0)  # dx
        width = shape.H * shape.directions
    return forward, backward


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("directions", [1, 2])
def test_operations_are_those_of_the_products(shapes, cell, gates, layers, directions):
    shape = shapes.Shape(2, 3, 5, 7, layers, directions)
    assert shapes.operations(cell, shape) == counted(gates, shape)
