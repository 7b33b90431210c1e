"""Cutting a batch into chunks, and the threads that take them."""

import os
import threading
from itertools import pairwise

import joblib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_limits

from tsrnn.training.parallel import (
    CHUNK_ROWS,
    CHUNK_WORK,
    MANY_CHUNKS,
    MOST_ROWS,
    Workers,
    chunk_bounds,
    n_threads,
    single_threaded_blas,
)


@given(rows=st.integers(1, 100_000), work=st.integers(1, 10**9))
def test_chunks_cover_the_batch_in_order_and_are_even(rows, work):
    bounds = chunk_bounds(rows, work)
    sizes = [stop - start for start, stop in bounds]
    assert bounds[0][0] == 0
    assert bounds[-1][1] == rows
    assert all(one[1] == other[0] for one, other in pairwise(bounds))
    assert min(sizes) >= 1
    assert max(sizes) <= MOST_ROWS
    assert max(sizes) - min(sizes) <= 1
    # No more chunks than it takes.
    assert (len(bounds) - 1) * CHUNK_ROWS < rows
    # Longer ones only of rows that are little work, and where they are many.
    assert max(sizes) <= CHUNK_ROWS or ((max(sizes) - 1) * work < CHUNK_WORK and len(bounds) >= MANY_CHUNKS)


def test_rows_of_small_layers_share_a_chunk():
    assert len(chunk_bounds(4096, work=CHUNK_WORK // CHUNK_ROWS)) == 128
    assert len(chunk_bounds(4096, work=CHUNK_WORK // 64)) == 64
    assert len(chunk_bounds(4096, work=CHUNK_WORK // 128)) == 32
    assert len(chunk_bounds(1024, work=1)) == MANY_CHUNKS
    assert len(chunk_bounds(MOST_ROWS * 100, work=1)) == 100


def test_a_small_batch_is_cut_in_two_where_both_halves_are_worth_a_thread():
    worth = 2 * CHUNK_WORK // CHUNK_ROWS
    assert [len(chunk_bounds(CHUNK_ROWS, work=work)) for work in (1, worth - 1, worth)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("n_jobs", "limit", "expected"),
    [
        (None, None, 8),
        (None, "3", 3),
        (None, "1", 1),
        (None, "64", 8),
        (None, "", 8),
        (None, "0", 8),
        (None, "many", 8),
        (-1, None, 8),
        (-1, "3", 8),
        (-2, None, 7),
        (-100, None, 1),
        (1, None, 1),
        (5, "3", 5),
        (20, None, 20),
    ],
)
def test_number_of_threads(monkeypatch, n_jobs, limit, expected):
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    monkeypatch.setattr(single_threaded_blas, "others", lambda: [16, 8])
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if limit is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert n_threads(n_jobs) == expected


@pytest.fixture
def eight_processors(monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if not single_threaded_blas.others():
        pytest.skip("no BLAS here whose threads can be counted and set")


def test_limits_around_are_kept_to(eight_processors):
    """Also by a second fit in the process: the first one's limit of a single BLAS thread is not for it."""
    with threadpool_limits(2):
        assert [n_threads(n_jobs) for n_jobs in (None, -1, 5)] == [2, 8, 5]
        with single_threaded_blas():
            assert n_threads(None) == 2
    with threadpool_limits(3, user_api="blas"), single_threaded_blas(), single_threaded_blas():
        assert n_threads(None) == 3
    with threadpool_limits(1):
        assert n_threads(None) == 1


def test_a_blas_without_threads_is_no_limit(eight_processors, monkeypatch):
    """Nobody has asked for a single one."""
    single_threaded_blas.others()
    for library in single_threaded_blas._controller.lib_controllers:
        monkeypatch.setattr(library, "threading_layer", "disabled")
    with threadpool_limits(1):
        assert n_threads(None) == 8


def test_joblib_tells_its_workers_how_many():
    """By the variable that is read here; each is granted two threads where joblib would give it its share."""
    try:
        with joblib.parallel_config("loky", inner_max_num_threads=2):
            found = joblib.Parallel(n_jobs=2)(joblib.delayed(os.getenv)("OMP_NUM_THREADS") for _ in range(2))
    finally:
        get_reusable_executor().shutdown(wait=True)
    assert found == ["2", "2"]


every_number = pytest.mark.parametrize("n_jobs", [1, 2, 4])


@every_number
@pytest.mark.parametrize("n_tasks", [0, 1, 3, 50])
def test_each_task_runs_once(n_jobs, n_tasks):
    done = []
    with Workers(n_jobs) as workers:
        workers.run(lambda worker, k: done.append(k), n_tasks)
        assert sorted(done) == list(range(n_tasks))
        workers.run(lambda worker, k: done.append(k), n_tasks)
    assert sorted(done) == sorted(2 * list(range(n_tasks)))


@every_number
def test_a_worker_does_one_task_at_a_time(n_jobs):
    """Its work space is its own."""
    locks = [threading.Lock() for _ in range(n_jobs)]

    def task(worker, k):
        assert locks[worker].acquire(blocking=False)
        threading.Event().wait(0.001)
        locks[worker].release()

    with Workers(n_jobs) as workers:
        workers.run(task, 40)


def test_tasks_run_at_the_same_time():
    """Each of two tasks waits for the other."""
    together = threading.Barrier(2)
    with Workers(2) as workers:
        workers.run(lambda worker, k: together.wait(timeout=60), 2)


@every_number
@pytest.mark.parametrize("bad", [0, 7])
def test_an_exception_in_a_task_reaches_the_caller(n_jobs, bad):
    def task(worker, k):
        if k == bad:
            raise KeyError(f"task {k}")

    with Workers(n_jobs) as workers:
        with pytest.raises(KeyError, match=f"task {bad}"):
            workers.run(task, 10)
        done = []
        workers.run(lambda worker, k: done.append(k), 3)  # the workers are still there
        assert sorted(done) == [0, 1, 2]


def test_an_exception_in_another_thread_reaches_the_caller():
    """The caller's own task waits, so that the other thread has to take the one that fails."""
    failed = threading.Event()

    def task(worker, k):
        if worker == 0:
            failed.wait(timeout=60)
        else:
            failed.set()
            raise KeyError("elsewhere")

    with Workers(2) as workers, pytest.raises(KeyError, match="elsewhere"):
        workers.run(task, 2)


def test_threads_start_with_the_first_tasks_to_share():
    before = set(threading.enumerate())
    with Workers(3) as workers:
        workers.run(lambda worker, k: None, 1)
        assert set(threading.enumerate()) <= before
        workers.run(lambda worker, k: None, 2)
        assert len(set(threading.enumerate()) - before) == 1


def test_threads_end_with_their_workers():
    before = set(threading.enumerate())
    with Workers(3) as workers:
        workers.run(lambda worker, k: None, 10)
    assert set(threading.enumerate()) <= before
