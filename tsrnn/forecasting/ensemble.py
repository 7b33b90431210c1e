"""Several forecasters as one: other seeds, other lookbacks, and the median of what they forecast."""

import copy
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from functools import wraps
from threading import Event

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import check_random_state

from tsrnn.training.devices import resolved
from tsrnn.training.parallel import n_threads
from tsrnn.training.trainer import DivergenceError

OF_EACH = 5  # members: of each five the last ones read less than the first
GATE = 1.1  # a member whose loss is larger than so many times the middle one is left out
OWN = ("n_members", "random_state", "normalize")  # parameters of a member; the others are those of the ensemble
WHERE = ("device", "precision", "n_jobs")  # to predict, which may be set after a fit


def fit_members(model, before: tuple, X, y, static) -> tuple[tuple, int, int]:
    """Further members for a forecaster that has just been fitted.

    They share the threads: as many learn at once as there are, and an interrupt leaves those that have learnt by then.
    With `warm_start` the members `before` go on if all of them are still there; they themselves stay as they are.

    Returns
    -------
    members : tuple of RNNForecaster
        All but those that learnt less well than others from the same.
    diverged, missing : int
        How many more had a loss that was not finite, and how many an interrupt has ended.
    """
    seeds = check_random_state(model.random_state).randint(2**31, size=int(model.n_members))  # the first is the model's
    goes_on = model.warm_start and len(before) == model.n_members - 1
    shared = {name: value for name, value in model.get_params().items() if name not in OWN}
    shared["normalize"] = model.normalize_ if model.normalize == "auto" else model.normalize
    members = []
    for k in range(1, int(model.n_members)):
        member = copy.copy(before[k - 1]) if goes_on else clone(model).set_params(random_state=int(seeds[k]))
        member.set_params(n_members=1, **shared)
        member._place, member._quiet = k % OF_EACH, True
        members.append(member)
    one_by_one = resolved(model.device) != "cpu" or getattr(model, "_skl_callbacks", None)
    threads = n_threads(model.n_jobs)
    ended, diverged = _fitted(members, 1 if one_by_one else min(threads, len(members)), threads, X, y, static)
    kept = tuple(member for member in ended if _learnt_as_well(member, (model, *ended)))
    return kept, diverged, len(members) - len(ended) - diverged


def _learnt_as_well(member, others: tuple) -> bool:
    """Whether a member's loss is not far above that of the middle one of those whose losses are like its own.

    Those have learnt from windows of the same length, in whose units losses are, by as many updates, and the same: the
    whole, or what a linear map leaves. Losses are those of validation under early stopping, else of training.
    """
    alike = [one.best_loss_ for one in others if one._learnt_from == member._learnt_from]
    return not member.best_loss_ > GATE * np.median(alike)


def _fitted(members: list, at_once: int, threads: int, X, y, static) -> tuple[list, int]:
    """The members, fitted, after an interrupt those that were by then; and the number of those that diverged."""
    stop = Event()

    def fit(member):
        own = member.n_jobs
        member.set_params(n_jobs=max(1, threads // at_once))
        member._stop = stop
        try:
            return member.fit(X, y, static=static)
        except DivergenceError:
            return None
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
    found = [one.result() for one in ended]
    return [member for member in found if member is not None], found.count(None)


def median_of_members(predict: Callable) -> Callable:
    """`predict` of one forecaster as that of all members: the median of each value."""

    @wraps(predict)
    def of_all(model, *arguments, **named):
        found = predict(model, *arguments, **named)
        if not getattr(model, "members_", ()):
            return found
        others = [np.asarray(predict(member, *arguments, **named)) for member in all_members(model)[1:]]
        median = np.median([np.asarray(found), *others], axis=0)
        if isinstance(found, pd.Series):
            return pd.Series(median, found.index, name=found.name)
        return pd.DataFrame(median, found.index, found.columns) if isinstance(found, pd.DataFrame) else median

    return of_all


def all_members(model) -> list:
    """A forecaster and its further members, which are to predict where, and by as many threads as, it is set to."""
    others = [copy.copy(member) for member in model.members_]
    for member in others:
        for name in WHERE:
            setattr(member, name, getattr(model, name))
    return [model, *others]
