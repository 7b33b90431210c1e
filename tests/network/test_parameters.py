"""The flat vector and its named views."""

import numpy as np
import pytest

from tsrnn.network.parameters import Layout

SHAPES = {"weight": (2, 3), "bias": (2,), "scale": ()}


def test_views_lie_one_after_the_other_in_the_vector():
    layout = Layout(SHAPES)
    vector = np.arange(9.0)
    views = layout.views(vector)
    assert layout.size == 9
    assert {name: view.shape for name, view in views.items()} == SHAPES
    np.testing.assert_array_equal(np.concatenate([view.ravel() for view in views.values()]), vector)


def test_views_share_memory_both_ways():
    vector = np.zeros(9)
    views = Layout(SHAPES).views(vector)
    views["bias"][1] = 5
    assert vector[7] == 5
    vector[0] = 3
    assert views["weight"][0, 0] == 3


def test_rows_of_a_matrix_of_parts_have_views():
    """Each chunk of a batch writes its gradient into a row of its own."""
    parts = np.zeros((2, 9), np.float32)
    Layout(SHAPES).views(parts[1])["weight"][...] = 1
    np.testing.assert_array_equal(parts.sum(axis=1), [0, 6])


@pytest.mark.parametrize("shape", [(8,), (10,), (9, 1)])
def test_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"must have shape \(9,\)"):
        Layout(SHAPES).views(np.zeros(shape))


def test_layout_keeps_shapes_of_its_own():
    shapes = dict(SHAPES)
    layout = Layout(shapes)
    shapes["more"] = (4,)
    assert "more" not in layout.shapes
