"""Several forecasters as one: other seeds, other lookbacks, and the median of what they forecast."""

from collections.abc import Callable
from functools import wraps

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import check_random_state

SHORTER_FROM = 3  # the members from this one on read a season or two less than the first
GATE = 1.1  # a member whose loss is larger than so many times the middle one is left out


def further_members(model, before: tuple, X, y, static) -> tuple:
    """The members beside a forecaster that has just been fitted on the same: all but those that learnt less well.

    Losses are those of validation under early stopping, else of training. With `warm_start` the members `before` go on
    if all of them are still there.
    """
    seeds = check_random_state(model.random_state).randint(2**31, size=int(model.n_members))
    members = []
    for k in range(1, int(model.n_members)):
        member = clone(model).set_params(n_members=1, random_state=int(seeds[k]))
        if model.normalize == "auto":
            member.set_params(normalize=model.normalize_)
        if model.warm_start and len(before) == model.n_members - 1:
            member = before[k - 1]
        if k >= SHORTER_FROM:
            member._seasons_less = 2 - k % 2
        members.append(member.fit(X, y, static=static))
    middle = np.median([one.best_loss_ for one in (model, *members)])
    return tuple(member for member in members if not member.best_loss_ > GATE * middle)


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
