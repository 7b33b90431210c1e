"""`RNNRegressor`: a row is one window."""

from sklearn.base import RegressorMixin

from tsrnn.forecasting.base import RecurrentEstimator
from tsrnn.forecasting.inspection import RegressorInspection
from tsrnn.forecasting.onnx.graph import Graph, rows_graph
from tsrnn.forecasting.rowfitting import RowFitting


class RNNRegressor(RowFitting, RegressorMixin, RegressorInspection, RecurrentEstimator):
    """Recurrent network that maps a sequence to one or more numbers, or to another sequence.

    Each row of `X` is one independent sequence. The recurrent layers read it step by step, a decoder turns what they
    made of it into the prediction. Channels and targets are standardised inside; predictions are in the units of `y`.
    The network computes in the type of `X`, float32 or float64.

    Parameters
    ----------
    cell : {"gru", "lstm", "rnn", "rnn_relu", "gru_reset_before", "lstm_peephole", "lstm_peephole_previous"}, \
default="gru"
        "gru" and "lstm" are about equally accurate, and the GRU is the smaller one; "rnn" is the vanilla network,
        "rnn_relu" its rectified form. "gru_reset_before" applies the reset gate before the product (Cho et al.,
        2014). "lstm_peephole" lets the gates see the cell state (Gers and Schmidhuber, 2000), the output gate the
        new one, or the old one in "lstm_peephole_previous". The equations stand in `tsrnn/kernels/`.
    decoder : {"direct", "in_step", "parallel", "seq2seq"}, default="direct"
        From the sequence read to the prediction, and so the task that is learnt:

        - "direct", many to one: all outputs at once, by a dense layer on the last state.
        - "in_step", many to many in step: a target at every step of the sequence, by a dense layer on the state there,
          which knows the steps up to it (of a `bidirectional` network: all). `segment` must be 1.
        - "seq2seq", delayed many to many, an encoder and a decoder (Sutskever, Vinyals and Le, 2014): recurrent layers
          of their own start from the last states and write the target step by step. Each step reads the one before,
          the true one while training, the predicted one in `predict` and in early stopping.
        - "parallel", delayed many to many: all steps of the target at once (Lin et al., 2023), each by one step of a
          cell that starts from the last state and reads a vector, learnt, that stands for the position.

        With `X` of one step the last two are one to many. `fit` lists the shapes of `y`.
    hidden_size : int or tuple of int, default=32
        Units of each recurrent layer; a tuple has one number a layer, the lowest first.
    num_layers : int, default=1
        Recurrent layers, one above the other.
    bidirectional : bool, default=False
        Each layer reads the window, and nothing after it, from both ends, with `hidden_size` units each way.
    residual : bool, default=False
        From the second layer on, add a layer's input to its output (Wu et al., 2016), by a linear map if widths differ.
    layer_norm : bool, default=False
        Normalise the outputs of each recurrent layer over its units, at each step by themselves (Ba, Kiros and Hinton,
        2016), before dropout; not within the recurrence.
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
        Add a linear map of the whole window to the prediction; with `decoder="in_step"`, at each step of its own input.
    n_channels : int, default=1
        For a 2-D `X`: values per step. Row `[a_1, b_1, a_2, b_2, ...]` holds the steps of two channels.
    recurrent_init : {"uniform", "orthogonal"}, default="uniform"
        Start of the recurrent weights: uniform within 1 / sqrt(hidden_size), or orthogonal, for long lags.
    loss : {"squared_error", "absolute_error", "huber"}, default="squared_error"
        On standardised targets.
    bptt_steps : int or None, default=None
        Truncated backpropagation through time: gradients go back through this many steps; None for all. With
        `decoder="in_step"` the sequence is cut into spans of so many steps, from its start, and they stay within.
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
    warm_start : bool, default=False
        A further `fit` goes on from the current weights, with the units in which they were learnt and in their type;
        the network must be the same. Schedule, optimizer and random numbers begin anew. Else all does.
    random_state : int, RandomState or None, default=None
        Seed of the weights, of the order of the rows and of dropout: the same model on any number of threads.
    n_jobs : int or None, default=None
        Threads. None for all processors, fewer where OMP_NUM_THREADS or `threadpoolctl.threadpool_limits` says so;
        negative as in joblib: -1 for all, -2 for all but one.
    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where to train and predict: "cuda" is an NVIDIA GPU (`pip install "tsrnn[cuda]"`), "auto" that where it can be
        used, else the CPU. A model fitted on one predicts on the other after `set_params(device=...)`.
    precision : {"float32", "tf32"}, default="float32"
        On a GPU, in float32: the default gives what the CPU gives, to its own digits. "tf32" multiplies by factors of
        three decimal digits, a third of the work, and keeps gates for the way back in 16 bits. The CPU ignores it.
    verbose : bool or int, default=False
        Show a progress bar with the losses and the samples per second.

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
        Values of one target, over all its steps and channels.
    x_mean_, x_scale_ : ndarray of shape (n_channels,)
        Mean and standard deviation of each channel over rows and steps.
    y_mean_, y_scale_ : ndarray of shape (n_outputs,) or (n_target_channels,)
        Of each output with `decoder="direct"`; with the others, whose targets are sequences, of each channel over rows
        and steps, as those of `X`.
    n_iter_ : int
        Passes over the data made by the last `fit` or `partial_fit`.
    n_steps_ : int
        Updates made since the weights were started.
    loss_curve_ : list of float
        Mean training loss of each pass since then.
    validation_loss_curve_ : list of float or None
        Likewise; NaN for passes without validation.
    best_loss_ : float
        Smallest validation loss of the last fit, or training loss without early stopping.

    Raises
    ------
    ValueError
        For a parameter or data out of range; the message names what came.
    DivergenceError
        In `fit`, when the loss is no longer finite. The best weights before are kept; those of none in the first pass.
    KeyboardInterrupt
        In `fit`, before the first pass has ended; the estimator stays as it was.
    RuntimeError
        For a device that cannot be used; the message says what is missing.

    Warns
    -----
    InterruptedFitWarning
        When `fit` is interrupted later. It then ends with the weights of the best pass, as `MLPRegressor` does (without
        early stopping, of the last whole pass), and the estimator is fitted. A search goes on with its next fit; with
        the warning made an error and `error_score="raise"` it ends.

    References
    ----------
    Elman (1990), Finding structure in time. Hochreiter and Schmidhuber (1997), Long short-term memory.
    Cho et al. (2014), Learning phrase representations using RNN encoder-decoder.
    Sutskever, Vinyals and Le (2014), Sequence to sequence learning with neural networks. Lin et al. (2023), SegRNN:
    Segment recurrent neural network for long-term time series forecasting.

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

    A target at every step, here the sum so far:

    >>> sums = X.cumsum(axis=1)
    >>> model = RNNRegressor(decoder="in_step", hidden_size=8, random_state=0).fit(X[:200], sums[:200])
    >>> model.predict(X[200:]).shape
    (88, 12)
    """

    _SAMPLES = "samples"

    def __init__(
        self,
        cell="gru",
        *,
        decoder="direct",
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
        warm_start=False,
        random_state=None,
        n_jobs=None,
        device="cpu",
        precision="float32",
        verbose=False,
    ):
        self.cell = cell
        self.decoder = decoder
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
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.device = device
        self.precision = precision
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.multi_output = True
        return tags

    def _onnx_graph(self) -> Graph:
        x_units, y_units = (self.x_mean_, self.x_scale_), (self.y_mean_, self.y_scale_)
        return rows_graph(self.network_, self.weights(), x_units, y_units, self._fitted_ndim == 2, self._target_shape)
