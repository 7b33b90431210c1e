"""`RNNRegressor`: a row is one window."""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import RegressorMixin, clone
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from tsrnn.forecasting.base import RecurrentEstimator
from tsrnn.forecasting.checks import check_integer
from tsrnn.forecasting.inspection import RegressorInspection
from tsrnn.forecasting.onnxgraph import Graph, rows_graph
from tsrnn.forecasting.windows import TableRows


class RNNRegressor(RegressorMixin, RegressorInspection, RecurrentEstimator):
    """Recurrent network that maps a sequence to one or more numbers.

    Each row of `X` is one independent sequence. The recurrent layers read it step by step, a dense layer turns
    the last state into the prediction. Channels and targets are standardised inside, so that their units do not
    matter; predictions are in the units of `y`. The network computes in the type of `X`, float32 or float64.

    Parameters
    ----------
    cell : {"gru", "lstm", "rnn", "rnn_relu", "gru_reset_before", "lstm_peephole", "lstm_peephole_previous"}, \
default="gru"
        "gru" and "lstm" are about equally accurate, and the GRU is the smaller one; "rnn" is the vanilla network,
        "rnn_relu" its rectified form. "gru_reset_before" applies the reset gate before the product (Cho et al.,
        2014). "lstm_peephole" lets the gates see the cell state (Gers and Schmidhuber, 2000), the output gate the
        new one, or the old one in "lstm_peephole_previous". The equations stand in `tsrnn/kernels/`.
    hidden_size : int or tuple of int, default=32
        Units of each recurrent layer; a tuple has one number a layer, the lowest first.
    num_layers : int, default=1
        Recurrent layers, one above the other.
    bidirectional : bool, default=False
        Each layer reads the window from both ends, with `hidden_size` units each way. It sees nothing after the
        window.
    residual : bool, default=False
        From the second layer on, add a layer's input to its output (Wu et al., 2016), through a linear map where their
        widths differ: deep stacks train more easily.
    layer_norm : bool, default=False
        Normalise the outputs of each recurrent layer over its units, at each step by themselves (Ba, Kiros and Hinton,
        2016), before dropout and before the next layer. The recurrence within the layer is left as it is.
    segment : int, default=1
        Consecutive steps that enter the recurrent layers as one, through a dense layer with a ReLU (Lin et al., 2023,
        SegRNN). A window of 504 hours with `segment=24` becomes 21 steps, which are quicker and easier to learn.
    dropout : float, default=0.0
        Share of each recurrent layer's outputs set to zero while training.
    recurrent_dropout : float, default=0.0
        Share of each state's units that the recurrent products do not see while training, the same at all steps of
        a sequence (variational dropout, Gal and Ghahramani, 2016). The sequences that one thread takes at once, up to
        32, share a mask, whatever the number of threads.
    linear_skip : bool, default=False
        Add a linear map of the whole window to the prediction.
    n_channels : int, default=1
        For a 2-D `X`: values per step. Row `[a_1, b_1, a_2, b_2, ...]` holds the steps of two channels.
    recurrent_init : {"uniform", "orthogonal"}, default="uniform"
        Start of the recurrent weights: uniform within 1 / sqrt(hidden_size), or orthogonal matrices, which help
        to learn long lags.
    loss : {"squared_error", "absolute_error", "huber"}, default="squared_error"
        On standardised targets.
    bptt_steps : int or None, default=None
        Truncated backpropagation through time: gradients go back through this many steps; None for all.
    alpha : float, default=0.0
        Weight decay apart from the gradient (AdamW); 0 is plain Adam.
    learning_rate : {"constant", "step", "cosine"}, default="cosine"
        "step" goes to a tenth after half of the updates and to a hundredth after three quarters; "cosine" falls
        to zero after a short ramp up, and needs no tuning of its end.
    learning_rate_init : float, default=0.01
        Step size of Adam at the start of the schedule.
    clip_norm : float or None, default=1.0
        Largest norm of a gradient; larger ones are scaled down. It keeps an exploding gradient from ruining
        what was learnt.
    batch_size : int or "auto", default="auto"
        Rows per update; "auto" is min(256, n_samples).
    max_iter : int, default=200
        Passes over the data.
    max_steps : int or None, default=None
        Largest number of updates; the smaller of both limits ends training.
    early_stopping : bool, default=False
        Keep `validation_fraction` of the rows aside, stop when their loss no longer falls, and keep the weights
        of the best pass.
    validation_fraction : float, default=0.1
        Share kept aside under `early_stopping`.
    n_iter_no_change : int, default=10
        Passes without improvement by `tol` that end training under `early_stopping`.
    tol : float, default=1e-4
        Smallest fall of the validation loss that counts as an improvement.
    random_state : int, RandomState or None, default=None
        Seed of the weights, of the order of the rows and of dropout. The same seed gives the same model, whatever
        the number of threads.
    n_jobs : int or None, default=None
        Threads. None for all processors, or as many as OMP_NUM_THREADS says; negative as in joblib: -1 for all, -2 for
        all but one.
    verbose : bool or int, default=False
        Show a progress bar.

    Attributes
    ----------
    network_ : Network
        Layers and layout of the parameters.
    parameters_ : ndarray of shape (n_parameters,)
        All weights; `weights()` returns them by name.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where `X` had column names.
    n_outputs_ : int
    x_mean_, x_scale_ : ndarray of shape (n_channels,)
        Mean and standard deviation of each channel over rows and steps.
    y_mean_, y_scale_ : ndarray of shape (n_outputs,)
    n_iter_, n_steps_ : int
        Passes over the data and updates made.
    loss_curve_ : list of float
        Mean training loss of each pass.
    validation_loss_curve_ : list of float or None
    best_loss_ : float
        Smallest validation loss, or training loss without early stopping.

    Raises
    ------
    ValueError
        In `fit` and `predict`, for a parameter or data out of range; the message names what came.
    DivergenceError
        In `fit`, when the loss is no longer finite. The best weights before are kept; if that happens in the
        first pass, the estimator stays as it was.

    References
    ----------
    Elman (1990), Finding structure in time. Hochreiter and Schmidhuber (1997), Long short-term memory.
    Cho et al. (2014), Learning phrase representations using RNN encoder-decoder.
    Equations: `tsrnn/kernels/rnn.py`, `lstm.py` and `gru.py`.

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import RNNRegressor
    >>> waves = np.sin(np.arange(300) / 5)
    >>> windows = np.lib.stride_tricks.sliding_window_view(waves, 13)
    >>> X, y = windows[:, :12], windows[:, 12]
    >>> model = RNNRegressor(hidden_size=8, random_state=0).fit(X[:200], y[:200])
    >>> bool(model.score(X[200:], y[200:]) > 0.99)
    True
    """

    def __init__(
        self,
        cell="gru",
        *,
        hidden_size=32,
        num_layers=1,
        bidirectional=False,
        residual=False,
        layer_norm=False,
        segment=1,
        dropout=0.0,
        recurrent_dropout=0.0,
        linear_skip=False,
        n_channels=1,
        recurrent_init="uniform",
        loss="squared_error",
        bptt_steps=None,
        alpha=0.0,
        learning_rate="cosine",
        learning_rate_init=0.01,
        clip_norm=1.0,
        batch_size="auto",
        max_iter=200,
        max_steps=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        random_state=None,
        n_jobs=None,
        verbose=False,
    ):
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.residual = residual
        self.layer_norm = layer_norm
        self.segment = segment
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.linear_skip = linear_skip
        self.n_channels = n_channels
        self.recurrent_init = recurrent_init
        self.loss = loss
        self.bptt_steps = bptt_steps
        self.alpha = alpha
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.clip_norm = clip_norm
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.max_steps = max_steps
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X, y, sample_weight=None):
        """Train on sequences and their targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps * n_channels) or (n_samples, n_steps, n_channels)
            Sequences, oldest step first.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional
            A weight of 2 counts as the row twice.

        Returns
        -------
        self
        """
        self._check_parameters()
        check_integer("n_channels", self.n_channels, 1)
        if issparse(y):
            raise TypeError("y must be a dense array, got a sparse one")
        checked = clone(self)  # what it learns of the columns is taken over once the fit has succeeded
        X, y = validate_data(
            checked,
            X,
            y,
            dtype=[np.float64, np.float32],
            multi_output=True,
            y_numeric=True,
            allow_nd=True,
            order="C",
        )
        weights = np.ones(len(X))
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            if not weights.any():
                raise ValueError("sample_weight is zero for every row; at least one must be positive")
        table = self._sequences(X)
        targets = np.asarray(y, np.float64).reshape(len(y), -1)
        used = weights > 0
        if not used.all():
            table, targets, weights = table[used], targets[used], weights[used]
        rng = self._generator()
        train, held = self._split(len(table), rng)
        units = self._units(table[train], targets[train], weights[train])

        def samples(rows):
            scaled = (targets[rows] - units["y_mean_"]) / units["y_scale_"]
            return TableRows(table[rows], scaled, weights[rows], units["x_mean_"], units["x_scale_"])

        training, validation = samples(train), None if held is None else samples(held)
        self._check_segment(table.shape[1], "columns of X")
        network = self._build(table.shape[1], table.shape[2], targets.shape[1], "direct")
        fitted = {
            **units,
            **{name: value for name, value in vars(checked).items() if name.endswith("_in_")},
            "n_outputs_": targets.shape[1],
            "_fitted_ndim": X.ndim,
            "_flat_target": y.ndim == 1,
        }
        self._train(network, X.dtype, training, validation, rng, fitted)
        return self

    def predict(self, X):
        """Predict the targets of sequences.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps * n_channels) or (n_samples, n_steps, n_channels)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
        """
        check_is_fitted(self)
        X = self._as_fitted(X)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False, allow_nd=True, order="C")
        table = self._sequences(X, self.network_.input_size)
        expected = (self.network_.steps, self.network_.input_size)
        if table.shape[1:] != expected:
            raise ValueError(f"X has (steps, channels) = {table.shape[1:]}, but the model was fitted on {expected}")
        outputs = self._outputs(TableRows(table, None, None, self.x_mean_, self.x_scale_))
        prediction = outputs * self.y_scale_ + self.y_mean_
        return prediction.ravel() if self._flat_target else prediction

    def _onnx_graph(self) -> Graph:
        x_units, y_units = (self.x_mean_, self.x_scale_), (self.y_mean_, self.y_scale_)
        return rows_graph(self.network_, self.weights(), x_units, y_units, self._fitted_ndim == 2, self._flat_target)

    def _as_fitted(self, X):
        """X of the other layout, (n, T * C) or (n, T, C), brought into the one of the fit; any other as it is."""
        sequence = (self.network_.steps, self.network_.input_size)
        shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
        if self._fitted_ndim == 2 and shape[1:] == sequence:
            return np.asarray(X).reshape(len(X), -1)
        if self._fitted_ndim == 3 and shape[1:] == (sequence[0] * sequence[1],):
            return np.asarray(X).reshape(len(X), *sequence)
        return X

    def _sequences(self, X: np.ndarray, channels: int | None = None) -> np.ndarray:
        """X as (n, T, C)."""
        if X.ndim == 3:
            if 0 in X.shape:
                raise ValueError(f"X has {X.shape[1]} steps of {X.shape[2]} channels; a minimum of 1 is required")
            return X
        if X.ndim != 2:
            raise ValueError(f"X must have 2 dimensions, or 3 (samples, steps, channels), got {X.ndim}")
        channels = self.n_channels if channels is None else channels
        if X.shape[1] % channels:
            raise ValueError(f"X has {X.shape[1]} columns, which n_channels={channels} does not divide")
        return X.reshape(len(X), -1, channels)

    @staticmethod
    def _units(table: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Weighted means and standard deviations; what does not vary has scale 1."""
        share = weights / weights.sum()
        x_mean = np.einsum("n,ntc->c", share, table) / table.shape[1]
        x_scale = np.sqrt(np.einsum("n,ntc->c", share, (table - x_mean) ** 2) / table.shape[1])
        y_mean = share @ targets
        y_scale = np.sqrt(share @ (targets - y_mean) ** 2)
        for scale, mean in ((x_scale, x_mean), (y_scale, y_mean)):
            scale[scale <= 1e-12 * np.abs(mean)] = 1.0
        return {"x_mean_": x_mean, "x_scale_": x_scale, "y_mean_": y_mean, "y_scale_": y_scale}

    def _split(self, n_samples: int, rng: np.random.Generator) -> tuple[np.ndarray | slice, np.ndarray | None]:
        """Rows to train on, and under early stopping those to validate on."""
        if not self.early_stopping:
            return slice(None), None  # all, without a copy
        if n_samples < 2:
            raise ValueError(f"early_stopping needs at least 2 samples, got {n_samples}")
        seed = int(rng.integers(2**31))
        return train_test_split(np.arange(n_samples), test_size=self.validation_fraction, random_state=seed)
