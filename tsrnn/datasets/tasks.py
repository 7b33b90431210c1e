"""The classic tests of a network's memory: sequences made on the spot."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state


def _check_count(name, value, minimum):
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer of at least {minimum}, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be an integer of at least {minimum}, got {value}")


def _generator(random_state):
    # scikit-learn answers None with NumPy's global generator, which is not ours to advance.
    return np.random.RandomState() if random_state is None else check_random_state(random_state)


def make_adding_problem(n_samples, length, *, random_state=None):
    """Sequences of numbers of which two are marked; the target is their sum.

    One mark falls in the first half of the sequence (the first ``length // 2`` steps) and one in the
    rest, each uniformly, so that a network must carry a value over about half the sequence.

    Predicting the mean, 1, for every sequence has a mean squared error of 1/6, the variance of the sum
    of two independent uniform numbers; less means that something was remembered.

    Parameters
    ----------
    n_samples : int
        Number of sequences, at least 1.
    length : int
        Steps of a sequence, at least 2.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed or generator of the numbers; ``None`` makes a new generator, and leaves NumPy's global one be.

    Returns
    -------
    X : numpy.ndarray of shape (n_samples, length, 2)
        Oldest step first. Channel 0 holds values uniform in [0, 1), channel 1 the marks: two ones,
        else zeros.
    y : numpy.ndarray of shape (n_samples,)
        Sum of the two marked values.

    Raises
    ------
    TypeError
        A count is no integer.
    ValueError
        A count is too small.

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. *Neural Computation*, 9(8),
    1735-1780, experiment 4, adapted.

    Le, Q. V., Jaitly, N. and Hinton, G. E. (2015). A simple way to initialize recurrent networks of
    rectified linear units. arXiv:1504.00941.

    Arjovsky, M., Shah, A. and Bengio, Y. (2016). Unitary evolution recurrent neural networks. *ICML*,
    for a mark in each half.

    Examples
    --------
    >>> from tsrnn.datasets import make_adding_problem
    >>> X, y = make_adding_problem(100, 50, random_state=0)
    >>> X.shape, y.shape
    ((100, 50, 2), (100,))
    >>> marked = X[0, :, 1] == 1
    >>> bool(X[0, marked, 0].sum() == y[0])
    True
    """
    _check_count("n_samples", n_samples, 1)
    _check_count("length", length, 2)
    rng = _generator(random_state)
    X = np.zeros((n_samples, length, 2))
    X[:, :, 0] = rng.uniform(size=(n_samples, length))
    rows = np.arange(n_samples)
    first = rng.randint(0, length // 2, size=n_samples)
    second = rng.randint(length // 2, length, size=n_samples)
    X[rows, first, 1] = X[rows, second, 1] = 1
    return X, X[rows, first, 0] + X[rows, second, 0]


def make_delayed_copy(n_samples, delay, *, n_symbols=4, random_state=None):
    """Sequences that open with a few numbers, then blanks; the target is those numbers, in order.

    The copying task in a form for regression: the symbols are real numbers, and all of them are asked
    for at once, after the last step, instead of one a step. A sequence is `n_symbols` steps of symbols,
    `delay` blank steps and one step with the recall mark: ``n_symbols + delay + 1`` steps.

    Predicting the mean, 0, for every symbol has a mean squared error of 1/3, the variance of a uniform
    number in [-1, 1]; remembering j of the k symbols exactly brings it to ``(k - j) / (3 * k)``.

    Parameters
    ----------
    n_samples : int
        Number of sequences, at least 1.
    delay : int
        Blank steps between the last symbol and the recall mark, at least 0.
    n_symbols : int, default=4
        Symbols to be remembered, at least 1.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed or generator of the numbers; ``None`` makes a new generator, and leaves NumPy's global one be.

    Returns
    -------
    X : numpy.ndarray of shape (n_samples, n_symbols + delay + 1, 2)
        Oldest step first. Channel 0 holds the symbols, uniform in [-1, 1), then zeros; channel 1 is one
        at the last step, else zero.
    y : numpy.ndarray of shape (n_samples, n_symbols)
        The symbols, the first shown first.

    Raises
    ------
    TypeError
        A count is no integer.
    ValueError
        A count is too small.

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. *Neural Computation*, 9(8),
    1735-1780.

    Arjovsky, M., Shah, A. and Bengio, Y. (2016). Unitary evolution recurrent neural networks. *ICML*.

    Examples
    --------
    >>> from tsrnn.datasets import make_delayed_copy
    >>> X, y = make_delayed_copy(100, 20, n_symbols=3, random_state=0)
    >>> X.shape, y.shape
    ((100, 24, 2), (100, 3))
    >>> bool((X[:, :3, 0] == y).all())
    True
    """
    _check_count("n_samples", n_samples, 1)
    _check_count("delay", delay, 0)
    _check_count("n_symbols", n_symbols, 1)
    rng = _generator(random_state)
    y = rng.uniform(-1, 1, size=(n_samples, n_symbols))
    X = np.zeros((n_samples, n_symbols + delay + 1, 2))
    X[:, :n_symbols, 0] = y
    X[:, -1, 1] = 1
    return X, y
