"""Life within scikit-learn: its checks, searches, pipelines and transformed targets."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from forecasting.small import every_cell, regressor
from tsrnn import RNNRegressor


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.filterwarnings("default")  # the checks ask for some themselves
@pytest.mark.parametrize("decoder", ["direct", "parallel", "seq2seq"])
@every_cell
def test_scikit_learn_finds_nothing_to_complain_of(cell, decoder):
    """No check fails, and none is expected to. In step none could pass: their targets are not one a step."""
    results = check_estimator(RNNRegressor(cell, decoder=decoder), on_fail=None, on_skip=None)
    assert len(results) > 50
    ended = {result["check_name"]: (result["status"], result["exception"]) for result in results}
    assert {name: end for name, end in ended.items() if end[0] not in ("passed", "skipped")} == {}
    # A check may be skipped for what is not installed or switched on, not for a tag of the estimator.
    skipped = {name for name, end in ended.items() if end[0] == "skipped"}
    assert skipped <= {"check_array_api_input", "check_dataframe_column_names_consistency"}


def windows(n=90, steps=6):
    """Windows of a wave, and the value after each."""
    cut = np.lib.stride_tricks.sliding_window_view(np.sin(np.arange(n) / 4), steps + 1)
    return cut[:, :steps], 100 + 50 * cut[:, steps]


def test_grid_search_over_time():
    X, y = windows()
    search = GridSearchCV(regressor(), {"cell": ["rnn", "gru"], "hidden_size": [2, 4]}, cv=TimeSeriesSplit(3))
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(X).shape == y.shape
    alone = regressor(**search.best_params_).fit(X, y)
    assert_array_equal(search.predict(X), alone.predict(X))


@pytest.mark.compiled
def test_pipeline_with_transformed_target():
    X, y = windows()
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), regressor(hidden_size=8, max_iter=100)), transformer=StandardScaler()
    )
    assert model.fit(X[:60], y[:60]).score(X[60:], y[60:]) > 0.95
    assert cross_val_score(model, X, y, cv=TimeSeriesSplit(3, gap=2)).shape == (3,)


def test_pipeline_names_reach_the_regressor():
    X, y = windows()
    pipeline = make_pipeline(StandardScaler(), regressor())
    pipeline.set_params(rnnregressor__hidden_size=3)
    weight = np.r_[np.zeros(20), np.ones(len(y) - 20)]
    fitted = pipeline.fit(X, y, rnnregressor__sample_weight=weight)
    assert fitted[-1].weights()["rnn.weight_hh_l0"].shape == (9, 3)
