"""Training on the device: the updates of the host, losses that are read late, failures as the host's."""

import numpy as np
import pytest

from gradcheck import assert_close
from training.problems import ArraySamples, make_network, make_samples, make_trainer
from tsrnn.training import cuda as module
from tsrnn.training.devices import workers_on
from tsrnn.training.passes import Passes
from tsrnn.training.trainer import DivergenceError

# The simulator computes with NumPy, which warns of what a GPU does in silence.
infinite = pytest.mark.filterwarnings("ignore:.*(invalid value|overflow) encountered:RuntimeWarning")
SMALL = {"batch_size": 5, "max_iter": 2}


def pair(samples=None, validation=None, **changes):
    """Trainers that have run on the host and on the device."""
    found = []
    for device in ("cpu", "cuda"):
        network = make_network("gru", hidden_size=2, linear_skip=True)
        training = make_samples(12) if samples is None else samples
        trainer = make_trainer(training, validation, network, device=device, **(SMALL | changes))
        trainer.run()
        found.append(trainer)
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_updates_are_the_hosts(loss, dtype):
    host, device = pair(loss=loss, dtype=dtype, alpha=0.1, alpha_linear=0.5, clip_norm=0.1)
    tolerance = {np.float32: 1e-4, np.float64: 1e-10}[dtype]
    assert_close(device.parameters, host.parameters, tolerance)
    np.testing.assert_allclose(device.history.loss, host.history.loss, rtol=tolerance)
    assert (device.history.n_steps, device.history.n_samples) == (host.history.n_steps, host.history.n_samples)
    assert isinstance(device.optimizer.first, np.ndarray)
    assert_close(device.optimizer.second, host.optimizer.second, tolerance)


def test_the_best_epoch_is_kept():
    host, device = pair(validation=make_samples(6, seed=1), learning_rate_init=0.3, max_iter=3)
    assert_close(device.parameters, host.parameters, 1e-9)
    np.testing.assert_allclose(device.history.validation_loss, host.history.validation_loss, rtol=1e-9)


def test_batches_beyond_a_piece_and_reading_in_the_midst(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 3)
    monkeypatch.setattr(module.Device, "unread", 2)
    host, device = pair(batch_size=4)
    assert_close(device.parameters, host.parameters, 1e-10)
    np.testing.assert_allclose(device.history.loss, host.history.loss, rtol=1e-10)


def test_losses_are_reported_for_every_update():
    trainer = make_trainer(make_samples(12), network=make_network("rnn", hidden_size=2), device="cuda", **SMALL)
    seen = []
    trainer.run(lambda history: seen.append((history.n_steps, history.running_loss)))
    assert [step for step, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert np.isfinite([loss for _, loss in seen]).all()


@infinite
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_loss_that_is_not_finite(device):
    samples = make_samples(12)
    samples.y[7] = np.inf  # met in the first epoch, whatever the order
    trainer = make_trainer(samples, network=make_network("rnn", hidden_size=2), device=device, **SMALL)
    begin = trainer.parameters.copy()
    with pytest.raises(DivergenceError, match="nothing was learnt"):
        trainer.run()
    np.testing.assert_array_equal(trainer.parameters, begin)


@infinite
def test_the_update_that_diverges_is_named_alike(monkeypatch):
    """And those after it, which the device has already been given, change nothing."""
    samples = make_samples(12)
    samples.y[7] = np.inf
    messages = []
    for device in ("cpu", "cuda"):
        trainer = make_trainer(samples, network=make_network("rnn", hidden_size=2), device=device, **SMALL)
        with pytest.raises(DivergenceError) as error:
            trainer.run()
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_an_interrupt_brings_the_optimizer_back():
    trainer = make_trainer(make_samples(12), network=make_network("rnn", hidden_size=2), device="cuda", **SMALL)

    def interrupt(history):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.run(interrupt)
    assert isinstance(trainer.optimizer.first, np.ndarray)
    assert isinstance(trainer.parameters, np.ndarray)


class Gaps(ArraySamples):
    masks = True


def test_missing_targets_have_no_loss():
    samples = make_samples(10)
    gaps = Gaps(samples.x, samples.y.copy())
    gaps.y[2, 1] = np.nan
    host, device = pair(gaps)
    assert_close(device.parameters, host.parameters, 1e-10)


def test_outputs_come_to_the_host(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 3)
    network, samples = make_network("gru", hidden_size=2), make_samples(8)
    vector = network.initialize(np.random.default_rng(0), np.float64)
    found = []
    for device in ("cpu", "cuda"):
        with workers_on(device, 1, "float32") as workers:
            found.append(Passes(network, workers.enter(vector), workers).outputs(samples))
    assert isinstance(found[1], np.ndarray)
    assert_close(found[1], found[0], 1e-12)
