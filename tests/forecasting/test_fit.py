"""A fit of either estimator: what it leaves behind, and on what it depends."""

import copy
import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from forecasting.small import (
    daily,
    every_estimator,
    fit,
    fitted_attributes,
    forecaster,
    predict,
    regressor,
    sequences,
    values,
)


def documented_attributes(estimator):
    """Names in the section of the docstring."""
    section = re.search(r"Attributes\n *-+\n(.*?)\n\n", estimator.__doc__, re.DOTALL)[1]
    heads = re.findall(r"^    (\w[\w, ]*) : ", section, re.MULTILINE) + re.findall(
        r"^    (\w+_)$", section, re.MULTILINE
    )
    return {name.strip() for head in heads for name in head.split(",")}


@every_estimator
@pytest.mark.parametrize("early_stopping", [False, True])
def test_attributes_are_those_of_the_docstring(make, early_stopping):
    model = fit(make(early_stopping=early_stopping))
    documented = documented_attributes(type(model))
    assert len(documented) > 8
    computed = {name for name in documented if isinstance(getattr(type(model), name, None), property)}
    assert all(hasattr(model, name) for name in computed)
    assert fitted_attributes(model) == documented - computed - {"feature_names_in_"}


def test_attributes_of_a_forecaster():
    y = daily()
    model = forecaster(3, max_iter=7, max_steps=1000).fit(y)
    assert (model.lookback_, model.season_length_, model.horizon_) == (6, 7, 3)
    assert model.freq_ == y.index.freq
    assert model.parameters_.dtype == np.float32
    assert (model.n_iter_, model.n_steps_) == (7, 7)
    assert len(model.loss_curve_) == 7
    assert all(isinstance(loss, float) for loss in model.loss_curve_)
    assert model.validation_loss_curve_ is None
    assert model.best_loss_ == min(model.loss_curve_)
    assert forecaster().fit(values()).freq_ == 1


@every_estimator
def test_weights_are_views_by_torch_names(make):
    model = fit(make(num_layers=2, linear_skip=True))
    weights = model.weights()
    layers = [f"rnn.{kind}_l{k}" for k in (0, 1) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    assert list(weights) == [*layers, "head.weight", "head.bias", "linear.weight", "linear.bias"]
    assert sum(weight.size for weight in weights.values()) == model.parameters_.size
    assert all(np.shares_memory(weight, model.parameters_) for weight in weights.values())
    assert weights["rnn.weight_hh_l1"].shape == (12, 4)


@every_estimator
@pytest.mark.parametrize(
    ("limits", "updates", "passes"),
    [({"max_iter": 3}, 6, 3), ({"max_iter": 3, "max_steps": 5}, 5, 3), ({"max_iter": 3, "max_steps": 1}, 1, 1)],
)
def test_updates_and_passes(make, limits, updates, passes):
    model = fit(make(batch_size=30, **({"max_steps": None} | limits)), n=60 if make is regressor else 68)
    if make is forecaster:  # 68 - 6 - 3 + 1 = 60 windows
        assert model.lookback_ + model.horizon_ == 9
    assert (model.n_steps_, model.n_iter_) == (updates, passes)
    assert len(model.loss_curve_) == passes


@every_estimator
def test_fit_returns_the_estimator(make):
    model = make()
    assert fit(model) is model
    check_is_fitted(model)


@every_estimator
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_same_seed_gives_the_same_bits(make, early_stopping):
    changes = {"batch_size": 20, "dropout": 0.25, "early_stopping": early_stopping}
    first, second = (fit(make(**changes)) for _ in range(2))
    assert_array_equal(first.parameters_, second.parameters_)
    assert first.loss_curve_ == second.loss_curve_
    assert_array_equal(predict(first), predict(second))
    assert_array_equal(predict(first), predict(fit(make(random_state=np.random.RandomState(0), **changes))))
    other = fit(make(random_state=1, **changes))
    assert not np.array_equal(first.parameters_, other.parameters_)


@every_estimator
def test_without_a_seed_each_fit_is_another_whatever_numpy_was_seeded_with(make):
    models = []
    for _ in range(2):
        np.random.seed(0)  # noqa: NPY002
        models.append(fit(make(random_state=None)))
    assert not np.array_equal(models[0].parameters_, models[1].parameters_)


@every_estimator
@pytest.mark.parametrize("random_state", [None, 0])
def test_the_global_random_numbers_are_left_alone(make, random_state):
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    predict(fit(make(random_state=random_state, dropout=0.5, batch_size=20, early_stopping=True)))
    assert np.random.random() == expected  # noqa: NPY002


@every_estimator
@pytest.mark.parametrize("n_jobs", [2, 4, -1, None])
def test_the_number_of_threads_changes_no_bit(make, n_jobs):
    """More than one chunk of 32 samples to a batch, of which the last is shorter."""
    changes = {"batch_size": 150, "dropout": 0.25, "max_steps": 4}
    alone, together = (fit(make(n_jobs=n, **changes), n=200) for n in (1, n_jobs))
    assert_array_equal(alone.parameters_, together.parameters_)
    assert alone.loss_curve_ == together.loss_curve_
    if make is regressor:
        X = sequences(200)[0]
        assert_array_equal(alone.predict(X), together.predict(X))


@pytest.mark.compiled
@every_estimator
def test_fits_in_threads_at_once_are_those_alone(make):
    settings = [
        {"cell": cell, "random_state": seed, "max_steps": 60, "n_jobs": n_jobs, "dropout": 0.2}
        for seed, (cell, n_jobs) in enumerate([("gru", 1), ("lstm", 2), ("rnn", None), ("gru", 2)])
    ]
    alone = [predict(fit(make(**changes), n=120)) for changes in settings]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda changes: predict(fit(make(**changes), n=120)), settings))
    for one, other in zip(alone, together, strict=True):
        assert_array_equal(one, other)


@pytest.mark.compiled
@every_estimator
def test_one_estimator_predicts_in_threads_at_once(make):
    model = fit(make())
    expected = predict(model)
    with ThreadPoolExecutor(4) as pool:
        for prediction in pool.map(lambda _: predict(model), range(20)):
            assert_array_equal(prediction, expected)


@every_estimator
def test_a_second_fit_starts_afresh(make):
    model = fit(make(early_stopping=True), n=40)
    fit(model.set_params(early_stopping=False, hidden_size=3))
    fresh = fit(make(hidden_size=3))
    assert_array_equal(model.parameters_, fresh.parameters_)
    assert_array_equal(predict(model), predict(fresh))
    assert fitted_attributes(model) == fitted_attributes(fresh)
    assert model.validation_loss_curve_ is None


@every_estimator
def test_parameters_set_after_the_fit_wait_for_the_next(make):
    model = fit(make())
    before = predict(model)
    model.set_params(hidden_size=9, cell="lstm", linear_skip=True, num_layers=2)
    if make is forecaster:
        model.set_params(horizon=7, lookback=3, normalize="series", decoder="recursive")
    else:
        model.set_params(n_channels=7)
    assert_array_equal(predict(model), before)


@every_estimator
@pytest.mark.parametrize("way", ["pickle", "joblib", "joblib, memory-mapped", "deepcopy"])
def test_a_copy_predicts_the_same(make, way, tmp_path):
    # Memory-mapped weights are read-only, a type of its own: of all cells the loops of this one are compiled fastest.
    model = fit(make(cell="rnn", num_layers=2, dropout=0.25, linear_skip=True))
    if way == "pickle":
        other = pickle.loads(pickle.dumps(model))
    elif way == "deepcopy":
        other = copy.deepcopy(model)
    else:
        joblib.dump(model, tmp_path / "model")
        other = joblib.load(tmp_path / "model", mmap_mode="r" if "mapped" in way else None)
    assert_array_equal(predict(other), predict(model))
    assert other.get_params() == model.get_params()
    assert fitted_attributes(other) == fitted_attributes(model)
    assert_array_equal(predict(fit(other)), predict(fit(model)))  # and can be fitted again


@every_estimator
def test_a_file_is_small_and_holds_no_compiled_code(make):
    """Whatever the length of the series: parameters take 4 or 8 bytes each, and there are some hundred."""
    model = fit(make(max_steps=1), n=5000)
    data = pickle.dumps(model)
    assert len(data) < 6000
    assert b"numba" not in data
    assert b"tsrnn.kernels" not in data


@every_estimator
def test_a_clone_is_fitted_alike_and_knows_nothing(make):
    model = fit(make())
    other = clone(model)
    assert not fitted_attributes(other)
    assert_array_equal(predict(fit(other)), predict(model))


@every_estimator
def test_large_numbers_do_not_reach_the_loss(make):
    """Losses are in the estimator's own units: those of the data do not change them."""
    if make is forecaster:
        plain, scaled = forecaster().fit(daily()), forecaster().fit(2.0**60 * daily())
    else:
        X, y = sequences()
        plain, scaled = regressor().fit(X, y), regressor().fit(X, 2.0**60 * y)
    assert_allclose(plain.loss_curve_, scaled.loss_curve_, rtol=1e-12)
