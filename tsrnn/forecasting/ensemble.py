"""Several forecasters as one: other seeds, other lookbacks, and the median of what they forecast."""

import warnings
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from functools import wraps
from threading import Event

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import check_random_state

from tsrnn.forecasting.base import InterruptedFitWarning
from tsrnn.training.devices import resolved
from tsrnn.training.parallel import n_threads

OF_EACH = 5  # members: of each five the last ones read less than the first
GATE = 1.1  # a member whose loss is larger than so many times the middle one is left out


def fit_members(model, before: tuple, X, y, static) -> None:
    """Give a forecaster that has just been fitted its `members_`: all but those that learnt less well from the same.

    They share the threads: as many learn at once as there are, and an interrupt leaves those that have learnt by then.
    Losses are those of validation under early stopping, else of training. With `warm_start` the members `before` go on
    if all of them are still there.
    """
    seeds = check_random_state(model.random_state).randint(2**31, size=int(model.n_members))
    goes_on = model.warm_start and len(before) == model.n_members - 1
    members = []
    for k in range(1, int(model.n_members)):
        member = clone(model).set_params(n_members=1, random_state=int(seeds[k]))
        if model.normalize == "auto":
            member.set_params(normalize=model.normalize_)
        member._place = k % OF_EACH
        members.append(before[k - 1] if goes_on else member)
    one_by_one = resolved(model.device) != "cpu" or getattr(model, "_skl_callbacks", None)
    threads = n_threads(model.n_jobs)
    ended = _fitted(members, 1 if one_by_one else min(threads, len(members)), threads, X, y, static)
    middle = np.median([one.best_loss_ for one in (model, *ended)])
    model.members_ = tuple(member for member in ended if not member.best_loss_ > GATE * middle)
    if len(ended) < len(members):  # last, for a warning may be an error
        message = f"fit was interrupted after {1 + len(ended)} of {1 + len(members)} members; the forecast is theirs"
        warnings.warn(message, InterruptedFitWarning, stacklevel=3)


def _fitted(members: list, at_once: int, threads: int, X, y, static) -> list:
    """The members, fitted; after an interrupt those that were by then."""
    stop = Event()

    def fit(member):
        own = member.n_jobs
        member.set_params(n_jobs=max(1, threads // at_once))
        member._stop = stop
        try:
            return member.fit(X, y, static=static)
        finally:
            member.set_params(n_jobs=own)
            del member._stop

    with ThreadPoolExecutor(at_once, "tsrnn-member") as pool:
        fits = [pool.submit(fit, member) for member in members]
        interrupted = False
        try:
            wait(fits, return_when=FIRST_EXCEPTION)
        except KeyboardInterrupt:
            interrupted = True
        for one in fits:
            one.cancel()  # where it has not begun
        stop.set()
    ended = [one for one in fits if not one.cancelled() and not isinstance(one.exception(), CancelledError)]
    if interrupted:
        ended = [one for one in ended if one.exception() is None]
    return [one.result() for one in ended]


def median_of_members(predict: Callable) -> Callable:
    """`predict` of one forecaster as that of all members: the median of each value."""

    @wraps(predict)
    def of_all(model, *arguments, **named):
        found = predict(model, *arguments, **named)
        if not getattr(model, "members_", ()):
            return found
        each = [np.asarray(found), *(np.asarray(one.predict(*arguments, **named)) for one in model.members_)]
        median = np.median(each, axis=0)
        if isinstance(found, pd.Series):
            return pd.Series(median, found.index, name=found.name)
        return pd.DataFrame(median, found.index, found.columns) if isinstance(found, pd.DataFrame) else median

    return of_all
