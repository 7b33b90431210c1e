"""`RNNRegressor` within what scikit-learn builds of estimators, on a series that ships with tsrnn."""

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LinearRegression
from sklearn.metrics import get_scorer, mean_absolute_error
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TimeSeriesSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from forecasting.small import regressor
from tsrnn.datasets import load_airpassengers

LAGS = 12


@pytest.fixture(scope="module")
def passengers():
    """X: a year, its months as columns, the oldest first; y: the month after. The index is that of y."""
    series = load_airpassengers()
    lags = {f"lag_{k}": series.shift(k) for k in range(LAGS, 0, -1)}
    X = pd.DataFrame(lags).dropna()
    return X, series[X.index]


def learner():
    """Learns the passengers within a tenth of a second: the linear map of a year is most of what is to learn."""
    return regressor(max_iter=100, linear_skip=True, learning_rate_init=0.02)


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["Pipeline", "make_pipeline", "ColumnTransformer", "TransformedTargetRegressor"])
def test_compositions_forecast_better_than_the_last_value(kind, passengers):
    """On the last three years, after the years before."""
    X, y = passengers
    model = {
        "Pipeline": Pipeline([("scale", StandardScaler()), ("rnn", learner())]),
        "make_pipeline": make_pipeline(StandardScaler(), learner()),
        # In one block or in several, the columns must come out in the order of time.
        "ColumnTransformer": make_pipeline(
            ColumnTransformer([("old", StandardScaler(), X.columns[:6]), ("new", StandardScaler(), X.columns[6:])]),
            learner(),
        ),
        "TransformedTargetRegressor": TransformedTargetRegressor(
            make_pipeline(FunctionTransformer(np.log), learner()), func=np.log, inverse_func=np.exp
        ),
    }[kind]
    predicted = model.fit(X[:-36], y[:-36]).predict(X[-36:])
    assert predicted.shape == (36,)
    assert mean_absolute_error(y[-36:], predicted) < 0.6 * mean_absolute_error(y[-36:], X["lag_1"][-36:])
    assert model.score(X[-36:], y[-36:]) > 0.8


def test_scaling_outside_changes_next_to_nothing(passengers):
    """The estimator scales inside: a step before it is allowed, not needed."""
    X, y = passengers
    table = X.to_numpy()
    alone = regressor().fit(table, y)
    # One scaler for the whole table keeps what the columns have in common; one a column makes another problem.
    scaled = (table - table.mean()) / table.std()
    assert_allclose(regressor().fit(scaled, y).predict(scaled), alone.predict(table))


def test_names_of_columns_reach_the_regressor_by_set_output(passengers):
    X, y = passengers
    model = make_pipeline(StandardScaler(), regressor()).set_output(transform="pandas")
    model.fit(X, y)
    assert list(model[-1].feature_names_in_) == list(X.columns)
    assert model[-1].n_features_in_ == LAGS
    assert model.predict(X).shape == y.shape


SEARCHES = {
    "grid": lambda model, cv, **options: GridSearchCV(model, {"hidden_size": [2, 4]}, cv=cv, **options),
    "random": lambda model, cv, **options: RandomizedSearchCV(
        model, {"hidden_size": [2, 3, 4]}, n_iter=2, random_state=0, cv=cv, **options
    ),
    "halving": lambda model, cv, **options: HalvingGridSearchCV(
        model,
        {"hidden_size": [2, 3, 4]},
        resource="max_iter",
        min_resources=2,
        max_resources=6,
        random_state=0,
        cv=cv,
        **options,
    ),
}


@pytest.mark.parametrize("kind", SEARCHES)
def test_searches_over_time(kind, passengers):
    X, y = passengers
    search = SEARCHES[kind](regressor(), TimeSeriesSplit(3, test_size=12), error_score="raise")
    search.set_params(scoring="neg_mean_absolute_error").fit(X, y)
    assert len(search.cv_results_["params"]) == {"grid": 2, "random": 2, "halving": 4}[kind]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    alone = regressor(**search.best_params_).fit(X, y)
    assert_array_equal(search.predict(X), alone.predict(X))


@pytest.mark.slow
def test_a_search_in_processes_finds_the_same(passengers):
    """loky's workers load the kernels and draw the same random numbers."""
    X, y = passengers
    alone, together = (
        SEARCHES["grid"](regressor(), TimeSeriesSplit(2), error_score="raise", n_jobs=n_jobs).fit(X, y)
        for n_jobs in (1, 2)
    )
    assert_array_equal(together.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert_array_equal(together.predict(X), alone.predict(X))


def test_cross_validation_over_time(passengers):
    X, y = passengers
    cv = TimeSeriesSplit(3, gap=2, test_size=12)
    scores = cross_val_score(regressor(), X, y, cv=cv, scoring="neg_mean_absolute_error", error_score="raise")
    found = cross_validate(
        regressor(),
        X,
        y,
        cv=cv,
        scoring=["neg_mean_absolute_error", "r2"],
        return_estimator=True,
        return_train_score=True,
        error_score="raise",
    )
    assert_array_equal(found["test_neg_mean_absolute_error"], scores)
    for (train, test), score, model in zip(cv.split(X), scores, found["estimator"], strict=True):
        assert train[-1] + 3 == test[0]
        expected = regressor().fit(X.iloc[train], y.iloc[train])
        assert_array_equal(model.parameters_, expected.parameters_)
        assert -score == pytest.approx(mean_absolute_error(y.iloc[test], expected.predict(X.iloc[test])))


def test_a_search_through_all_layers(passengers):
    X, y = passengers
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), regressor()), func=np.log, inverse_func=np.exp, check_inverse=False
    )
    grid = {"regressor__rnnregressor__cell": ["rnn", "gru"], "regressor__standardscaler__with_std": [True, False]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(2), error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert (search.predict(X) > 0).all()


@pytest.mark.parametrize("file", ["model.joblib", "model.joblib.gz"])
def test_a_stored_pipeline_predicts_the_same(file, passengers, tmp_path):
    X, y = passengers
    model = make_pipeline(StandardScaler(), regressor()).fit(X, y)
    joblib.dump(model, tmp_path / file)
    assert_array_equal(joblib.load(tmp_path / file).predict(X), model.predict(X))


def test_voting(passengers):
    X, y = passengers
    members = [(f"seed_{seed}", regressor(random_state=seed)) for seed in range(3)]
    vote = VotingRegressor(members).fit(X, y)
    alone = [clone(model).fit(X, y).predict(X) for _, model in members]
    assert_allclose(vote.predict(X), np.mean(alone, axis=0))


@pytest.mark.parametrize("passthrough", [False, True])
def test_stacking(passthrough, passengers):
    X, y = passengers
    members = [("rnn", regressor()), ("line", LinearRegression())]
    stack = StackingRegressor(members, LinearRegression(), cv=3, passthrough=passthrough).fit(X, y)
    assert stack.predict(X).shape == y.shape
    assert stack.score(X, y) > 0.9


def weights_seen(model, y):
    """Whether the units of a fitted regressor are those of the last rows alone."""
    return np.isclose(model.y_mean_, y[30:].mean()).all()


def test_weights_of_rows_are_routed_to_the_regressor(passengers):
    """Each layer asks for `sample_weight`, or it is not handed on."""
    X, y = passengers
    weight = np.r_[np.zeros(30), np.ones(len(y) - 30)]
    with config_context(enable_metadata_routing=True):
        asking = regressor().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), asking)
        assert weights_seen(clone(pipeline).fit(X, y, sample_weight=weight)[-1], y)
        scorer = get_scorer("r2").set_score_request(sample_weight=True)
        grid = {"rnnregressor__hidden_size": [2, 3]}
        search = GridSearchCV(pipeline, grid, scoring=scorer, cv=2, error_score="raise")
        assert weights_seen(search.fit(X, y, sample_weight=weight).best_estimator_[-1], y)
        with pytest.raises(ValueError, match="sample_weight"):  # neither asked for nor declined
            make_pipeline(StandardScaler(), regressor()).fit(X, y, sample_weight=weight)
        routed = regressor().set_partial_fit_request(sample_weight=True).get_metadata_routing()
        assert routed.partial_fit.requests == {"sample_weight": True}


def test_without_routing_the_step_is_named(passengers):
    X, y = passengers
    weight = np.r_[np.zeros(30), np.ones(len(y) - 30)]
    model = make_pipeline(StandardScaler(), regressor()).set_params(rnnregressor__hidden_size=3)
    model.fit(X, y, rnnregressor__sample_weight=weight)
    assert weights_seen(model[-1], y)
    assert model[-1].weights()["rnn.weight_hh_l0"].shape == (9, 3)


def test_a_warm_start_within_a_pipeline(passengers):
    """The steps before are fitted anew each time; the regressor goes on."""
    X, y = passengers
    model = make_pipeline(StandardScaler(), regressor(warm_start=True, max_iter=2))
    model.fit(X[:-12], y[:-12]).fit(X, y)
    assert len(model[-1].loss_curve_) == 4
