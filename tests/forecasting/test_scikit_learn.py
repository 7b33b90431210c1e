"""scikit-learn's own checks of an estimator. What is built of estimators: `test_meta_estimators`."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from tsrnn import RNNRegressor
from tsrnn.network.cells import CELLS

# The checks ask for a good fit of a linear map. By default the network has to learn it; with a linear map beside it,
# large steps and few passes will do.
QUICK = {"hidden_size": 8, "linear_skip": True, "max_iter": 50, "learning_rate_init": 0.05}
# Segments are left out: the checks' rows may be shorter than one.
DEEP = {"num_layers": 2, "bidirectional": True, "residual": True, "layer_norm": True}
OTHERS = [*({"cell": cell} for cell in CELLS), {"decoder": "parallel"}, {"decoder": "seq2seq"}, DEEP]
SETTINGS = {"-".join(map(str, other.values())): QUICK | other for other in OTHERS} | {"default": {}}


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.filterwarnings("default")  # the checks ask for some themselves
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_scikit_learn_finds_nothing_to_complain_of(settings):
    """No check fails, and none is expected to. In step none could pass: their targets are not one a step."""
    results = check_estimator(RNNRegressor(**settings), on_fail=None, on_skip=None)
    assert len(results) > 50
    ended = {result["check_name"]: (result["status"], result["exception"]) for result in results}
    assert {name: end for name, end in ended.items() if end[0] not in ("passed", "skipped")} == {}
    # A check may be skipped for what is not installed or switched on, not for a tag of the estimator.
    skipped = {name for name, end in ended.items() if end[0] == "skipped"}
    assert skipped <= {"check_array_api_input", "check_dataframe_column_names_consistency"}
