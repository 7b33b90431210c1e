"""The shapes of the learning-rate schedules."""

import numpy as np
import pytest

from tsrnn.training.schedule import SCHEDULES, WARM_UP, constant, cosine, staircase


def shares(schedule, total):
    return np.array([schedule(step, total) for step in range(total)])


def test_constant():
    np.testing.assert_array_equal(shares(constant, 7), 1)


def test_staircase():
    np.testing.assert_array_equal(shares(staircase, 8), [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


@pytest.mark.parametrize("total", [100, 1000, 5000])
def test_cosine(total):
    values = shares(cosine, total)
    ramp = min(WARM_UP, 1 + total // 10)
    assert (np.diff(values[:ramp]) > 0).all()
    np.testing.assert_allclose(values[0], 1 / ramp, rtol=1e-3)
    assert (np.diff(values[ramp:]) < 0).all()
    half = values[ramp:] - 0.5 * (1 + np.cos(np.pi * np.arange(ramp, total) / total))
    np.testing.assert_allclose(half, 0, atol=1e-15)
    assert values[-1] < 3 / total


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("total", [1, 2, 3, 10, 11, 50, 999])
def test_every_update_has_a_positive_rate_of_at_most_the_initial_one(name, total):
    values = shares(SCHEDULES[name], total)
    assert (values > 0).all()
    assert (values <= 1).all()


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_single_update_is_made_at_the_initial_rate(name):
    assert SCHEDULES[name](0, 1) == 1
