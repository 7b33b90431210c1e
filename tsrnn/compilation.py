"""Compiling ahead of time what fits and forecasts need."""

import sys
import time
import warnings
from collections.abc import Iterator

import numpy as np

from tsrnn.forecasting.checks import check_flag, check_option
from tsrnn.forecasting.forecaster import RNNForecaster
from tsrnn.forecasting.regressor import RNNRegressor
from tsrnn.network.cells import CELLS
from tsrnn.training.losses import LOSSES

DTYPES = ("float32", "float64")
SMALL = {"hidden_size": 2, "max_steps": 1, "dropout": 0.1, "linear_skip": True, "random_state": 0, "n_jobs": 1}


def warmup(dtype="float32", *, cell=None, verbose=False) -> float:
    """Compile what fits and forecasts need, so that none of them waits for it.

    Without it the first fit with a cell, and the first one with some of the other options, compile what is new to
    them. What is compiled is kept on disk until tsrnn or Numba changes: once is enough for a machine, or while the
    image of a container is built, and before many processes start at once, each of which would compile for itself.

    Parameters
    ----------
    dtype : {"float32", "float64"}, default="float32"
        Type of the numbers to compute in. `RNNForecaster` has float32, `RNNRegressor` the type of `X`.
    cell : str or tuple of str, optional
        As the estimators name them. Default: all cells.
    verbose : bool, default=False
        Write to standard error how long each cell took.

    Returns
    -------
    float
        Seconds that it took: tens where all is to be compiled, about one where all was on disk, and next to nothing
        for a second time in a process.

    Raises
    ------
    ValueError
        For another type or an unknown cell.

    Examples
    --------
    >>> import tsrnn
    >>> seconds = tsrnn.warmup(cell="gru")
    """
    dtype = np.dtype(dtype).name if isinstance(dtype, (type, np.dtype)) else dtype
    check_option("dtype", dtype, DTYPES)
    cells = tuple(CELLS) if cell is None else cell if isinstance(cell, tuple) else (cell,)
    for name in cells:
        check_option("cell", name, CELLS)
    check_flag("verbose", verbose)
    start = now = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of so few data
        for name in cells:
            for model, X, y in _tasks(np.dtype(dtype), name, more=name == cells[0]):
                model.fit(X, y).predict(X[-2:])
            if verbose:
                before, now = now, time.perf_counter()
                print(f"{name}: {now - before:.1f} s", file=sys.stderr)
    return time.perf_counter() - start


def _tasks(dtype: np.dtype, cell: str, more: bool) -> Iterator[tuple]:
    """Estimators and data that need all loops of a cell between them; with `more` those that all cells share, too."""
    X = np.sin(np.arange(32, dtype=dtype)).reshape(8, 4)
    y = X[:, :2]
    yield RNNRegressor(cell, **SMALL), X, y
    yield RNNRegressor(cell, decoder="parallel", **SMALL), X, y
    if not more:
        return
    for loss in LOSSES:
        yield RNNRegressor(cell, loss=loss, **SMALL), X, y
    yield RNNRegressor(cell, segment=2, layer_norm=True, **SMALL), X, y
    yield RNNRegressor(cell, decoder="seq2seq", **SMALL), X, y
    yield RNNRegressor(cell, batch_size=512, **SMALL), np.tile(X, (64, 1)), np.tile(y, (64, 1))  # in several pieces
    X.setflags(write=False)  # as joblib hands large arrays to its processes
    yield RNNRegressor(cell, **SMALL), X, y
    if dtype == np.float32:
        series = np.sin(np.arange(40.0))
        columns = series[:, None] ** 2
        yield RNNForecaster(2, lookback=4, **SMALL), columns[:-2], series[:-2]
        yield RNNForecaster(2, lookback=4, **(SMALL | {"linear_skip": "auto"})), series, None
        yield RNNForecaster(2, stateful=True, bptt_steps=4, **SMALL), series, None
