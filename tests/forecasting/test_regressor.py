"""A row is one window: layouts, weights, types, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError

from forecasting.small import assert_untouched, every_cell, regressor, sequences

LAYOUTS = {
    "3-D": lambda X: X,
    "flat": lambda X: X.reshape(len(X), -1),
    "lists": lambda X: X.tolist(),
    "frame": lambda X: pd.DataFrame(X.reshape(len(X), -1)).add_prefix("x"),
    "column-major": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "object": lambda X: X.reshape(len(X), -1).astype(object),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@every_cell
def test_layouts_are_one(layout, cell):
    X, y = sequences()
    model = regressor(cell).fit(X, y)
    other = regressor(cell, n_channels=2).fit(layout(X), y)
    assert_array_equal(other.parameters_, model.parameters_)
    assert_array_equal(other.predict(layout(X)), model.predict(X))


def test_layouts_may_change_between_fit_and_predict():
    X, y = sequences()
    flat = X.reshape(len(X), -1)
    expected = regressor().fit(X, y).predict(X)
    assert_array_equal(regressor(n_channels=2).fit(flat, y).predict(X), expected)
    assert_array_equal(regressor(n_channels=2).fit(X, y).predict(flat), expected)
    assert_array_equal(regressor().fit(X, y).predict(flat), expected)


def test_one_channel_needs_no_axis():
    X, y = sequences(channels=1)
    model = regressor().fit(X, y)
    assert_array_equal(model.predict(X[:, :, 0]), regressor().fit(X[:, :, 0], y).predict(X))


def test_the_oldest_step_comes_first():
    """Flat rows hold all channels of a step side by side."""
    X, y = sequences()
    flat = np.concatenate([X[:, t] for t in range(X.shape[1])], axis=1)
    assert_array_equal(regressor(n_channels=2).fit(flat, y).parameters_, regressor().fit(X, y).parameters_)
    assert not np.array_equal(regressor().fit(X[:, ::-1], y).parameters_, regressor().fit(X, y).parameters_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_cell
def test_the_type_of_the_data_is_that_of_the_network(dtype, cell):
    X, y = sequences()
    model = regressor(cell, linear_skip=True).fit(X.astype(dtype), y)
    assert model.parameters_.dtype == dtype
    assert all(weight.dtype == dtype for weight in model.weights().values())
    assert model.predict(X.astype(dtype)).dtype == np.float64
    double = regressor(cell, linear_skip=True).fit(X, y)
    assert_allclose(model.predict(X), double.predict(X), atol=1e-4)
    assert_allclose(model.predict(X.astype(np.float32)), model.predict(X), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, bool, np.float16, np.longdouble, object])
def test_other_types_are_computed_in_float64(dtype):
    X, y = sequences()
    model = regressor().fit(X.round().astype(dtype), y)
    assert model.parameters_.dtype == np.float64
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("factor", "shift"), [(1000, 0), (1, 1e6), (1e-6, 0), (1, -1e9)])
def test_units_do_not_matter(dtype, factor, shift):
    X, y = sequences()
    X = X.astype(dtype)
    model = regressor().fit(X, y)
    other = regressor().fit(X, factor * y + shift)
    assert_allclose((other.predict(X) - shift) / factor, model.predict(X), atol=1e-5)
    if dtype == np.float64:
        other = regressor().fit(factor * X + shift, y)
        assert_allclose(other.predict(factor * X + shift), model.predict(X), atol=1e-5)


def test_channels_and_targets_have_units_of_their_own():
    X, y = sequences()
    targets = np.column_stack([y, 1e6 * y])
    model = regressor().fit(X * [1, 1000] + [0, 5], targets)
    assert_allclose(model.x_mean_, X.mean(axis=(0, 1)) * [1, 1000] + [0, 5])
    assert_allclose(model.x_scale_, X.std(axis=(0, 1)) * [1, 1000])
    assert_allclose(model.y_mean_, targets.mean(axis=0))
    assert_allclose(model.y_scale_, targets.std(axis=0))
    plain = regressor().fit(X, np.column_stack([y, y])).predict(X)
    assert_allclose(model.predict(X * [1, 1000] + [0, 5]), plain * [1, 1e6], rtol=1e-6)


def test_constant_channels_and_targets():
    X, y = sequences()
    X[:, :, 1] = 0.1
    model = regressor().fit(X, np.column_stack([y, np.full(50, 7.0)]))
    assert model.x_scale_[1] == 1
    assert model.y_scale_[1] == 1
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_several_targets(n_outputs, jit_disabled):
    X, y = sequences()
    targets = np.column_stack([y, X[:, -1, 0], -y])[:, :n_outputs]
    model = regressor(max_iter=2 if jit_disabled else 300, linear_skip=True).fit(X, targets)
    assert model.n_outputs_ == n_outputs
    assert model.predict(X).shape == targets.shape
    assert regressor().fit(X, y).predict(X).shape == (50,)
    assert regressor().fit(X, y).n_outputs_ == 1
    if not jit_disabled:
        assert model.score(X, targets) > 0.9


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@every_cell
def test_a_weight_is_a_number_of_repetitions(loss, cell):
    X, y = sequences()
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    weighted = regressor(cell, loss=loss).fit(X, y, sample_weight=weight)
    repeated = regressor(cell, loss=loss).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-7, atol=1e-7)
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)


def test_weights_count_in_proportion():
    X, y = sequences()
    model = regressor().fit(X, y)
    for weight in (np.ones(50), np.full(50, 1e-9), 7, pd.Series(np.full(50, 0.5))):
        assert_allclose(regressor().fit(X, y, sample_weight=weight).predict(X), model.predict(X), atol=1e-9)


def test_rows_without_weight_are_not_there():
    """Not even as rows to validate on, or as bounds of the units."""
    X, y = sequences()
    strange, odd = X.copy(), y.copy()
    strange[40:], odd[40:] = 1e9, -1e9
    weight = np.r_[np.ones(40), np.zeros(10)]
    for early_stopping in (False, True):
        model = regressor(early_stopping=early_stopping)
        without = model.fit(X[:40], y[:40]).predict(X)
        assert_array_equal(model.fit(strange, odd, sample_weight=weight).predict(X), without)


@pytest.mark.parametrize("weight", [np.zeros(50), -np.ones(50), np.full(50, np.nan), np.ones(49), np.ones((50, 2))])
def test_weights_that_make_no_sense_are_refused(weight):
    with pytest.raises(ValueError, match=r"(?i)sample.weight"):
        regressor().fit(*sequences(), sample_weight=weight)


@pytest.mark.compiled
@every_cell
@pytest.mark.parametrize("task", ["sum", "echo"])
def test_learns_what_needs_a_memory(cell, task):
    """The sum of a sequence, or its value three steps before the end."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 8))
    y = X.sum(axis=1) if task == "sum" else X[:, -4]
    model = regressor(cell, hidden_size=8, max_iter=150, batch_size=50).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > 0.9


@pytest.mark.parametrize(
    "changes",
    [
        {"num_layers": 2, "dropout": 0.2},
        {"bptt_steps": 2},
        {"alpha": 0.01},
        {"learning_rate": "step"},
        {"learning_rate": "constant"},
        {"recurrent_init": "orthogonal"},
        {"linear_skip": True},
        {"early_stopping": True},
        {"batch_size": 7},
        {"loss": "absolute_error"},
        {"loss": "huber"},
    ],
    ids=str,
)
def test_every_setting_learns(changes):
    X, y = sequences()
    model = regressor(**changes).fit(X, y)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert np.isfinite(model.predict(X)).all()


def test_early_stopping_holds_rows_aside():
    X, y = sequences()
    model = regressor(early_stopping=True, validation_fraction=0.2, batch_size=10, max_iter=3).fit(X, y)
    assert model.n_steps_ == 3 * 4  # 40 rows of 50 are left
    assert len(model.validation_loss_curve_) == 3
    assert model.best_loss_ == min(model.validation_loss_curve_)
    assert regressor(early_stopping=True).fit(X[:2], y[:2]).n_iter_ > 0
    with pytest.raises(ValueError, match="early_stopping needs at least 2 samples, got 1"):
        regressor(early_stopping=True).fit(X[:1], y[:1])


def test_data_are_left_as_they_are(tmp_path):
    X, y = sequences()
    np.save(tmp_path / "X.npy", X)
    expected = regressor().fit(X, y).predict(X)
    on_disk = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert_array_equal(regressor().fit(on_disk, y).predict(on_disk), expected)
    for array in (X, y):
        array.setflags(write=False)
    weight = np.ones(50)
    weight.setflags(write=False)
    assert_array_equal(regressor().fit(X, y, weight).predict(X), expected)


def test_a_row_predicts_the_same_alone():
    X, y = sequences(200)
    model = regressor().fit(X, y)
    alone = np.concatenate([model.predict(X[k : k + 1]) for k in range(0, 200, 20)])
    assert_allclose(alone, model.predict(X)[::20], rtol=1e-12, atol=1e-12)


def test_names_of_columns_are_remembered():
    X, y = sequences()
    frame = LAYOUTS["frame"](X)
    model = regressor(n_channels=2).fit(frame, y)
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.n_features_in_ == 10
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.iloc[:, ::-1])
    assert not hasattr(model.fit(X, y), "feature_names_in_")


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((50, 7)), "X has 7 columns, which n_channels=2 does not divide"),
        (np.zeros((50, 5, 2, 1)), "X must have 2 dimensions, or 3 .* got 4"),
        (np.zeros(50), "1D array"),
        (np.zeros((0, 4)), "0 sample"),
        (np.zeros((50, 0)), "0 feature"),
        (np.zeros((50, 0, 2)), "X has (no|0) steps|minimum of 1"),
        (np.zeros((50, 5, 0)), "X has (no|0) channels|minimum of 1"),
        (np.full((50, 4), np.nan), "NaN"),
        (np.full((50, 2, 2), np.inf), "infinity"),
        (np.full((50, 4), "a"), "could not convert string to float"),
        (np.full((50, 4), 1j), "Complex data not supported"),
        ([[1, 2], [1]] * 25, "inhomogeneous"),
    ],
    ids=lambda value: (
        None if isinstance(value, str) else f"{np.shape(value) if hasattr(value, 'shape') else value}"[:20]
    ),
)
def test_sequences_that_cannot_be_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        regressor(n_channels=2).fit(X, sequences()[1])


@pytest.mark.parametrize(
    "y", [np.zeros(49), np.full(50, np.nan), np.full(50, np.inf), ["a"] * 50, np.zeros((50, 2, 2, 2))]
)
def test_targets_that_cannot_be_are_refused(y):
    with pytest.raises(ValueError, match=r"y|samples|string|dim"):
        regressor().fit(sequences()[0], y)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", ["X", "y"])
def test_values_whose_squares_are_not_finite_are_refused(method, name):
    given = dict(zip("Xy", sequences(), strict=True))
    given[name][[7, 9]] *= 1e160
    with pytest.raises(ValueError, match=rf"^{name} holds values beyond 1e\+150, in rows 7, 9: .*use a larger unit$"):
        getattr(regressor(), method)(**given)
    weights = np.ones(len(given["X"]))
    weights[[7, 9]] = 0  # they are not there
    assert np.isfinite(getattr(regressor(), method)(**given, sample_weight=weights).parameters_).all()


def test_values_as_large_are_refused_in_predict():
    X, y = sequences()
    model = regressor().fit(X, y)
    X[3, 2, 1] = -1e300
    with pytest.raises(ValueError, match=r"^X holds values beyond 1e\+150, in rows 3:"):
        model.predict(X)


def test_sparse_data_are_refused():
    X, y = sequences()
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        regressor().fit(csr_array(X[:, :, 0]), y)
    with pytest.raises((TypeError, ValueError), match=r"[Ss]parse"):
        regressor().fit(X, csr_array(X[:, 0]))


@pytest.mark.parametrize("shape", [(3, 4, 2), (3, 5, 1), (3, 5, 3), (3, 9), (3, 12), (3, 5, 2, 1), (10,)], ids=str)
@pytest.mark.parametrize("flat", [False, True], ids=["fitted on 3-D", "fitted on 2-D"])
def test_other_shapes_than_those_fitted_are_refused(shape, flat):
    X, y = sequences()
    model = regressor(n_channels=2).fit(X.reshape(50, 10) if flat else X, y)
    with pytest.raises(ValueError, match=r"X has|X must have|Expected 2D"):
        model.predict(np.zeros(shape))


@pytest.mark.parametrize(
    "refused",
    [
        lambda X, y: {"X": X[:, :5], "y": y, "sample_weight": -np.ones(50)},
        lambda X, y: {"X": X * np.nan, "y": y},
        lambda X, y: {"X": X[:40, :4], "y": y},
        lambda X, y: {"X": X[:1, :5], "y": y[:1]},
        lambda X, y: {"X": X[:, :5], "y": ["a"] * 50},
        lambda X, y: {"X": X[None], "y": [1.0]},
    ],
    ids=["weights", "nan", "lengths", "one row", "strings", "dimensions"],
)
def test_refused_data_leave_a_fitted_estimator_as_it_was(refused):
    X, y = sequences()
    frame = LAYOUTS["frame"](X)
    model = regressor(early_stopping=True).fit(frame, y)
    expected, before = model.predict(frame), vars(model).copy()
    with pytest.raises(ValueError):  # noqa: PT011 - of several sources, most of them in scikit-learn
        model.fit(**refused(frame.to_numpy(), y))
    assert_untouched(model, before)
    assert_array_equal(model.predict(frame), expected)


@pytest.mark.parametrize("method", ["predict", "weights"])
def test_before_a_fit(method):
    with pytest.raises(NotFittedError, match="RNNRegressor"):
        getattr(regressor(), method)(*([sequences()[0]] if method == "predict" else []))
