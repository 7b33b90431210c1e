"""How training ends: early, by an interrupt, by a loss that is not finite; and what is seen of it meanwhile."""

import io
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from forecasting.small import (
    assert_untouched,
    daily,
    every_estimator,
    fit,
    fitted_attributes,
    forecaster,
    measure,
    predict,
    sequences,
    values,
    with_tail,
)
from tsrnn import DivergenceError, RNNForecaster
from tsrnn.training.passes import Passes


@pytest.fixture
def interrupted(monkeypatch):
    """A function after which a key is pressed at the gradient of that number, counted from 0."""

    def at(update):
        gradient, calls = Passes.gradient, iter(range(10**6))

        def until(self, *arguments, **options):
            if next(calls) == update:
                raise KeyboardInterrupt
            return gradient(self, *arguments, **options)

        monkeypatch.setattr(Passes, "gradient", until)

    return at


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
    errors = []
    for end in range(len(y) - held - 1, len(y) - 1):
        known, after = y.iloc[:end], y.iloc[end : end + 2]
        _, scale = measure(model._units, known.to_numpy()[-6:])
        errors.append(np.abs(with_tail(model, known).predict().to_numpy() - after.to_numpy()) / scale)
    assert len(errors) == held
    assert model.best_loss_ == pytest.approx(np.mean(errors), rel=1e-5)


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
def test_an_interrupt_later_leaves_the_weights_of_the_last_pass(make, early_stopping, interrupted, jit_disabled):
    passes = 1 if jit_disabled else 5
    model = make(early_stopping=early_stopping, learning_rate="constant", max_iter=100, max_steps=100)
    whole = fit(clone(model).set_params(max_iter=passes))
    interrupted(passes)
    with pytest.raises(KeyboardInterrupt):
        fit(model)
    assert model.n_iter_ == model.n_steps_ == passes
    assert fitted_attributes(model) == fitted_attributes(whole)
    assert_array_equal(predict(model), predict(whole))


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
def test_a_verbose_fit_draws_a_bar_on_standard_error(make, early_stopping, capfd):
    model = fit(make(verbose=True, early_stopping=early_stopping))
    out, err = capfd.readouterr()
    assert out == ""
    assert f"{model.n_steps_}/" in err
    assert "loss=" in err
    assert_array_equal(predict(model), predict(fit(make(early_stopping=early_stopping))))


@every_estimator
def test_the_bar_is_closed_when_a_fit_breaks_off(make, capfd, interrupted):
    interrupted(2)
    with pytest.raises(KeyboardInterrupt):
        fit(make(verbose=True, max_iter=10, max_steps=10))
    assert "2/" in capfd.readouterr().err


def test_progress_stays_out_of_the_estimator():
    """A bar holds a stream, which could not be pickled."""
    stream = io.BytesIO()
    pickle.dump(fit(forecaster(verbose=True)), stream)
    assert stream.tell()
