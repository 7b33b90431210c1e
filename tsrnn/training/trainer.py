"""The loop that trains a network on mini-batches."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from tsrnn.kernels.devices import run, zeros
from tsrnn.kernels.optimization import checked_norm, norm
from tsrnn.network.network import Network
from tsrnn.training.devices import workers_on
from tsrnn.training.losses import LOSSES
from tsrnn.training.optimizers import AdamW
from tsrnn.training.parallel import Workers
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
    device: str = "cpu"
    precision: str = "float32"


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
        with workers_on(o.device, o.n_jobs, o.precision) as workers, self._moments_on(workers):
            current = workers.enter(self.parameters.copy())
            start = current.copy()  # of the epoch
            proven = self.parameters.copy()  # at the start of the epoch with the smallest loss so far
            passes = Passes(self.network, current, workers)
            update = self._update(passes, current, workers)
            best, waited = math.inf, 0
            while self.history.n_steps < self.total_steps:
                if begin_epoch:
                    begin_epoch(self.history)
                start[...] = current
                loss = self._train_epoch(passes, update, workers, proven, report)
                if self.validation is None:
                    if loss < min(self.history.loss, default=math.inf):
                        proven[...] = workers.leave(start)
                    reached = workers.leave(current)
                    if np.isfinite(reached).all():  # no loss is taken after the last update
                        self.parameters[...] = reached
                else:
                    score = passes.loss(self.validation, self._loss)
                    if not math.isfinite(score):
                        raise self._divergence(score, proven)
                    waited = 0 if score < best - o.tol else waited + 1
                    if score < best:
                        best = score
                        self.parameters[...] = workers.leave(current)
                    self.history.validation_loss.append(score)
                self.history.loss.append(loss)  # last: from here on there are weights to keep
                if end_epoch and end_epoch(self.history):
                    break
                if waited >= o.n_iter_no_change:
                    break

    def _train_epoch(self, passes: Passes, update: Callable, workers: Workers, proven: np.ndarray, report) -> float:
        """Make the updates of an epoch, in place; returns their mean loss."""
        o, history, schedule = self.options, self.history, SCHEDULES[self.options.learning_rate]
        total, weight, asked = 0.0, 0.0, history.n_steps
        unread = []  # updates that were asked for: their losses and norms, which a device has not worked out yet

        def take_in():
            nonlocal total, weight
            updates, weights, sizes = zip(*unread, strict=True)
            for (loss, length), batch_weight, size in zip(workers.readings(updates), weights, sizes, strict=True):
                if not (math.isfinite(loss) and math.isfinite(length)):
                    raise self._divergence(loss, proven)
                total += loss * batch_weight
                weight += batch_weight
                history.n_steps += 1
                history.n_samples += size
                if weight:  # a batch of streams may hold nothing that counts
                    history.running_loss = total / weight
                if report:
                    report(history)
            unread.clear()

        for which in self._epoch():
            keys = self._keys(which, workers)
            weights, batch_weight = passes.weights(self.training, which)
            rate = o.learning_rate_init * schedule(asked, self.total_steps)
            asked += 1
            values = weights, np.array([asked]), self.optimizer.scalars(rate), *([] if keys is None else [keys])
            unread.append((workers.update(update, self.training, which, *values), batch_weight, len(which)))
            if len(unread) == workers.unread:
                take_in()
        if unread:
            take_in()
        return total / weight

    def _update(self, passes: Passes, current, workers: Workers) -> Callable:
        """What an update is: a function of what differs from one to the next, for `Workers.update`."""
        failure = zeros((2,), workers.dtype(np.dtype(np.float64)))  # after one nothing is changed any more
        bptt_steps = self.options.bptt_steps

        def update(which, weights, number, scalars, keys=None):
            loss, gradient = passes.weighted_gradient(self.training, which, weights, self._loss, keys, bptt_steps)
            length = run(checked_norm, failure, loss, run(norm, gradient), number)
            self.optimizer.update(current, gradient, length, scalars)
            return loss, length

        return update

    @contextmanager
    def _moments_on(self, workers: Workers):
        """The optimizer's moments lie where the workers compute, for as long as they do."""
        optimizer = self.optimizer
        optimizer.first, optimizer.second = workers.enter(optimizer.first), workers.enter(optimizer.second)
        try:
            yield
        finally:
            optimizer.first, optimizer.second = workers.leave(optimizer.first), workers.leave(optimizer.second)

    def _divergence(self, loss: float, proven: np.ndarray) -> DivergenceError:
        if self.validation is None:
            # The last epoch's weights are what the loss blew up with: back to those of the epoch that went best.
            self.parameters[...] = proven
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

    def _keys(self, which: np.ndarray, workers: Workers) -> np.ndarray | None:
        """Dropout keys for each chunk and layer, or None without dropout."""
        n = self.network.n_dropout_keys
        if not n:
            return None
        bounds = workers.bounds(len(which), self.network.work)
        return self._rng.integers(2**32, size=(len(bounds), n), dtype=np.uint64)
