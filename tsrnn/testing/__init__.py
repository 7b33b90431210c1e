"""Does a forecaster keep its word? Checks of all that `RNNForecaster` promises, for any estimator of its contract.

As `sklearn.utils.estimator_checks` does for estimators whose rows are samples, these checks try an estimator whose
rows are time. The contract:

- `fit(y)` or `fit(X, y)` takes a Series, a DataFrame with a series in each column, a Series by (id, time) or an array,
  on a DatetimeIndex, a PeriodIndex, a RangeIndex or integers. It starts afresh, and refuses by name what it cannot use.
- `predict()` returns the next values on the index that follows, `predict(horizon=...)` as many as asked.
- `predict(X)` returns an array with a value for each row of `X`; the index of `X` says which steps are meant.
- `predict(y=...)` goes on from another series, `update(y)` takes new observations; neither trains.
- `score(y)` and `score(X, y)` are the coefficient of determination of what follows, so that scikit-learn's searches
  and cross-validation work.

`check_forecaster` runs all checks; `forecaster_checks` returns them one by one, for pytest::

    @pytest.mark.parametrize("check", forecaster_checks(RNNForecaster()), ids=str)
    def test_contract(check):
        check()
"""

from tsrnn.testing.suite import check_forecaster, forecaster_checks

__all__ = ["check_forecaster", "forecaster_checks"]
