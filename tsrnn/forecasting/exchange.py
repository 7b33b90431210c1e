"""Weights to and from torch, and whole estimators to ONNX."""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from sklearn.utils.validation import check_is_fitted

from tsrnn.forecasting.onnx.nodes import load_onnx
from tsrnn.forecasting.persistence import replacing
from tsrnn.network.inspection import directions
from tsrnn.network.network import Network
from tsrnn.network.parameters import Layout
from tsrnn.network.residual import Residual

# The module of torch that computes what a cell does; it has no others.
CELLS_IN_TORCH = {
    "rnn": "torch.nn.RNN",
    "rnn_relu": "torch.nn.RNN(nonlinearity='relu')",
    "lstm": "torch.nn.LSTM",
    "gru": "torch.nn.GRU",
}


class Exchange:
    """Methods of the estimators that hand a fitted network to other tools, or take weights from them."""

    def weights(self) -> dict[str, np.ndarray]:
        """Fitted weights by name, in torch's layout and gate order: `rnn.weight_ih_l0`, ..., `head.bias`.

        Returns
        -------
        dict of str to ndarray
            Views of `parameters_`.
        """
        check_is_fitted(self)
        return self.network_.layout.views(self.parameters_)

    def to_torch(self) -> dict:
        """Fitted weights as a state dict of torch.

        It loads, strictly, into a module of torch with the attributes

        - `rnn`: `torch.nn.RNN`, `LSTM` or `GRU` of the same `hidden_size`, `num_layers` and `bidirectional`;
        - `head` and, where the estimator has them, `linear` and `segment`: each a `torch.nn.Linear`;
        - `decoder` of "seq2seq": one more of the kind of `rnn`, in one direction, of as many layers and as wide as the
          outputs of `rnn`, with the `torch.nn.Parameter` `first_input`; of "parallel": one of one layer, whose inputs
          are as wide as its states, with the Parameter `position`.

        What torch's recurrent modules lack, `first_input`, `position` and with `layer_norm` the Parameters
        `norm_weight_l0`, `norm_bias_l0` and so on, goes under these names into `rnn` and `decoder`: by
        `rnn.register_parameter`. The weights alone: units, segments, norms, residual connections and the way from
        `rnn` to `decoder` are for the module to add. `to_onnx` writes all of it.

        Returns
        -------
        dict of str to torch.Tensor
            Copies, of the type of `parameters_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            For a cell that torch does not have, for layers of unequal widths, which its modules do not have, and for an
            ensemble.
        ModuleNotFoundError
            If torch is not installed.

        Examples
        --------
        >>> from tsrnn import RNNForecaster
        >>> from tsrnn.datasets import load_airpassengers
        >>> model = RNNForecaster(cell="lstm", hidden_size=8, max_steps=50, random_state=0).fit(load_airpassengers())
        >>> lstm, head = torch.nn.LSTM(1, 8), torch.nn.Linear(8, 1)  # doctest: +SKIP
        >>> linear = torch.nn.Linear(model.lookback_, 1)  # doctest: +SKIP
        >>> module = torch.nn.ModuleDict({"rnn": lstm, "head": head, "linear": linear})  # doctest: +SKIP
        >>> module.load_state_dict(model.to_torch())  # doctest: +SKIP
        <All keys matched successfully>
        """
        weights, network = self.weights(), self.network_
        self._check_single("to_torch gives", "ask each")
        if network.cell not in CELLS_IN_TORCH:
            known = ", ".join(f"{cell!r} ({module})" for cell, module in CELLS_IN_TORCH.items())
            raise ValueError(f"torch has no cell {network.cell!r}; it has {known}. weights() returns all arrays")
        if len({layer.output_size for layer in network.layers}) > 1:
            raise ValueError(
                f"torch's recurrent modules have one hidden_size for all layers, got a network with "
                f"hidden_size={network.hidden_size!r}. weights() returns all arrays"
            )
        try:
            import torch
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise ModuleNotFoundError(
                "to_torch needs torch, which is not installed: pip install torch; weights() returns the same as arrays",
                name="torch",
            ) from error
        return {key: torch.tensor(array) for key, array in weights.items()}

    def from_torch(self, state_dict):
        """Put weights in place of the fitted ones.

        The estimator keeps its sizes and units; what it recorded of its training, such as `loss_curve_`, stays that
        of the last `fit`.

        A forecaster with `stateful=True` carries states that the weights of `fit` have read from the whole series. Of
        the series it keeps the end alone, about `lookback_` + `horizon_` values: other weights than its own read these
        anew, from a zero state.

        Parameters
        ----------
        state_dict : dict of str to torch.Tensor or array-like
            All weights, by the names and in the shapes of `weights()`, as `to_torch` and a torch module's
            `state_dict()` give them. torch itself is not needed.

        Returns
        -------
        self

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            For an ensemble. Else it names every weight that is missing, unexpected, of a wrong shape or not finite. The
            estimator is then unchanged.

        Examples
        --------
        >>> from tsrnn import RNNForecaster
        >>> from tsrnn.datasets import load_airpassengers
        >>> y = load_airpassengers()
        >>> trained, other = (RNNForecaster(max_steps=50, random_state=seed).fit(y) for seed in (0, 1))
        >>> bool(other.from_torch(trained.weights()).predict().iloc[0] == trained.predict().iloc[0])
        True
        """
        check_is_fitted(self)
        self._check_single("from_torch takes", "give weights to each")
        self._replace_parameters(_vector(state_dict, self.network_.layout, self.parameters_.dtype))
        return self

    def _check_single(self, does: str, instead: str) -> None:
        """Refuse an ensemble, of which this estimator is the first member."""
        if getattr(self, "members_", ()):
            raise ValueError(
                f"{does} one network, and this is an ensemble of {1 + len(self.members_)}: {instead} of "
                "model.members_ by itself, or fit with n_members=1"
            )

    def _replace_parameters(self, parameters: np.ndarray) -> None:
        self.parameters_ = parameters
        self.__dict__.pop("_course", None)  # the moments of other weights

    def to_onnx(self, path) -> Path:
        """Write the fitted estimator as an ONNX file that computes what `predict` does.

        The file holds the units too: what goes in and what comes out is in those of the user. Units are applied in
        float64, the network computes in float32; a network fitted in float64 is rounded. The first axis of all inputs
        and outputs is that of rows, series or streams, n; the others are fixed unless it is said.

        `RNNRegressor`: input "X", float64, (n, n_steps * n_channels) or (n, n_steps, n_channels) as in `fit`; output
        "prediction", float64, of the shape that `predict` returns.

        `RNNForecaster`: input "y", float64, (n, values): the known values of series, or their ends, each with the
        oldest value first; output "forecast", float64, (n, horizon): what follows them. Any number of values will do
        from `lookback_` on, which the network reads; exponential smoothing reads the last 400, or four seasons where
        those are more, and forecasts as `predict` does where it is given as many as there are.

        `RNNForecaster` without exponential smoothing (`smoothing_share_` is 0): "y" is (n, lookback), windows of a
        series. With `decoder="recursive"` "forecast" is then (n, 1), the next value alone: append it to the window,
        drop the oldest and run again.

        `RNNForecaster` with `stateful=True`: a run reads any number of steps on from the states that it is given, so
        that a stream can be followed as its values come. Inputs: "y", float64, (n, 1 + T * segment), the value before
        the first step, from which `normalize="last"` measures it, and those of T steps, T of any size from 1; and for
        each layer, the lowest is 0, the state before, "h_l0", float32, (n, hidden_size), of an LSTM "c_l0" too.
        Outputs: "forecast", float64, (n, horizon), what follows the last value (with `decoder="recursive"`
        (n, segment), to be read as the next step); and the states after, "h_l0_next" and so on, the inputs of the
        next run, whose "y" begins with the last value of this one. To begin, read a series from zero states, its
        first value given twice (values that would fill a part of a segment left out): the forecast is `predict`'s.

        Parameters
        ----------
        path : str or path-like
            A file in a folder that exists; one that is there is replaced once the new one is complete.

        Returns
        -------
        Path
            Where the file is.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ModuleNotFoundError
            If onnx is not installed: `pip install "tsrnn[onnx]"`.
        FileNotFoundError, IsADirectoryError, ValueError
            If the folder does not exist, the path is one, or it is no file that could be replaced; if the model is
            an ensemble, or a forecaster of several series, of exogenous columns or of missing values.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from tsrnn import RNNForecaster
        >>> from tsrnn.datasets import load_airpassengers
        >>> model = RNNForecaster(horizon=3, max_steps=50, random_state=0).fit(load_airpassengers())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.to_onnx(pathlib.Path(folder) / "passengers.onnx").name
        'passengers.onnx'
        """
        check_is_fitted(self)
        self._check_single("to_onnx writes", "write each")
        path = _writable(path)
        load_onnx()
        # Looked up late: the package's own top is above this floor.
        version = sys.modules["tsrnn"].__version__
        model = self._onnx_graph().model(version, _description(type(self).__name__, self.network_))
        with replacing(path) as part:
            part.write_bytes(model.SerializeToString())
        return path


def _vector(state_dict, layout: Layout, dtype: np.dtype) -> np.ndarray:
    """The flat vector of these weights; one error names all that is wrong with them."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(
            f"state_dict must be a mapping of names to weights, got {type(state_dict).__name__}; "
            "a torch module gives one by its state_dict()"
        )
    vector = np.empty(layout.size, dtype)
    missing = [name for name in layout.shapes if name not in state_dict]
    unexpected = [str(name) for name in state_dict if name not in layout.shapes]
    problems = [f"missing: {', '.join(missing)}"] if missing else []
    problems += [f"unexpected: {', '.join(unexpected)}"] if unexpected else []
    for name, view in layout.views(vector).items():
        if name in missing:
            continue
        array = _as_array(state_dict[name])
        if array.shape != view.shape:
            problems.append(f"{name} has shape {array.shape} in place of {view.shape}")
        elif array.dtype.kind not in "fiu":
            problems.append(f"{name} holds {array.dtype} in place of real numbers")
        else:
            with np.errstate(over="ignore"):
                view[...] = array
            if not np.isfinite(view).all():
                problems.append(f"{name} holds values that are not finite in {dtype}")
    if problems:
        raise ValueError(f"state_dict does not fit the estimator: {'; '.join(problems)}")
    return vector


def _as_array(value) -> np.ndarray:
    """A tensor of torch, of any type and device, or what else NumPy reads."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if value.is_floating_point():
            value = value.double()  # NumPy has no bfloat16
        return value.numpy()
    try:
        return np.asarray(value)
    except ValueError:  # ragged
        return np.asarray(value, dtype=object)


def _writable(path) -> Path:
    path = Path(path).resolve()  # through a link, which stays one
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path: there is no folder {path.parent}")
    if path.is_dir():
        raise IsADirectoryError(f"path: {path} is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise ValueError(f"path: {path} is no file that could be replaced")
    return path


def _description(estimator: str, network: Network) -> str:
    """Cell and sizes, for the file's own documentation."""
    recurrent = directions(network.layers[0])
    sizes = {
        "cell": network.cell,
        "decoder": type(network.decoder).__name__,
        "steps": network.steps,
        "channels": network.input_size,
        "hidden_size": "+".join(str(d["forward"].hidden_size) for d in map(directions, network.layers)),
        "num_layers": len(network.layers),
        "bidirectional": len(recurrent) == 2,
        "residual": isinstance(network.layers[-1], Residual),
        "layer_norm": bool(network.stack.norms),
        "segment": network.segment_length,
        "linear_skip": network.linear is not None,
        "outputs": network.output_size,
    }
    return f"tsrnn.{estimator}: {', '.join(f'{name}={value}' for name, value in sizes.items())}"
