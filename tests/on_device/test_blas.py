"""Products by cuBLAS: what it is told, by a library that stands in for it, and on a GPU that has it, what it says."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from kernels.test_linear import arrays
from on_device.case import on_device, unwritten
from tsrnn.kernels.cuda import linear
from tsrnn.kernels.cuda.machine import blas
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import SIMULATED

TOLERANCE = {np.float64: 1e-13, np.float32: 2e-6}
every_type = pytest.mark.parametrize("dtype", TOLERANCE)
in_simulator = pytest.mark.skipif(not SIMULATED, reason="the stand-in computes on the host")


class StandIn:
    """The functions of the library that are called, by its manual: matrices lie column after column."""

    def __init__(self, fails=()):
        self.said = []
        self.fails = fails

    def __getattr__(self, name):
        if name not in ("cublasCreate_v2", "cublasSetMathMode", "cublasSetStream_v2", "cublasSetWorkspace_v2"):
            raise AttributeError(name)

        def answer(*arguments):
            self.said.append(name)
            return 1 if name in self.fails else 0

        return answer

    def cublasSgemm_v2(self, *arguments):
        return self._multiply("cublasSgemm_v2", np.float32, *arguments)

    def cublasDgemm_v2(self, *arguments):
        return self._multiply("cublasDgemm_v2", np.float64, *arguments)

    def _multiply(self, name, dtype, handle, turn_a, turn_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        self.said.append(name)
        if name in self.fails:
            return 13
        turn_a, turn_b, m, n, k, lda, ldb, ldc = (x.value for x in (turn_a, turn_b, m, n, k, lda, ldb, ldc))
        a = self._matrix(dtype, a, lda, *((k, m) if turn_a else (m, k)))
        b = self._matrix(dtype, b, ldb, *((n, k) if turn_b else (k, n)))
        out = self._matrix(dtype, c, ldc, m, n)
        product = alpha._obj.value * (a.T if turn_a else a) @ (b.T if turn_b else b)
        out[...] = product + (beta._obj.value * out if beta._obj.value else 0)  # zero times NaN is not asked for
        return 0

    @staticmethod
    def _matrix(dtype, pointer, leading, rows, columns):
        assert leading >= rows
        number = np.ctypeslib.as_ctypes_type(dtype)
        flat = np.ctypeslib.as_array((number * (leading * columns)).from_address(pointer.value))
        return flat.reshape(columns, leading)[:, :rows].T


@pytest.fixture
def library(monkeypatch):
    library = StandIn()
    monkeypatch.setattr(blas, "SMALLEST", 2)
    monkeypatch.setattr(blas, "WORK_SPACE", 16)
    monkeypatch.setattr(blas, "KINDS", {"float64", "split", "tf32"})
    started = blas.Blas(library)
    monkeypatch.setattr(blas, "found", lambda: started)
    return library


def assert_products(shape, dtype):
    x, weight, bias, d_out = arrays(shape, dtype)
    out, d_x, d_weight, d_bias = (unwritten(*like.shape, dtype=dtype) for like in (d_out, x, weight, bias))
    linear.affine(*on_device([x, weight, bias]), out)
    assert_close(out.to_host(), naive.dense(x.astype(float), weight, bias), TOLERANCE[dtype])
    linear.affine_gradient(*on_device([x, d_out]), d_weight, d_bias)
    linear.affine_input_gradient(*on_device([d_out, weight]), d_x)
    expected = naive.dense_gradient(x.astype(float), weight.astype(float), d_out)
    for actual, value in zip((d_x, d_weight, d_bias), expected, strict=True):
        assert_close(actual.to_host(), value, TOLERANCE[dtype])


@in_simulator
@every_type
@pytest.mark.parametrize("shape", [(2, 2, 2), (7, 4, 5), (3, 9, 2)])
def test_products(library, dtype, shape):
    assert_products(shape, dtype)
    assert library.said.count("cublasSgemm_v2" if dtype == np.float32 else "cublasDgemm_v2") == 3
    assert library.said[0] == "cublasCreate_v2"
    assert library.said.index("cublasSetStream_v2") < library.said.index("cublasSetWorkspace_v2")


@in_simulator
def test_arrays_that_do_not_start_with_their_memory(library):
    _, weight, _, d_out = arrays((5, 4, 3), np.float64)
    vector = Array.from_host(np.concatenate([[np.nan], weight.ravel(), [np.nan]]))
    d_x = unwritten(5, 4, dtype=float)
    linear.affine_input_gradient(on_device(d_out), vector[1:-1].reshape(3, 4), d_x)
    assert_close(d_x.to_host(), d_out @ weight, 1e-13)


@in_simulator
def test_where_it_fails_the_kernels_compute(library):
    library.fails = ("cublasDgemm_v2",)
    assert_products((7, 4, 5), np.float64)
    assert library.said.count("cublasDgemm_v2") == 3


@in_simulator
def test_small_products_are_not_for_it(library, monkeypatch):
    monkeypatch.setattr(blas, "SMALLEST", 5)
    assert_products((7, 4, 5), np.float64)
    assert "cublasDgemm_v2" not in library.said


def test_what_does_not_start_is_unusable():
    with pytest.raises(blas.UnusableError, match="cublasCreate_v2: status 1"):
        blas.Blas(StandIn(fails=("cublasCreate_v2",)))


@in_simulator
def test_nothing_is_looked_for_before_a_large_product(monkeypatch):
    monkeypatch.setattr(blas, "found", lambda: pytest.fail("looked for"))
    assert not blas.worth(4096, 4096, blas.SMALLEST - 1, "float64")


def test_a_library_without_a_gpu_is_none():
    if not SIMULATED:
        pytest.skip("there is a GPU")
    blas.found.cache_clear()
    assert blas.found() is None
    blas.found.cache_clear()


@pytest.mark.skipif(SIMULATED, reason="needs a GPU")
@every_type
def test_on_a_gpu(monkeypatch, dtype):
    monkeypatch.setattr(blas, "KINDS", {"float64", "split", "tf32"})
    if blas.found() is None:
        pytest.skip("there is no cuBLAS")
    assert blas.worth(700, 300, 1000, "float64")
    assert_products((700, 1000, 300), dtype)
    a, b = on_device(arrays((700, 1000, 300), dtype)[:2])
    results = []
    for _ in range(5):
        out = unwritten(700, 300, dtype=dtype)
        assert blas.multiplied(a, b, out, b_turned=True)
        results.append(out.to_host())
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.skipif(SIMULATED, reason="needs a GPU")
def test_float32_is_not_rounded_to_less():
    if blas.found() is None:
        pytest.skip("there is no cuBLAS")
    a = np.full((256, 256), 1 + 2**-12, np.float32)  # 12 bits: one more than tensor cores would keep
    out = unwritten(256, 256, dtype=np.float32)
    assert blas.multiplied(*on_device([a, np.eye(256, dtype=np.float32)]), out)
    np.testing.assert_array_equal(out.to_host(), a)
