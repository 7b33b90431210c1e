"""The loop that trains a network on mini-batches."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tsrnn.kernels.optimization import norm
from tsrnn.network.network import Network
from tsrnn.training.losses import LOSSES
from tsrnn.training.optimizers import AdamW
from tsrnn.training.parallel import Workers, chunk_bounds
from tsrnn.training.passes import Passes, Samples
from tsrnn.training.schedule import SCHEDULES

# Beyond this many samples an epoch is drawn with replacement: a permutation would cost more than the data.
PERMUTED_SAMPLES = 4_000_000


class DivergenceError(FloatingPointError):
    """Training met a loss that is not finite. The estimator keeps the best weights of the epochs before, if any."""


@dataclass(frozen=True)
class TrainingOptions:
    """How to train; the names are the estimators' parameters. The linear map may have a weight decay of its own."""

    loss: str
    alpha: float
    learning_rate: str
    learning_rate_init: float
    clip_norm: float | None
    batch_size: int
    max_iter: int
    max_steps: int | None
    bptt_steps: int | None
    n_iter_no_change: int
    tol: float
    n_jobs: int | None
    alpha_linear: float | None = None


@dataclass
class History:
    """What happened: mean loss by epoch, on the training samples and on the validation samples.

    `n_steps` and `n_samples` are what was made and seen so far, `running_loss` the mean loss since the start of the
    epoch.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    n_steps: int = 0
    n_samples: int = 0
    running_loss: float = math.nan


class Trainer:
    """Trains the parameters of a network; `parameters` holds weights whose loss was finite; after `run`, those to keep.

    Parameters
    ----------
    network : Network
    parameters : (P,) ndarray
        The start; left as it is.
    options : TrainingOptions
    training : Samples
    validation : Samples or None
        With it training stops when its loss has not improved by `tol` for `n_iter_no_change` epochs, and the
        weights of its best epoch are kept. Without it training runs to its end and the last weights are kept.
    rng : Generator
        Draws the order of the samples and the dropout masks.
    optimizer : AdamW, optional
        To go on with; changed. Default: a new one.

    Attributes
    ----------
    parameters : (P,) ndarray
        Good weights at any moment, also after an exception.
    history : History
    """

    def __init__(
        self,
        network: Network,
        parameters: np.ndarray,
        options: TrainingOptions,
        training: Samples,
        validation: Samples | None,
        rng: np.random.Generator,
        optimizer: AdamW | None = None,
    ):
        self.network = network
        self.options = options
        self.training = training
        self.validation = validation
        self.parameters = parameters.copy()
        self.history = History()
        if optimizer is None:
            own = options.alpha_linear
            apart = None if own is None or own == options.alpha else (network.layout.span("linear."), own)
            optimizer = AdamW(parameters.size, parameters.dtype, options.alpha, options.clip_norm, apart)
        self.optimizer = optimizer
        self._rng = rng
        self._loss = LOSSES[options.loss]
        self._current = parameters.copy()
        self._start = parameters.copy()  # at the start of the epoch
        self._proven = parameters.copy()  # at the start of the epoch with the smallest loss so far
        self._batch_size = training.rows or min(options.batch_size, training.size)

    @property
    def total_steps(self) -> int:
        """Updates that training takes if nothing stops it early."""
        total = self.options.max_iter * self._epoch_steps
        return total if self.options.max_steps is None else min(total, self.options.max_steps)

    @property
    def total_epochs(self) -> int:
        """Epochs that training takes if nothing stops it early; `max_steps` may cut the last one short."""
        return -(-self.total_steps // self._epoch_steps)

    @property
    def total_samples(self) -> int:
        """Samples that training sees if nothing stops it early."""
        epochs, steps = divmod(self.total_steps, self._epoch_steps)
        size = self.training.size
        return epochs * (self._epoch_steps * self._batch_size if self._draws else size) + steps * self._batch_size

    @property
    def _epoch_steps(self) -> int:
        return -(-self.training.size // self._batch_size)

    @property
    def _draws(self) -> bool:
        """Whether samples are drawn with replacement, all batches being full."""
        return not self.training.rows and self.training.size > PERMUTED_SAMPLES and self._epoch_steps > 1

    def run(
        self,
        report: Callable[[History], None] | None = None,
        begin_epoch: Callable[[History], None] | None = None,
        end_epoch: Callable[[History], bool] | None = None,
    ) -> None:
        """Train.

        Parameters
        ----------
        report : callable, optional
            Called with the history after each update.
        begin_epoch, end_epoch : callable, optional
            Called with the history before and after each epoch; what is true of the second ends training.

        Raises
        ------
        DivergenceError
            On a loss that is not finite.
        """
        o = self.options
        schedule = SCHEDULES[o.learning_rate]
        with Workers(o.n_jobs) as workers:
            passes = Passes(self.network, self._current, workers)
            best, waited = math.inf, 0
            while self.history.n_steps < self.total_steps:
                if begin_epoch:
                    begin_epoch(self.history)
                self._start[...] = self._current
                total, weight = 0.0, 0.0
                for which in self._epoch():
                    loss, gradient, batch_weight = passes.gradient(
                        self.training, which, self._loss, self._keys(which), o.bptt_steps
                    )
                    length = norm(gradient)
                    if not (math.isfinite(loss) and math.isfinite(length)):
                        raise self._divergence(loss)
                    rate = o.learning_rate_init * schedule(self.history.n_steps, self.total_steps)
                    self.optimizer.update(self._current, gradient, length, rate)
                    total += loss * batch_weight
                    weight += batch_weight
                    self.history.n_steps += 1
                    self.history.n_samples += len(which)
                    if weight:  # a batch of streams may hold nothing that counts
                        self.history.running_loss = total / weight
                    if report:
                        report(self.history)
                loss = total / weight
                if self.validation is None:
                    if loss < min(self.history.loss, default=math.inf):
                        self._proven[...] = self._start
                    if np.isfinite(self._current).all():  # no loss is taken after the last update
                        self.parameters[...] = self._current
                else:
                    score = passes.loss(self.validation, self._loss)
                    if not math.isfinite(score):
                        raise self._divergence(score)
                    waited = 0 if score < best - o.tol else waited + 1
                    if score < best:
                        best = score
                        self.parameters[...] = self._current
                    self.history.validation_loss.append(score)
                self.history.loss.append(loss)  # last: from here on there are weights to keep
                if end_epoch and end_epoch(self.history):
                    break
                if waited >= o.n_iter_no_change:
                    break

    def _divergence(self, loss: float) -> DivergenceError:
        if self.validation is None:
            # The last epoch's weights are what the loss blew up with: back to those of the epoch that went best.
            self.parameters[...] = self._proven
        kept = "the weights that the best epoch started from are kept" if self.history.loss else "nothing was learnt"
        if self.validation is not None and self.history.loss:
            kept = "the weights of the best epoch are kept"
        clip = "" if self.options.clip_norm is None else " smaller"
        return DivergenceError(
            f"the loss ({loss:g}) or its gradient is not finite at update {self.history.n_steps + 1}; {kept}. "
            f"A learning_rate_init below {self.options.learning_rate_init:g} or a{clip} clip_norm helps"
        )

    def _epoch(self) -> Iterator[np.ndarray]:
        """Sample numbers of the batches of one epoch, cut short where `max_steps` says so."""
        size, batch = self.training.size, self._batch_size
        n_batches = min(-(-size // batch), self.total_steps - self.history.n_steps)
        if n_batches == 1 and size == batch:
            yield np.arange(size)
        elif self.training.rows:  # one part of each stream after the other
            for k in range(n_batches):
                yield np.arange(k * batch, (k + 1) * batch)
        elif self._draws:
            for _ in range(n_batches):
                yield self._rng.integers(size, size=batch)
        else:
            order = self._rng.permutation(size)
            for k in range(n_batches):
                yield order[k * batch : (k + 1) * batch]

    def _keys(self, which: np.ndarray) -> np.ndarray | None:
        """Dropout keys for each chunk and layer, or None without dropout."""
        n = self.network.n_dropout_keys
        if not n:
            return None
        bounds = chunk_bounds(len(which), self.network.work)
        return self._rng.integers(2**32, size=(len(bounds), n), dtype=np.uint64)
