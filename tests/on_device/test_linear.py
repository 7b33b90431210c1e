"""Affine maps and their gradients on the device, against the reference."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from kernels.test_linear import arrays
from on_device.case import on_device, unwritten
from tsrnn.kernels import linear as loops
from tsrnn.kernels.cuda import linear, products, tilings
from tsrnn.kernels.cuda.families import TF32_FROM, capability
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import SIMULATED
from tsrnn.kernels.devices import run

TOLERANCE = {np.float64: 1e-13, np.float32: 2e-6}
every_type = pytest.mark.parametrize("dtype", TOLERANCE)
# Rows, inputs, outputs: one; less than a tile, a tile and several of them, in each place.
SHAPES = pytest.mark.parametrize("shape", [(1, 1, 1), (7, 4, 5), (4, 3, 9), (13, 10, 4)])


@pytest.fixture(autouse=True)
def shrunk(small_tiles):
    """Small tiles, and slices of few rows."""


@every_type
@SHAPES
def test_affine(dtype, shape):
    x, weight, bias, _ = arrays(shape, dtype)
    out = unwritten(shape[0], shape[2], dtype=dtype)
    run(loops.affine, *on_device([x, weight, bias]), out)
    assert_close(out.to_host(), naive.dense(x.astype(float), weight, bias), TOLERANCE[dtype])


@every_type
@SHAPES
def test_affine_gradients(dtype, shape):
    x, weight, _, d_out = arrays(shape, dtype)
    d_x, d_weight, d_bias = (unwritten(*s, dtype=dtype) for s in (x.shape, weight.shape, weight.shape[:1]))
    run(loops.affine_gradient, on_device(x), on_device(d_out), d_weight, d_bias)
    run(loops.affine_input_gradient, on_device(d_out), on_device(weight), d_x)
    expected = naive.dense_gradient(x.astype(float), weight.astype(float), d_out)
    for actual, value in zip((d_x, d_weight, d_bias), expected, strict=True):
        assert_close(actual.to_host(), value, TOLERANCE[dtype])


@pytest.mark.skipif(not SIMULATED, reason="tiles are compiled in")
@pytest.mark.parametrize("run", [1, 4])
@pytest.mark.parametrize("tile", [(1, 1, 8, 4, 8, 2), (2, 1, 4, 4, 4, 2), (2, 2, 4, 8, 4, 2), (3, 1, 4, 4, 4, 2)])
def test_tiles_of_every_form(monkeypatch, tile, run):
    tile = tilings.Tile(*tile)
    if tile.threads % run or tile.groups * tile.depth % run:
        pytest.skip("no such runs")
    monkeypatch.setattr(products, "RUN", run)
    monkeypatch.setattr(linear, "tile_for", lambda *shape: tile)
    x, weight, bias, d_out = arrays((9, 7, 13), np.float64)
    out, d_x, d_weight, d_bias = (unwritten(*like.shape, dtype=float) for like in (d_out, x, weight, bias))
    linear.affine(*on_device([x, weight, bias]), out)
    assert_close(out.to_host(), naive.dense(x, weight, bias), TOLERANCE[np.float64])
    linear.affine_gradient(*on_device([x, d_out]), d_weight, d_bias)
    linear.affine_input_gradient(*on_device([d_out, weight]), d_x)
    for actual, value in zip((d_x, d_weight, d_bias), naive.dense_gradient(x, weight, d_out), strict=True):
        assert_close(actual.to_host(), value, TOLERANCE[np.float64])


@pytest.mark.skipif(not SIMULATED, reason="tiles are compiled in")
@pytest.mark.parametrize(("parts", "tolerance"), [(1, 1e-3), (2, 1e-6)])
@pytest.mark.parametrize("tile", [(1, 1, 16, 8, 2, 8), (1, 2, 16, 16, 1, 16)])
def test_tiles_of_tensor_cores(monkeypatch, parts, tolerance, tile):
    """The precision that they promise; less of tf32 than of float32 shows that they are asked."""
    monkeypatch.setattr(linear, "tile_for", lambda *shape: tilings.Tile(*tile, parts))
    x, weight, bias, d_out = arrays((18, 10, 9), np.float32)
    out, d_x, d_weight, d_bias = (unwritten(*like.shape, dtype=np.float32) for like in (d_out, x, weight, bias))
    linear.affine(*on_device([x, weight, bias]), out)
    expected = naive.dense(x.astype(float), weight, bias)
    assert_close(out.to_host(), expected, tolerance)
    assert parts == 2 or abs(out.to_host() - expected).max() > 1e-5
    linear.affine_gradient(*on_device([x, d_out]), d_weight, d_bias)
    linear.affine_input_gradient(*on_device([d_out, weight]), d_x)
    expected = naive.dense_gradient(x.astype(float), weight.astype(float), d_out)
    for actual, value in zip((d_x, d_weight, d_bias), expected, strict=True):
        assert_close(actual.to_host(), value, tolerance)


def test_the_precision_of_an_array_says_how_products_are_made():
    kinds = [tilings.kind_of(Array.empty(1, np.float32, precision)) for precision in ("float32", "tf32")]
    assert kinds == (["split", "tf32"] if capability() >= TF32_FROM else ["float32"] * 2)
    assert tilings.kind_of(Array.empty(1, np.float64, "tf32")) == "float64"


@pytest.mark.skipif(SIMULATED, reason="takes a GPU's time")
@every_type
def test_tiles_of_their_own_size(dtype):
    """Shapes at which each of the tiles is taken."""
    for shape in [(700, 300, 130), (130, 70, 33), (3000, 5, 9), (5000, 70, 200)]:
        x, weight, bias, d_out = arrays(shape, dtype)
        out, d_x, d_weight, d_bias = (unwritten(*like.shape, dtype=dtype) for like in (d_out, x, weight, bias))
        linear.affine(*on_device([x, weight, bias]), out)
        assert_close(out.to_host(), naive.dense(x.astype(float), weight, bias), TOLERANCE[dtype])
        linear.affine_gradient(*on_device([x, d_out]), d_weight, d_bias)
        linear.affine_input_gradient(*on_device([d_out, weight]), d_x)
        expected = naive.dense_gradient(x.astype(float), weight.astype(float), d_out)
        for actual, value in zip((d_x, d_weight, d_bias), expected, strict=True):
            assert_close(actual.to_host(), value, TOLERANCE[dtype])


@every_type
def test_inputs_that_do_not_lie_in_one_piece(dtype):
    x, weight, bias, d_out = arrays((5, 3, 4), dtype)
    wide = on_device(np.concatenate([x, d_out], axis=1))
    out, d_weight, d_bias = unwritten(5, 4, dtype=dtype), unwritten(4, 3, dtype=dtype), unwritten(4, dtype=dtype)
    run(loops.affine, wide[:, :3], on_device(weight), on_device(bias), out)
    assert_close(out.to_host(), naive.dense(x, weight, bias), TOLERANCE[dtype])
    run(loops.affine_gradient, wide[:, :3], wide[:, 3:], d_weight, d_bias)
    _, *expected = naive.dense_gradient(x.astype(float), weight.astype(float), d_out)
    for actual, value in zip((d_weight, d_bias), expected, strict=True):
        assert_close(actual.to_host(), value, TOLERANCE[dtype])


@every_type
def test_nan_stays_in_its_row(dtype):
    x, weight, bias, _ = arrays((5, 6, 4), dtype)
    x[1, 5] = np.nan
    out = unwritten(5, 4, dtype=dtype)
    run(loops.affine, *on_device([x, weight, bias]), out)
    np.testing.assert_array_equal(np.isnan(out.to_host()), np.arange(5)[:, None] == np.full(4, 1))


@every_type
@pytest.mark.parametrize("rows", [1, 2, 7, 40])
def test_column_sums(dtype, rows):
    a = np.random.default_rng(0).standard_normal((rows, 3)).astype(dtype)
    out = unwritten(3, dtype=dtype)
    run(loops.column_sums, on_device(a), out)
    assert_close(out.to_host(), a.astype(float).sum(axis=0), TOLERANCE[dtype])


def test_slices_are_few_where_their_sums_are_large(monkeypatch):
    seen = []

    def cut(rows, blocks, size=2):
        out = Array.empty(size, np.float32)
        linear.in_slices(lambda length, parts: seen.append((len(parts), length)), rows, blocks, out)
        return seen[-1]

    monkeypatch.setattr(linear, "SLICE", 8)
    monkeypatch.setattr(linear, "SLICES_BLOCKS", 10)
    for rows in (1, 7, 8, 9, 63, 100, 1000):
        for blocks in (1, 3, 20):
            n_slices, length = cut(rows, blocks)
            assert (n_slices - 1) * length < rows <= n_slices * length  # none is empty
            assert n_slices == 1 or n_slices * blocks <= 10
    assert cut(1000, 1)[0] > 1


@every_type
def test_small_ones(dtype):
    x = np.random.default_rng(0).standard_normal((4, 3, 5)).astype(dtype)
    out = unwritten(3, 8, dtype=dtype)
    run(loops.steps_to_columns, on_device(x)[:, :, :2], out)
    np.testing.assert_array_equal(out.to_host(), x[:, :, :2].transpose(1, 0, 2).reshape(3, 8))
    total, more = on_device(x[0]), on_device(x[1])
    run(loops.accumulate, total, more)
    np.testing.assert_array_equal(total.to_host(), x[0] + x[1])
