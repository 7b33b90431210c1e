"""scikit-learn's own checks of an estimator. What is built of estimators: `test_meta_estimators`."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from tsrnn import RNNRegressor
from tsrnn.network.cells import CELLS

# Segments are left out: the checks' rows may be shorter than one.
DEEP = {"hidden_size": 8, "num_layers": 2, "bidirectional": True, "residual": True, "layer_norm": True}
SETTINGS = [*({"cell": cell} for cell in CELLS), {"decoder": "parallel"}, {"decoder": "seq2seq"}, DEEP]


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.filterwarnings("default")  # the checks ask for some themselves
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: "-".join(map(str, settings.values())))
def test_scikit_learn_finds_nothing_to_complain_of(settings):
    """No check fails, and none is expected to. In step none could pass: their targets are not one a step."""
    results = check_estimator(RNNRegressor(**settings), on_fail=None, on_skip=None)
    assert len(results) > 50
    ended = {result["check_name"]: (result["status"], result["exception"]) for result in results}
    assert {name: end for name, end in ended.items() if end[0] not in ("passed", "skipped")} == {}
    # A check may be skipped for what is not installed or switched on, not for a tag of the estimator.
    skipped = {name for name, end in ended.items() if end[0] == "skipped"}
    assert skipped <= {"check_array_api_input", "check_dataframe_column_names_consistency"}
