"""Several fits in one process at the same time, the process-wide setting of BLAS that they share, and forks."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from processes import python
from training.problems import make_network, make_samples, train
from tsrnn import RNNForecaster, RNNRegressor
from tsrnn.network.cells import CELLS
from tsrnn.training.linear import fit_linear
from tsrnn.training.parallel import single_threaded_blas


def run(seed):
    network = make_network("gru", num_layers=2, dropout=0.3)
    validation = make_samples(40, seed=seed + 1)
    return train(network=network, validation=validation, dtype=np.float32, seed=seed, n_jobs=2)


def test_two_runs_at_once_give_what_each_gives_alone():
    alone = [run(seed) for seed in (0, 1)]
    start = threading.Barrier(2)

    def together(seed):
        start.wait(timeout=60)
        return run(seed)

    with ThreadPoolExecutor(2) as pool:
        at_once = list(pool.map(together, (0, 1)))
    for one, other in zip(alone, at_once, strict=True):
        np.testing.assert_array_equal(other.parameters, one.parameters)
        assert other.history == one.history


def blas_threads():
    """Threads of each BLAS library, by its file."""
    return {info["filepath"]: info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


def in_a_thread(function):
    """Run in a thread that ends: threadpoolctl lets no other set OpenBLAS while the thread that last did lives."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


@pytest.fixture
def two_threads():
    """Sets BLAS to two threads; gives what is then reported, and expects the same in the end."""
    limits = in_a_thread(lambda: threadpool_limits(2, user_api="blas"))
    expected = blas_threads()
    if not expected or 1 in expected.values():
        pytest.skip("no BLAS here whose threads can be counted and set")
    yield expected
    after = blas_threads()
    in_a_thread(limits.restore_original_limits)
    assert after == expected


def assert_single():
    assert set(blas_threads().values()) == {1}


def test_blas_has_one_thread_within(two_threads):
    with single_threaded_blas():
        assert_single()
    assert blas_threads() == two_threads


def test_nested(two_threads):
    with single_threaded_blas():
        with single_threaded_blas():
            assert_single()
        assert_single()
    assert blas_threads() == two_threads


def test_an_exception_within(two_threads):
    with pytest.raises(KeyError), single_threaded_blas():
        raise KeyError
    assert blas_threads() == two_threads


def test_in_one_thread_after_another(two_threads):
    def use():
        with single_threaded_blas():
            return set(blas_threads().values())

    assert use() == {1}
    assert in_a_thread(use) == {1}
    assert use() == {1}
    assert blas_threads() == two_threads


def test_overlapping_in_threads(two_threads):
    """The first to come is the first to go: neither may take the setting away from the other, or leave it."""
    first_in, second_in, first_out = (threading.Event() for _ in range(3))
    seen = []

    def first():
        with single_threaded_blas():
            first_in.set()
            assert second_in.wait(timeout=60)
        first_out.set()

    def second():
        assert first_in.wait(timeout=60)
        with single_threaded_blas():
            second_in.set()
            assert first_out.wait(timeout=60)
            seen.append(set(blas_threads().values()))

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(first), pool.submit(second)]:
            future.result()
    assert seen == [{1}]
    assert blas_threads() == two_threads


def test_a_fit_restores_the_setting(two_threads):
    run(0)
    assert blas_threads() == two_threads


def test_the_ridge_computes_with_one_blas_thread(two_threads):
    """Looked at from within, where the samples of a block are gathered; the kernels call no BLAS."""
    seen = []
    samples = make_samples(40)
    gather = samples.gather

    def watched(*arguments):
        seen.append(set(blas_threads().values()))
        gather(*arguments)

    samples.gather = watched
    rng = np.random.default_rng(0)
    fit_linear(make_network(linear_skip=True), samples, np.dtype(np.float32), "squared_error", rng, 2, (1.0,))
    assert seen == [{1}]


BATCHES = {"batch_size": 150, "dropout": 0.25, "max_steps": 3, "random_state": 0}


@pytest.mark.parametrize("decoder", ["direct", "in_step", "parallel", "seq2seq"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_number_of_threads_changes_no_bit(cell, decoder):
    """More chunks than threads, of unequal sizes, in `fit` and in `predict`."""
    X = np.random.default_rng(0).standard_normal((170, 5))
    y = X if decoder == "in_step" else X[:, :2]
    one, two, four = (
        RNNRegressor(cell, decoder=decoder, hidden_size=5, max_iter=2, n_jobs=n, **BATCHES).fit(X, y) for n in (1, 2, 4)
    )
    for model in (two, four):
        np.testing.assert_array_equal(model.parameters_, one.parameters_)
        np.testing.assert_array_equal(model.predict(X), one.predict(X))


def test_a_forecast_of_few_series_starts_no_thread(monkeypatch):
    X = np.random.default_rng(0).standard_normal((64, 4))
    regressor = RNNRegressor(hidden_size=3, max_iter=1, n_jobs=4).fit(X, X[:, 0])
    forecaster = RNNForecaster(2, lookback=4, hidden_size=3, max_steps=1, n_jobs=4).fit(X)

    def start(self):
        raise AssertionError("a thread was started")

    monkeypatch.setattr(threading.Thread, "start", start)
    regressor.predict(X)
    forecaster.predict()
    forecaster.predict(y=X[:, :2])
    with pytest.raises(AssertionError, match="was started"):
        regressor.predict(np.repeat(X, 4, axis=0))


# What a child process starts with is a copy of one thread and of all memory.
FORK = """
import multiprocessing, threading
import numba
import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits
from tsrnn import RNNForecaster
from tsrnn.training.parallel import single_threaded_blas

y = np.sin(np.arange(400) / 3)


def forecast():
    model = RNNForecaster(3, lookback=9, hidden_size=5, max_steps=5, n_jobs=2, random_state=0).fit(y)
    return model.predict().to_numpy().tobytes()


def blas():
    return sorted(info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas")


def child(connection):
    connection.send((blas(), forecast(), forecast(), blas()))


def in_child():
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    process = fork.Process(target=child, args=(there,), daemon=True)
    process.start()
    assert here.poll(200), "the child hangs"
    found = here.recv()
    process.join()
    return found


threadpool_limits(2, user_api="blas")  # more than one, on every machine
before = blas()
expected = before, forecast(), forecast(), before
assert expected[1] == expected[2]
assert in_child() == expected, "after a fit"

# Another thread computes, and holds the lock, at the moment of the fork: in the child it never gives it back.
held, release = threading.Event(), threading.Event()


def hold():
    with single_threaded_blas(), single_threaded_blas._lock:
        held.set()
        release.wait()


thread = threading.Thread(target=hold)
thread.start()
held.wait()
found = in_child()
release.set()
thread.join()
assert found == expected, "in the middle of a fit"
assert blas() == before
try:
    print("Numba has started threads of its own:", numba.threading_layer())
except ValueError:  # OpenMP's do not survive a fork, those of its substitute no second caller
    print("alike")
"""


@pytest.mark.compiled
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_after_a_fork():
    """The warning that threads are running, of Python 3.12 and later, is about the cases tried here."""
    assert python("-W", "ignore::DeprecationWarning", "-c", FORK).stdout == "alike\n"
