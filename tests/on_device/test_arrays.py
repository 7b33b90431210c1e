"""Arrays on the device do what NumPy's do."""

import numpy as np
import pytest

from tsrnn.kernels.cuda.machine.arrays import Array, On
from tsrnn.kernels.cuda.machine.driver import shadow_of, strides_of
from tsrnn.kernels.devices import contiguous, empty, zeros


@pytest.fixture(params=[np.float32, np.float64])
def values(request):
    return np.random.default_rng(0).normal(size=(3, 4, 5)).astype(request.param)


VIEWS = {
    "all": np.s_[...],
    "steps": np.s_[1:],
    "one": np.s_[2],
    "row": np.s_[1, 3],
    "backwards": np.s_[::-1],
    "units": np.s_[:, :, 1:4],
    "block": np.s_[1:, ::2, 3],
    "new": np.s_[1, None],
    "nothing": np.s_[:, 2:2],
}


@pytest.mark.parametrize("index", VIEWS.values(), ids=VIEWS)
def test_views(values, index):
    array = Array.from_host(values)
    np.testing.assert_array_equal(array[index].to_host(), values[index])
    array[index] = 3
    values[index] = 3
    np.testing.assert_array_equal(array.to_host(), values)
    array[index] += Array.from_host(values)[index]
    values[index] += values[index]
    np.testing.assert_array_equal(array.to_host(), values)
    fresh = np.arange(values[index].size, dtype=values.dtype).reshape(values[index].shape)
    array[index] = fresh
    values[index] = fresh
    np.testing.assert_array_equal(array.to_host(), values)


@pytest.mark.parametrize("index", VIEWS.values(), ids=VIEWS)
def test_views_lie_where_numpy_has_them(values, index):
    """The places that a kernel is told, which the simulator does not need."""
    shadow = shadow_of(values.shape, values.dtype)
    assert shadow.strides == values.strides

    def place(view, whole):
        return view.__array_interface__["data"][0] - whole.__array_interface__["data"][0]

    view = shadow[(*index, ...) if isinstance(index, tuple) else index]
    assert (view.shape, view.strides) == (values[index].shape, values[index].strides)
    if view.size:
        assert place(view, shadow) == place(values[index], values)


@pytest.mark.parametrize("index", VIEWS.values(), ids=VIEWS)
def test_kernels_are_told_that_an_array_is_contiguous(values, index):
    view = values[(*index, ...) if isinstance(index, tuple) else index]
    if not view.size:
        return
    fresh = np.empty(view.shape, view.dtype)
    assert strides_of(view) == (fresh.strides if view.flags.c_contiguous else view.strides)
    assert strides_of(fresh[None]) == (fresh.nbytes, *fresh.strides)


def test_shapes(values):
    array = Array.from_host(values)
    turned = array.transpose(1, 0, 2)
    np.testing.assert_array_equal(turned.to_host(), values.transpose(1, 0, 2))
    np.testing.assert_array_equal(turned.reshape(4, 15).to_host(), values.transpose(1, 0, 2).reshape(4, 15))
    np.testing.assert_array_equal(array[0].T.to_host(), values[0].T)
    assert (array.shape, array.ndim, array.size, len(array), array.dtype) == ((3, 4, 5), 3, 60, 3, values.dtype)
    array.reshape(-1)[:5] = 0  # a view
    assert not array[0, 0].to_host().any()
    assert contiguous(array) is array
    assert contiguous(turned).flags.c_contiguous


def test_arithmetic(values):
    array = Array.from_host(values)
    row = Array.from_host(values[0, 0])
    np.testing.assert_array_equal((array + row).to_host(), values + values[0, 0])
    np.testing.assert_array_equal((row * array).to_host(), values * values[0, 0])
    np.testing.assert_array_equal(np.add(array, 2.0, out=array).to_host(), values + values.dtype.type(2))
    array = Array.from_host(values)
    array *= row
    np.testing.assert_array_equal(array.to_host(), values * values[0, 0])
    for few in (values, values[1], values[:, 2, 1:3]):
        for axis in range(few.ndim):
            np.testing.assert_allclose(Array.from_host(few).sum(axis).to_host(), few.sum(axis), rtol=1e-5)


def test_new_arrays(values):
    array = Array.from_host(values)
    assert np.empty_like(array, shape=(2, 3)).shape == (2, 3)
    np.testing.assert_array_equal(np.zeros_like(array).to_host(), np.zeros_like(values))
    pair = np.concatenate([array, array[:, 1:]], axis=1)
    np.testing.assert_array_equal(pair.to_host(), np.concatenate([values, values[:, 1:]], axis=1))
    made = zeros((2, 2), On(values.dtype))
    assert made.dtype == values.dtype
    assert not made.to_host().any()
    assert empty((0, 3), On(values.dtype)).to_host().shape == (0, 3)
    assert isinstance(empty((1, 3), values.dtype), np.ndarray)


def test_axes_of_one_element(values):
    for one in (values[:, None, :1, :1], np.broadcast_to(values[:1, :1, :1], (1, 1, 1)), np.float32([3])):
        np.testing.assert_array_equal(Array.from_host(one).to_host(), one)


def test_elements_are_not_read_one_by_one(values):
    array = Array.from_host(values)
    with pytest.raises(TypeError, match="integers and slices"):
        array[[0, 1]]
    with pytest.raises(TypeError):
        np.sqrt(array)
