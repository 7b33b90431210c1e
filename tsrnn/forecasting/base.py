"""What both estimators share: the parameters of network and training, and the course of a fit."""

import copy
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from tsrnn.forecasting.callbacks import CallbackSupportMixin, Tasks, with_callbacks
from tsrnn.forecasting.checks import check_flag, check_integer, check_option, check_real, check_sizes
from tsrnn.forecasting.exchange import Exchange
from tsrnn.forecasting.progress import progress
from tsrnn.forecasting.warmstart import check_same_network, curves, units_parameters
from tsrnn.network.cells import CELLS
from tsrnn.network.initialization import RECURRENT_INITS
from tsrnn.network.network import Network
from tsrnn.training.devices import DEVICES, PRECISIONS, resolved, workers_on
from tsrnn.training.losses import LOSSES
from tsrnn.training.parallel import CHUNK_ROWS
from tsrnn.training.passes import Passes, Samples
from tsrnn.training.schedule import SCHEDULES
from tsrnn.training.trainer import History, Trainer, TrainingOptions

AUTO_BATCH = 256  # from here on larger batches take longer in proportion and learn no more per update


class InterruptedFitWarning(UserWarning):
    """A fit was interrupted after a pass or more: the estimator has the best weights so far."""


class RecurrentEstimator(CallbackSupportMixin, Exchange, BaseEstimator):
    """Base of `RNNRegressor` and `RNNForecaster`."""

    _SAMPLES = "windows"  # what a progress bar counts
    _LEAST_STEPS = 1  # of training
    _AUTO = ()  # parameters that may be "auto" though they need not be everywhere
    _stop = None  # an event that ends a fit in another thread at its next update
    _quiet = False  # a further member of an ensemble, of which the first has warned

    def _check_parameters(self) -> None:
        """Refuse a wrong parameter by name, before anything else happens."""
        check_option("cell", self.cell, CELLS)
        check_integer("num_layers", self.num_layers, 1)
        self._check_or_auto("hidden_size", check_sizes, self.num_layers)
        check_flag("bidirectional", self.bidirectional)
        check_flag("residual", self.residual)
        check_flag("layer_norm", self.layer_norm)
        self._check_or_auto("segment", check_integer, 1)
        self._check_or_auto("dropout", check_real, 0, 1)
        check_real("recurrent_dropout", self.recurrent_dropout, 0, 1)
        self._check_or_auto("linear_skip", check_flag)
        check_option("recurrent_init", self.recurrent_init, RECURRENT_INITS)
        check_option("loss", self.loss, LOSSES)
        check_integer("bptt_steps", self.bptt_steps, 1, None)
        self._check_or_auto("alpha", check_real, 0, np.inf)
        check_option("learning_rate", self.learning_rate, SCHEDULES)
        check_real("learning_rate_init", self.learning_rate_init, 0, np.inf, open_below=True)
        check_real("clip_norm", self.clip_norm, 0, np.inf, open_below=True, none=True)
        check_integer("batch_size", self.batch_size, 1, "auto")
        check_integer("max_iter", self.max_iter, 1)
        self._check_or_auto("max_steps", check_integer, self._LEAST_STEPS, None)
        check_flag("early_stopping", self.early_stopping)
        check_real("validation_fraction", self.validation_fraction, 0, 1, open_below=True)
        check_integer("n_iter_no_change", self.n_iter_no_change, 1)
        check_real("tol", self.tol, 0, np.inf)
        check_flag("warm_start", self.warm_start)
        if not isinstance(self.verbose, (bool, np.bool_, Integral)) or self.verbose < 0:
            raise ValueError(f"verbose must be True, False or an integer of at least 0, got {self.verbose!r}")
        try:
            check_random_state(self.random_state)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"random_state must be an integer from 0 to 2**32 - 1, a RandomState or None, got {self.random_state!r}"
            ) from error
        check_option("device", self.device, DEVICES)
        resolved(self.device)  # says what is missing
        check_option("precision", self.precision, PRECISIONS)
        n_jobs = self.n_jobs
        if n_jobs is not None and (not isinstance(n_jobs, Integral) or isinstance(n_jobs, bool) or n_jobs == 0):
            raise ValueError(f"n_jobs must be None or an integer other than 0, got {n_jobs!r}")

    def _check_or_auto(self, name: str, check: Callable, *allowed) -> None:
        """Check a parameter that may be "auto" in some estimators."""
        value = getattr(self, name)
        if name not in self._AUTO or not isinstance(value, str) or value != "auto":
            check(name, value, *allowed)

    def _generator(self) -> np.random.Generator:
        """The fit's own source of random numbers: same `random_state`, same numbers."""
        if self.random_state is None:
            return np.random.default_rng()
        return np.random.default_rng(check_random_state(self.random_state).randint(2**31, size=4))

    def _check_segment(self, segment: int, steps: int, name: str) -> None:
        """Say that a window is filled up where the segment does not divide it; refuse a segment beyond it."""
        if segment > steps:
            raise ValueError(f"segment={segment} is longer than the window of {steps} steps ({name})")
        if steps % segment:
            self._warn(
                f"segment={segment} does not divide the window of {steps} steps ({name}): its first value is "
                f"repeated {-steps % segment} times on the left",
                stacklevel=4,  # beyond the function that lays out the data, and `fit`
            )

    def _warn(self, message: str, stacklevel: int) -> None:
        """Warn as `warnings.warn` does, unless another member of the ensemble has."""
        if not self._quiet:
            warnings.warn(message, stacklevel=stacklevel + 1)

    def _goes_on(self, incremental: bool = False) -> bool:
        """Whether a fit starts from the current weights, and so reads the data in the current units."""
        return (incremental or bool(self.warm_start)) and hasattr(self, "parameters_")

    def _build(
        self,
        steps: int,
        input_size: int,
        output_size: int,
        decoder: str,
        target_channels: int = 1,
        incremental: bool = False,
        **options,
    ) -> Network:
        """The network that the parameters ask for, refused where a fit is to go on with another.

        Further `options` go to it as they are; `hidden_size` and others that are parameters too come before these.
        """
        names = ("hidden_size", "segment", "dropout", "linear_skip")
        chosen = {name: getattr(self, name) for name in names if name not in options} | options
        sizes, chosen["segment"] = chosen.pop("hidden_size"), int(chosen["segment"])
        network = Network(
            self.cell,
            steps,
            input_size,
            tuple(map(int, sizes)) if isinstance(sizes, tuple) else int(sizes),
            int(self.num_layers),
            output_size,
            decoder=decoder,
            target_channels=target_channels,
            bidirectional=bool(self.bidirectional),
            residual=bool(self.residual),
            layer_norm=bool(self.layer_norm),
            dropout=float(chosen.pop("dropout")),
            recurrent_dropout=float(self.recurrent_dropout),
            linear_skip=bool(chosen.pop("linear_skip")),
            **chosen,
        )
        if self._goes_on(incremental):
            check_same_network(self.network_, network, "partial_fit" if incremental else "warm_start=True")
        return network

    def _options(self, **settings) -> TrainingOptions:
        """How to train, as the parameters say; `settings` come before them."""
        chosen = {field.name: getattr(self, field.name, None) for field in fields(TrainingOptions)} | settings
        if chosen["batch_size"] == "auto":
            chosen["batch_size"] = AUTO_BATCH
        return TrainingOptions(**chosen)

    def _train(
        self,
        network: Network,
        dtype: np.dtype,
        training: Samples,
        validation: Samples | None,
        rng: np.random.Generator,
        fitted: dict,
        keep: Callable[[Network, np.ndarray], dict] | None = None,
        data: dict | None = None,
        incremental: bool = False,
        start: Callable[[Network, np.dtype, np.random.Generator], np.ndarray] | None = None,
        **settings,
    ) -> bool:
        """Train and set the fitted attributes; `keep` makes further ones of the network and its parameters.

        They are set as well when training breaks off after an epoch (a loss that is not finite, an interrupt):
        the estimator then has the last good weights. Before that it stays as it was.

        Parameters
        ----------
        network : Network
            From `_build`.
        dtype : dtype
            Of new weights; a fit that goes on keeps the type of the current ones.
        training : Samples
        validation : Samples or None
        rng : Generator
        fitted : dict
            Attributes that are known before training.
        keep : callable, optional
        data : dict, optional
            `X`, `y` and `metadata` as callbacks are to see them.
        incremental : bool
            One pass at a constant rate, with the optimizer and the random numbers where the last such pass left them.
        start : callable, optional
            Gives the weights of a fit that does not go on. Default: the network's own random ones.
        **settings
            Of `TrainingOptions`, in place of the parameters of that name.

        Returns
        -------
        bool
            Whether an interrupt has ended it, of which a warning tells.
        """
        goes_on = self._goes_on(incremental)
        if incremental:
            settings |= {"learning_rate": "constant", "max_iter": 1, "max_steps": None}
        options = self._options(**settings)
        if goes_on:
            begin = self.parameters_
        else:
            begin = start(network, dtype, rng) if start else network.initialize(rng, dtype, self.recurrent_init)
        optimizer = None
        if goes_on and incremental and hasattr(self, "_course"):
            optimizer, rng = copy.deepcopy(self._course)  # a pass that fails leaves the estimator as it was
            optimizer.alpha, optimizer.clip_norm = self.alpha, self.clip_norm
        trainer = Trainer(network, begin, options, training, validation, rng, optimizer)
        attributes = partial(self._attributes, trainer, fitted, keep, goes_on)
        interrupted = False
        try:
            if incremental:
                self._run(trainer)
            else:
                self._run_as_task(trainer, attributes, data or {})
        except KeyboardInterrupt:
            if not trainer.history.loss:
                raise
            interrupted = True
        finally:
            if trainer.history.loss or not trainer.total_steps:
                found = attributes()
                for name in ("feature_names_in_", "_course"):  # of an earlier fit
                    self.__dict__.pop(name, None)
                self.__dict__.update(found)
                if incremental:
                    self._course = (trainer.optimizer, rng)
        if interrupted:
            kept = "the last whole pass" if validation is None else "the best pass"
            passes = f"{len(trainer.history.loss)} of {trainer.total_epochs} passes over the data"
            message = f"fit was interrupted after {passes}; the weights of {kept} are kept"
            warnings.warn(message, InterruptedFitWarning, stacklevel=3)
        return interrupted

    def _end_if_stopped(self, history: History) -> None:
        """What every training asks after each update: whether another thread wants the fit to end."""
        if self._stop is not None and self._stop.is_set():
            raise CancelledError

    def _run(self, trainer: Trainer, tasks: Tasks | None = None) -> None:
        def report(history):
            self._end_if_stopped(history)
            if shown.report:
                shown.report(history)

        def end_epoch(history):
            shown.end_epoch(history)
            return tasks is not None and tasks.end_epoch(history)

        with progress(bool(self.verbose), trainer, "parts" if trainer.training.rows else self._SAMPLES) as shown:
            trainer.run(report, tasks and tasks.begin_epoch, end_epoch)

    @with_callbacks
    def _run_as_task(self, trainer: Trainer, attributes: Callable[[], dict], data: dict) -> None:
        tasks = Tasks(self, trainer, attributes, data)
        tasks.begin_fit()
        self._run(trainer, tasks)
        tasks.end_fit()

    def _attributes(self, trainer: Trainer, fitted: dict, keep: Callable | None, goes_on: bool) -> dict:
        """The fitted attributes as if training had stopped now."""
        history, parameters = trainer.history, trainer.parameters.copy()
        return {
            **fitted,
            **curves(self, history, goes_on),
            "_units_parameters": units_parameters(self),
            "network_": trainer.network,
            "parameters_": parameters,
            "n_iter_": len(history.loss),
            "n_steps_": history.n_steps + (self.n_steps_ if goes_on else 0),
            "best_loss_": min(history.validation_loss or history.loss, default=np.nan),
            **(keep(trainer.network, parameters) if keep else {}),
        }

    @contextmanager
    def _passes(self, size: int) -> Iterator[Passes]:
        """Passes of the fitted network over `size` samples at a time."""
        few = size <= 2 * CHUNK_ROWS  # a thread costs more than it gains
        with workers_on(self.device, 1 if few else self.n_jobs, self.precision) as workers:
            yield Passes(self.network_, workers.enter(self.parameters_), workers)

    def _outputs(self, samples: Samples, stay: bool = False) -> np.ndarray:
        """Outputs (size, O) of the fitted network; on the host, or where they were computed if they are to `stay`."""
        with self._passes(samples.size) as passes:
            return passes.outputs(samples, stay)
