"""Arrays of other libraries that lie on the device: taken where they lie, with the results and errors of the host's."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone

from on_device.case import on_device
from tsrnn import RNNRegressor
from tsrnn.kernels.cuda import tables
from tsrnn.kernels.cuda.machine import arrays, driver
from tsrnn.kernels.cuda.machine.arrays import Array

TOLERANCE = {np.float32: 1e-6, np.float64: 1e-10}
SMALL = {"hidden_size": 2, "max_iter": 1, "batch_size": 5, "random_state": 0, "device": "cuda"}

every_type = pytest.mark.parametrize("dtype", TOLERANCE)


class Elsewhere:
    """An array of another library, which can be taken by its address alone."""

    def __init__(self, values, order=None):
        values = np.asarray(values)
        if order is None:
            self._array = Array.from_host(values)
        else:  # of other strides: with the axes in that order in memory
            self._array = Array.from_host(values.transpose(order)).transpose(*np.argsort(order))

    @property
    def __cuda_array_interface__(self):
        return self._array.__cuda_array_interface__ | {"version": 2}

    def __array__(self, *arguments, **options):
        raise AssertionError("brought to the host")


class ByDLPack:
    """An array that does not say its address."""

    def __init__(self, values):
        self.shape = values.shape
        self._array = Elsewhere(values)

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, **options):
        return self._array


def data(dtype=np.float64, rows=8, decoder="direct"):
    X = np.random.default_rng(0).standard_normal((rows, 3, 2)).astype(dtype)
    y = 5 + 3 * (X.sum(axis=2) if decoder == "in_step" else X[:, :2])
    return X, y, np.random.default_rng(1).random(rows)


def address(array):
    return array.__cuda_array_interface__["data"][0]


def assert_same_fit(found, expected, X, tolerance):
    for name in ("x_mean_", "x_scale_", "y_mean_", "y_scale_"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=tolerance)
    predictions = found.predict(Elsewhere(X))
    assert isinstance(predictions, Array)
    assert predictions.dtype == np.float64
    np.testing.assert_allclose(predictions.to_host(), expected.predict(X), rtol=10 * tolerance, atol=tolerance)


@every_type
@pytest.mark.parametrize("decoder", ["direct", "in_step", "seq2seq"])
def test_fits(dtype, decoder):
    X, y, weights = data(dtype, decoder=decoder)
    weights[3] = 0
    model = RNNRegressor(decoder=decoder, **SMALL)
    found = clone(model).fit(Elsewhere(X), Elsewhere(y), Elsewhere(weights))
    assert found.parameters_.dtype == dtype
    assert_same_fit(found, clone(model).set_params(device="cpu").fit(X, y, weights), X, TOLERANCE[dtype])


def test_early_stopping():
    X, y, weights = data(rows=12)
    X[0], weights[0] = 1e200, 0  # too large to be squared, but without weight
    model = RNNRegressor(early_stopping=True, **SMALL)
    found, expected = (clone(model).set_params(device=device) for device in ("cuda", "cpu"))
    assert_same_fit(found.fit(Elsewhere(X), Elsewhere(y), weights), expected.fit(X, y, weights), X[1:], 1e-10)
    np.testing.assert_allclose(found.validation_loss_curve_, expected.validation_loss_curve_, rtol=1e-10)


def test_further_fits():
    X, y, _ = data()
    found, expected = (RNNRegressor(**SMALL | {"device": device}) for device in ("cuda", "cpu"))
    for _ in range(2):
        found.partial_fit(Elsewhere(X), Elsewhere(y))
        expected.partial_fit(X, y)
    assert_same_fit(found, expected, X, 1e-10)


@pytest.mark.parametrize("which", ["X", "y", "sample_weight"])
def test_with_the_others_on_the_host(which):
    given = dict(zip(("X", "y", "sample_weight"), data(), strict=True))
    model = RNNRegressor(**SMALL)
    found = clone(model).fit(**given | {which: Elsewhere(given[which])})
    assert_same_fit(found, clone(model).set_params(device="cpu").fit(**given), given["X"], 1e-10)


def test_layouts_and_types():
    """Two dimensions, strides of all kinds, integers."""
    X, y, _ = data()
    flat, whole = X.reshape(8, 6), np.rint(y[:, 0])
    expected = RNNRegressor(n_channels=2, **SMALL | {"device": "cpu"}).fit(flat, whole)
    for table, dtype in ((Elsewhere(flat), np.int64), (Elsewhere(flat, (1, 0)), np.int32)):
        found = RNNRegressor(n_channels=2, **SMALL).fit(table, Elsewhere(whole.astype(dtype)))
        assert_same_fit(found, expected, flat, 1e-10)
    for table in (X, X[:1]):
        for order in ((0, 1, 2), (1, 0, 2), (2, 1, 0)):
            predictions = found.predict(Elsewhere(table, order)).to_host()
            np.testing.assert_allclose(predictions, expected.predict(table), rtol=1e-9)
    backwards = Array.from_host(X)[::-1, :, ::-1]
    np.testing.assert_allclose(found.predict(backwards).to_host(), expected.predict(X[::-1, :, ::-1]), rtol=1e-9)
    numbers = np.arange(24).reshape(4, 6)
    assert found.fit(Elsewhere(numbers), Elsewhere(numbers[:, 0])).parameters_.dtype == np.float64


@every_type
def test_no_round_trip(dtype, monkeypatch):
    """Neither on the way there nor back does anything pass through the host that is as long as the data."""
    X, y, _ = data(dtype, rows=60)
    given = Elsewhere(X), Elsewhere(y)
    sizes = []
    for name in ("copy_to_host", "copy_to_device"):
        copy = getattr(arrays, name)
        monkeypatch.setattr(arrays, name, lambda *a, copy=copy: sizes.append(a[0].size) or copy(*a))
    model = RNNRegressor(**SMALL | {"batch_size": 60}).fit(*given)
    fitting, sizes[:] = max(sizes), []
    model.predict(given[0])
    assert model.parameters_.size < y.size < X.size
    assert fitting < y.size
    assert max(sizes) < y.size


@every_type
def test_arrays_are_taken_where_they_lie(dtype):
    given = Elsewhere(np.ones((3, 4), dtype))
    taken = Array.borrowed(given)
    assert address(taken) == address(given)
    assert address(taken.reshape(3, 2, 2)) == address(given)
    taken[1] = 2.0
    np.testing.assert_array_equal(given._array.to_host()[:, 0], [1, 2, 1])
    turned = Array.borrowed(Elsewhere(np.arange(6.0).reshape(2, 3), (1, 0)))
    assert not turned.flags.c_contiguous
    np.testing.assert_array_equal(turned.to_host(), np.arange(6.0).reshape(2, 3))
    one = Array.from_host(np.ones((2, 3), dtype))[:, 1:2]
    assert Array.borrowed(one[:1]).flags.c_contiguous


def test_what_lies_there_is_kept_while_it_is_read():
    taken = Array.borrowed(Elsewhere(np.arange(5.0)))
    with driver.kept_memory():
        others = [Array.from_host(np.zeros(5)) for _ in range(20)]
    np.testing.assert_array_equal(taken.to_host(), np.arange(5.0))
    assert len(others) == 20


def test_predictions_are_for_others_to_take():
    X, y, _ = data()
    model = RNNRegressor(**SMALL).fit(X, y)
    found = model.predict(Elsewhere(X))
    interface = found.__cuda_array_interface__
    assert (interface["shape"], interface["typestr"]) == ((8, 2, 2), "<f8")
    np.testing.assert_array_equal(Array.borrowed(found).to_host(), found.to_host())
    with pytest.raises(TypeError, match=r"lies on a CUDA device; to_host\(\) copies it"):
        np.asarray(found)
    assert isinstance(model.predict(X), np.ndarray)


def test_score():
    X, y, weights = data()
    model = RNNRegressor(**SMALL).fit(X, y)
    found = model.score(Elsewhere(X), Elsewhere(y), Elsewhere(weights))
    assert found == pytest.approx(model.score(X, y, weights), rel=1e-12)


def with_value(values, value):
    values = values.copy()
    values[2, 1] = value
    return values


def told(error):
    """What the error says, but for the numbers, which are not fetched for it."""
    return str(error.value).partition("\narray=")[0]


X, Y, WEIGHTS = data()


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        ((with_value(X, np.nan), Y), {}),
        ((with_value(X.astype(np.float32), -np.inf), Y), {}),
        ((X, with_value(Y, np.nan)), {}),
        ((X, with_value(Y, np.inf)), {}),
        ((X, Y[:5]), {}),
        ((X[:0], Y[:0]), {}),
        ((X[:, :0], Y), {}),
        ((X[:, 0, 0], Y), {}),
        ((X[..., None], Y), {}),
        ((X, Y[..., None]), {}),
        ((X, Y[:, :0]), {}),
        ((X.reshape(8, 6), Y), {"n_channels": 4}),
        ((X, Y), {"decoder": "in_step"}),
        ((X, Y, WEIGHTS[:3]), {}),
        ((X, Y, -WEIGHTS), {}),
        ((X, Y, 0 * WEIGHTS), {}),
        ((X[:1], Y[:1]), {"early_stopping": True}),
    ],
    ids=lambda value: f"{[a.shape for a in value]}" if isinstance(value, tuple) else str(value),
)
def test_errors_are_those_of_the_host(given, changes):
    model = RNNRegressor(**SMALL).set_params(**changes)
    with pytest.raises(ValueError) as expected:  # noqa: PT011
        model.fit(*given)
    with pytest.raises(ValueError) as found:  # noqa: PT011
        model.fit(*map(Elsewhere, given))
    assert told(found) == told(expected)
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize("table", [with_value(X, np.nan), X[:, :2], X.reshape(8, 6)[:, :5], X[:0], X[0, 0]])
def test_errors_of_predictions_are_those_of_the_host(table):
    model = RNNRegressor(**SMALL).fit(X, Y)
    with pytest.raises(ValueError) as expected:  # noqa: PT011
        model.predict(table)
    with pytest.raises(ValueError) as found:  # noqa: PT011
        model.predict(Elsewhere(table))
    assert told(found) == told(expected)


def test_types_that_are_not_taken():
    with pytest.raises(TypeError, match=r"^X on a CUDA device must hold float32, .* got dtype float16$"):
        RNNRegressor(**SMALL).fit(Elsewhere(X.astype(np.float16)), Y)
    with pytest.raises(TypeError, match=r"^y on a CUDA device must hold .* got dtype bool$"):
        RNNRegressor(**SMALL).fit(X, Elsewhere(Y > 0))


@every_type
@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 3, 2), (2, 50, 1), (3, 2, 40)])
def test_sums_of_channels(dtype, shape, monkeypatch):
    monkeypatch.setattr(tables, "SLICES", 3)
    rng = np.random.default_rng(0)
    table, shares = 100 + rng.standard_normal(shape).astype(dtype), rng.random(shape[0])
    centre = table.mean(axis=(0, 1), dtype=np.float64)
    for given, values in ((None, table.astype(np.float64)), (centre, (table - centre) ** 2)):
        found = tables.sums_of_channels(on_device(table), shares, given)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, np.einsum("n,ntc->c", shares, values), rtol=1e-12)
        np.testing.assert_array_equal(found, tables.sums_of_channels(on_device(table), shares, given))


@every_type
def test_what_is_not_finite(dtype):
    values = np.full((40, 5), np.finfo(dtype).max, dtype)
    assert tables.what_is_not_finite(on_device(values)) is None
    values[39, 4] = -np.inf
    assert tables.what_is_not_finite(on_device(values)) == np.inf
    values[20, 1] = np.nan
    assert np.isnan(tables.what_is_not_finite(on_device(values)))


@pytest.mark.skipif(driver.SIMULATED, reason="they want a GPU")
@pytest.mark.parametrize("library", ["torch", "cupy"])
@every_type
def test_other_libraries(library, dtype):
    module = pytest.importorskip(library)
    if library == "torch":
        if not module.cuda.is_available():
            pytest.skip("this torch has no CUDA")

        def there(values):
            return module.as_tensor(values, device="cuda")

        def back(array):
            return module.as_tensor(array, device="cuda")
    else:
        there = back = module.asarray
    X, y, weights = data(dtype, rows=500)
    model = RNNRegressor(**SMALL)
    found = clone(model).fit(there(X), there(y), there(weights))
    expected = clone(model).fit(X, y, weights)
    result = found.predict(there(X))
    taken = back(result)
    assert address(taken) == address(result)
    tolerance = TOLERANCE[dtype]
    values = taken.cpu().numpy() if library == "torch" else taken.get()
    np.testing.assert_allclose(values, expected.predict(X), rtol=100 * tolerance, atol=10 * tolerance)
    turned = there(X).transpose(0, 2, 1) if library == "cupy" else there(X).transpose(1, 2)
    assert found.predict(turned.transpose(0, 2, 1) if library == "cupy" else turned.transpose(1, 2)).shape == y.shape


@pytest.mark.skipif(not driver.SIMULATED, reason="the libraries there are their own")
def test_arrays_that_offer_dlpack_alone(monkeypatch):
    X, y, _ = data(rows=4)
    monkeypatch.setitem(sys.modules, "cupy", None)  # is not installed
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(TypeError, match="X on a CUDA device offers DLPack alone"):
        RNNRegressor(**SMALL).fit(ByDLPack(X), y)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(from_dlpack=lambda array: array.__dlpack__()))
    expected = RNNRegressor(**SMALL).fit(Elsewhere(X), Elsewhere(y))
    found = RNNRegressor(**SMALL).fit(ByDLPack(X), ByDLPack(y))
    assert found.loss_curve_ == expected.loss_curve_
    with pytest.raises(TypeError, match="cannot be read by the CPU"):
        RNNRegressor(**SMALL | {"device": "cpu"}).fit(ByDLPack(X), y)
