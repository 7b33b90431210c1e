"""Parameters: what is refused, by which words, and when."""

import inspect
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from forecasting.small import assert_untouched, every_estimator, fit, forecaster, regressor
from tsrnn import RNNForecaster, RNNRegressor
from tsrnn.forecasting.checks import check_flag, check_integer, check_option, check_real, check_series, check_sizes
from tsrnn.network.cells import CELLS
from tsrnn.training.losses import LOSSES
from tsrnn.training.schedule import SCHEDULES

both_estimators = pytest.mark.parametrize("estimator", [RNNForecaster, RNNRegressor])

NO_POSITIVE_INTEGERS = [0, -1, 2.5, 3.0, "8", True, np.nan, [4]]
NO_OPTIONS = ["nonsense", "", None, 3, True, ["gru"], b"gru"]
NO_FLAGS = ["yes", "", None, 2, 0.5, np.nan, pd.NA, [True], np.array([True, False])]
NO_SHARES = [-0.1, 1, 1.0, 1.5, "0.1", None, np.nan, True, 0.1j, Decimal("0.1")]
WRONG = {
    "cell": [*NO_OPTIONS, "GRU", "LSTM ", "gru_peephole"],
    "hidden_size": [*NO_POSITIVE_INTEGERS, None, (), (4, 4), (0,), (2.5,), (True,), ("8",), (None,), ((4,),)],
    "num_layers": [*NO_POSITIVE_INTEGERS, None],
    "bidirectional": NO_FLAGS,
    "residual": NO_FLAGS,
    "layer_norm": NO_FLAGS,
    "segment": [*NO_POSITIVE_INTEGERS, None],
    "dropout": NO_SHARES,
    "device": [*NO_OPTIONS, "gpu", "cuda:1"],
    "precision": [*NO_OPTIONS, "float64", "tf16"],
    "recurrent_dropout": NO_SHARES,
    "linear_skip": NO_FLAGS,
    "recurrent_init": NO_OPTIONS,
    "loss": [*NO_OPTIONS, "mse"],
    "bptt_steps": [*NO_POSITIVE_INTEGERS, "auto"],
    "alpha": [-1e-9, np.inf, np.nan, "0", None, False],
    "learning_rate": [*NO_OPTIONS, 0.1],
    "learning_rate_init": [0, -1, np.inf, np.nan, "0.1", None, True],
    "clip_norm": [0, -1, np.nan, "1", True],
    "batch_size": [*NO_POSITIVE_INTEGERS, None, "AUTO"],
    "max_iter": [*NO_POSITIVE_INTEGERS, None],
    "max_steps": [*NO_POSITIVE_INTEGERS[1:], "all"],
    "early_stopping": NO_FLAGS,
    "validation_fraction": [0, 1, -0.1, 1.1, np.nan, None, "0.1"],
    "n_iter_no_change": [*NO_POSITIVE_INTEGERS, None],
    "tol": [-1e-9, np.inf, np.nan, None, "0"],
    "warm_start": NO_FLAGS,
    "random_state": [-1, 1.5, "seed", [1.5]],
    "n_jobs": [0, 1.5, "all"],
}
WRONG_IN_FORECASTER = {
    "horizon": [*NO_POSITIVE_INTEGERS, None, "auto"],
    "lookback": [*NO_POSITIVE_INTEGERS, None, "all"],
    "season_length": [*NO_POSITIVE_INTEGERS, None, "year"],
    "decoder": [*NO_OPTIONS, "in_step"],
    "n_members": [*NO_POSITIVE_INTEGERS, None, "auto"],
    "normalize": NO_OPTIONS,
    "stateful": NO_FLAGS,
    "multivariate": NO_FLAGS,
    "calendar": [option for option in NO_OPTIONS if option is not None],
    "missing": NO_OPTIONS,
    "past_covariates": [3, ["heat"], 2.5],
}
WRONG_IN_REGRESSOR = {
    **{name: ["auto"] for name in ("hidden_size", "segment", "dropout", "linear_skip", "alpha")},
    "max_steps": [0, "auto"],
    "n_channels": [*NO_POSITIVE_INTEGERS, None],
    "decoder": [*NO_OPTIONS, "recursive", "in step"],
}


def cases(tables):
    return [
        pytest.param(name, value, id=f"{name}-{value!r}") for table in tables for name in table for value in table[name]
    ]


def assert_refused(model, name, value):
    with pytest.raises((TypeError, ValueError)) as refusal:
        fit(model)
    message = str(refusal.value)
    assert message.startswith(f"{name} must be ")
    assert message.endswith(f"got {value!r}")


@pytest.mark.parametrize(("name", "value"), cases([WRONG, WRONG_IN_FORECASTER]))
def test_forecaster_refuses_by_name(name, value):
    assert_refused(forecaster().set_params(**{name: value}), name, value)


@pytest.mark.parametrize(("name", "value"), cases([WRONG, WRONG_IN_REGRESSOR]))
def test_regressor_refuses_by_name(name, value):
    assert_refused(regressor().set_params(**{name: value}), name, value)


@every_estimator
@pytest.mark.parametrize("value", [(4,), (4, 3, 2), (4, 0), (4, None), (4, 2.0)])
def test_a_wrong_size_of_a_layer_is_refused(make, value):
    model = make(num_layers=2, hidden_size=value)
    assert_refused(model, "hidden_size", value)
    with pytest.raises(ValueError, match="a tuple of them, one for each of num_layers=2 layers"):
        fit(model)


@both_estimators
def test_every_parameter_is_tried(estimator):
    tried = WRONG | (WRONG_IN_FORECASTER if estimator is RNNForecaster else WRONG_IN_REGRESSOR)
    assert set(estimator().get_params()) - {"verbose"} == set(tried)


@pytest.mark.parametrize(
    ("name", "options"),
    [("cell", CELLS), ("loss", LOSSES), ("learning_rate", SCHEDULES)],
)
@pytest.mark.parametrize("value", ["nonsense", "gru_peephole"])  # a cell that there is of the LSTM alone
@every_estimator
def test_the_message_lists_the_options(make, value, name, options):
    with pytest.raises(ValueError, match=name) as refusal:
        fit(make().set_params(**{name: value}))
    assert all(repr(option) in str(refusal.value) for option in options)


@every_estimator
@pytest.mark.parametrize(("name", "value"), [("cell", "GRU"), ("tol", -1), ("hidden_size", 0), ("random_state", "x")])
def test_a_refused_parameter_leaves_a_fitted_estimator_as_it_was(make, name, value):
    model = fit(make())
    before = vars(model).copy()
    model.set_params(**{name: value})
    with pytest.raises((TypeError, ValueError)):
        fit(model)
    assert_untouched(model, before, but=[name])


@every_estimator
def test_numpy_scalars_are_as_good_as_python_ones(make):
    changes = {
        "cell": np.str_("lstm"),
        "hidden_size": np.int8(4),
        "layer_norm": np.bool_(True),
        "recurrent_dropout": np.float32(0.25),
        "dropout": np.float32(0.25),
        "linear_skip": np.bool_(True),
        "learning_rate_init": np.float64(0.01),
        "max_iter": np.uint16(3),
        "batch_size": np.int64(20),
        "random_state": np.int64(1),
    }
    plain = fit(make(**{name: value.item() for name, value in changes.items()}))
    np.testing.assert_array_equal(fit(make(**changes)).parameters_, plain.parameters_)


@both_estimators
def test_the_constructor_does_no_work(estimator):
    """It keeps the very objects that it is given, sensible or not."""
    given = {name: object() for name in inspect.signature(estimator).parameters}
    model = estimator(**given)
    assert vars(model) == given


@both_estimators
def test_parameters_round_trip(estimator):
    model = estimator(cell="lstm", hidden_size=7, dropout=0.25, max_steps=None)
    for other in (clone(model), estimator(**model.get_params()), estimator().set_params(**model.get_params())):
        assert other is not model
        assert other.get_params() == model.get_params()
        assert repr(other) == repr(model)
    with pytest.raises(ValueError, match="nonsense"):
        model.set_params(nonsense=1)


@both_estimators
def test_repr_names_what_was_changed(estimator):
    assert repr(estimator()) == f"{estimator.__name__}()"
    text = repr(estimator(hidden_size=7, cell="rnn"))
    assert "hidden_size=7" in text
    assert "cell='rnn'" in text


@both_estimators
def test_defaults_are_plain(estimator):
    """A default that could change would be shared by all estimators."""
    for parameter in inspect.signature(estimator).parameters.values():
        assert isinstance(parameter.default, (int, float, str, bool, type(None)))


def test_clone_of_a_fitted_estimator_is_not_fitted():
    model = fit(forecaster())
    assert vars(clone(model)) == model.get_params()


@pytest.mark.parametrize("value", [1, 7, np.int64(3), "auto", None])
def test_integers_and_alternatives(value):
    check_integer("size", value, 1, "auto", None)


def test_message_of_an_integer():
    with pytest.raises(ValueError, match=r"^size must be an integer of at least 2 or 'auto' or None, got 1$"):
        check_integer("size", 1, 2, "auto", None)


@pytest.mark.parametrize(
    ("open_below", "accepted", "interval"),
    [(False, [0, 0.5], r"\[0, 1\)"), (True, [0.5], r"\(0, 1\)")],
)
def test_ends_of_an_interval(open_below, accepted, interval):
    for value in (-0.5, 0, 0.5, 1, 1.5):
        if value in accepted:
            check_real("share", value, 0, 1, open_below=open_below)
        else:
            with pytest.raises(ValueError, match=f"^share must be a number in {interval}, got {value}$"):
                check_real("share", value, 0, 1, open_below=open_below)


def test_none_is_a_number_where_it_is_allowed():
    check_real("norm", None, 0, 1, none=True)
    with pytest.raises(ValueError, match=r"or None, got 'x'$"):
        check_real("norm", "x", 0, 1, none=True)


def test_sizes_of_layers():
    for sizes in (1, np.int64(7), (3, np.int8(1))):
        check_sizes("size", sizes, 2)


def test_options_and_flags():
    check_option("cell", "gru", ["gru", "lstm"])
    for flag in (True, False, np.True_, np.False_):
        check_flag("verbose", flag)


def test_series_is_left_as_it_is_and_comes_out_in_float64():
    given = pd.Series([1, 2, 3], name="n")
    checked = check_series(given)
    assert checked.dtype == np.float64
    assert checked.name == "n"
    assert given.dtype == np.int64
