"""What scikit-learn does with a forecaster, on real series: pipelines, transformed targets, searches, cross-validation.

The rule behind all of it: rows are found by their index, so that `X` and `y` should keep theirs on the way.
"""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import make_scorer, mean_absolute_error, r2_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    TimeSeriesSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

from forecasting.small import UPDATES, forecaster
from tsrnn import CalendarFeatures
from tsrnn.datasets import load_airpassengers, load_co2, load_new_york_temperature

YEAR = TimeSeriesSplit(3, test_size=12)
SIZES = {"hidden_size": [2, 4]}


def monthly(**changes):
    return forecaster(12, lookback=12, **changes)


def passengers():
    return load_airpassengers()


def bare(y):
    """No columns, but the index: what says which steps are meant, and stands for X wherever scikit-learn wants one."""
    return pd.DataFrame(index=y.index)


def carbon():
    """Exogenous columns for the passengers: the carbon dioxide of some other years, and the season."""
    y = passengers()
    level = load_co2()[: len(y)].to_numpy()
    season = pd.Categorical(np.array(["winter", "spring", "summer", "autumn"])[y.index.month % 12 // 3])
    return pd.DataFrame({"co2": level, "year": y.index.year.astype(float), "season": season}, y.index)


def numeric():
    return carbon()[["co2", "year"]]


def by_hand(model, y, X=None, cv=YEAR):
    """The scores that cross-validation should find: each stretch forecast by a clone fitted on what is before it."""
    scores = []
    for train, test in cv.split(y):
        fitted = clone(model).fit(*([] if X is None else [X.iloc[train]]), y.iloc[train])
        scores.append(r2_score(y.iloc[test], fitted.predict(bare(y.iloc[test]) if X is None else X.iloc[test])))
    return scores


def scaled_by_hand(y, X, cv=YEAR):
    """Of `numeric`, standardised beforehand as a pipeline does."""
    scores = []
    for train, test in cv.split(y):
        scaler = StandardScaler().fit(X.iloc[train])
        scaled = pd.DataFrame(scaler.transform(X), X.index, X.columns)
        fitted = monthly().fit(scaled.iloc[train], y.iloc[train])
        scores.append(r2_score(y.iloc[test], fitted.predict(scaled.iloc[test])))
    return scores


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_pipeline_of_exogenous_columns(output):
    """As arrays rows go by position, as frames by index."""
    X, y = numeric(), passengers()
    pipeline = make_pipeline(StandardScaler().set_output(transform=output), monthly())
    scores = cross_val_score(pipeline, X, y, cv=YEAR, error_score="raise")
    assert_allclose(scores, scaled_by_hand(y, X), rtol=1e-6)
    forecast = pipeline.fit(X[:-12], y[:-12]).predict(X[-12:])
    assert forecast.shape == (12,)
    assert pipeline.score(X[-12:], y[-12:]) == pytest.approx(r2_score(y[-12:], forecast))
    if output == "pandas":
        assert_array_equal(pipeline.predict(X[-12:][::-1]), forecast[::-1])


def test_named_pipeline_and_columns():
    """Each column in its way: standardised, one-hot, or left to the forecaster, which takes categories itself."""
    X, y = carbon(), passengers()
    columns = ColumnTransformer(
        [("scale", StandardScaler(), ["co2", "year"]), ("code", OneHotEncoder(sparse_output=False), ["season"])]
    )
    pipeline = Pipeline([("columns", columns), ("forecast", monthly())])
    scores = cross_val_score(pipeline, X, y, cv=YEAR, error_score="raise")
    assert np.isfinite(scores).all()
    assert_allclose(pipeline.fit(X[:-12], y[:-12]).score(X[-12:], y[-12:]), scores[-1])
    some = ColumnTransformer([("scale", StandardScaler(), ["co2"])], remainder="passthrough")
    some.set_output(transform="pandas")
    model = make_pipeline(some, monthly()).fit(X[:-12], y[:-12])
    assert list(model[-1].feature_names_in_) == ["scale__co2", "remainder__year", "remainder__season"]
    rows = X[-12:].iloc[np.random.default_rng(0).permutation(12)]
    assert_array_equal(model.predict(rows), pd.Series(model.predict(X[-12:]), X.index[-12:])[rows.index])


def test_calendar_features_in_a_pipeline():
    """Columns are made of the index alone, before each fit and each forecast."""
    y = load_new_york_temperature()[:400]
    pipeline = make_pipeline(CalendarFeatures(), forecaster(24))
    cv = TimeSeriesSplit(2, test_size=24)
    search = GridSearchCV(pipeline, {"rnnforecaster__hidden_size": [2, 4]}, cv=cv, error_score="raise")
    search.fit(bare(y), y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    following = pd.DataFrame(index=pd.date_range(y.index[-1], periods=25, freq="h")[1:])
    assert search.predict(following).shape == (24,)
    made = CalendarFeatures().fit(y[:-24]).transform(bare(y))
    expected = forecaster(24).fit(made[:-24], y[:-24]).predict(made[-24:])
    assert_allclose(pipeline.fit(bare(y[:-24]), y[:-24]).predict(bare(y[-24:])), expected)


@pytest.mark.parametrize("columns", [bare, lambda y: numeric()], ids=["no columns", "columns"])
def test_transformed_target(columns):
    """It hands `y` over as an array; the index comes with X."""
    y = passengers()
    X = columns(y)
    model = TransformedTargetRegressor(monthly(), func=np.log, inverse_func=np.exp)
    forecast = model.fit(X[:-12], y[:-12]).predict(X[-12:])
    assert_allclose(forecast, np.exp(monthly().fit(X[:-12], np.log(y[:-12])).predict(X[-12:])))
    assert model.score(X[-12:], y[-12:]) == pytest.approx(r2_score(y[-12:], forecast))
    assert cross_val_score(model, X, y, cv=YEAR, error_score="raise")[-1] == pytest.approx(r2_score(y[-12:], forecast))
    later = TransformedTargetRegressor(monthly(), transformer=StandardScaler()).fit(X[:-12], y[:-12])
    assert_allclose(later.predict(X[-12:]), monthly().fit(X[:-12], y[:-12]).predict(X[-12:]), rtol=1e-4)


def test_transformed_target_of_several_series():
    table = pd.DataFrame({"passengers": passengers(), "co2": load_co2()[:144].to_numpy()})
    model = TransformedTargetRegressor(monthly(), func=np.log, inverse_func=np.exp).fit(bare(table[:-12]), table[:-12])
    assert_allclose(model.predict(bare(table[-12:])), np.exp(monthly().fit(np.log(table[:-12])).predict()))


def test_grid_search_on_a_series():
    y = passengers()
    search = GridSearchCV(monthly(), SIZES, cv=YEAR, error_score="raise").fit(y[:-12])
    for size, score in zip(SIZES["hidden_size"], search.cv_results_["mean_test_score"], strict=True):
        assert score == pytest.approx(np.mean(by_hand(monthly(hidden_size=size), y[:-12])))
    assert_array_equal(search.predict(bare(y[-12:])), search.best_estimator_.predict())
    assert search.score(y[-12:]) == pytest.approx(search.best_estimator_.score(y[-12:]))
    best = search.best_estimator_.predict()
    assert best.index.equals(y.index[-12:])


def test_randomized_search_of_a_pipeline():
    X, y = numeric(), passengers()
    space = {"rnnforecaster__cell": ["gru", "rnn"], "rnnforecaster__normalize": ["last", "mean", "series"]}
    search = RandomizedSearchCV(
        make_pipeline(StandardScaler(), monthly()), space, n_iter=3, cv=YEAR, random_state=0, error_score="raise"
    )
    search.fit(X[:-12], y[:-12])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(X[-12:]).shape == (12,)


@pytest.mark.compiled
def test_halving_search_over_updates():
    """With updates as the resource. Rows are none: the search draws them at random, and a series has an order."""
    y = passengers()
    halving = {"cv": YEAR, "random_state": 0, "return_train_score": False, "error_score": "raise"}
    more = {"resource": "max_steps", "min_resources": max(1, UPDATES // 4), "max_resources": UPDATES}
    search = HalvingGridSearchCV(monthly(), {"hidden_size": [2, 3, 4]}, **halving, **more).fit(y)
    assert search.n_iterations_ > 1
    assert search.best_estimator_.n_steps_ == search.best_params_["max_steps"]
    with pytest.raises(ValueError, match="the index is not sorted"):
        HalvingGridSearchCV(monthly(), SIZES, **halving).fit(y)


def test_scores_of_what_the_model_was_fitted_on_are_refused():
    """A forecaster has no forecast of the past."""
    y = passengers()
    with pytest.raises(ValueError, match="X must have stamps after the end of the series"):
        cross_validate(monthly(), y, cv=YEAR, return_train_score=True, error_score="raise")


@pytest.mark.parametrize("gap", [0, 3])
def test_cross_validation_with_a_gap(gap):
    """What is scored are the steps after the gap, by the index; a model reads no columns of the steps between."""
    y, cv = passengers(), TimeSeriesSplit(3, test_size=9, gap=gap)
    expected = []
    for train, test in cv.split(y):
        forecast = monthly().fit(y.iloc[train]).predict(horizon=gap + 9)
        assert forecast.index[gap] == y.index[test[0]]
        expected.append(r2_score(y.iloc[test], forecast[gap:]))
    assert_allclose(cross_val_score(monthly(), y, cv=cv, error_score="raise"), expected)
    found = cross_validate(monthly(), bare(y), y, cv=cv, scoring=["r2", "neg_mean_absolute_error"], error_score="raise")
    assert_allclose(found["test_r2"], expected)
    assert (found["test_neg_mean_absolute_error"] < 0).all()


def test_a_gap_needs_the_columns_known_ahead():
    """They are wanted of every step up to the last one asked, and the test rows are only those after the gap."""
    X, y, cv = numeric(), passengers(), TimeSeriesSplit(3, test_size=9, gap=2)
    with pytest.raises(ValueError, match="X lacks 2 stamps"):
        cross_val_score(monthly(), X, y, cv=cv, error_score="raise")
    past = monthly(past_covariates=("co2", "year"))
    assert np.isfinite(cross_val_score(past, X, y, cv=cv, error_score="raise")).all()


def test_rows_of_an_array_know_of_no_gap():
    """A pipeline that makes arrays of frames loses the index: its rows are the first steps, wherever they lie."""
    X, y, cv = numeric(), passengers(), TimeSeriesSplit(3, test_size=9, gap=2)
    pipeline = make_pipeline(StandardScaler(), monthly())
    scores = cross_val_score(pipeline, X, y, cv=cv, error_score="raise")
    train, test = list(cv.split(y))[-1]
    first = X.iloc[test].set_axis(X.index[test - 2])
    forecast = pipeline.set_params(standardscaler=StandardScaler().set_output(transform="pandas"))
    assert scores[-1] == pytest.approx(
        r2_score(y.iloc[test], forecast.fit(X.iloc[train], y.iloc[train]).predict(first))
    )
    with pytest.raises(ValueError, match="X lacks 2 stamps"):
        cross_val_score(pipeline, X, y, cv=cv, error_score="raise")


def test_folds_that_are_not_in_time_are_refused():
    y = passengers()
    with pytest.raises(ValueError, match="X must have stamps after the end of the series"):
        cross_val_score(monthly(), y, cv=KFold(3), error_score="raise")
    with pytest.raises(ValueError, match="the index misses"):
        cross_val_score(monthly(), y, cv=[(np.r_[0:50, 60:100], np.arange(100, 110))], error_score="raise")


@pytest.mark.parametrize("X", [lambda y: y, bare], ids=["the series itself", "no columns"])
def test_scorers_by_name_want_an_X(X):
    """They compare `y` with `predict(X)`: any X will do that has the index."""
    y = passengers()
    search = GridSearchCV(monthly(), SIZES, cv=YEAR, scoring="neg_mean_absolute_error", error_score="raise")
    search.fit(X(y), y)
    error = [mean_absolute_error(y.iloc[test], monthly().fit(y.iloc[train]).predict()) for train, test in YEAR.split(y)]
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(-np.mean(error))
    scorer = make_scorer(mean_absolute_error, greater_is_better=False)
    assert_allclose(cross_val_score(monthly(), X(y), y, cv=YEAR, scoring=scorer, error_score="raise"), -np.array(error))


def test_scorers_by_name_without_an_X():
    """scikit-learn's scorer fails before the forecaster is asked: loudly or, by default, with NaN for every score."""
    search = GridSearchCV(monthly(), SIZES, cv=YEAR, scoring="neg_mean_absolute_error", error_score="raise")
    with pytest.raises(TypeError, match="y_true"):
        search.fit(passengers())
    failed, meaningless = (pytest.warns(UserWarning, match=words) for words in ("Scoring failed", "non-finite"))
    with failed, meaningless:
        search.set_params(error_score=np.nan).fit(passengers())
    assert np.isnan(search.cv_results_["mean_test_score"]).all()


def test_a_scorer_of_your_own():
    """A function of the model and the observed values needs no X."""

    def worst(model, y):
        return -np.abs(model.predict(y) - y).max()

    y = passengers()
    search = GridSearchCV(monthly(), SIZES, cv=YEAR, scoring=worst, error_score="raise").fit(y)
    train, test = list(YEAR.split(y))[-1]
    assert search.cv_results_["split2_test_score"][1] == worst(monthly().fit(y.iloc[train]), y.iloc[test])


@pytest.mark.compiled
@pytest.mark.filterwarnings("default")  # of the workers
def test_search_in_processes():
    y = passengers()
    search = GridSearchCV(monthly(n_jobs=1), SIZES, cv=YEAR, error_score="raise")
    alone = clone(search).fit(y).cv_results_["mean_test_score"]
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        found = search.set_params(n_jobs=2).fit(y).cv_results_["mean_test_score"]
    assert_allclose(found, alone, rtol=1e-6)


def test_clone_and_dump():
    X, y = numeric(), passengers()
    pipeline = make_pipeline(StandardScaler(), monthly()).fit(X[:-12], y[:-12])
    forecast = pipeline.predict(X[-12:])
    buffer = io.BytesIO()
    joblib.dump(pipeline, buffer)
    buffer.seek(0)
    assert_array_equal(joblib.load(buffer).predict(X[-12:]), forecast)
    assert_array_equal(pickle.loads(pickle.dumps(pipeline)).predict(X[-12:]), forecast)
    again = clone(pipeline)
    assert not hasattr(again[-1], "parameters_")
    assert_array_equal(again.fit(X[:-12], y[:-12]).predict(X[-12:]), forecast)


def test_tags():
    """A target of its own is not required: `GridSearchCV(...).fit(series)` gives the series as X."""
    assert not get_tags(forecaster()).target_tags.required
