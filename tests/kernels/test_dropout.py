"""Dropout: a mask that is a function of key and position."""

import numpy as np
import pytest

from tsrnn.kernels.dropout import dropout

TYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
N = 4000


def apply(a, key, rate=0.3, first=0):
    out = np.full_like(a, np.nan)
    threshold, scale = np.uint64(rate * 2**32), a.dtype.type(1 / (1 - rate))
    dropout(a, out, np.uint64(key), np.uint64(first), threshold, scale)
    return out


def kept(key, rate=0.3, first=0, n=N):
    return apply(np.ones(n), key, rate, first) != 0


def deviation(rate, n):
    """Standard deviation of the share of n independent events of probability `rate`."""
    return (rate * (1 - rate) / n) ** 0.5


@TYPES
def test_values_are_scaled_or_zero(dtype):
    a = np.arange(1, 101, dtype=dtype)
    out = apply(a, key=1, rate=0.2)
    np.testing.assert_allclose(out[out != 0], a[out != 0] / 0.8, rtol=1e-6)
    assert 0 < (out == 0).sum() < 100


@TYPES
def test_in_place(dtype):
    a = np.arange(1, 101, dtype=dtype)
    expected = apply(a, key=5)
    dropout(a, a, np.uint64(5), np.uint64(0), np.uint64(0.3 * 2**32), dtype(1 / 0.7))
    np.testing.assert_array_equal(a, expected)


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("key", [0, 1, 2**32 - 1])
def test_share_dropped(rate, key):
    assert abs((~kept(key, rate)).mean() - rate) < 4 * deviation(rate, N)


def test_same_key_same_mask():
    np.testing.assert_array_equal(kept(7), kept(7))


@TYPES
def test_mask_does_not_depend_on_the_type(dtype):
    np.testing.assert_array_equal(apply(np.ones(N, dtype), 7) != 0, kept(7))


@pytest.mark.parametrize("keys", [(7, 8), (0, 2**31), (123456789, 987654321)])
def test_masks_of_two_keys_are_unrelated(keys):
    one, other = (kept(key) for key in keys)
    share = 0.7**2 + 0.3**2
    assert abs((one == other).mean() - share) < 4 * deviation(share, N)


@pytest.mark.parametrize("lag", [1, 2, 16, 64])
def test_neighbours_in_a_mask_are_unrelated(lag):
    mask = kept(7)
    share = 0.7**2 + 0.3**2
    assert abs((mask[lag:] == mask[:-lag]).mean() - share) < 4 * deviation(share, N - lag)


@pytest.mark.parametrize("first", [1, 64, 999])
def test_mask_of_a_slice_is_the_slice_of_the_mask(first):
    np.testing.assert_array_equal(kept(7, first=first, n=N - first), kept(7)[first:])


def test_expectation_is_the_value():
    keys = np.random.default_rng(0).integers(2**32, size=500)
    a = np.array([1.0, -2.0, 3.0])
    mean = np.mean([apply(a, key) for key in keys], axis=0)
    # A value survives with probability 0.7, scaled by 1 / 0.7.
    np.testing.assert_allclose(mean / a, 1, atol=4 * deviation(0.7, len(keys)) / 0.7)


@TYPES
def test_nan_is_not_dropped(dtype):
    assert np.isnan(apply(np.full(50, np.nan, dtype), key=1)).all()
