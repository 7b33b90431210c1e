"""The shapes of task: many to one, in step, delayed, one to many. What they learn, may see, give back and refuse."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score

from forecasting.small import assert_untouched, every_cell, regressor, sequences
from tsrnn.forecasting.samples.sequences import Sequences
from tsrnn.training.losses import LOSSES

DECODERS = ("direct", "in_step", "parallel", "seq2seq")
every_decoder = pytest.mark.parametrize("decoder", DECODERS)
every_horizon = pytest.mark.parametrize("decoder", ["parallel", "seq2seq"])
STRUCTURE = {
    "num_layers": 2,
    "hidden_size": (5, 3),
    "residual": True,
    "layer_norm": True,
    "dropout": 0.1,
    "recurrent_dropout": 0.2,
}


def task(decoder, channels=2, n=50):
    """X (n, 5, 2) and targets of three dimensions, of several channels in units of their own."""
    X, _ = sequences(n)
    sums = X.cumsum(axis=1)
    y = np.stack([sums[:, :, 0], 100 * sums[:, :, 1] - 7, sums.sum(axis=2)], axis=2)[:, :, :channels]
    return X, y if decoder == "in_step" else y[:, 2:]


def waves(n=300, steps=14):
    """Sines of random amplitude and phase, and what sets them: amplitude, sine and cosine of the phase."""
    rng = np.random.default_rng(0)
    amplitude, phase = rng.uniform(0.5, 1.5, (n, 1)), rng.uniform(0, 2 * np.pi, (n, 1))
    return amplitude * np.sin(phase + np.arange(steps) / 2), np.hstack([amplitude, np.sin(phase), np.cos(phase)])


def learner(cell, decoder, **changes):
    return regressor(cell, decoder=decoder, **({"hidden_size": 16, "max_iter": 80, "batch_size": 50} | changes))


def held_out_score(model, X, y):
    return model.fit(X[:200], y[:200]).score(X[200:], y[200:])


# Each learns.


@pytest.mark.compiled
@every_cell
@pytest.mark.parametrize("name", ["mean so far", "value before", "parity so far"])
def test_learns_in_step(cell, name):
    X = np.random.default_rng(0).uniform(-1, 1, (300, 6))
    if name == "mean so far":
        y = X.cumsum(axis=1) / np.arange(1, 7)
    elif name == "value before":
        y = np.column_stack([X[:, 0], X[:, :-1]])
    else:
        X = (X > 0).astype(float)
        y = X.cumsum(axis=1) % 2
    assert held_out_score(learner(cell, "in_step"), X, y) > 0.9


@pytest.mark.compiled
@every_cell
@every_horizon
def test_learns_to_reverse_a_sequence(cell, decoder):
    X = np.random.default_rng(0).uniform(-1, 1, (300, 3))
    model = learner(cell, decoder, batch_size=25, learning_rate_init=0.02)
    assert held_out_score(model, X, X[:, ::-1]) > 0.9


@pytest.mark.compiled
@every_cell
@pytest.mark.parametrize(("decoder", "segment"), [("parallel", 2), ("seq2seq", 1)])
def test_learns_to_continue_a_wave(cell, decoder, segment):
    y, _ = waves(steps=13)
    assert held_out_score(learner(cell, decoder, segment=segment), y[:, :8], y[:, 8:]) > 0.95


@pytest.mark.compiled
@every_cell
@every_horizon
def test_learns_one_to_many(cell, decoder):
    """From one step, of amplitude and phase, to a wave and its double."""
    y, x = waves()
    targets = np.stack([y[:, :6], 200 * y[:, 1:7] + 1000], axis=2)
    assert held_out_score(learner(cell, decoder), x[:, None], targets) > 0.9


@pytest.mark.compiled
def test_learns_many_to_many_channels_at_once():
    y, _ = waves()
    targets = np.stack([y[:, 8:], 200 * y[:, 8:] + 1000], axis=2)
    assert held_out_score(learner("gru", "direct"), y[:, :8], targets) > 0.95


@every_decoder
@every_cell
def test_every_cell_comes_nearer(cell, decoder):
    X, y = task(decoder)
    model = regressor(cell, decoder=decoder, linear_skip=True).fit(X, y)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert np.isfinite(model.predict(X)).all()


# What a prediction may see.


@pytest.mark.parametrize("bidirectional", [False, True])
def test_in_step_nothing_later_is_known(bidirectional):
    """Unless the layers read the sequence from its end too."""
    X, y = task("in_step")
    model = regressor(decoder="in_step", linear_skip=True, bidirectional=bidirectional).fit(X, y)
    changed = X.copy()
    changed[:, 3:] += 1
    same = model.predict(changed)[:, :3] == model.predict(X)[:, :3]
    assert same.all() != bidirectional


def test_the_linear_map_in_step_sees_the_step():
    X, y = task("in_step", channels=3)
    model = regressor(decoder="in_step", linear_skip=True).fit(X, y)
    assert model.weights()["linear.weight"].shape == (3, 2)


@pytest.mark.parametrize("decoder", ["in_step", "parallel", "seq2seq"])
def test_truncation_changes_what_is_learnt(decoder):
    X, y = task(decoder)
    whole, cut = (regressor(decoder=decoder, bptt_steps=steps).fit(X, y) for steps in (None, 2))
    assert not np.array_equal(cut.parameters_, whole.parameters_)
    assert_array_equal(regressor(decoder=decoder, bptt_steps=5).fit(X, y).parameters_, whole.parameters_)


# Shapes.


@pytest.mark.parametrize(
    ("decoder", "shape"),
    [
        ("direct", ()),
        ("direct", (1,)),
        ("direct", (3,)),
        ("direct", (3, 2)),
        ("in_step", (5,)),
        ("in_step", (5, 1)),
        ("in_step", (5, 3)),
        ("parallel", ()),
        ("parallel", (1,)),
        ("parallel", (7,)),
        ("parallel", (7, 1)),
        ("parallel", (4, 3)),
        ("seq2seq", ()),
        ("seq2seq", (1,)),
        ("seq2seq", (7,)),
        ("seq2seq", (7, 1)),
        ("seq2seq", (4, 3)),
    ],
    ids=str,
)
def test_predictions_have_the_shape_of_the_targets(decoder, shape):
    X, _ = sequences()
    y = np.random.default_rng(1).standard_normal((len(X), *shape))
    model = regressor(decoder=decoder).fit(X, y)
    assert model.predict(X[:4]).shape == (4, *shape)
    assert model.predict(X[:1]).shape == (1, *shape)
    assert model.predict(X).dtype == np.float64
    assert model.n_outputs_ == np.prod(shape, dtype=int)
    assert model.y_mean_.shape == model.y_scale_.shape
    assert len(model.y_mean_) == (model.n_outputs_ if decoder == "direct" else (*shape, 1, 1)[1])
    assert np.isfinite(model.score(X, y))


@every_decoder
@pytest.mark.parametrize(
    "layout",
    [np.asfortranarray, lambda y: y.tolist(), lambda y: y.astype(object), lambda y: np.repeat(y, 2, axis=1)[:, ::2]],
    ids=["column-major", "lists", "object", "strided"],
)
def test_layouts_of_targets_are_one(decoder, layout):
    X, y = task(decoder)
    model = regressor(decoder=decoder).fit(X, y)
    other = regressor(decoder=decoder).fit(X, layout(y))
    assert_array_equal(other.parameters_, model.parameters_)
    assert model.score(X, layout(y)) == model.score(X, y)


@pytest.mark.parametrize("decoder", ["in_step", "parallel", "seq2seq"])
def test_one_channel_needs_no_axis(decoder):
    X, y = task(decoder, channels=1)
    expected = regressor(decoder=decoder).fit(X, y).predict(X)
    assert_array_equal(regressor(decoder=decoder).fit(X, y[:, :, 0]).predict(X), expected[:, :, 0])
    frame = pd.DataFrame(y[:, :, 0])
    assert_array_equal(regressor(decoder=decoder).fit(X, frame).predict(X), expected[:, :, 0])


def test_direct_all_values_of_a_target_are_outputs():
    X, y = task("direct")
    model = regressor().fit(X, y)
    flat = regressor().fit(X, y.reshape(len(y), -1))
    assert_array_equal(model.predict(X).reshape(len(y), -1), flat.predict(X))
    assert model.score(X, y) == flat.score(X, y.reshape(len(y), -1))


@every_decoder
def test_the_score_is_the_mean_over_all_outputs(decoder):
    X, y = task(decoder)
    model = regressor(decoder=decoder).fit(X, y)
    weight = np.random.default_rng(1).random(len(y))
    flat, predicted = y.reshape(len(y), -1), model.predict(X).reshape(len(y), -1)
    assert model.score(X, y) == r2_score(flat, predicted)
    assert model.score(X, y, weight) == r2_score(flat, predicted, sample_weight=weight)
    assert cross_val_score(model, X, y, cv=2, error_score="raise").shape == (2,)
    for other in (y.transpose(0, 2, 1), flat):
        with pytest.raises(ValueError, match=r"^y must have the shape of the predictions, \(50, \d, 2\), got shape"):
            model.score(X, other)


# Units.


@pytest.mark.parametrize("decoder", ["in_step", "parallel", "seq2seq"])
def test_channels_of_targets_have_units_of_their_own(decoder):
    X, y = task(decoder)
    model = regressor(decoder=decoder).fit(X, y)
    assert_allclose(model.y_mean_, y.mean(axis=(0, 1)))
    assert_allclose(model.y_scale_, y.std(axis=(0, 1)))
    other = regressor(decoder=decoder).fit(X, y * [1000, 0.1] + [5, -1e6])
    assert_allclose((other.predict(X) - [5, -1e6]) / [1000, 0.1], model.predict(X), rtol=1e-6, atol=1e-6)


def test_a_constant_channel_of_targets():
    X, y = task("in_step")
    y[:, :, 0] = 0.1
    model = regressor(decoder="in_step").fit(X, y)
    assert model.y_scale_[0] == 1
    assert np.isfinite(model.predict(X)).all()


@every_decoder
def test_the_type_of_the_data_is_that_of_the_network(decoder):
    X, y = task(decoder)
    double, single = (regressor(decoder=decoder).fit(X.astype(t), y) for t in (np.float64, np.float32))
    assert double.parameters_.dtype == np.float64
    assert single.parameters_.dtype == np.float32
    assert single.predict(X.astype(np.float32)).dtype == np.float64
    assert_allclose(single.predict(X) / y.std(axis=(0, 1)), double.predict(X) / y.std(axis=(0, 1)), atol=1e-3)


# Weights, threads, copies, early stopping.


@every_decoder
@pytest.mark.parametrize("loss", LOSSES)
def test_a_weight_is_a_number_of_repetitions(decoder, loss):
    X, y = task(decoder)
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    weighted = regressor(decoder=decoder, loss=loss).fit(X, y, sample_weight=weight)
    repeated = regressor(decoder=decoder, loss=loss).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight, axis=0))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6, atol=1e-6)
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)


@every_decoder
def test_threads_change_nothing(decoder):
    X, y = task(decoder, n=200)
    models = [regressor(decoder=decoder, n_jobs=n, **STRUCTURE).fit(X, y) for n in (1, 2, 4)]
    for model in models[1:]:
        assert_array_equal(model.parameters_, models[0].parameters_)
        assert_array_equal(model.predict(X), models[0].predict(X))


@every_decoder
def test_copies(decoder):
    X, y = task(decoder)
    model = regressor(decoder=decoder, **STRUCTURE).fit(X, y)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert_array_equal(clone(model).fit(X, y).predict(X), model.predict(X))
    assert clone(model).get_params() == model.get_params()


@every_decoder
def test_early_stopping_validates_predictions(decoder):
    """The loss of the rows held aside is that of what `predict` says, without a look at a target."""
    X, y = task(decoder)
    model = regressor(decoder=decoder, early_stopping=True, validation_fraction=0.2).fit(X, y)
    numbers = Sequences(np.arange(50)[:, None, None], y, np.ones(50))
    held = numbers.split(0.2, model._generator())[1]._table.ravel()
    assert len(held) == 10
    error = (model.predict(X[held]) - y[held]).reshape(10, -1, len(model.y_scale_)) / model.y_scale_
    assert_allclose(model.best_loss_, np.mean(error**2))


# A look inside.


@every_decoder
def test_gates_and_gradients(decoder):
    X, y = task(decoder)
    model = regressor("lstm", decoder=decoder, num_layers=2, bidirectional=True).fit(X, y)
    assert model.inspect_gates(X[0], layer=1, direction="backward").shape == (5, 7 * 4)
    flow = model.gradient_flow(X[0], y[0])
    assert flow.shape == (5, 4)
    assert (flow > 0).all(axis=None)
    pd.testing.assert_frame_equal(model.gradient_flow(X[:1], y[:1]), flow)
    with pytest.raises(ValueError, match=r"^y must be .* finite numbers of shape \(\d, 2\), got \["):
        model.gradient_flow(X[0], y[0].T)


def test_gradient_in_step_at_lag_zero():
    """By hand: the last state is seen by the last of the five outputs alone, those before it by more."""
    X, y = task("in_step")
    model = regressor("rnn", decoder="in_step").fit(X, y)
    error = (model.predict(X[:1])[0, -1] - y[0, -1]) / model.y_scale_
    expected = np.linalg.norm(model.weights()["head.weight"].T @ (2 * error / 10))
    assert_allclose(model.gradient_flow(X[0], y[0]).loc[0, (0, "forward")], expected)


@every_horizon
def test_gradient_of_a_horizon_by_differences(decoder):
    """Of one step, whose state is tanh(W x + b + b_h): its gradient is that with respect to b_h over 1 - h²."""
    y, x = waves(50)
    model = regressor("rnn", decoder=decoder).fit(x[:, None], y[:, :5])
    network, p = model.network_, model.weights()
    work = network.allocate(1, np.float64)
    work.x[...] = (x[0] - model.x_mean_) / model.x_scale_
    target = (y[:1, :5] - model.y_mean_) / model.y_scale_

    def loss():
        return np.mean((network.forward(p, work, None, target) - target) ** 2)

    gradient = []
    for k in range(4):
        sides = []
        for shift in (1e-5, -1e-5):
            p["rnn.bias_hh_l0"][k] += shift
            sides.append(loss())
            p["rnn.bias_hh_l0"][k] -= shift
        gradient.append((sides[0] - sides[1]) / 2e-5)
    state = model.inspect_gates(x[0])["h"].to_numpy()[0]
    flow = model.gradient_flow(x[0], y[0, :5])
    assert_allclose(flow.loc[0, (0, "forward")], np.linalg.norm(gradient / (1 - state**2)), rtol=1e-6)


# Structures.


@every_decoder
@every_cell
def test_unequal_layers_with_all_that_there_is(cell, decoder):
    X, y = task(decoder)
    model = regressor(cell, decoder=decoder, **STRUCTURE).fit(X, y)
    assert [layer.output_size for layer in model.network_.layers] == [5, 3]
    assert model.predict(X).shape == y.shape
    assert np.isfinite(model.predict(X)).all()


@every_decoder
def test_grid_search_over_structures(decoder):
    X, y = task(decoder)
    grid = {"hidden_size": [3, (4, 2)], "layer_norm": [False, True], "recurrent_dropout": [0.0, 0.3]}
    model = regressor(decoder=decoder, num_layers=2, residual=True, max_iter=3)
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert set(search.best_params_) == set(grid)
    assert search.predict(X).shape == y.shape


# What is refused.


@pytest.mark.parametrize("shape", [(50,), (50, 1), (50, 4), (50, 6), (50, 4, 5), (50, 10)], ids=str)
def test_in_step_every_step_needs_a_target(shape):
    X, _ = sequences()
    message = rf"^y must have a target at each of the T=5 steps of X .* got shape \({str(shape)[1:-1]}\)$"
    with pytest.raises(ValueError, match=message):
        regressor(decoder="in_step").fit(X, np.zeros(shape))


def test_in_step_has_no_segments():
    X, y = task("in_step")
    with pytest.raises(ValueError, match=r"^segment must be 1 with decoder='in_step', .* got 5$"):
        regressor(decoder="in_step", segment=5).fit(X, y)


@every_decoder
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda y: np.where(y == y[3, 1, 1], np.nan, y), "Input y contains NaN"),
        (lambda y: np.where(y == y[3, 1, 1], np.inf, y), "Input y contains infinity"),
        (lambda y: y[:, :, :, None], r"^y must have 1 or 2 dimensions, or 3 .* got shape \(50, \d, 2, 1\)$"),
        (lambda y: y[:, :0], r"^y must have 1 or 2 dimensions, or 3 .* got shape \(50, 0, 2\)$"),
        (lambda y: y[:, :, :0], r"^y must have 1 or 2 dimensions, or 3 .* got shape \(50, \d, 0\)$"),
        (lambda y: [*y[:-1].tolist(), [[1.0, 2.0]]], r"^y must have rows of one shape"),
        (lambda y: y[:-1], "inconsistent numbers of samples"),
        (lambda y: y.astype(str).astype(object), None),  # numbers all the same
        (lambda y: np.full(y.shape, "a"), "could not convert string to float"),
        (lambda y: y + 1j, "Complex data not supported"),
        (lambda y: None, "y cannot be None|y to be passed"),
    ],
    ids=["nan", "inf", "4-D", "no steps", "no channels", "ragged", "rows", "digits", "text", "complex", "None"],
)
def test_targets_that_cannot_be_are_refused(decoder, spoil, message):
    X, y = task(decoder)
    model = regressor(decoder=decoder).fit(X, y)
    before = vars(model).copy()
    if message is None:
        assert_array_equal(model.fit(X, spoil(y)).parameters_, before["parameters_"])
        return
    with pytest.raises(ValueError, match=message):
        model.fit(X, spoil(y))
    assert_untouched(model, before)
