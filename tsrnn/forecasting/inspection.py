"""Looking inside a fitted estimator: gates and states over a window, gradients by lag."""

from numbers import Integral
from types import SimpleNamespace

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from tsrnn.forecasting.checks import check_option
from tsrnn.forecasting.samples.streams import Reader, StreamPart
from tsrnn.forecasting.samples.windows import SeriesWindows, Table, TableRows
from tsrnn.forecasting.series.panel import Panel
from tsrnn.network.inspection import DIRECTIONS, directions, gates_and_states, state_gradients, time_constant
from tsrnn.network.layers import Views
from tsrnn.training.losses import LOSSES
from tsrnn.training.passes import Samples


class ForecasterInspection:
    """What `RNNForecaster` shows of its inside."""

    def inspect_gates(self, y=None, *, layer=0, direction="forward"):
        """Gates, states and time constants of one recurrent layer while it reads a window.

        The layers are those that read the window, not those of a decoder, and of an ensemble those of its first member.
        A model with `stateful=True` reads the last part of a stream in place of a window.

        Parameters
        ----------
        y : Series or array-like of shape (n_timepoints,), optional
            Its last `lookback_` values are the window; its index has the frequency of the series fitted. Default:
            the last window of the series fitted, from which `predict` forecasts; a model of several series wants one
            of them. With `stateful=True` the state is the one that the values before the window have left.
        layer : int, default=0
            The lowest is 0.
        direction : {"forward", "backward"}, default="forward"
            "backward" is the layer that reads the window from its end, of a bidirectional model.

        Returns
        -------
        DataFrame of shape (n_steps, n_quantities * hidden_size)
            A row for each step of the layer, by its time stamp, or with `segment` by the last stamp of each segment;
            in order of time for both directions. The columns have two levels, "quantity" and "unit": the activated
            gates (i, f, g, o of an LSTM; r, z, n of a GRU; none of a vanilla network), the states (h; an LSTM's c)
            after the step, and "time_constant": -1 / log(gate) of the gate that the old state is multiplied by
            (an LSTM's f, a GRU's z), in steps of the layer. After so many steps with this gate the old state has
            fallen to 1/e; it is infinite where the gate is 1.

        Raises
        ------
        NotFittedError
        ValueError
            For a layer or a direction that the model does not have, for a `y` that is too short or has another
            frequency, and for none where the model was fitted on several series. A model with exogenous columns looks
            at the series fitted alone: of any `y` it says that `X` must give their rows, which cannot be given here.

        References
        ----------
        Tallec and Ollivier (2018), Can recurrent neural networks warp time? Mahto, Vo, Turek and Huth (2021),
        Multi-timescale representation learning in LSTM language models.

        Examples
        --------
        >>> from tsrnn import RNNForecaster
        >>> from tsrnn.datasets import load_airpassengers
        >>> sizes = {"lookback": 36, "segment": 1, "hidden_size": 8}
        >>> model = RNNForecaster(cell="lstm", max_steps=50, random_state=0, **sizes).fit(load_airpassengers())
        >>> inside = model.inspect_gates()
        >>> inside.shape
        (36, 56)
        >>> list(inside.columns.unique("quantity"))
        ['i', 'f', 'g', 'o', 'h', 'c', 'time_constant']
        >>> inside["f"].index[-1]
        Timestamp('1960-12-01 00:00:00')
        """
        check_is_fitted(self)
        _check_place(self, layer, direction)
        panel, sample = _inspected(self, y, 0)
        return _gate_frame(self, sample, panel.stamps(0, self.lookback_), layer, direction)

    def inspected_window(self, y=None):
        """The window that `inspect_gates` reads.

        Parameters
        ----------
        y : Series or array-like of shape (n_timepoints,), optional
            As for `inspect_gates`.

        Returns
        -------
        Series of shape (lookback_,), or DataFrame of shape (lookback_, n_columns) of a multivariate model
            In the units of the series; without the effects of columns known ahead that `fit` takes out.

        Raises
        ------
        NotFittedError
        ValueError
            For a `y` as in `inspect_gates`.
        """
        check_is_fitted(self)
        panel, _ = _inspected(self, y, 0)
        values, stamps = panel.values[-self.lookback_ :].astype(np.float64), panel.stamps(0, self.lookback_)
        return (
            pd.Series(values[:, 0], stamps, name=panel.names[0])
            if not self._together
            else pd.DataFrame(values, stamps, panel.ids)
        )

    def gradient_flow(self, y=None):
        """How far back the gradient of the loss reaches: its norm with respect to each state of a window.

        The loss is the one that `loss` names, on one window and the values after it: the mean over the
        steps of the horizon (over one step with `decoder="recursive"`), in the units of the window, without dropout
        and without weight decay. The gradient with respect to h_t counts every path from h_t to the loss, through
        later steps, upper layers and the decoder, along the whole window: `bptt_steps` does not cut it off. The decoder
        "seq2seq" reads the values after the window, as while training (teacher forcing), not its own forecasts. A norm
        that falls by a constant factor from lag to lag vanishes, one that rises explodes. It is computed in float64.

        With `stateful=True` the window is a part of a stream, and the loss is that of the outputs after its last step
        alone, so that the lags of all paths are counted from there.

        An LSTM remembers by c, and h_t acts on later steps through the gates alone: its norm falls from lag 0 to lag 1
        at once, and how it falls from there on is the doing of its memory. Of an ensemble the first member is shown.

        Parameters
        ----------
        y : Series or array-like of shape (n_timepoints,), optional
            Its last values are those after the window, as many as the network has outputs (`horizon_`; with
            `decoder="recursive"` 1, of a stream `segment`), and the `lookback_` values before them are the window; its
            index has the frequency of the series fitted. Default: the end of the series fitted, hence the last window
            that the model was trained on, or with early stopping validated on; a model of several series wants one of
            them. With `stateful=True` the state is the one that the values before the window have left.

        Returns
        -------
        DataFrame of shape (n_steps, num_layers) or (n_steps, 2 * num_layers)
            Euclidean norms. The index "lag" counts the steps of the layer (with `segment`: segments) back from
            the last one, whose lag is 0. The columns have two levels, "layer" and "direction"; the backward
            direction's last step is the one in which it reads the first value of the window.

        Raises
        ------
        NotFittedError
        ValueError
            For a `y` as in `inspect_gates`, any where the model has exogenous columns.

        References
        ----------
        Bengio, Simard and Frasconi (1994), Learning long-term dependencies with gradient descent is difficult.
        Pascanu, Mikolov and Bengio (2013), On the difficulty of training recurrent neural networks.

        Examples
        --------
        >>> from tsrnn import RNNForecaster
        >>> from tsrnn.datasets import load_airpassengers
        >>> sizes = {"lookback": 36, "segment": 1, "hidden_size": 8}
        >>> model = RNNForecaster(max_steps=50, random_state=0, **sizes).fit(load_airpassengers())
        >>> flow = model.gradient_flow()
        >>> flow.shape
        (36, 1)
        >>> bool(flow.loc[35, (0, "forward")] < flow.loc[0, (0, "forward")])
        True
        """
        check_is_fitted(self)
        outputs = self.network_.output_size // self._tail.values.shape[1]
        return _flow_frame(self, _inspected(self, y, outputs)[1])


class RegressorInspection:
    """What `RNNRegressor` shows of its inside."""

    def inspect_gates(self, x, *, layer=0, direction="forward"):
        """Gates, states and time constants of one recurrent layer while it reads a sequence.

        Parameters
        ----------
        x : array-like of shape (n_steps, n_channels) or (n_steps * n_channels,)
            One sequence, oldest step first; or an `X` of one row, as for `predict`.
        layer : int, default=0
            The lowest is 0.
        direction : {"forward", "backward"}, default="forward"
            "backward" is the layer that reads the sequence from its end, of a bidirectional model.

        Returns
        -------
        DataFrame of shape (n_steps, n_quantities * hidden_size)
            As `RNNForecaster.inspect_gates`; the index "step" counts from 0.

        Raises
        ------
        NotFittedError
        ValueError
            For a layer or a direction that the model does not have, and for a sequence of another shape.

        Examples
        --------
        >>> import numpy as np
        >>> from tsrnn import RNNRegressor
        >>> X = np.random.default_rng(0).standard_normal((100, 6))
        >>> model = RNNRegressor("gru", hidden_size=4, max_iter=20, random_state=0).fit(X, X.sum(axis=1))
        >>> inside = model.inspect_gates(X[0])
        >>> list(inside.columns.unique("quantity"))
        ['r', 'z', 'n', 'h', 'time_constant']
        """
        check_is_fitted(self)
        _check_place(self, layer, direction)
        window = self.inspected_window(x)
        samples = TableRows(window.to_numpy()[None], None, None, self.x_mean_, self.x_scale_)
        return _gate_frame(self, samples, window.index, layer, direction)

    def inspected_window(self, x):
        """The sequence that `inspect_gates` reads, as a DataFrame of shape (n_steps, n_channels)."""
        check_is_fitted(self)
        values = np.asarray(x)
        steps, channels = self.network_.steps, self.network_.input_size
        shapes = [(steps, channels), (steps * channels,), (1, steps, channels), (1, steps * channels)]
        if values.shape not in shapes:
            raise ValueError(
                f"x must be one sequence of {steps} steps and {channels} channels, of shape "
                f"{' or '.join(map(str, shapes[:2]))}, got an array of shape {values.shape}"
            )
        values = values.reshape(steps, channels).astype(self.parameters_.dtype)
        if not np.isfinite(values).all():
            raise ValueError("x holds missing or infinite values")
        return pd.DataFrame(values, pd.RangeIndex(steps, name="step"), pd.RangeIndex(channels, name="channel"))

    def gradient_flow(self, x, y):
        """How far back the gradient of the loss reaches: its norm with respect to each state of a sequence.

        Parameters
        ----------
        x : array-like of shape (n_steps, n_channels) or (n_steps * n_channels,)
            One sequence, oldest step first; or an `X` of one row, as for `predict`.
        y : float or array-like of the shape of one target
            Its target. The loss is the mean over all its values; the decoder "seq2seq" reads it, as while training.

        Returns
        -------
        DataFrame of shape (n_steps, num_layers) or (n_steps, 2 * num_layers)
            As `RNNForecaster.gradient_flow`, of the loss on this sequence in standardised units.

        Raises
        ------
        NotFittedError
        ValueError
            For a sequence or a target of another shape.

        Examples
        --------
        >>> import numpy as np
        >>> from tsrnn import RNNRegressor
        >>> X = np.random.default_rng(0).standard_normal((100, 6))
        >>> model = RNNRegressor("rnn", hidden_size=4, max_iter=20, random_state=0).fit(X, X.sum(axis=1))
        >>> model.gradient_flow(X[0], X[0].sum()).index
        RangeIndex(start=0, stop=6, step=1, name='lag')
        """
        window = self.inspected_window(x)
        target = np.asarray(y, np.float64)
        shape = self._target_shape
        fits = target.size == self.n_outputs_ and (target.ndim < 2 or target.shape in (shape, (1, *shape)))
        if not fits or not np.isfinite(target).all():
            of_shape = f" of shape {shape}" if len(shape) == 2 else ""
            raise ValueError(
                f"y must be the target of one sequence, {self.n_outputs_} finite numbers{of_shape}, "
                f"got {target.tolist()}"
            )
        scaled = (target.reshape(1, -1, len(self.y_mean_)) - self.y_mean_) / self.y_scale_
        return _flow_frame(self, TableRows(window.to_numpy()[None], scaled, None, self.x_mean_, self.x_scale_))


def _check_place(model, layer, direction) -> None:
    """Refuse a layer or a direction that the fitted network does not have."""
    layers = model.network_.layers
    if not isinstance(layer, Integral) or isinstance(layer, bool) or not 0 <= layer < len(layers):
        raise ValueError(f"layer must be an integer from 0 to {len(layers) - 1}, got {layer!r}")
    check_option("direction", direction, DIRECTIONS)
    if direction not in directions(layers[layer]):
        raise ValueError(f"direction={direction!r} needs a model fitted with bidirectional=True")


def _inspected(model, y, after: int) -> tuple[Panel, SeriesWindows | StreamPart]:
    """The end of one series, `y` or the one fitted, and its last window or part that has so many values after it."""
    panel, units, states = model._history(y)
    if panel.n_series > 1:
        if y is None:
            raise ValueError(f"the model was fitted on {panel.n_series} series: give the one to look at as y")
        raise ValueError(f"y must be one series to look at, got {panel.n_series}")
    length, lookback = len(panel.values), model.lookback_
    if length < lookback + after:
        targets = f" and the {after} after it" if after else ""
        raise ValueError(
            f"y has {length} values; {lookback + after} are needed, for a window of lookback_={lookback}{targets}"
        )
    if states is None:
        first = np.array([length - lookback - after])
        # What is known ahead of the steps after the end is asked for too, though no gate depends on it.
        covariates = np.append(panel.covariates, np.repeat(panel.covariates[-1:], model.network_.output_size, 0), 0)
        table = Table(units.enter(panel.values, panel.lengths), covariates, model._ahead, np.zeros(1, np.int64))
        return panel, SeriesWindows(table, units, first, np.ones(1, np.int64), lookback, model._masks)
    values, segment = panel.values[:, 0], model.network_.segment_length
    first = length - lookback - -(-after // segment) * segment
    before, unread = states[0]
    _, own = Reader(model.network_, model.parameters_).read(values[:first], units[0], before, length - unread)
    return panel, StreamPart(values, first, units[0], segment, own)


def _forward(model, p: Views, work: SimpleNamespace, samples: Samples, target: np.ndarray | None = None) -> np.ndarray:
    """Outputs for the first sample, which is written into the work space, and its target into `target`."""
    samples.gather(np.zeros(1, np.int64), work.x, target, work.known)
    if isinstance(samples, StreamPart) and samples.states is not None:
        model.network_.start(work, samples.states)
    return model.network_.forward(p, work, None, target)


def _gate_frame(model, samples: Samples, stamps: pd.Index, layer: int, direction: str) -> pd.DataFrame:
    network = model.network_
    work = network.allocate(1, model.parameters_.dtype)
    _forward(model, network.layout.views(model.parameters_), work, samples)
    found = gates_and_states(network, work, layer, direction)
    recurrent = directions(network.layers[layer])[direction]
    if recurrent.cell.keep_gate:
        found["time_constant"] = time_constant(found[recurrent.cell.keep_gate])
    values = np.concatenate([quantity[:, 0] for quantity in found.values()], axis=1, dtype=np.float64)
    length = network.segment_length
    columns = pd.MultiIndex.from_product([found, range(recurrent.hidden_size)], names=["quantity", "unit"])
    return pd.DataFrame(values, stamps[(len(stamps) - 1) % length :: length], columns)


def _flow_frame(model, samples: Samples) -> pd.DataFrame:
    check_option("loss", model.loss, LOSSES)
    network = model.network_
    p = network.layout.views(model.parameters_.astype(np.float64))
    work = network.allocate(1, np.float64)
    target = np.empty((network.output_rows, network.output_size))
    d_out, weight = np.empty_like(target), np.full(len(target), 1 / target.size)
    if isinstance(samples, StreamPart):
        weight[:-1], weight[-1] = 0, 1 / network.output_size
    out = _forward(model, p, work, samples, target)
    LOSSES[model.loss](out, target, weight, d_out)
    gradients = state_gradients(network, p, d_out, work)
    norms = {where: np.linalg.norm(gradient[::-1, 0], axis=1) for where, gradient in gradients.items()}
    lags = pd.RangeIndex(network.recurrent_steps, name="lag")
    columns = pd.MultiIndex.from_tuples(norms, names=["layer", "direction"])
    return pd.DataFrame(np.column_stack(list(norms.values())), lags, columns)
