"""Running the chunks of a batch on several threads.

The kernels release the interpreter's lock, so plain threads do. The cutting into chunks depends on the batch
alone, and what chunks return is combined in their order: results do not depend on the number of threads.
"""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, pairwise
from queue import SimpleQueue
from threading import Lock, Thread

import joblib
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  SciPy's BLAS: loaded before its threads are looked up
from threadpoolctl import ThreadpoolController

from tsrnn.kernels.subnormal import flushed

# Libraries whose number of threads is a limit: others, and builds without threads, have one whatever the user wants.
LIMITED = ("openblas", "mkl")
UNTHREADED = ("disabled", "sequential")

CHUNK_ROWS = 32  # the matrix products of a step stay in the caches and still fill the vector units
# Small layers take more rows, up to so many: a chunk costs tens of microseconds of Python, for which threads queue.
MOST_ROWS = 256
CHUNK_WORK = 2_000_000  # multiply-adds of a forward pass that make a chunk worth it: some 0.3 ms, and backward
MANY_CHUNKS = 16  # which a batch keeps when chunks grow, so that many threads find work


def chunk_bounds(rows: int, work: int) -> list[tuple[int, int]]:
    """Cut a batch into chunks as even as can be; one of `CHUNK_ROWS` in two, for two threads, if both are worth it.

    Parameters
    ----------
    rows : int
    work : int
        Multiply-adds that a forward pass spends on a row: `Network.work`.
    """
    worth = min(-(-CHUNK_WORK // work), rows // MANY_CHUNKS, MOST_ROWS)
    halves = min(2, rows // (CHUNK_ROWS // 2)) if rows * work >= 2 * CHUNK_WORK else 1
    n = max(1, -(-rows // max(CHUNK_ROWS, worth)), halves)
    edges = [rows * k // n for k in range(n + 1)]
    return list(pairwise(edges))


def n_threads(n_jobs: int | None) -> int:
    """Threads to use: all usable processors for None or -1, all but one for -2 and so on; any other number as it is.

    Usable are those that the scheduler, a container's quota and joblib grant. None takes fewer where OMP_NUM_THREADS
    says so, or where BLAS may use fewer: threadpoolctl's limits are limits of its threads, and those of tsrnn stand in
    for them. joblib's workers set OMP_NUM_THREADS, so that a grid search with `n_jobs=2` does not use each processor
    twice.
    """
    if n_jobs is not None and n_jobs > 0:
        return n_jobs
    processors = joblib.cpu_count()
    if n_jobs is not None:
        return max(1, processors + 1 + n_jobs)
    limit = os.environ.get("OMP_NUM_THREADS", "")
    limits = [int(limit)] if limit.isdigit() and int(limit) > 0 else []
    return min([processors, *limits, *single_threaded_blas.others()])


class _SingleThreadedBlas:
    """Keeps BLAS on one thread where it is called from chunks, each of which has a thread of its own.

    The kernels call none; the ridge regression that a linear map starts from does.

    The setting belongs to the process, so that overlapping uses share it: the first in sets it, the last out
    restores it. (Two nested limits, left in the order in which they were entered, would leave it at one.)
    """

    def __init__(self):
        self._lock = Lock()
        self._users = 0
        self._controller = None
        self._limit = None
        self._before: list[int] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._users == 0:
                self._before = self._numbers()
                self._release()
                self._limit = self._controller.limit(limits=1, user_api="blas")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._restore()

    def others(self) -> list[int]:
        """Threads of each BLAS library for all other work: as set outside of here."""
        with self._lock:
            return self._before if self._users else self._numbers()

    def _numbers(self) -> list[int]:
        if self._controller is None:  # looking the libraries up takes milliseconds: once
            self._controller = ThreadpoolController().select(user_api="blas")
        return [
            library.num_threads
            for library in self._controller.lib_controllers
            if library.internal_api in LIMITED and library.threading_layer not in UNTHREADED
        ]

    def _restore(self) -> None:
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

    def _forked(self) -> None:
        """In a child process: the threads that were computing, and perhaps held the lock, are not there."""
        self._lock = Lock()
        if self._users:
            self._users = 0
            self._restore()


single_threaded_blas = _SingleThreadedBlas()


class Workers:
    """Threads that take chunks one after the other; the caller is one of them.

    Use as a context manager. The threads belong to one fit or prediction, and start with the first tasks that they
    can share: nothing lives on for a fork to break. They wait at a queue: futures would cost another 15 microseconds
    a step.

    Parameters
    ----------
    n_jobs : int or None
        Number of threads, the caller's included, as `n_threads` reads it.
    """

    def __init__(self, n_jobs: int | None):
        self.n = n_threads(n_jobs)
        self._jobs: SimpleQueue = SimpleQueue()
        self._helpers: list[Thread] = []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for _ in self._helpers:
            self._jobs.put(None)
        for helper in self._helpers:
            helper.join()

    # What a device does in another way (`tsrnn.training.cuda.Device`).

    unread = 1  # updates after which their losses are read: here each

    def bounds(self, rows: int, work: int) -> list[tuple[int, int]]:
        """Chunks of a batch: see `chunk_bounds`."""
        return chunk_bounds(rows, work)

    def dtype(self, dtype: np.dtype) -> np.dtype:
        """What `tsrnn.kernels.devices.empty` takes for numbers of that type where the chunks are computed."""
        return dtype

    def enter(self, values: np.ndarray) -> np.ndarray:
        """An array of the host as one that chunks are computed with."""
        return values

    def leave(self, array: np.ndarray) -> np.ndarray:
        """Such an array as one of the host."""
        return array

    def samples(self, samples):
        """Samples that gather into arrays that chunks are computed with."""
        return samples

    def total(self, losses: list[float]) -> float:
        """The sum of the losses of chunks."""
        return math.fsum(losses)

    def read(self, number: float) -> float:
        """A loss or a norm, which a device may still be busy with."""
        return number

    def update(self, function: Callable, samples, which: np.ndarray, *values: np.ndarray) -> tuple[float, float]:
        """An update by these samples, `function(which, *values)`, which returns the loss and the gradient's norm.

        It has to be a function of its arguments' shapes and values, and of arrays that stay where they are.
        """
        return function(which, *values)

    def readings(self, updates: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Losses and norms of what `update` returned, of all updates since the last reading."""
        return updates

    def run(self, task: Callable[[int, int], None], n_tasks: int) -> None:
        """Call `task(worker, k)` for each k below `n_tasks`; two calls with the same worker never overlap."""
        ticket, done = count(), SimpleQueue()
        others = range(1, min(self.n, n_tasks))

        def work(worker: int) -> None:
            with flushed():
                while (k := next(ticket)) < n_tasks:
                    task(worker, k)

        def job(worker: int) -> None:
            error = None
            try:
                work(worker)
            except BaseException as caught:  # raised again where `run` was called
                error = caught
            done.put(error)

        while len(self._helpers) < len(others):
            helper = Thread(target=self._help, name=f"tsrnn-{len(self._helpers) + 1}", daemon=True)
            helper.start()
            self._helpers.append(helper)
        for worker in others:
            self._jobs.put((job, worker))
        try:
            work(0)
        finally:
            errors = [done.get() for _ in others]
        for error in errors:
            if error is not None:
                raise error

    def _help(self) -> None:
        for job, worker in iter(self._jobs.get, None):
            job(worker)
