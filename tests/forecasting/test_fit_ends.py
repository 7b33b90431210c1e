"""How training ends: early, by an interrupt, by a loss that is not finite; and what is seen of it meanwhile."""

import io
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from forecasting import small
from forecasting.small import (
    assert_untouched,
    daily,
    every_estimator,
    fit,
    fitted_attributes,
    forecaster,
    measure,
    predict,
    regressor,
    sequences,
    values,
    with_tail,
)
from tsrnn import DivergenceError, RNNForecaster
from tsrnn.forecasting.base import InterruptedFitWarning


@every_estimator
def test_early_stopping_ends_early_and_keeps_the_best_pass(make):
    """A large and constant rate makes the validation loss rise again."""
    changes = {
        "early_stopping": True,
        "validation_fraction": 0.3,
        "n_iter_no_change": 4,
        "learning_rate_init": 0.1,
        "learning_rate": "constant",
        "dropout": 0.0,
        "max_iter": 300,
        "max_steps": 300,
    }
    model = fit(make(**changes))
    curve = model.validation_loss_curve_
    best = int(np.argmin(curve))
    assert len(curve) == len(model.loss_curve_) == model.n_iter_ < 300
    assert best < len(curve) - 1
    assert model.best_loss_ == curve[best]
    assert len(curve) - 1 - best <= 4
    # The weights of the best pass are those of a fit that ends with it.
    ended = fit(make(**(changes | {"max_iter": best + 1})))
    assert_array_equal(model.parameters_, ended.parameters_)


def test_validation_loss_is_that_of_the_kept_weights():
    y = daily()
    model = forecaster(2, early_stopping=True, validation_fraction=0.3).fit(y)
    held = round(0.3 * (len(y) - 6 - 2 + 1))
    errors, weights = [], []
    for end in range(len(y) - held - 1, len(y) - 1):
        known, after = y.iloc[:end], y.iloc[end : end + 2]
        _, scale = measure(model._units, known.to_numpy()[-6:])
        errors.append(np.abs(with_tail(model, known).predict().to_numpy() - after.to_numpy()).mean() / scale)
        weights.append(np.sqrt(scale))
    assert len(errors) == held
    assert model.best_loss_ == pytest.approx(np.average(errors, weights=weights), rel=1e-5)


@every_estimator
def test_a_difference_below_tol_is_no_improvement(make):
    model = fit(make(early_stopping=True, tol=1e6, n_iter_no_change=2, max_iter=50, max_steps=50))
    assert model.n_iter_ == 3
    assert model.best_loss_ == min(model.validation_loss_curve_)


@every_estimator
def test_an_interrupt_before_the_first_pass_ends_leaves_everything_as_it_was(make, interrupted):
    model = make()
    interrupted(0)
    with pytest.raises(KeyboardInterrupt):
        fit(model)
    assert not fitted_attributes(model) - {"n_features_in_"}


@every_estimator
def test_an_interrupt_of_another_fit_before_the_first_pass_ends(make, interrupted):
    """The data of that fit may be of another kind: the estimator still predicts as before."""
    model = fit(make())
    before, attributes = predict(model), vars(model).copy()
    if make is forecaster:
        data = [pd.Series(values(), pd.period_range("2021-01", periods=60, freq="M"))]
    else:
        X, y = sequences(channels=3)
        data = [pd.DataFrame(X.reshape(50, 15)).add_prefix("x"), y]
    interrupted(1)
    model.set_params(batch_size=7)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data)
    assert_untouched(model, attributes, but=["batch_size"])
    assert_array_equal(predict(model), before)


@every_estimator
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_later_is_a_warning_and_leaves_the_weights_of_the_last_pass(
    make, early_stopping, interrupted, jit_disabled
):
    passes = 1 if jit_disabled else 5
    model = make(early_stopping=early_stopping, learning_rate="constant", max_iter=100, max_steps=100)
    whole = fit(clone(model).set_params(max_iter=passes))
    interrupted(passes)
    kept = "the best pass" if early_stopping else "the last whole pass"
    message = f"fit was interrupted after {passes} of 100 passes over the data; the weights of {kept} are kept"
    with pytest.warns(InterruptedFitWarning, match=message) as warned:
        assert fit(model) is model
    assert warned[0].filename == small.__file__  # where `fit` is called
    assert model.n_iter_ == model.n_steps_ == passes
    assert fitted_attributes(model) == fitted_attributes(whole)
    assert_array_equal(predict(model), predict(whole))


@every_estimator
def test_an_interrupt_leaves_the_weights_of_the_best_pass(make, interrupted, jit_disabled):
    """At a large rate the validation loss rises again; the passes after the best one do not count."""
    changes = {"early_stopping": True, "n_iter_no_change": 1000, "learning_rate": "constant", "dropout": 0.0}
    passes = 2 if jit_disabled else 40
    model = make(learning_rate_init=0.1, max_iter=passes + 1, max_steps=1000, **changes)
    interrupted(passes)
    with pytest.warns(InterruptedFitWarning, match="interrupted"):
        fit(model)
    best = int(np.argmin(model.validation_loss_curve_))
    assert model.best_loss_ == model.validation_loss_curve_[best]
    assert jit_disabled or best < passes - 1
    ended = fit(clone(model).set_params(max_iter=best + 1))
    assert_array_equal(model.parameters_, ended.parameters_)


@every_estimator
def test_an_interrupted_fit_whose_warning_is_an_error_is_a_fit_too(make, interrupted):
    model = make(max_iter=10, max_steps=10)
    interrupted(1)
    with pytest.raises(InterruptedFitWarning):
        fit(model)
    assert model.n_iter_ == 1


def test_a_search_goes_on_after_an_interrupted_fit(interrupted):
    """As with `MLPRegressor`: the fits of one process are one after the other, and each ends by itself."""
    search = GridSearchCV(regressor(max_iter=2), {"hidden_size": [2, 3]}, cv=2, error_score="raise")
    interrupted(1)
    with pytest.warns(InterruptedFitWarning, match="interrupted after 1 of 2"):
        search.fit(*sequences())
    assert len(search.cv_results_["params"]) == 2
    interrupted(0)
    with pytest.raises(KeyboardInterrupt):  # nothing was learnt
        search.fit(*sequences())


def test_the_warning_as_an_error_stops_a_search(interrupted):
    search = GridSearchCV(regressor(max_iter=2), {"hidden_size": [2, 3]}, cv=2, error_score="raise")
    interrupted(1)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "fit was interrupted")
        with pytest.raises(InterruptedFitWarning):
            search.fit(*sequences())


DIVERGING = {
    "learning_rate": "constant",
    "learning_rate_init": 1e30,
    "clip_norm": None,
    "loss": "squared_error",
    "max_iter": 50,
    "max_steps": 200,
}


def fit_in_float32(model):
    """A regressor on float64 computes in float64, where even absurd numbers stay finite for long."""
    if isinstance(model, RNNForecaster):
        return fit(model)
    X, y = sequences()
    return model.fit(X.astype(np.float32), y)


@pytest.mark.compiled
@every_estimator
@pytest.mark.parametrize(
    ("loss", "rate"), [("squared_error", 1e20), ("squared_error", 1e38), ("absolute_error", 1e38), ("huber", 1e38)]
)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("batch_size", ["auto", 20])
def test_divergence_is_told_and_leaves_good_weights(make, loss, rate, early_stopping, batch_size):
    """A fitted estimator does not predict what a network says that went astray."""
    model = fit_in_float32(make())
    changes = {
        "loss": loss,
        "learning_rate_init": rate,
        "early_stopping": early_stopping,
        "batch_size": batch_size,
    }
    with pytest.raises(DivergenceError, match=f"learning_rate_init below {re.escape(f'{rate:g}')}"):
        fit_in_float32(model.set_params(**(DIVERGING | changes)))
    assert np.isfinite(model.parameters_).all()
    assert np.isfinite(predict(model)).all()
    if not early_stopping:  # a validation loss that is large but finite makes weights the best so far
        assert np.abs(predict(model)).max() < 1000


@pytest.mark.compiled
@every_estimator
@pytest.mark.parametrize("early_stopping", [False, True])
def test_divergence_in_the_first_pass_leaves_a_fitted_estimator_as_it_was(make, early_stopping):
    model = fit_in_float32(make())
    before, attributes = predict(model), vars(model).copy()
    changes = DIVERGING | {"early_stopping": early_stopping, "batch_size": "auto" if early_stopping else 10}
    with pytest.raises(DivergenceError):
        fit_in_float32(model.set_params(**changes))
    assert_untouched(model, attributes, but=changes)
    assert_array_equal(predict(model), before)


@every_estimator
def test_clipping_keeps_a_large_rate_from_diverging(make):
    model = fit(make(learning_rate_init=1.0, clip_norm=1.0, loss="squared_error"))
    assert np.isfinite(model.loss_curve_).all()
    assert np.isfinite(predict(model)).all()


@every_estimator
def test_a_fit_is_silent_and_writes_nothing(make, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    predict(fit(make(early_stopping=True)))
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


@every_estimator
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("verbose", [True, 1])
def test_a_verbose_fit_draws_a_bar_on_standard_error(make, verbose, early_stopping, capfd):
    settings = {"early_stopping": early_stopping, "batch_size": 20}
    model = fit(make(verbose=verbose, **settings))
    out, err = capfd.readouterr()
    assert out == ""
    last = err.rpartition("\r")[2]
    assert f" loss={model.loss_curve_[-1]:.4g}" in last
    assert (f"validation_loss={(model.validation_loss_curve_ or [0])[-1]:.4g}" in last) == early_stopping
    assert f" {'windows' if make is forecaster else 'samples'}/s" in last
    assert_array_equal(predict(model), predict(fit(make(**settings))))


@pytest.mark.parametrize(
    ("limits", "samples"), [({"max_iter": 3}, 150), ({"max_iter": 3, "max_steps": 7}, 120), ({"max_steps": 1}, "20.0")]
)
def test_a_bar_counts_samples(limits, samples, capfd):
    """50 of them, in batches of 20, 20 and 10."""
    fit(regressor(verbose=True, batch_size=20, **limits), 50)
    assert f"100%|██████████| {samples}/{samples} [" in capfd.readouterr().err


def test_a_bar_counts_the_parts_of_streams(capfd):
    fit(forecaster(verbose=True, lookback="auto", stateful=True, bptt_steps=5))
    assert " parts/s" in capfd.readouterr().err


@every_estimator
def test_the_bar_is_closed_when_a_fit_breaks_off(make, capfd, interrupted):
    interrupted(2)
    with pytest.warns(InterruptedFitWarning, match="interrupted"):
        fit(make(verbose=True, max_iter=10, max_steps=10))
    assert capfd.readouterr().err.endswith("]\n")


def test_progress_stays_out_of_the_estimator():
    """A bar holds a stream, which could not be pickled."""
    stream = io.BytesIO()
    pickle.dump(fit(forecaster(verbose=True)), stream)
    assert stream.tell()
