"""scikit-learn's callbacks, `model.set_callbacks(...)`, where scikit-learn has them: since 1.9."""

from collections.abc import Callable

from tsrnn.training.trainer import History, Trainer

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:
        """Stands in for scikit-learn's: no callbacks, no `set_callbacks`."""

    def with_callbacks(method):
        """Stands in for scikit-learn's: the method as it is."""
        return method


class Tasks:
    """Tells the callbacks set on an estimator of its fit and, as tasks within, of each pass over the data.

    Parameters
    ----------
    model : RecurrentEstimator
        In a method that is decorated `with_callbacks`.
    trainer : Trainer
    attributes : callable
        Returns the fitted attributes as if training had stopped now; called for those callbacks alone that ask.
    data : dict
        `X`, `y` and `metadata` of the fit, as far as there are any.
    """

    def __init__(self, model, trainer: Trainer, attributes: Callable[[], dict], data: dict):
        self._model, self._trainer, self._attributes, self._data = model, trainer, attributes, data
        self._fit = self._epoch = None

    def begin_fit(self) -> None:
        if getattr(self._model, "_skl_callbacks", None):
            self._fit = self._model._init_callback_context(max_subtasks=self._trainer.total_epochs)
            self._fit.call_on_fit_task_begin(estimator=self._model, **self._data)

    def begin_epoch(self, history: History) -> None:
        if self._fit:
            self._epoch = self._fit.subcontext("pass")
            self._epoch.call_on_fit_task_begin(estimator=self._model, **self._data)

    def end_epoch(self, history: History) -> bool:
        """Returns whether a callback asks for training to end."""
        return self._end(self._epoch)

    def end_fit(self) -> None:
        self._end(self._fit)

    def _end(self, task) -> bool:
        if task is None:
            return False
        return task.call_on_fit_task_end(estimator=self._model, **self._data, reconstruction_attributes=self._as_if)

    def _as_if(self) -> dict:
        # The names of columns are None unless this fit learns some: those of an earlier fit would be copied along.
        return {"feature_names_in_": None, **self._attributes()}
