"""Matrix products by tiles, against NumPy's in float64; what the tile promises; other processors' registers."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import assert_close
from processes import python
from tsrnn.kernels import products
from tsrnn.kernels.products import BLOCK_ROWS, FEW_ROWS, add_outer_product, add_product, laid_out
from tsrnn.kernels.tile import TALLEST, WIDTH_BYTES, host_features, registers

TOLERANCE = {np.float64: 1e-13, np.float32: 2e-6}
every_type = pytest.mark.parametrize("dtype", TOLERANCE)
sizes = st.integers(1, 70)


def normal(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


@every_type
@given(rows=sizes, inner=sizes, columns=sizes, seed=st.integers(0, 3))
def test_add_product(dtype, rows, inner, columns, seed):
    rng = np.random.default_rng(seed)
    a, b, out = (
        normal(rng, (rows, inner), dtype),
        normal(rng, (inner, columns), dtype),
        normal(rng, (rows, columns), dtype),
    )
    expected = out.astype(float) + a.astype(float) @ b.astype(float)
    add_product(a, laid_out(b, rows), out)
    assert_close(out, expected, TOLERANCE[dtype])


@every_type
@given(rows=st.integers(1, 2 * BLOCK_ROWS + 3), inputs=sizes, outputs=sizes)
def test_add_outer_product(dtype, rows, inputs, outputs):
    rng = np.random.default_rng(0)
    a, b, out = (
        normal(rng, (rows, outputs), dtype),
        normal(rng, (rows, inputs), dtype),
        normal(rng, (outputs, inputs), dtype),
    )
    expected = out.astype(float) + a.astype(float).T @ b.astype(float)
    add_outer_product(a, b, out)
    assert_close(out, expected, TOLERANCE[dtype])


@every_type
@pytest.mark.parametrize("rows", [FEW_ROWS - 1, 33])
def test_parts_of_wider_arrays(dtype, rows):
    """Columns before and after the part stay as they are; weights enter transposed, as views."""
    rng = np.random.default_rng(1)
    wide_a, weight, wide_out = (
        normal(rng, (rows, 50), dtype),
        normal(rng, (40, 31), dtype),
        normal(rng, (rows, 60), dtype),
    )
    before = wide_out.copy()
    a, out = wide_a[:, 7:38], wide_out[:, 5:45]
    add_product(a, laid_out(weight.T, rows), out)
    assert_close(wide_out[:, 5:45], before[:, 5:45] + a.astype(float) @ weight.T.astype(float), TOLERANCE[dtype])
    np.testing.assert_array_equal(np.delete(wide_out, slice(5, 45), 1), np.delete(before, slice(5, 45), 1))
    gradient, expected = np.zeros((40, 31), dtype), wide_out[:, 5:45].astype(float).T @ a.astype(float)
    add_outer_product(wide_out[:, 5:45], a, gradient)
    assert_close(gradient, expected, TOLERANCE[dtype])


@every_type
def test_nothing_to_add(dtype):
    out = np.ones((9, 5), dtype)
    add_product(np.empty((9, 0), dtype), laid_out(np.empty((0, 5), dtype), 9), out)
    add_outer_product(np.empty((0, 9), dtype), np.empty((0, 5), dtype), out)
    np.testing.assert_array_equal(out, 1)


@pytest.mark.compiled
@every_type
def test_a_row_does_not_depend_on_the_others(dtype):
    """The same bits in tiles of every height, so that a batch may be cut anywhere."""
    rng = np.random.default_rng(2)
    a, b = normal(rng, (2 * TALLEST + 7, 33), dtype), normal(rng, (33, 70), dtype)
    right = laid_out(b, len(a))
    whole = np.zeros((len(a), 70), dtype)
    add_product(a, right, whole)
    for rows in range(1, TALLEST + 3):
        part = np.zeros((rows, 70), dtype)
        add_product(a[3 : 3 + rows], right, part)
        np.testing.assert_array_equal(part, whole[3 : 3 + rows])


@every_type
def test_nan_reaches_its_row_alone(dtype):
    a, b, out = np.ones((9, 3), dtype), np.ones((3, 40), dtype), np.zeros((9, 40), dtype)
    a[4, 1] = np.nan
    add_product(a, laid_out(b, 9), out)
    assert np.isnan(out[4]).all()
    assert np.isfinite(np.delete(out, 4, axis=0)).all()


@pytest.mark.parametrize(
    ("features", "machine", "expected"),
    [
        ({"avx", "avx2", "fma", "avx512f"}, "x86_64", (64, 8, True)),
        ({"avx", "avx2", "fma"}, "AMD64", (32, 6, True)),
        ({"sse2"}, "x86_64", (16, 6, False)),
        ({"neon"}, "arm64", (16, 8, True)),
    ],
)
def test_registers(features, machine, expected):
    assert registers(features, machine) == expected


def test_width_of_a_tile():
    right = laid_out(np.ones((4, 100), np.float32), FEW_ROWS)
    assert right[1].shape == (-(-100 // (WIDTH_BYTES // 4)) * 4, WIDTH_BYTES // 4)


OTHER_PROCESSOR = """
import sys
import numpy as np
from tsrnn.kernels import lstm, tile
from tsrnn.kernels.products import add_outer_product, add_product, laid_out
rng = np.random.default_rng(0)
dtype = np.dtype(sys.argv[1])
tolerance = {"float32": 1e-5, "float64": 1e-13}[dtype.name]
for rows, inner, columns in ((13, 9, 70), (6, 33, 16), (200, 20, 37)):
    a = rng.standard_normal((rows, inner)).astype(dtype)
    b = rng.standard_normal((inner, columns)).astype(dtype)
    out = np.zeros((rows, columns), dtype)
    add_product(a, laid_out(b, rows), out)
    assert np.allclose(out, a @ b, rtol=0, atol=tolerance * inner)
    gradient = np.zeros((inner, columns), dtype)
    add_outer_product(a, out, gradient)
    assert np.allclose(gradient, a.T @ out, rtol=0, atol=tolerance * rows * inner)
print(tile.VECTOR_BYTES, tile.TALLEST, tile.FUSED)
"""


@pytest.mark.compiled
@pytest.mark.skipif("avx512f" not in host_features(), reason="the code of smaller registers is what runs here anyway")
@pytest.mark.parametrize(
    ("features", "dtype", "expected"),
    [
        ("+sse2", "float64", "16 6 False"),
        ("+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+avx,+avx2,+fma", "float32", "32 6 True"),
    ],
)
def test_smaller_registers(features, dtype, expected, tmp_path):
    """The products on a processor that this one can stand in for. Each is compiled anew: one type apiece."""
    environment = dict(os.environ, NUMBA_CPU_NAME="x86-64", NUMBA_CPU_FEATURES=features, NUMBA_CACHE_DIR=str(tmp_path))
    environment["PYTHONPATH"] = str(Path(products.__file__).parents[2])
    assert python("-c", OTHER_PROCESSOR, dtype, env=environment).stdout.strip() == expected
