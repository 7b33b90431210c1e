"""The memory tasks are what their docstrings say."""

import re

import numpy as np
import pytest

from tsrnn import datasets


@pytest.mark.parametrize("length", [2, 3, 7, 50])
def test_adding_problem_has_a_mark_in_each_half(length):
    X, y = datasets.make_adding_problem(300, length, random_state=0)
    assert X.shape == (300, length, 2)
    assert y.shape == (300,)
    assert X.dtype == y.dtype == np.float64
    values, marks = X[:, :, 0], X[:, :, 1]
    assert ((values >= 0) & (values < 1)).all()
    assert np.isin(marks, (0, 1)).all()
    assert (marks[:, : length // 2].sum(axis=1) == 1).all()
    assert (marks[:, length // 2 :].sum(axis=1) == 1).all()
    np.testing.assert_allclose(y, (values * marks).sum(axis=1), rtol=1e-15)
    # Every position is drawn sooner or later, the first and the last included.
    assert marks.any(axis=0).all()


def test_adding_problem_baseline():
    _, y = datasets.make_adding_problem(50_000, 10, random_state=0)
    # The squared error's own standard deviation is 0.20, so 50,000 of them stray by 0.001.
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, abs=0.004)


@pytest.mark.parametrize(("delay", "n_symbols"), [(0, 1), (0, 4), (1, 1), (20, 3)])
def test_delayed_copy_shows_then_waits_then_asks(delay, n_symbols):
    X, y = datasets.make_delayed_copy(50, delay, n_symbols=n_symbols, random_state=0)
    assert X.shape == (50, n_symbols + delay + 1, 2)
    assert y.shape == (50, n_symbols)
    assert X.dtype == y.dtype == np.float64
    assert ((y >= -1) & (y < 1)).all()
    np.testing.assert_array_equal(X[:, :n_symbols, 0], y)
    assert not X[:, n_symbols:, 0].any()
    assert not X[:, :-1, 1].any()
    assert (X[:, -1, 1] == 1).all()
    assert not np.shares_memory(X, y)


def test_delayed_copy_baseline():
    _, y = datasets.make_delayed_copy(20_000, 3, n_symbols=4, random_state=0)
    assert np.mean(y**2) == pytest.approx(1 / 3, abs=0.005)
    remembered = np.zeros_like(y)
    remembered[:, 0] = y[:, 0]
    assert np.mean((y - remembered) ** 2) == pytest.approx((4 - 1) / (3 * 4), abs=0.005)


MAKERS = [datasets.make_adding_problem, datasets.make_delayed_copy]


@pytest.mark.parametrize("make", MAKERS)
def test_seed_decides_the_numbers(make):
    X, y = make(20, 10, random_state=3)
    for again in (3, np.int64(3), np.random.RandomState(3)):
        X_again, y_again = make(20, 10, random_state=again)
        np.testing.assert_array_equal(X_again, X)
        np.testing.assert_array_equal(y_again, y)
    assert not np.array_equal(make(20, 10, random_state=4)[0], X)
    rng = np.random.RandomState(3)
    assert not np.array_equal(make(20, 10, random_state=rng)[0], make(20, 10, random_state=rng)[0])


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("random_state", [None, 0])
def test_global_generator_is_left_alone(make, random_state):
    before = np.random.get_state()  # noqa: NPY002
    X, _ = make(20, 10, random_state=random_state)
    after = np.random.get_state()  # noqa: NPY002
    assert before[2:] == after[2:]
    np.testing.assert_array_equal(before[1], after[1])
    assert np.array_equal(make(20, 10, random_state=random_state)[0], X) == (random_state == 0)


@pytest.mark.parametrize(
    ("make", "arguments", "name", "minimum"),
    [
        (datasets.make_adding_problem, {"n_samples": 1, "length": 2}, "n_samples", 1),
        (datasets.make_adding_problem, {"n_samples": 1, "length": 2}, "length", 2),
        (datasets.make_delayed_copy, {"n_samples": 1, "delay": 0}, "n_samples", 1),
        (datasets.make_delayed_copy, {"n_samples": 1, "delay": 0}, "delay", 0),
        (datasets.make_delayed_copy, {"n_samples": 1, "delay": 0}, "n_symbols", 1),
    ],
)
def test_counts_are_checked(make, arguments, name, minimum):
    make(**{**arguments, name: np.int32(minimum)})
    message = f"{name} must be an integer of at least {minimum}, got "
    with pytest.raises(ValueError, match=f"^{message}{minimum - 1}$"):
        make(**{**arguments, name: minimum - 1})
    for wrong in (2.0, True, "2", None):
        with pytest.raises(TypeError, match=f"^{message}{re.escape(repr(wrong))}$"):
            make(**{**arguments, name: wrong})


@pytest.mark.parametrize("make", MAKERS)
def test_random_state_is_checked(make):
    with pytest.raises(ValueError, match="seed"):
        make(2, 4, random_state="no seed")
