"""Checks of the estimator: parameters, copies, repeated fits, and what `predict` must not do."""

import copy
import inspect
import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score

from tsrnn.testing.registry import checked
from tsrnn.testing.subject import STEPS, by_id, close, columns, expect, refused, same

THREADS = 8


def fitted_attributes(model) -> set:
    return {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}


@checked()
def check_parameters(subject):
    """The constructor stores its parameters as they come and does nothing else; `set_params` refuses others."""
    kind = type(subject.estimator)
    parameters = subject.estimator.get_params(deep=False)
    given = {name: copy.deepcopy(value) for name, value in parameters.items()}
    model = kind(**given)
    expect(set(vars(model)) == set(parameters), f"the constructor to set {set(parameters)}, got {set(vars(model))}")
    changed = [name for name in given if getattr(model, name) is not given[name]]
    expect(not changed, f"the constructor to store the very objects given, not so for {changed}")
    defaults = {name: p.default for name, p in inspect.signature(kind).parameters.items()}
    mutable = [name for name, value in defaults.items() if isinstance(value, (list, dict, set, np.ndarray))]
    expect(not mutable, f"defaults that cannot be changed in place, not so for {mutable}")
    expect(model.set_params(**given) is model, "set_params to return the estimator")
    with refused("set_params(no_such_parameter=1)", "no_such_parameter"):
        model.set_params(no_such_parameter=1)


@checked()
def check_clone(subject):
    """A clone of a fitted forecaster has its parameters, is not fitted, and forecasts alike once it is."""
    model = subject.fitted()
    copied = clone(model)
    expect(type(copied) is type(model), f"a clone of type {type(model)}, got {type(copied)}")
    before, after = model.get_params(), copied.get_params()
    different = [name for name in before if repr(before[name]) != repr(after[name])]
    expect(not different, f"a clone to have the same parameters, not so for {different}")
    expect(not fitted_attributes(copied), f"no fitted attributes of a clone, got {fitted_attributes(copied)}")
    same(copied.fit(subject.daily()).predict(), model.predict(), "the forecast of a clone")


@checked()
def check_pickle(subject):
    """A forecaster that went through pickle, and a deep copy, forecast the same."""
    model = subject.fitted()
    before = model.predict()
    for what, again in (("pickle", pickle.loads(pickle.dumps(model))), ("copy.deepcopy", copy.deepcopy(model))):
        same(again.predict(), before, f"the forecast after {what}")
        expect(again.get_params().keys() == model.get_params().keys(), f"the same parameters after {what}")


@checked()
def check_fit_again(subject):
    """`fit` returns the estimator, leaves its parameters as they were, and gives the same forecast twice."""
    model = subject.new()
    before = {name: joblib.hash(value) for name, value in model.get_params().items()}
    expect(model.fit(subject.daily()) is model, "fit to return the estimator")
    first = model.predict()
    after = {name: joblib.hash(value) for name, value in model.get_params().items()}
    changed = [name for name in before if after[name] != before[name]]
    expect(not changed, f"fit to leave the parameters alone, not so for {changed}")
    same(model.fit(subject.daily()).predict(), first, "the forecast after a second fit on the same data")


@checked()
def check_fit_forgets(subject):
    """Nothing is left of a fit on other data: another length, frequency, kind of index, exogenous columns, a panel."""
    fresh = subject.fitted()
    expected, attributes = fresh.predict(), set(vars(fresh))
    other = subject.on(pd.period_range("1990", periods=subject.length + 7, freq="M"))
    fits = {"a fit on other data": (other * 3,)}
    if subject.untimed:
        fits["a fit on an array"] = (subject.daily().to_numpy() - 5,)
    if subject.exogenous:
        fits["a fit with exogenous columns"] = (columns(other.index), other)
    if subject.panels:
        fits["a fit on a panel"] = (by_id({"a": other, "b": other * 2}),)
    for what, data in fits.items():
        model = subject.new().fit(*data).fit(subject.daily())
        same(model.predict(), expected, f"the forecast after {what} before")
        left = set(vars(model)) ^ attributes
        expect(not left, f"the attributes of a first fit after {what} before; {left} differ")


@checked()
def check_refused_fit(subject):
    """A fit, a forecast or an update that is refused leaves a fitted forecaster as it was."""
    model = subject.fitted()
    before = model.predict()
    y = subject.daily()
    for what, call in {
        "fit on a series with a gap": lambda: model.fit(y.drop(y.index[3])),
        "fit on text": lambda: model.fit(y.astype(str)),
        "fit(None)": lambda: model.fit(None),
        "predict(horizon=0)": lambda: model.predict(horizon=0),
        "predict(y=...) of another frequency": lambda: model.predict(y=y[::2]),
        "update with values that do not follow": lambda: model.update(y[5:9]),
    }.items():
        with refused(what):
            call()
        same(model.predict(), before, f"the forecast after a refused {what}")


@checked()
def check_unfitted(subject):
    """Before `fit`, `predict`, `score` and `update` raise `NotFittedError`."""
    model, y = subject.new(), subject.daily()
    rows = pd.DataFrame(index=y.index)
    for what, call in {
        "predict()": lambda: model.predict(),
        "predict(X)": lambda: model.predict(rows),
        "predict(y=y)": lambda: model.predict(y=y),
        "score(y)": lambda: model.score(y),
        "update(y)": lambda: model.update(y),
    }.items():
        with refused(f"{what} before fit", errors=(NotFittedError,)):
            call()


@checked()
def check_predict_changes_nothing(subject):
    """`predict` and `score` leave `__dict__` alone, to the last bit; forecasts do not depend on those before."""
    model = subject.fitted()
    before, first = dict(vars(model)), model.predict()
    y, index = subject.daily(STEPS), subject.index()[-STEPS:]
    calls = {
        "predict()": lambda: model.predict(),
        "predict(horizon=...)": lambda: model.predict(horizon=2 * STEPS),
        "predict(X)": lambda: model.predict(pd.DataFrame(index=index)),
        "predict(y=...)": lambda: model.predict(y=y * 2),
        "score": lambda: model.score(y[-STEPS:]),
    }
    for what, call in calls.items():
        call()
        after = vars(model)
        changed = {name for name in before.keys() | after.keys() if before.get(name) is not after.get(name)}
        expect(not changed, f"{what} to leave __dict__ alone, it changed {changed}")
        same(model.predict(), first, f"the forecast after {what}")
    # From the second round on: in the first an index of pandas' fills caches of its own, which the hash sees.
    contents = joblib.hash(before)
    for what, call in calls.items():
        call()
        expect(joblib.hash(dict(vars(model))) == contents, f"{what} to leave the contents of __dict__ alone")


@checked()
def check_threads(subject):
    """Eight threads that forecast from one estimator at once get what one thread gets."""
    model = subject.fitted()
    others = [subject.daily() * (1 + k) for k in range(3)]
    calls = [lambda: model.predict(), lambda: model.predict(horizon=2 * STEPS)]
    calls += [lambda y=y: model.predict(y=y) for y in others]
    expected = [call() for call in calls]
    with ThreadPoolExecutor(THREADS) as pool:
        found = [(k, pool.submit(calls[k])) for k in list(range(len(calls))) * THREADS]
        for k, forecast in found:
            same(forecast.result(), expected[k], "the forecast among eight threads")


@checked()
def check_score(subject):
    """`score(y)` and `score(X, y)` are the coefficient of determination of the forecast of those rows."""
    model, y = subject.fitted(), subject.daily(STEPS)
    truth = y[-STEPS:]
    expected = r2_score(truth, model.predict())
    close(model.score(truth), expected, "score(y)")
    close(model.score(pd.DataFrame(index=truth.index), truth), expected, "score(X, y)")
    close(model.score(truth[::-1]), expected, "score(y) of permuted rows")


@checked()
def check_cross_validation(subject):
    """`cross_val_score` over `TimeSeriesSplit` with a gap scores the steps after the gap; a search runs on a series."""
    y = subject.daily()
    cv = TimeSeriesSplit(2, test_size=3, gap=2)
    expected = [
        r2_score(y.iloc[test], subject.new().fit(y.iloc[train]).predict(horizon=5)[2:]) for train, test in cv.split(y)
    ]
    for what, data in {"(y)": (y,), "(X, y)": (pd.DataFrame(index=y.index), y)}.items():
        found = cross_val_score(subject.new(), *data, cv=cv, error_score="raise")
        close(found, expected, f"cross_val_score{what} with a gap of 2 steps")
    search = GridSearchCV(subject.new(), {}, cv=cv, error_score="raise").fit(y)
    close(search.cv_results_["mean_test_score"], [np.mean(expected)], "the score of GridSearchCV(...).fit(y)")
