"""Several fits in one process at the same time, and the process-wide setting of BLAS that they share."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from training.problems import make_network, make_samples, train
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


def test_a_fit_computes_with_one_blas_thread(two_threads):
    """Looked at from within, where the samples of a chunk are gathered."""
    seen = []
    samples = make_samples(40)
    gather = samples.gather

    def watched(*arguments):
        seen.append(set(blas_threads().values()))
        gather(*arguments)

    samples.gather = watched
    train(training=samples, max_iter=1)
    assert seen == [{1}, {1}]
