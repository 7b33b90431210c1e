"""A progress bar for those who ask for one."""

from collections.abc import Iterator
from contextlib import contextmanager

from tsrnn.training.trainer import History, Trainer


class Progress:
    """Nothing to see: what a fit reports to unless it is verbose."""

    report = None

    def end_epoch(self, history: History) -> None:
        """Hear that an epoch has ended."""


class Bar(Progress):
    """Samples seen, their number per second, and losses, on a bar of tqdm's."""

    def __init__(self, bar):
        self._bar = bar

    def report(self, history: History) -> None:
        """Hear of an update; the loss shown is the mean over the pass so far."""
        self._show(history)
        self._bar.update(history.n_samples - self._bar.n)

    def end_epoch(self, history: History) -> None:
        self._show(history)

    def _show(self, history: History) -> None:
        losses = {"loss": f"{history.running_loss:.4g}"}
        if history.validation_loss:
            losses["validation_loss"] = f"{history.validation_loss[-1]:.4g}"
        self._bar.set_postfix(losses, refresh=False)


@contextmanager
def progress(verbose: bool, trainer: Trainer, samples: str) -> Iterator[Progress]:
    """Where a fit reports to: a bar on standard error if `verbose`, which counts what `samples` names."""
    if not verbose:
        yield Progress()
        return
    from tqdm.auto import tqdm  # only a verbose fit pays for the import

    with tqdm(total=trainer.total_samples, desc="fit", unit=f" {samples}", unit_scale=True) as bar:
        yield Bar(bar)
