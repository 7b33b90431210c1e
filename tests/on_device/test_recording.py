"""What is recorded and replayed does, bit for bit, what the calls themselves do."""

import numpy as np
import pandas as pd
import pytest

from training.problems import CHANNELS, OUTPUTS, STEPS, ArraySamples, make_network, make_samples, make_trainer
from tsrnn import RNNForecaster
from tsrnn.forecasting.samples.windows import TableRows
from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import CannotBeRecordedError, kept_memory, stream
from tsrnn.kernels.cuda.machine.recording import Packet, Recording
from tsrnn.network.network import Network
from tsrnn.training import cuda as module
from tsrnn.training.trainer import DivergenceError


def test_nothing_is_done_before_the_replay_and_all_of_it_with_each():
    a, b = (Array.from_host(np.array(values)) for values in ([1.0, 2.0], [10.0, 20.0]))
    recording = Recording()
    with recording:
        b += a
        b *= a
    np.testing.assert_array_equal(b.to_host(), [10, 20])
    recording.replay()
    np.testing.assert_array_equal(b.to_host(), [11, 44])
    a[...] = 2.0
    recording.replay()
    np.testing.assert_array_equal(b.to_host(), [26, 92])


def test_memory_made_within_belongs_to_the_recording():
    a, out = Array.from_host(np.array([1.0, 2.0])), Array.from_host(np.zeros(2))
    with kept_memory():
        recording = Recording()
        with recording:
            out[...] = (a + a) * a
        others = [Array.from_host(np.full(2, -7.0)) for _ in range(5)]  # who want pieces of the same size
        recording.replay()
        np.testing.assert_array_equal(out.to_host(), [2, 8])
        for other in others:
            np.testing.assert_array_equal(other.to_host(), [-7, -7])


def test_memory_that_another_library_works_on_is_kept():
    with kept_memory():
        recording = Recording()
        with recording:
            made = Array.empty(2, np.float64)
            made[...] = 3.0
            address = made.address
        kept = recording._kept[-1]
        assert kept is made
        assert kept.address == address
        assert stream() == 0


@pytest.mark.parametrize(
    "act", [lambda a: a.to_host(), lambda a: Array.from_host(np.zeros(2)), lambda a: a.__cuda_array_interface__]
)
def test_copies_from_and_to_the_host_cannot_be_recorded(act):
    a = Array.from_host(np.array([1.0, 2.0]))
    with pytest.raises(CannotBeRecordedError), Recording():
        act(a)
    a += a  # recording is over
    np.testing.assert_array_equal(a.to_host(), [2, 4])


def test_one_recording_at_a_time():
    with Recording(), pytest.raises(RuntimeError, match="is going on"), Recording():
        pass


def test_a_packet_brings_arrays_of_all_types():
    rng = np.random.default_rng(0)
    first, second = (
        [rng.integers(9, size=3), rng.standard_normal((2, 3)).astype(np.float32), np.array([2**63 + k], np.uint64)]
        for k in range(2)
    )
    packet = Packet(first)
    for values in (first, second):
        packet.fill(values)
        sent = [value.copy() for value in values]
        for value in values:
            value[...] = 0  # the packet has them
        for array, value in zip(packet.arrays, sent, strict=True):
            assert array.dtype == value.dtype
            np.testing.assert_array_equal(array.to_host(), value)


NETWORKS = {
    "plain": Network("gru", STEPS, CHANNELS, 2, 1, OUTPUTS),
    "dropped": Network("lstm", STEPS, CHANNELS, 2, 2, OUTPUTS, dropout=0.4, recurrent_dropout=0.4, linear_skip=True),
    "decoded": Network("gru", STEPS, CHANNELS, 2, 1, OUTPUTS, decoder="seq2seq", segment=2, layer_norm=True),
    "parallel": Network("gru", STEPS, CHANNELS, 2, 1, OUTPUTS, decoder="parallel", dropout=0.4, recurrent_dropout=0.4),
}


def rows(size=8, numbers=None):
    samples = make_samples(size)
    units = np.zeros(CHANNELS), np.ones(CHANNELS)
    return TableRows(
        samples.x, samples.y, np.linspace(1, 2, size if numbers is None else len(numbers)), *units, numbers
    )


def trained(samples, network, records, monkeypatch, **changes):
    """A trainer that has run, and how many of its updates were replayed."""
    replayed, replay = [], Recording.replay
    with monkeypatch.context() as context:
        context.setattr(module.Device, "records", records)
        context.setattr(Recording, "replay", lambda self: replayed.append(self) or replay(self))
        options = {"batch_size": 4, "max_iter": 2, "learning_rate": "cosine", "alpha": 0.1, "device": "cuda"}
        trainer = make_trainer(samples, network=network, **options | changes)
        trainer.run()
    return trainer, len(replayed)


def assert_replays_change_nothing(samples, network, monkeypatch, **changes):
    direct, none = trained(samples, network, False, monkeypatch, **changes)
    replayed, count = trained(samples, network, True, monkeypatch, **changes)
    assert none == 0
    np.testing.assert_array_equal(replayed.parameters, direct.parameters)
    np.testing.assert_array_equal(replayed.optimizer.second, direct.optimizer.second)
    assert replayed.history == direct.history
    return count


@pytest.mark.parametrize("name", NETWORKS)
def test_replayed_updates_are_the_direct_ones(name, monkeypatch):
    count = assert_replays_change_nothing(rows(), NETWORKS[name], monkeypatch)
    assert count == 3  # all but the first


def test_batches_of_several_pieces_and_reading_in_the_midst(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 3)
    monkeypatch.setattr(module.Device, "unread", 2)
    network = make_network("gru", hidden_size=2, linear_skip=True)
    numbers = np.array([7, 1, 1, 5, 0, 6, 3, 2])
    assert assert_replays_change_nothing(rows(numbers=numbers), network, monkeypatch, alpha_linear=0.5) == 3


@pytest.mark.parametrize(("most", "replayed"), [(1, 3), (2, 4)])
def test_each_size_of_a_batch_is_recorded_up_to_so_many(most, replayed, monkeypatch):
    monkeypatch.setattr(module, "MOST_RECORDED", most)
    assert trained(rows(10), NETWORKS["plain"], True, monkeypatch)[1] == replayed


def test_validation_between_epochs_finds_its_own_memory(monkeypatch):
    changes = {"validation": rows(6), "max_iter": 3, "batch_size": 8}
    found = [trained(rows(), NETWORKS["plain"], records, monkeypatch, **changes)[0] for records in (False, True)]
    assert found[0].history == found[1].history
    assert len(found[0].history.validation_loss) == 3


@pytest.mark.filterwarnings("ignore:.*(invalid value|overflow) encountered:RuntimeWarning")  # NumPy's, simulating
def test_a_replay_that_diverges_says_so_as_a_direct_update_does(monkeypatch):
    messages = []
    for records in (False, True):
        samples = make_samples(8)
        samples.y[:] = 1e154  # whose squares are just finite, until weights grow
        table = TableRows(samples.x, samples.y, None, np.zeros(CHANNELS), np.ones(CHANNELS))
        options = {"learning_rate_init": 1e154, "learning_rate": "constant", "clip_norm": None, "max_iter": 9}
        with pytest.raises(DivergenceError) as error:
            trained(table, NETWORKS["plain"], records, monkeypatch, **options)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_samples_of_the_host_are_not_recorded(monkeypatch):
    samples = make_samples(8)
    assert isinstance(samples, ArraySamples)
    assert trained(samples, make_network("gru", hidden_size=2), True, monkeypatch)[1] == 0


@pytest.mark.parametrize(
    "changes",
    [{"missing": "mask", "calendar": "all"}, {"stateful": True, "bptt_steps": 2, "lookback": "auto"}],
    ids=["windows", "streams"],
)
def test_forecasters(changes, monkeypatch):
    y = pd.Series(10 + np.sin(np.arange(24) / 2), pd.date_range("2020", periods=24, freq="MS"))
    if "missing" in changes:
        y.iloc[7] = np.nan
    model = {"hidden_size": 2, "lookback": 4, "segment": 2, "max_steps": 3, "batch_size": 5, "random_state": 0}
    found = []
    for records in (False, True):
        monkeypatch.setattr(module.Device, "records", records)
        found.append(RNNForecaster(2, device="cuda", **model | changes).fit(y).parameters_)
    np.testing.assert_array_equal(*found)
