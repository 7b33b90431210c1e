"""scikit-learn's own checks of an estimator. What is built of estimators: `test_meta_estimators`."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from forecasting.small import every_cell
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
