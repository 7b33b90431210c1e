"""The loop that trains."""

import numpy as np
import pytest

from training.problems import OPTIONS, ArraySamples, make_network, make_samples, make_trainer, train
from tsrnn.training.losses import LOSSES
from tsrnn.training.parallel import Workers
from tsrnn.training.passes import Passes
from tsrnn.training.schedule import SCHEDULES
from tsrnn.training.trainer import DivergenceError, Trainer

# Without the compiler NumPy's scalars warn where a float overflows; compiled code does not.
overflows = pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")


class Spoilt(ArraySamples):
    """Samples whose targets become NaN after a number of batches of one chunk each."""

    def __init__(self, samples, good_batches):
        super().__init__(samples.x, samples.y)
        self.left = good_batches

    def gather(self, which, x, y, known=None):
        super().gather(which, x, y)
        if self.left <= 0:
            y[...] = np.nan
        self.left -= 1


def loss_of(trainer, samples, loss="squared_error"):
    """Mean loss of the weights that the trainer holds."""
    with Workers(1) as workers:
        return Passes(trainer.network, trainer.parameters, workers).loss(samples, LOSSES[loss])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_learns(cell, dtype, jit_disabled):
    epochs = 8 if jit_disabled else 60
    trainer = train(network=make_network(cell), dtype=dtype, max_iter=epochs)
    losses = trainer.history.loss
    assert len(losses) == epochs
    assert losses[-1] < losses[0] * (0.9 if jit_disabled else 0.1)
    assert trainer.parameters.dtype == dtype
    assert loss_of(trainer, trainer.training) < losses[0] * (0.9 if jit_disabled else 0.1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("learning_rate", SCHEDULES)
def test_every_option_learns_something(loss, learning_rate):
    losses = train(loss=loss, learning_rate=learning_rate, max_iter=6).history.loss
    assert losses[-1] < losses[0]


def test_start_is_left_as_it_is():
    network, rng = make_network(), np.random.default_rng(0)
    start = network.initialize(rng, np.float64)
    given = start.copy()
    trainer = Trainer(network, given, OPTIONS, make_samples(), None, rng)
    trainer.run()
    np.testing.assert_array_equal(given, start)
    assert not np.array_equal(trainer.parameters, start)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_result_depends_on_the_seed_alone(dropout, dtype):
    """Neither on the number of threads nor on which thread takes which chunk: equal to the last bit."""

    def run(n_jobs, seed=0):
        network = make_network(num_layers=2, dropout=dropout)
        validation = make_samples(40, seed=1)
        return train(network=network, validation=validation, dtype=dtype, n_jobs=n_jobs, seed=seed)

    one, again, two, three, other = run(1), run(1), run(2), run(3), run(1, seed=1)
    for trainer in (again, two, three):
        np.testing.assert_array_equal(trainer.parameters, one.parameters)
        assert trainer.history == one.history
    assert not np.array_equal(other.parameters, one.parameters)


def test_dropout_draws_new_masks_for_each_update():
    """At a rate of zero for the weights the loss of a batch changes with its masks alone."""
    history = train(network=make_network(dropout=0.5), learning_rate_init=0.0, batch_size=100).history
    assert len(set(history.loss)) == len(history.loss)


@pytest.fixture(scope="module")
def overfitted():
    """A few noisy samples are learnt by heart: the validation loss falls, then rises."""
    training, validation = make_samples(20, noise=1.0), make_samples(30, seed=1, noise=1.0)
    options = {"learning_rate_init": 0.05, "max_iter": 200, "n_iter_no_change": 4, "seed": 1}
    return train(training=training, validation=validation, network=make_network(hidden_size=8), **options)


def test_stops_when_the_validation_loss_no_longer_falls(overfitted):
    losses = overfitted.history.validation_loss
    assert len(losses) == len(overfitted.history.loss) < 200
    assert len(losses) == int(np.argmin(losses)) + 1 + 4


def test_keeps_the_weights_of_the_best_epoch(overfitted):
    losses = overfitted.history.validation_loss
    assert loss_of(overfitted, overfitted.validation) == min(losses)
    assert np.argmin(losses) < len(losses) - 1


def test_an_improvement_below_tol_does_not_count_but_its_weights_do():
    trainer = train(validation=make_samples(30, seed=1), max_iter=30, n_iter_no_change=3, tol=1e9)
    losses = trainer.history.validation_loss
    assert len(losses) == 4  # the first epoch counts as an improvement on none
    assert loss_of(trainer, trainer.validation) == min(losses) < losses[0]


def test_without_validation_the_last_weights_are_kept():
    trainer = train(max_iter=5)
    assert trainer.history.validation_loss == []
    assert len(trainer.history.loss) == 5
    # The loss of an epoch is taken before its update, so one more epoch starts from the weights that were kept.
    longer = train(max_iter=6, batch_size=100)
    assert loss_of(train(max_iter=5, batch_size=100), longer.training) == pytest.approx(longer.history.loss[-1])


def test_divergence_at_the_first_update():
    trainer = make_trainer(training=Spoilt(make_samples(20), 0))
    start = trainer.parameters.copy()
    with pytest.raises(DivergenceError, match=r"nan.* at update 1.*learning_rate_init"):
        trainer.run()
    np.testing.assert_array_equal(trainer.parameters, start)


def test_divergence_later_leaves_the_best_weights_whose_loss_is_known():
    trainer = make_trainer(training=Spoilt(make_samples(20), 3), max_iter=10)
    with pytest.raises(DivergenceError, match="at update 4"):
        trainer.run()
    # A shorter run follows the same path: the rate is constant. Each of its updates lowers the loss.
    losses = train(training=make_samples(20), max_iter=3).history.loss
    assert losses == sorted(losses, reverse=True)
    np.testing.assert_array_equal(trainer.history.loss, losses)
    np.testing.assert_array_equal(trainer.parameters, train(training=make_samples(20), max_iter=2).parameters)


def test_divergence_on_the_validation_samples():
    validation = make_samples(20, seed=1)
    validation.y[0, 0] = np.inf
    trainer = make_trainer(validation=validation)
    with pytest.raises(DivergenceError):
        trainer.run()
    assert np.isfinite(trainer.parameters).all()


@overflows
def test_divergence_of_the_weights_themselves():
    trainer = make_trainer(dtype=np.float32, learning_rate_init=1e30, max_iter=20, clip_norm=None)
    with pytest.raises(DivergenceError):
        trainer.run()
    assert np.isfinite(trainer.parameters).all()


@overflows
def test_an_update_that_overflows_is_not_kept():
    """No loss is taken after the last update: that alone would not see it."""
    options = {"alpha": 1e200, "learning_rate_init": 1e200, "batch_size": 100}
    trainer = train(max_iter=1, **options)
    assert trainer.history.n_steps == 1
    assert np.isfinite(trainer.parameters).all()


@overflows
def test_divergence_of_the_gradient_alone():
    """The linear map starts at zero, so the loss is finite; the gradients of its weights have no finite norm."""
    samples = make_samples(20)
    samples.x[:, :, 0] = 1e308
    network = make_network(linear_skip=True)
    trainer = make_trainer(training=samples, network=network, loss="absolute_error", max_iter=1)
    with pytest.raises(DivergenceError):
        trainer.run()
    assert np.isfinite(trainer.parameters).all()


@pytest.mark.parametrize(
    ("max_iter", "max_steps", "updates", "epochs"),
    [(3, None, 6, 3), (3, 100, 6, 3), (3, 4, 4, 2), (3, 3, 3, 2), (100, 1, 1, 1)],
)
def test_the_smaller_of_max_iter_and_max_steps_ends_training(max_iter, max_steps, updates, epochs):
    trainer = train(max_iter=max_iter, max_steps=max_steps)  # an epoch has two batches
    assert trainer.total_steps == trainer.history.n_steps == updates
    assert len(trainer.history.loss) == epochs


def test_batch_size_is_at_most_the_number_of_samples():
    assert train(batch_size=1000, max_iter=3).history.n_steps == 3


def test_report_hears_of_every_update():
    heard = []
    trainer = make_trainer(max_iter=3)
    trainer.run(report=lambda history: heard.append((history.n_steps, len(history.loss))))
    assert heard == [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (6, 2)]


def test_epochs_are_announced_and_may_be_the_last():
    heard = []
    trainer = make_trainer(max_iter=9, validation=make_samples(20, seed=1))
    trainer.run(
        begin_epoch=lambda history: heard.append(("begin", history.n_steps, len(history.loss))),
        end_epoch=lambda history: (
            heard.append(("end", history.n_steps, len(history.validation_loss))) or len(heard) > 5
        ),
    )
    assert heard == [("begin", 0, 0), ("end", 2, 1), ("begin", 2, 1), ("end", 4, 2), ("begin", 4, 2), ("end", 6, 3)]
    expected = train(max_iter=3, validation=make_samples(20, seed=1))
    np.testing.assert_array_equal(trainer.parameters, expected.parameters)


def test_loss_and_samples_so_far():
    heard = []
    trainer = make_trainer(max_iter=2)
    trainer.run(lambda history: heard.append((history.n_samples, history.running_loss)))
    assert [samples for samples, _ in heard] == [70, 100, 170, 200]
    assert [loss for _, loss in heard[1::2]] == trainer.history.loss


@pytest.mark.parametrize("most", [10**9, 50])
@pytest.mark.parametrize("batch_size", [70, 50, 99, 100, 1000])
@pytest.mark.parametrize("max_steps", [None, 1, 2, 3, 4, 5])
def test_totals_are_those_of_a_training_that_nothing_stops(most, batch_size, max_steps, monkeypatch):
    monkeypatch.setattr("tsrnn.training.trainer.PERMUTED_SAMPLES", most)
    trainer = train(max_iter=2, batch_size=batch_size, max_steps=max_steps, learning_rate_init=0.0)
    history = trainer.history
    assert trainer.total_epochs == len(history.loss)
    assert trainer.total_steps == history.n_steps
    assert trainer.total_samples == history.n_samples


def test_training_goes_on_with_an_optimizer():
    """Two trainings of one epoch are one of two, where the second has the moments and random numbers of the first."""
    whole = train(max_iter=2)
    first = train(max_iter=1)
    second = Trainer(
        first.network,
        first.parameters,
        first.options,
        first.training,
        None,
        first._rng,
        first.optimizer,
    )
    second.run()
    np.testing.assert_array_equal(second.parameters, whole.parameters)


def test_interrupted_training_leaves_the_weights_of_the_last_epoch():
    def interrupt(history):
        if history.n_steps == 5:
            raise KeyboardInterrupt

    trainer, whole = make_trainer(max_iter=9), train(max_iter=2)
    with pytest.raises(KeyboardInterrupt):
        trainer.run(report=interrupt)
    np.testing.assert_array_equal(trainer.parameters, whole.parameters)


def test_every_sample_is_seen_once_an_epoch():
    seen = []

    class Watched(ArraySamples):
        def weights(self, which):
            seen.append(which)
            return super().weights(which)

    samples = make_samples(100)
    train(training=Watched(samples.x, samples.y), max_iter=2)
    assert [len(which) for which in seen] == [70, 30, 70, 30]
    first, second = np.concatenate(seen[:2]), np.concatenate(seen[2:])
    np.testing.assert_array_equal(np.sort(first), np.arange(100))
    np.testing.assert_array_equal(np.sort(second), np.arange(100))
    assert not np.array_equal(first, second)


def test_very_many_samples_are_drawn_with_replacement(monkeypatch):
    monkeypatch.setattr("tsrnn.training.trainer.PERMUTED_SAMPLES", 50)
    losses = train(max_iter=10).history.loss
    assert len(losses) == 10
    assert losses[-1] < losses[0]


def test_epoch_loss_is_the_mean_over_its_samples():
    """Batches of unequal weight count by it. At a rate of zero the weights stay the same throughout."""
    weight = np.random.default_rng(0).uniform(0.1, 5, 100)
    trainer = train(training=make_samples(weight=weight), learning_rate_init=0.0)
    expected = loss_of(trainer, trainer.training)
    np.testing.assert_allclose(trainer.history.loss, expected, rtol=1e-12)


@pytest.mark.parametrize(("bptt_steps", "same"), [(None, True), (4, True), (9, True), (2, False)])
def test_truncation(bptt_steps, same):
    whole, trainer = train(), train(bptt_steps=bptt_steps)
    assert np.array_equal(trainer.parameters, whole.parameters) == same
    first = train(bptt_steps=bptt_steps, max_iter=1, batch_size=100)
    # Forward values do not depend on it: neither does the loss before the first update.
    assert first.history.loss == train(max_iter=1, batch_size=100).history.loss


def test_alpha_pulls_the_weights_to_zero():
    def length(alpha):
        return np.linalg.norm(train(alpha=alpha, max_iter=10).parameters)

    assert length(5.0) < length(0.0)
