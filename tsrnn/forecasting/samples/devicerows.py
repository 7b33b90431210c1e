"""Rows of a table that lie on a CUDA device before the fit, or the prediction, begins; they stay there."""

import numpy as np
from sklearn.utils import assert_all_finite

from tsrnn.forecasting.samples.interop import floating
from tsrnn.forecasting.samples.sequences import Sequences
from tsrnn.forecasting.samples.windows import TableRows
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.tables import sums_of_channels, what_is_not_finite
from tsrnn.kernels.devices import contiguous


def placed(model, lying: dict, name: str, checked: np.ndarray) -> Array:
    """An argument on the device: itself if it lies there, copied only where its layout or its type asks for it.

    Parameters
    ----------
    model : RNNRegressor
    lying : dict
        See `tsrnn.forecasting.samples.interop.taken`.
    name : str
    checked : ndarray
        The argument, or what stood in for it, after all checks; of the shape that is wanted.
    """
    if name not in lying:
        return Array.from_host(checked)
    array = lying[name]
    if array.dtype != floating(array.dtype):
        array = array.astype(floating(array.dtype))
    array = contiguous(array).reshape(checked.shape)
    wrong = what_is_not_finite(array)
    if wrong is not None:
        assert_all_finite(np.array(wrong, array.dtype), input_name=name, estimator_name=type(model).__name__)
    return array


class DeviceSequences(Sequences):
    """Sequences and targets that lie on the device. A part of them is a list of numbers, not a copy.

    Parameters
    ----------
    table, targets : Array
    weights : (n,) ndarray
    numbers : (n,) ndarray, optional
        Rows of the table that these are. Default: all.
    """

    def __init__(self, table: Array, targets: Array, weights: np.ndarray, numbers: np.ndarray | None = None):
        super().__init__(table, targets, weights)
        self._numbers = np.arange(len(weights)) if numbers is None else numbers

    def part(self, rows: np.ndarray) -> "DeviceSequences":
        return DeviceSequences(self._table, self._targets, self._weights[rows], self._numbers[rows])

    def _sums(self, values: Array, share: np.ndarray, centre: np.ndarray | None = None) -> np.ndarray:
        shares = np.zeros(len(values))
        shares[self._numbers] = share
        return sums_of_channels(values, shares, centre)

    def samples(self, units: dict[str, np.ndarray]) -> TableRows:
        targets = self._targets.astype(np.float64)
        targets += -units["y_mean_"]
        targets *= 1 / units["y_scale_"]
        own = units["x_mean_"], units["x_scale_"]
        return TableRows(self._table, targets, self._weights, *own, self._numbers)


def predicted(model, table: Array) -> Array:
    """Predictions for sequences on the device, which stay there."""
    outputs = model._outputs(TableRows(table, None, None, model.x_mean_, model.x_scale_), stay=True)
    found = outputs.reshape(len(table), -1, len(model.y_mean_)).astype(np.float64)
    found *= model.y_scale_
    found += model.y_mean_
    return found.reshape(len(table), *model._target_shape)
