"""`RNNForecaster`: rows are time."""

from tsrnn.forecasting.base import RecurrentEstimator
from tsrnn.forecasting.components import Components
from tsrnn.forecasting.fitting import Fitting
from tsrnn.forecasting.inspection import ForecasterInspection
from tsrnn.forecasting.prediction import Predictions


class RNNForecaster(Fitting, Predictions, ForecasterInspection, Components, RecurrentEstimator):
    """Recurrent network that forecasts a time series.

    The series is cut into windows of `lookback` values. Each window is measured in units of its own (see
    `normalize`); a linear map of the whole window gives the values that follow, and recurrent layers that read it
    what they add. Forecasts are in the units of the series, on the index that follows it.

    What is "auto" is resolved in `fit`, by rules from the frequency, the lengths and the signs of the series and from
    the horizon, and then stands in the attribute of that name: the defaults are meant to need no tuning, for one short
    series as for thousands. The rules are in `tsrnn.forecasting.defaults`.

    Parameters
    ----------
    horizon : int, default=1
        Steps to forecast, and to train for.
    cell : {"gru", "lstm", "rnn", "rnn_relu", "gru_reset_before", "lstm_peephole", "lstm_peephole_previous"}, \
default="gru"
        "gru" and "lstm" are about equally accurate, and the GRU is the smaller one; "rnn" is the vanilla network,
        "rnn_relu" its rectified form. "gru_reset_before" applies the reset gate before the product (Cho et al.,
        2014). "lstm_peephole" lets the gates see the cell state (Gers and Schmidhuber, 2000), the output gate the
        new one, or the old one in "lstm_peephole_previous". The equations stand in `tsrnn/kernels/`.
    lookback : int or "auto", default="auto"
        Values that the network sees before it forecasts. "auto" takes some seasons (three weeks of hours, eight weeks
        of days, two years of weeks, five of months), fewer where the series are short; 720 steps for horizons from
        96 on. Where whole windows are few, training also takes some that begin before their series and hold its first
        value there. A number that no series is long enough for is cut, with a warning.
    season_length : int or "auto", default="auto"
        Steps in a season. "auto" reads it off the frequency: 24 for hours, 7 for days, 12 for months; 1 for an index
        of integers, and where no series is longer than a season, unless there are as many as it has values.
    decoder : {"auto", "direct", "parallel", "recursive", "seq2seq"}, default="auto"
        "auto" is "parallel" for horizons from 96 on and beside columns known ahead, there unless held-back values are
        forecast better without; else "direct". "direct" forecasts all `horizon` steps at once, by a dense layer on the
        last state. "parallel" decodes each step, or each `segment` of them, by one recurrent step from the last state
        and an embedding of its position (Lin et al., 2023, SegRNN): fewer weights over long horizons. "recursive" is
        trained to forecast one step and reads its own forecasts for the next. "seq2seq" writes the horizon by
        recurrent layers of its own, which read the step before: in training the observed one (teacher forcing), else
        the forecast (Sutskever et al., 2014). Columns known ahead act with the state in "parallel" and "seq2seq";
        "direct" has a linear map of them alone, the others beside `linear_skip`.
    normalize : {"auto", "last", "mean", "difference", "reverting", "series", "log_last", "log_mean", \
"log_difference", "log_reverting", "log_series"}, default="auto"
        What is taken from each window before the network sees it: its last value or its mean; it is then divided
        by its standard deviation. "last" follows a series that wanders off its old levels. "series" standardises
        all windows alike, by the mean and the standard deviation of the whole series; "difference" takes the last
        value of the window and the deviation of the series; "reverting" likewise, and leaves a twentieth of the way
        from that value to the mean of the series, which tells what comes back. Under the names with "log_" the same
        is done to the logarithms of a series without values below zero, in which growth and seasons that grow with
        the level are straight; near zero they go straight themselves, so that zeros may be. "auto" is "log_last" if
        no value is below zero and they vary by more than a twentieth of their level, and "last" if not, or for
        horizons from 96 on "reverting", in series as long as eight windows and what is forecast from them, else
        "difference"; or no logarithms, or up to there the mean, where the linear map then forecasts held-back values
        clearly better. In training a window counts by the root of its deviation.
    past_covariates : str or tuple of str, optional
        Columns of `X` that are known only up to now, such as a measured temperature. The others are known ahead, and
        `predict` wants them for the steps to forecast.
    calendar : {"auto", "all"} or None, default="auto"
        What the forecast knows of the calendar, in the window and ahead, where the index has time stamps. "auto" takes
        the time of year (`CalendarFeatures("dayofyear", order=2)`) where seasons and windows are shorter than a year,
        as those of days are, the longest series goes through two, and what is learnt of all years but one makes errors
        in that one smaller, by 2% over all; exponential smoothing, which knows no year, is left out there. Horizons
        from 96 on go without. "all" takes every cycle of `CalendarFeatures()` that the longest series goes through
        twice: the time of day, week and year, as far as the frequency has them. Other features go into `X`.
    missing : {"raise", "mask"}, default="raise"
        What to do about missing values in `y` or `X`: refuse them by their stamps; or leave them out of the loss, read
        straight lines over gaps within a window, tell the network by further channels which values are observed, and
        forecast what is missing at the end of a series before what follows.
    multivariate : bool, default=False
        Read and forecast the columns of a DataFrame together, each step of all of them at once. Otherwise each column
        is a series by itself, and one model serves them all.
    linear_skip : bool or "auto", default="auto"
        Add a linear map of the window to the network's forecast, and of the columns known ahead. It starts as a ridge
        regression toward least absolute errors, of 20,000 windows at most, each step on the window and the columns of
        that step (for horizons from 96 on, without such columns, and windows of 480 steps or more, as the mean of the
        regressions on the window and on its later half; of windows of more than 2000 values on the last of them); and
        the network from zero: it learns what is left. "auto" is True, and averages the forecast with exponential
        smoothing of each series by itself: 121 methods of Holt, Winters and Theta, weighted by how well they would have
        forecast the series so far; of rare events, zero in a quarter of a series or more whatever came before, the last
        values' median. It counts for half of the forecast; where there are less than 5,000 windows without a season for
        two thirds, from there on with a season of more than 12 steps for a third; where there are 100,000 windows or
        series are ten windows long for a quarter; of mostly rare events for three quarters; for all of it or three
        quarters where series are shorter than 1.5 or 1.75 seasons and mostly nearer to a season ago than to now; for
        nothing for horizons from 96 on, with `stateful`, beside the time of year, and where held-back values are
        forecast clearly better without. Where it has a share it has more, up to all, of a series whose last values, 12
        or those of a day, the linear map misses one step ahead by 1.5 to 2.5 times as much as repeating the value
        before, or that of a season ago, does, and more than is usual: after a step of its level. At horizons from 96
        on, where a map of long windows follows what passes, and beside columns known ahead, "auto" is the mean of the
        two, each learnt by itself, unless held-back values are forecast clearly better by their sum. True is the
        network and its linear map alone.
    hidden_size : int, tuple of int or "auto", default="auto"
        Units of each recurrent layer; a tuple has one number a layer, the lowest first. "auto" is 64, and 128 for
        horizons from 96 on and for 100,000 windows or more of 168 steps or more.
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
    segment : int or "auto", default="auto"
        Consecutive steps that enter the recurrent layers as one, through a dense layer with a ReLU (Lin et al., 2023,
        SegRNN). "auto" takes the part of a season that makes about 12 steps of a window. A window of 504 hours with
        `segment=24` becomes 21 steps, which are quicker and easier to learn.
    dropout : float or "auto", default="auto"
        Share of each recurrent layer's outputs set to zero while training. "auto" is 0.1; 0.5 for horizons from 96 on;
        0 where there are 100,000 windows of a week of hours or more, which are not learnt by heart.
    recurrent_dropout : float, default=0.0
        Share of each state's units that the recurrent products do not see while training, the same at all steps of
        a sequence (variational dropout, Gal and Ghahramani, 2016). The sequences that one thread takes at once, up to
        32, share a mask, whatever the number of threads.
    recurrent_init : {"uniform", "orthogonal"}, default="uniform"
        Start of the recurrent weights: uniform within 1 / sqrt(hidden_size), or orthogonal matrices, which help
        to learn long lags.
    loss : {"absolute_error", "squared_error", "huber"}, default="absolute_error"
        On normalised values. The absolute error makes the forecast a median and is not led by outliers.
    stateful : bool, default=False
        Read the series from its start to its end, once a pass, and carry the state on, instead of starting each window
        from zero; after every step the `horizon` values that follow are forecast. The cost of a pass does not depend
        on how far back the network looks. A long series is cut into up to 64 streams (`batch_size` of them) that are
        read side by side, each from a zero state. Needs `bptt_steps`; `linear_skip` sees one step, not a window.
        `normalize="last"` measures a step from the value before it.
    bptt_steps : int or None, default=None
        Truncated backpropagation through time: gradients go back through this many steps; None for all. With
        `stateful` the length of the parts after which weights are updated and gradients stop.
    alpha : float or "auto", default="auto"
        Weight decay apart from the gradient (AdamW); 0 is plain Adam. "auto" decays the linear map alone, by
        min(1, 100 / lookback): the longer the window, the better the updates hold its weights up.
    learning_rate : {"cosine", "constant", "step"}, default="cosine"
        "cosine" falls to zero after a short ramp up; "step" goes to a tenth after half of the updates and to a
        hundredth after three quarters.
    learning_rate_init : float, default=0.003
        Step size of Adam at the start of the schedule.
    clip_norm : float or None, default=1.0
        Largest norm of a gradient; larger ones are scaled down.
    batch_size : int or "auto", default="auto"
        Windows per update; "auto" is min(256, number of windows).
    max_iter : int, default=300
        Passes over all windows.
    max_steps : int, None or "auto", default="auto"
        Largest number of updates; the smaller of both limits ends training. 0 leaves the network out. A short series
        takes `max_iter` passes of one update each, a long one fewer passes of many. "auto" is 1000, of 100,000 windows
        or more 2000, or of long ones 4000, but where the linear map is fitted first no more than ten passes; for
        horizons from 96 on 800, of 30 series or more 3200. Few windows are soon learnt by heart: where ten passes are
        fewer than 1000 updates, the fitted weights lie halfway between those that training starts with and those it
        ends with (a quarter of the way with less than 5,000 windows), unless held-back values are forecast clearly
        better by all of the way, or with 100 or 300 updates where ten passes are fewer.
    early_stopping : bool, default=False
        Keep the last `validation_fraction` of the windows aside, stop when their loss no longer falls, and keep
        the weights of the best pass. No validation target is seen in training. Where that leaves no window to train
        on, a warning says so, and all train.
    validation_fraction : float, default=0.1
        Share kept aside under `early_stopping`.
    n_iter_no_change : int, default=10
        Passes without improvement by `tol` that end training under `early_stopping`.
    tol : float, default=1e-4
        Smallest fall of the validation loss that counts as an improvement.
    n_members : int, default=1
        Networks from different seeds; the forecast is the median of theirs. Of each five the last two read shorter
        windows: a season or two less, for horizons from 96 on half as much; of several series one more then reads two
        thirds; all read as much where `lookback` is a number. After the first as many learn side by side as there are
        threads (on a GPU, and with callbacks, one after the other). Left out are those whose loss is more than a tenth
        above that of the middle one of those that read as much, with a warning those whose loss was no longer finite,
        and those that had not learnt when an interrupt came. A parameter that is set later holds for all. Five are as a
        rule one or two parts in a hundred more accurate than one, at four to five times the cost.
    warm_start : bool, default=False
        A further `fit` goes on from the current weights. A series that was fitted, by its id or as the only one, and
        exogenous columns keep the units in which the weights were learnt. The network must be the same. Else a fit
        starts anew.
    random_state : int, RandomState or None, default=None
        Seed of the weights, of the order of the windows and of dropout. The same seed gives the same forecast,
        whatever the number of threads.
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
        Show a progress bar with the losses and the windows per second.

    Attributes
    ----------
    lookback_, season_length_, segment_ : int
        As resolved from "auto"; with `stateful` the first is the number of values in a part.
    calendar_ : tuple of str
        Features of the calendar in use: see `CalendarFeatures`.
    decoder_, normalize_ : str
    linear_skip_ : bool
    hidden_size_ : int or tuple of int
    dropout_ : float
        As resolved from "auto".
    selection_ : {"validation", "rules"}
        What "auto" went by: whether forecasts of held-back values were compared. There are none to compare where the
        series are too short, or where nothing that is raced is "auto".
    smoothing_share_ : float
        Share of exponential smoothing in the forecast; of series that the linear map has lost it is more.
    linear_coef_ : ndarray of shape (horizon, lookback)
        Weights of the linear map: what each value of a window, the oldest first, adds to each step of the forecast;
        with `decoder="recursive"` to the next one, (1, lookback). With `stateful` one step is read: (horizon, segment).
    horizon_ : int
        The horizon trained for.
    freq_ : DateOffset or int
        Step of the index.
    members_ : tuple of RNNForecaster
        The others of an ensemble; the attributes of this estimator are those of its first member.
    network_ : Network
        Layers and layout of the parameters.
    parameters_ : ndarray of shape (n_parameters,), float32
        All weights; `weights()` returns them by name.
    n_iter_, n_steps_ : int
        Passes over the windows of the last `fit`; updates made since the weights were started.
    loss_curve_ : list of float
        Mean training loss of each pass since then, on normalised values.
    validation_loss_curve_ : list of float or None
    best_loss_ : float
        Smallest validation loss of the last fit, or training loss without early stopping.

    Raises
    ------
    TypeError, ValueError
        In `fit` and `predict`, for a parameter, a series or an index that cannot be used; the message names the
        argument and the time stamps.
    DivergenceError
        In `fit`, when the loss is no longer finite. The best weights before are kept; if that happens in the
        first pass, the estimator stays as it was.
    KeyboardInterrupt
        In `fit`, before the first pass has ended. Later an interrupt ends `fit` with a warning: see `RNNRegressor`.
    RuntimeError
        For a device that cannot be used; the message says what is missing.

    References
    ----------
    Recurrent cells: see `RNNRegressor`. Windows in units of their own with a linear map beside the network:
    after Smyl (2020), A hybrid method of exponential smoothing and recurrent neural networks, and Zeng et al.
    (2023), Are transformers effective for time series forecasting? The mean with exponential smoothing: Makridakis,
    Spiliotis and Assimakopoulos (2020), The M4 competition, where means of statistical and learnt forecasts won;
    methods of smoothing: Hyndman et al. (2008), Forecasting with Exponential Smoothing, table 2.1.

    Examples
    --------
    >>> from tsrnn import RNNForecaster
    >>> from tsrnn.datasets import load_airpassengers
    >>> y = load_airpassengers()
    >>> model = RNNForecaster(horizon=3, max_steps=200, random_state=0).fit(y)
    >>> model.predict().index
    DatetimeIndex(['1961-01-01', '1961-02-01', '1961-03-01'], ...)
    >>> len(model.predict(horizon=2))
    2
    """

    def __init__(
        self,
        horizon=1,
        *,
        cell="gru",
        lookback="auto",
        season_length="auto",
        decoder="auto",
        normalize="auto",
        past_covariates=None,
        calendar="auto",
        missing="raise",
        multivariate=False,
        linear_skip="auto",
        hidden_size="auto",
        num_layers=1,
        bidirectional=False,
        residual=False,
        layer_norm=False,
        segment="auto",
        dropout="auto",
        recurrent_dropout=0.0,
        recurrent_init="uniform",
        loss="absolute_error",
        stateful=False,
        bptt_steps=None,
        alpha="auto",
        learning_rate="cosine",
        learning_rate_init=0.003,
        clip_norm=1.0,
        batch_size="auto",
        max_iter=300,
        max_steps="auto",
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        n_members=1,
        warm_start=False,
        random_state=None,
        n_jobs=None,
        device="cpu",
        precision="float32",
        verbose=False,
    ):
        self.horizon = horizon
        self.cell = cell
        self.lookback = lookback
        self.season_length = season_length
        self.decoder = decoder
        self.normalize = normalize
        self.past_covariates = past_covariates
        self.calendar = calendar
        self.missing = missing
        self.multivariate = multivariate
        self.linear_skip = linear_skip
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.residual = residual
        self.layer_norm = layer_norm
        self.segment = segment
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.recurrent_init = recurrent_init
        self.loss = loss
        self.stateful = stateful
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
        self.n_members = n_members
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.device = device
        self.precision = precision
        self.verbose = verbose
