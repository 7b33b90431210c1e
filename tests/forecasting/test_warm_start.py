"""A fit that goes on from the weights of the one before: `warm_start` and `partial_fit`."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from forecasting.small import assert_untouched, daily, every_estimator, fit, forecaster, predict, regressor, sequences
from tsrnn import DivergenceError, RNNForecaster
from tsrnn.training.passes import Passes

# One update a pass, at a rate that does not depend on how many there will be.
STEADY = {"learning_rate": "constant", "max_iter": 3, "max_steps": None, "dropout": 0.0}
# Several updates a pass; their order and the masks are drawn.
DRAWN = {"learning_rate": "constant", "max_steps": None, "batch_size": 20, "dropout": 0.25}


@every_estimator
def test_a_warm_fit_starts_where_the_last_one_ended(make):
    """The loss of a pass of one update is that of the weights before it."""
    model = fit(make(warm_start=True, **STEADY))
    longer = fit(make(**STEADY | {"max_iter": 4}))
    assert fit(model) is model
    assert model.loss_curve_[:4] == longer.loss_curve_
    assert model.loss_curve_[3] < model.loss_curve_[0]


@every_estimator
def test_the_first_fit_is_the_same_with_and_without(make):
    warm, cold = fit(make(warm_start=True)), fit(make())
    assert_array_equal(warm.parameters_, cold.parameters_)
    assert_array_equal(fit(clone(warm)).parameters_, cold.parameters_)  # a clone has no weights to go on from


@every_estimator
def test_curves_and_updates_add_up(make):
    model = fit(make(warm_start=True, **STEADY))
    first = model.loss_curve_
    fit(model.set_params(max_iter=5))
    assert len(model.loss_curve_) == 8
    assert model.loss_curve_[:3] == first
    assert (model.n_iter_, model.n_steps_) == (5, 8)
    assert model.validation_loss_curve_ is None
    assert model.best_loss_ == min(model.loss_curve_[3:])
    fit(model.set_params(warm_start=False))
    assert len(model.loss_curve_) == model.n_iter_ == model.n_steps_ == 5


@every_estimator
def test_passes_without_validation_have_none_in_the_curve(make):
    model = fit(make(warm_start=True, early_stopping=True, **STEADY))
    fit(model.set_params(early_stopping=False))
    fit(model.set_params(early_stopping=True))
    curve = model.validation_loss_curve_
    assert_array_equal(np.isnan(curve), [False] * 3 + [True] * 3 + [False] * 3)
    assert model.best_loss_ == min(curve[6:])
    model = fit(make(warm_start=True, **STEADY))
    fit(model.set_params(early_stopping=True))
    assert_array_equal(np.isnan(model.validation_loss_curve_), [True] * 3 + [False] * 3)


@every_estimator
def test_units_stay_those_in_which_the_weights_were_learnt(make):
    if make is forecaster:
        model, fresh = (forecaster(normalize="series", warm_start=warm).fit(daily()) for warm in (True, False))
        units, before = model._units, model.predict()
        for one in (model, fresh):
            one.set_params(learning_rate_init=1e-12, max_steps=1).fit(10 * daily() + 5)
        assert_array_equal(model._units.centre, units.centre)
        assert_allclose(fresh._units.centre, 10 * units.centre + 5)
        # The same weights, which have hardly changed, read windows that lie elsewhere.
        assert not np.allclose(model.predict(), 10 * before + 5, rtol=1e-3)
    else:
        X, y = sequences()
        model = regressor(warm_start=True).fit(X, y)
        units = {name: getattr(model, name) for name in ("x_mean_", "x_scale_", "y_mean_", "y_scale_")}
        expected = model.predict(X)
        model.set_params(learning_rate_init=1e-12, max_iter=1).fit(10 * X + 5, 10 * y)
        for name, value in units.items():
            assert_array_equal(getattr(model, name), value)
        assert_allclose(model.predict(X), expected, rtol=1e-6)


def test_units_of_a_stream_stay_too():
    model = forecaster(lookback="auto", stateful=True, bptt_steps=5, warm_start=True).fit(daily())
    units = model._units
    assert model.fit(10 * daily(70)).predict().index[0] == daily(71).index[-1]
    assert model._units == units


def units_by_series(model):
    """Centre and scale of each fitted series."""
    if isinstance(model._units, list):
        return dict(zip(model._tail.ids, model._units, strict=True))
    return dict(zip(model._tail.ids, np.column_stack(model._units[1:3]).tolist(), strict=True))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("stateful", [False, True])
@pytest.mark.parametrize("long", [False, True])
def test_known_series_keep_their_units_and_others_get_their_own(long, stateful, early_stopping):
    y = daily()
    changes = {"lookback": "auto", "stateful": True, "bptt_steps": 5} if stateful else {}
    model = forecaster(warm_start=True, early_stopping=early_stopping, **changes)
    first, second = pd.DataFrame({"a": y, "b": 3 * y}), pd.DataFrame({"c": 7 * y, "b": 100 * y, "a": y - 4})
    if long:
        first, second = (frame.unstack().rename_axis(["id", "day"]) for frame in (first, second))
    before = units_by_series(model.fit(first))
    fresh = units_by_series(clone(model).fit(second))
    after = units_by_series(model.fit(second))
    assert set(after) == {"a", "b", "c"}
    assert (after["a"], after["b"], after["c"]) == (before["a"], before["b"], fresh["c"])
    assert before["a"] != fresh["a"]
    assert np.isfinite(model.predict()).all(axis=None)


def test_exogenous_columns_keep_their_units_and_categories():
    y = daily()
    X = pd.DataFrame({"price": np.arange(60.0), "day": y.index.day_name()}, y.index)
    model = forecaster(warm_start=True).fit(X, y)
    columns = model._covariates.columns
    later = X.iloc[:14].assign(price=100.0)  # two weeks: the same days of the week
    model.fit(later, y[:14])
    assert model._covariates.columns == columns
    with pytest.raises(ValueError, match="X must have the columns"):
        model.fit(X[["price"]], y)
    with pytest.raises(ValueError, match="X must give the columns"):
        model.fit(y)
    assert_refused(
        model.set_params(past_covariates="price"),
        "past_covariates was None, now 'price'",
        lambda model: model.fit(X, y),
    )


def test_what_a_series_has_for_all_its_time_is_kept_and_added_to():
    y = daily()
    static = pd.DataFrame({"size": [1.0, 5.0]}, ["a", "b"])
    model = forecaster(warm_start=True).fit(pd.DataFrame({"a": y, "b": 3 * y}), static=static)
    old = model._covariates.static
    more = pd.DataFrame({"size": [9.0, 7.0]}, ["a", "c"])  # that of a fitted series stays
    model.fit(pd.DataFrame({"c": 7 * y, "a": y}), static=more)
    assert list(model._covariates.static.ids) == ["a", "b", "c"]
    assert_array_equal(model._covariates.static.table[:2], old.table)
    assert model._covariates.static.columns == old.columns
    assert len(model.predict()) == 3


@pytest.mark.parametrize(("name", "value"), [("calendar", "all"), ("missing", "mask")])
def test_further_inputs_are_refused_by_name(name, value):
    model = fit(forecaster(warm_start=True, **{name: value}))
    fit(model)
    was = {"calendar": None, "missing": "raise"}[name]
    assert_refused(model.set_params(**{name: was}), f"{name} was {value!r}, now {was!r}")


@pytest.mark.parametrize("calendar", [None, "all"])
def test_columns_that_the_weights_do_not_know_are_refused(calendar):
    y = daily()
    model = forecaster(warm_start=True, calendar=calendar).fit(y)
    columns = pd.DataFrame({"heat": np.arange(len(y))}, y.index)
    assert_refused(model, "no exogenous columns: X must have none", lambda model: model.fit(columns, y))
    steps = model.n_steps_
    assert model.fit(y, y).n_steps_ > steps  # the series itself is none


def test_what_was_chosen_by_is_kept():
    y = pd.Series(np.exp(np.arange(150) / 30 + np.sin(np.arange(150))), pd.date_range("2021", periods=150, freq="MS"))
    model = RNNForecaster(3, max_steps=5, warm_start=True, random_state=0).fit(y)
    assert model.selection_ == "validation"
    assert model.fit(y).selection_ == "validation"


def test_columns_that_are_forecast_together_are_the_same_ones():
    y = daily()
    frame = pd.DataFrame({"a": y, "b": 3 * y})
    model = forecaster(multivariate=True, warm_start=True).fit(frame)
    centre = model._units.centre
    assert_array_equal(model.fit(10 * frame)._units.centre, centre)
    other = frame.rename(columns={"b": "c"})
    assert_refused(model, r"y must have the columns \['a', 'b'\]", lambda model: model.fit(other))
    assert_refused(
        model.set_params(multivariate=False), "multivariate was True, now False", lambda model: model.fit(frame)
    )


def test_the_type_of_the_weights_stays():
    X, y = sequences()
    model = regressor(warm_start=True).fit(X.astype(np.float32), y)
    assert model.fit(X, y).parameters_.dtype == np.float32
    assert model.partial_fit(X, y).parameters_.dtype == np.float32


@every_estimator
@pytest.mark.parametrize(
    "changes",
    [
        {"dropout": 0.5, "recurrent_dropout": 0.2},
        {"learning_rate": "step", "learning_rate_init": 0.001, "alpha": 0.1, "clip_norm": None},
        {"loss": "huber", "batch_size": 13},
        {"early_stopping": True, "n_jobs": 1, "random_state": 7},
        {"hidden_size": (4,)},
    ],
    ids=str,
)
def test_what_leaves_the_network_alone_may_change(make, changes):
    model = fit(make(warm_start=True))
    before = model.parameters_
    fit(model.set_params(**changes))
    assert not np.array_equal(model.parameters_, before)
    assert np.isfinite(predict(model)).all()


OTHER_NETWORKS = {
    "cell": "lstm",
    "hidden_size": 5,
    "num_layers": 2,
    "bidirectional": True,
    "residual": True,
    "layer_norm": True,
    "segment": 3,
    "linear_skip": None,
}


def assert_refused(model, message, refit=fit):
    before = vars(model).copy()
    with pytest.raises(ValueError, match=message):
        refit(model)
    assert_untouched(model, before)


@every_estimator
@pytest.mark.parametrize("name", OTHER_NETWORKS)
def test_another_network_is_refused_by_name(make, name):
    model = fit(make(warm_start=True, **({"lookback": 6} if make is forecaster else {})), 60)
    was = getattr(model, name)
    now = not was if name == "linear_skip" else OTHER_NETWORKS[name]
    if make is regressor and name == "segment":
        now = 5
    model.set_params(**{name: now})
    assert_refused(model, f"warm_start=True goes on .*: {name} was {was!r}, now {now!r}")
    fit(model.set_params(warm_start=False))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizon": 4}, "the number of outputs was 3, now 4"),
        ({"lookback": 7}, "the number of steps was 6, now 7"),
        ({"decoder": "seq2seq"}, "decoder was 'direct', now 'seq2seq'"),
        ({"normalize": "mean"}, "normalize was 'last', now 'mean'"),
        ({"stateful": True, "bptt_steps": 6, "lookback": "auto"}, "stateful was False, now True"),
        ({"cell": "rnn", "num_layers": 2}, "cell was 'gru', now 'rnn'; num_layers was 1, now 2"),
    ],
    ids=str,
)
def test_what_a_forecaster_was_made_for_is_refused_by_name(changes, message):
    model = fit(forecaster(warm_start=True))
    assert_refused(model.set_params(**changes), message)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"normalize": "auto"}, {"normalize": "last"}),
        ({"normalize": "last"}, {"normalize": "auto"}),
        ({"past_covariates": "a"}, {"past_covariates": ("a",)}),
    ],
    ids=str,
)
def test_the_same_in_other_words_goes_on(before, now):
    y = daily()
    X = pd.DataFrame({"a": np.arange(len(y))}, y.index) if "past_covariates" in before else None
    model = forecaster(warm_start=True, **before)
    for changes in ({}, now):
        model.set_params(**changes).fit(*((y,) if X is None else (X, y)))
    assert model.normalize_ == "last"
    assert model.n_steps_ == 2 * model.n_iter_


@pytest.mark.parametrize("incremental", [False, True])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.zeros((50, 4, 2))}, "X has 4 features, but RNNRegressor is expecting 5 features"),
        ({"X": np.zeros((50, 5, 3))}, "the number of channels was 2, now 3"),
        ({"y": np.zeros((50, 3))}, "the number of outputs was 1, now 3"),
        ({"y": np.zeros((50, 1))}, r"y must have shape \(n_samples\), as in the fit before, got \(50, 1\)"),
        ({"X": np.full((50, 5, 2), np.nan)}, "NaN"),
    ],
    ids=["steps", "channels", "outputs", "column", "nan"],
)
def test_data_of_another_kind_are_refused(changes, message, incremental):
    X, y = sequences()
    model = regressor(warm_start=True).fit(X, y)
    data = {"X": X, "y": y} | changes
    assert_refused(model, message, lambda model: (model.partial_fit if incremental else model.fit)(**data))


@pytest.mark.parametrize("incremental", [False, True])
def test_names_of_columns_are_checked_and_kept(incremental):
    X, y = sequences()
    frame = pd.DataFrame(X.reshape(50, 10)).add_prefix("x")
    model = regressor(warm_start=True, n_channels=2)
    further = model.partial_fit if incremental else model.fit
    further(frame, y)
    further(frame, y)
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.n_features_in_ == 10
    with pytest.raises(ValueError, match="feature names"):
        further(frame.iloc[:, ::-1], y)
    assert model.predict(frame).shape == (50,)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        further(frame.to_numpy(), y)


@every_estimator
def test_a_warm_fit_that_is_interrupted_early_changes_nothing(make, monkeypatch):
    model = fit(make(warm_start=True))

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Passes, "weighted_gradient", interrupt)
    before = vars(model).copy()
    with pytest.raises(KeyboardInterrupt):
        fit(model)
    assert_untouched(model, before)


@every_estimator
def test_weights_from_elsewhere_are_a_start(make):
    donor, model = fit(make(**STEADY)), fit(make(warm_start=True, random_state=1, **STEADY))
    fit(model.from_torch(donor.weights()))
    assert model.loss_curve_[3] == fit(make(**STEADY | {"max_iter": 4})).loss_curve_[3]


def test_parts_are_passes_of_one_fit():
    """The same bits: weights, moments and random numbers go on from call to call, at a constant rate."""
    X, y = sequences()
    model = regressor(**DRAWN)
    for _ in range(3):
        assert model.partial_fit(X, y) is model
    whole = regressor(**DRAWN | {"max_iter": 3}).fit(X, y)
    assert_array_equal(model.parameters_, whole.parameters_)
    assert model.loss_curve_ == whole.loss_curve_
    assert (model.n_iter_, model.n_steps_) == (1, 9)


def test_limits_and_schedule_of_a_fit_do_not_count_in_a_part():
    X, y = sequences()
    changes = {"max_iter": 100, "max_steps": 1, "learning_rate": "cosine"}
    one, other = (regressor(**DRAWN | more).partial_fit(X, y).partial_fit(X, y) for more in ({}, changes))
    assert_array_equal(one.parameters_, other.parameters_)


def test_a_stored_estimator_takes_the_next_part_the_same():
    X, y = sequences()
    model = regressor(**DRAWN).partial_fit(X, y)
    other = pickle.loads(pickle.dumps(model)).partial_fit(X, y)
    assert_array_equal(other.parameters_, model.partial_fit(X, y).parameters_)
    assert "_course" not in vars(regressor().fit(X, y))  # which would make each fitted estimator thrice as large


def test_parts_after_a_fit_keep_its_weights_and_units():
    X, y = sequences()
    model = regressor(**STEADY).fit(X, y)
    mean, longer = model.x_mean_, regressor(**STEADY | {"max_iter": 4}).fit(X, y)
    model.partial_fit(X, y)
    assert model.loss_curve_ == longer.loss_curve_
    assert_array_equal(model.partial_fit(X + 3, y).x_mean_, mean)
    fresh = regressor(**STEADY).fit(X, y)
    assert_array_equal(model.fit(X, y).parameters_, fresh.parameters_)  # a fit starts anew
    assert vars(model).keys() == vars(fresh).keys()


@pytest.mark.compiled
def test_a_part_that_fails_leaves_everything_as_it_was():
    """The next one is as if there had been none between."""
    X, y = sequences()
    X = X.astype(np.float32)
    model, other = (regressor(**DRAWN).partial_fit(X, y) for _ in range(2))
    before = vars(model).copy()
    changes = {"learning_rate_init": 1e38, "clip_norm": None}
    model.set_params(**changes)
    with pytest.raises(DivergenceError, match="nothing was learnt"):
        model.partial_fit(X, y)
    assert_untouched(model, before, but=changes)
    with pytest.raises(ValueError, match=r"(?i)sample.weight"):
        model.partial_fit(X, y, sample_weight=np.zeros(50))
    assert_untouched(model, before, but=changes)
    model.set_params(**{name: before[name] for name in changes})
    assert_array_equal(model.partial_fit(X, y).parameters_, other.partial_fit(X, y).parameters_)


def test_early_stopping_has_no_meaning_in_a_part():
    with pytest.raises(ValueError, match=r"early_stopping must be False in partial_fit, .* got True"):
        regressor(early_stopping=True).partial_fit(*sequences())


def test_a_part_with_another_network_is_refused_by_name():
    model = regressor().partial_fit(*sequences())
    model.set_params(cell="lstm")
    assert_refused(model, "partial_fit goes on .*cell was 'gru', now 'lstm'", lambda m: m.partial_fit(*sequences()))


def test_weights_of_rows_count_within_a_part():
    X, y = sequences()
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    weighted, repeated = regressor(**STEADY), regressor(**STEADY)
    for _ in range(3):
        weighted.partial_fit(X, y, sample_weight=weight)
        repeated.partial_fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-7, atol=1e-7)


@pytest.mark.compiled
def test_learns_from_data_that_come_in_parts():
    X, y = sequences(1000)
    model = regressor(hidden_size=8)
    for k in range(0, 900, 30):
        for _ in range(6):
            model.partial_fit(X[k : k + 30], y[k : k + 30])
    assert model.score(X[900:], y[900:]) > 0.9


def test_a_forecaster_has_no_partial_fit():
    """Its rows are time: what follows a series is no further part of it."""
    assert not hasattr(RNNForecaster, "partial_fit")
