"""Running the chunks of a batch on several threads.

The kernels release the interpreter's lock, so plain threads do. The cutting into chunks depends on the batch
alone, and what chunks return is combined in their order: results do not depend on the number of threads.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import count, pairwise
from threading import Lock

import joblib
import scipy.linalg.cython_blas  # noqa: F401  the BLAS of the kernels: loaded before its threads are looked up
from threadpoolctl import ThreadpoolController

CHUNK_ROWS = 32  # the matrix products of a step stay in the caches and still fill the vector units


def chunk_bounds(rows: int) -> list[tuple[int, int]]:
    """Cut `rows` into chunks of at most `CHUNK_ROWS`, as even as can be; a full chunk in two, for two threads."""
    n = max(1, -(-rows // CHUNK_ROWS), min(2, rows // (CHUNK_ROWS // 2)))
    edges = [rows * k // n for k in range(n + 1)]
    return list(pairwise(edges))


def n_threads(n_jobs: int | None) -> int:
    """Threads to use: all usable processors for None, fewer where OMP_NUM_THREADS says so; -1 for all.

    joblib's workers set OMP_NUM_THREADS, so a grid search with `n_jobs=2` does not use each processor twice.
    """
    processors = joblib.cpu_count()
    if n_jobs is None:
        limit = os.environ.get("OMP_NUM_THREADS", "")
        return min(processors, int(limit)) if limit.isdigit() and int(limit) > 0 else processors
    return max(1, processors + 1 + n_jobs) if n_jobs < 0 else n_jobs


class _SingleThreadedBlas:
    """Keeps BLAS on one thread while any fit or prediction runs: each chunk has a thread of its own.

    The setting belongs to the process, so that overlapping uses share it: the first in sets it, the last out
    restores it. (Two nested limits, left in the order in which they were entered, would leave it at one.)
    """

    def __init__(self):
        self._lock = Lock()
        self._users = 0
        self._controller = None
        self._limit = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._users == 0:
                if self._controller is None:  # looking the libraries up takes milliseconds: once
                    self._controller = ThreadpoolController()
                self._release()
                self._limit = self._controller.limit(limits=1, user_api="blas")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._release()
                    self._limit.restore_original_limits()

    def _release(self) -> None:
        """Let this thread change the setting.

        threadpoolctl ignores, in silence, a change by another thread than the one that made the last one. That
        guards against users who do not coordinate; the lock here does.
        """
        for library in self._controller.lib_controllers:
            if hasattr(library, "clear_controlling_thread"):
                library.clear_controlling_thread(force=True)


single_threaded_blas = _SingleThreadedBlas()


class Workers:
    """Threads that take chunks one after the other; the caller is one of them.

    Use as a context manager. A pool belongs to one fit or prediction: nothing lives on for a fork to break.

    Parameters
    ----------
    n_jobs : int or None
        Number of threads, the caller's included, as `n_threads` reads it.
    """

    def __init__(self, n_jobs: int | None):
        self.n = n_threads(n_jobs)
        self._pool = ThreadPoolExecutor(self.n - 1, "tsrnn") if self.n > 1 else None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._pool:
            self._pool.shutdown(wait=True)

    def run(self, task: Callable[[int, int], None], n_tasks: int) -> None:
        """Call `task(worker, k)` for each k below `n_tasks`; two calls with the same worker never overlap."""
        ticket = count()

        def work(worker: int) -> None:
            while (k := next(ticket)) < n_tasks:
                task(worker, k)

        others = [self._pool.submit(work, w) for w in range(1, min(self.n, n_tasks))] if self._pool else []
        try:
            work(0)
        finally:
            wait(others)
        for future in others:
            future.result()
