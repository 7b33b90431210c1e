"""Gathering steps of streams, against slices."""

import numpy as np
import pytest

from gradcheck import assert_close
from tsrnn.kernels.streams import gather_streams, typical_change
from tsrnn.kernels.windows import LAST, SERIES

TOLERANCE = {np.float64: 1e-13, np.float32: 1e-6}
CENTRINGS = {"series": SERIES, "last": LAST}
every_type = pytest.mark.parametrize("dtype", TOLERANCE)
every_centring = pytest.mark.parametrize("centring", CENTRINGS)

CENTRE, SCALE = np.array([0.5, -1.0, 0.0]), np.array([2.0, 0.5, 3.0])


def gathered(values, begin, end, first, steps, segment, horizon, count, centring, dtype=np.float64):
    rows = len(first)
    x = np.full((count * segment, rows, 1), np.nan, dtype)
    y = np.full((count * rows, horizon), np.nan, dtype)
    bounds = [np.array(bound) for bound in (begin, end, first, steps)]
    gather_streams(values, *bounds, segment, CENTRINGS[centring], CENTRE[:rows], SCALE[:rows], x, y)
    return x[:, :, 0], y.reshape(count, rows, horizon)


@every_centring
@every_type
@pytest.mark.parametrize("segment", [1, 3])
@pytest.mark.parametrize("horizon", [0, 1, 4])
def test_steps_are_slices(centring, dtype, segment, horizon):
    """Two series in one array; a third stream has nothing left to read."""
    values = np.random.default_rng(0).standard_normal(60)
    begin, end, first, steps = [0, 30, 30], [30, 60, 60], [0, 41, 33], [4, 2, 0]
    x, y = gathered(values, begin, end, first, steps, segment, horizon, 4, centring, dtype)
    assert x.dtype == y.dtype == dtype
    for b in range(3):
        for k in range(4):
            here = slice(k * segment, (k + 1) * segment)
            start = first[b] + k * segment
            if k >= steps[b]:
                expected, after = np.zeros(segment), np.zeros(horizon)
            elif centring == "series":
                expected = (values[start : start + segment] - CENTRE[b]) / SCALE[b]
                after = (values[start + segment : start + segment + horizon] - CENTRE[b]) / SCALE[b]
            else:
                before = values[start - 1] if start > begin[b] else values[start]
                expected = (values[start : start + segment] - before) / SCALE[b]
                last = values[start + segment - 1]
                after = (values[start + segment : start + segment + horizon] - last) / SCALE[b]
            assert_close(x[here, b], expected, TOLERANCE[dtype])
            assert_close(y[k, b], after, TOLERANCE[dtype])


@every_centring
def test_nothing_is_read_beyond_the_series(centring):
    """Neither what precedes it in the array nor what follows."""
    values = np.concatenate([[np.nan], np.arange(1.0, 7.0), [np.nan]])
    x, y = gathered(values, [1], [7], [1], [6], 1, 3, 6, centring)
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
    assert not y[-1].any()
    assert not y[-2, 0, 1:].any()


def test_a_large_level_does_not_cost_the_digits_of_small_changes():
    changes = np.random.default_rng(0).standard_normal(20)
    near, far = (gathered(level + changes, [0], [20], [1], [9], 2, 2, 9, "last", np.float32) for level in (0.0, 1e9))
    for a, b in zip(near, far, strict=True):
        assert_close(b, a, 1e-6)


@every_type
@pytest.mark.parametrize("segment", [1, 5])
def test_typical_change(dtype, segment):
    """In float64 whatever the type of the values."""
    values = (1e4 + np.random.default_rng(0).standard_normal(40)).astype(dtype)
    exact = values.astype(np.float64)
    expected = np.sqrt(np.mean((exact[segment:] - exact[:-segment]) ** 2))
    assert typical_change(values, segment) == pytest.approx(expected, rel=1e-13)
