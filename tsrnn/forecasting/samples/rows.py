"""How sequences and their targets are checked and laid out for training and prediction: what `plans` is to a series."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils.validation import validate_data

from tsrnn.forecasting.checks import check_integer, check_option, refuse_large
from tsrnn.forecasting.samples.interop import on_host, stand_in, taken
from tsrnn.forecasting.samples.sequences import (
    Sequences,
    as_sequences,
    check_weights,
    flat_targets,
    in_layout,
    target_steps,
)
from tsrnn.forecasting.samples.windows import TableRows
from tsrnn.network.network import DECODERS, Network

UNITS = ("x_mean_", "x_scale_", "y_mean_", "y_scale_")


class RowPlan(NamedTuple):
    """The arguments of `RecurrentEstimator._train`."""

    network: Network
    dtype: np.dtype
    training: TableRows
    validation: TableRows | None
    rng: np.random.Generator
    fitted: dict
    data: dict
    incremental: bool


def laid_out(model, X, y, sample_weight, incremental: bool = False) -> RowPlan:
    """Rows to train on and, under early stopping, to validate on; in the current units where the fit goes on.

    The estimator stays as it is: what is learnt of the columns is taken over once the fit has succeeded.
    """
    model._check_parameters()
    check_integer("n_channels", model.n_channels, 1)
    check_option("decoder", model.decoder, DECODERS)
    if model.decoder == "in_step" and model.segment > 1:
        raise ValueError(
            f"segment must be 1 with decoder='in_step', where every step has a target, got {model.segment!r}"
        )
    if incremental and model.early_stopping:
        raise ValueError("early_stopping must be False in partial_fit, which makes a single pass, got True")
    goes_on = model._goes_on(incremental)
    data = {"X": X, "y": y, "metadata": {} if sample_weight is None else {"sample_weight": sample_weight}}
    if issparse(y):
        raise TypeError("y must be a dense array, got a sparse one")
    lying = taken(model, X=X, y=y)  # if one of them lies on the device the other is sent there
    (sample_weight,) = on_host(model, sample_weight=sample_weight)
    order = None if lying else "C"  # which would lay out what stands in
    X, y = (stand_in(lying[name]) if name in lying else values for name, values in (("X", X), ("y", y)))
    y, shape = flat_targets(y)
    checked = model if goes_on else clone(model)
    if goes_on:
        X = in_layout(X, (model.network_.steps, model.network_.input_size), model._fitted_ndim)
    X, y = validate_data(
        checked,
        X,
        y,
        reset=not goes_on,
        dtype=[np.float64, np.float32],
        multi_output=True,
        y_numeric=True,
        allow_nd=True,
        ensure_all_finite="X" not in lying,
        order=order,
    )
    weights = check_weights(sample_weight, X)
    table = as_sequences(X, model.n_channels)
    y = np.asarray(y, np.float64, order=order)
    refuse_large(weights > 0, **{name: values for name, values in (("X", X), ("y", y)) if name not in lying})
    targets = target_steps(y.reshape(shape), model.decoder, table.shape[1])
    model._check_segment(int(model.segment), table.shape[1], "columns of X")
    channels, n_outputs = targets.shape[2], targets.shape[1] * targets.shape[2]
    at_once = channels if model.decoder == "in_step" else n_outputs
    network = model._build(table.shape[1], table.shape[2], at_once, model.decoder, channels, incremental)
    if goes_on and shape[1:] != model._target_shape:
        expected = ", ".join(["n_samples", *map(str, model._target_shape)])
        raise ValueError(f"y must have shape ({expected}), as in the fit before, got {shape}")
    rng = model._generator()
    rows = _sequences(model, lying, table, targets, weights).of_weight()
    training, validation = rows.split(model.validation_fraction, rng) if model.early_stopping else (rows, None)
    units = {name: getattr(model, name) for name in UNITS} if goes_on else training.units()
    fitted = {
        **units,
        **{name: value for name, value in vars(checked).items() if name.endswith("_in_")},
        "n_outputs_": n_outputs,
        "_fitted_ndim": X.ndim,
        "_target_shape": shape[1:],
    }
    samples = [None if part is None else part.samples(units) for part in (training, validation)]
    return RowPlan(network, X.dtype, *samples, rng, fitted, data, incremental)


def _sequences(model, lying: dict, table: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Sequences:
    if not lying:
        return Sequences(table, targets, weights)
    from tsrnn.forecasting.samples.devicerows import DeviceSequences, placed  # which imports numba-cuda

    return DeviceSequences(placed(model, lying, "X", table), placed(model, lying, "y", targets), weights)


def predicted(model, X):
    """Predictions of a fitted regressor: an array of the host, or of the device where `X` lies there."""
    expected = (model.network_.steps, model.network_.input_size)
    lying = taken(model, X=X)
    X = in_layout(stand_in(lying["X"]) if lying else X, expected, model._fitted_ndim)
    options = {"order": None, "ensure_all_finite": False} if lying else {"order": "C"}
    X = validate_data(model, X, dtype=[np.float64, np.float32], reset=False, allow_nd=True, **options)
    if not lying:
        refuse_large(X=X)
    table = as_sequences(X, model.network_.input_size)
    if table.shape[1:] != expected:
        raise ValueError(f"X has (steps, channels) = {table.shape[1:]}, but the model was fitted on {expected}")
    if lying:
        from tsrnn.forecasting.samples import devicerows  # which imports numba-cuda

        return devicerows.predicted(model, devicerows.placed(model, lying, "X", table))
    outputs = model._outputs(TableRows(table, None, None, model.x_mean_, model.x_scale_))
    outputs = outputs.reshape(len(table), -1, len(model.y_mean_))
    return (outputs * model.y_scale_ + model.y_mean_).reshape(len(table), *model._target_shape)
