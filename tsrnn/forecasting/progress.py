"""A progress bar for those who ask for one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tsrnn.training.trainer import History


@contextmanager
def progress(verbose: bool, total: int) -> Iterator[Callable[[History], None] | None]:
    """A function to call after each update, which draws a bar on standard error; None unless `verbose`."""
    if not verbose:
        yield None
        return
    from tqdm.auto import tqdm  # only a verbose fit pays for the import

    with tqdm(total=total, desc="fit", unit="update") as bar:

        def report(history: History) -> None:
            bar.update(history.n_steps - bar.n)
            if history.loss:
                bar.set_postfix(loss=f"{history.loss[-1]:.4g}", refresh=False)

        yield report
