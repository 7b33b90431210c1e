"""Samples for training: what a window holds, what it cannot know, and what it costs."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from forecasting.small import daily, forecaster, measure, units_of, values, windows_of
from tsrnn.forecasting import base
from tsrnn.forecasting.samples import windows
from tsrnn.forecasting.samples.normalization import CENTRINGS, Units
from tsrnn.forecasting.samples.windows import TableRows

every_centring = pytest.mark.parametrize("centring", CENTRINGS)


def gathered(samples, which, lookback, horizon, dtype=np.float64):
    """x (L, B) and y (B, O)."""
    x, y = np.full((lookback, len(which), 1), np.nan, dtype), np.full((len(which), horizon), np.nan, dtype)
    samples.gather(np.asarray(which), x, y)
    return x[:, :, 0], y


def read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


class Stop(Exception):
    """Raised in place of training."""


@pytest.fixture
def samples_of(monkeypatch):
    """A function that gives the training and validation samples of a fit, which goes no further."""

    def samples(model, y):
        taken = []

        class Trainer:
            def __init__(self, network, parameters, options, training, validation, *others):
                taken.extend((training, validation))
                raise Stop

        with monkeypatch.context() as patch:
            patch.setattr(base, "Trainer", Trainer)
            with pytest.raises(Stop):
                model.fit(y)
        return taken

    return samples


@every_centring
@pytest.mark.parametrize("first", [0, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_windows_are_slices(centring, first, dtype):
    series, lookback, horizon = values(40), 8, 3
    units = units_of(series, centring)
    size = len(series) - lookback - horizon + 1 - first
    x, y = gathered(windows_of(series, first, size, units, lookback), range(size), lookback, horizon, dtype)
    for b in range(size):
        inside, after, centre, scale = naive.window(
            series, first + b, lookback, horizon, centring, series.mean(), series.std()
        )
        assert measure(units, series[first + b : first + b + lookback]) == pytest.approx((centre, scale), rel=1e-12)
        tolerance = 1e-12 if dtype == np.float64 else 1e-5
        np.testing.assert_allclose(x[:, b], inside, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(y[b], after, rtol=tolerance, atol=tolerance)


@every_centring
def test_measuring_is_undone_by_centre_and_scale(centring):
    series = 1e6 + 1000 * values(40)
    units = units_of(series, centring)
    x, y = gathered(windows_of(series, 0, 30, units, 8), [7], 8, 3)
    centre, scale = measure(units, series[7:15])
    np.testing.assert_allclose(centre + scale * x[:, 0], series[7:15], rtol=1e-12)
    np.testing.assert_allclose(centre + scale * y[0], series[15:18], rtol=1e-12)


@every_centring
def test_windows_without_targets(centring):
    series = values(40)
    samples = windows_of(series, 32, 1, units_of(series, centring), 8)
    x = np.empty((8, 1, 1))
    samples.gather(np.array([0]), x, None)
    np.testing.assert_array_equal(x[:, :, 0], gathered(samples, [0], 8, 0)[0])


@pytest.mark.parametrize("most", [100, 10])
def test_weights_are_kept_where_they_are_not_too_many(most, monkeypatch):
    monkeypatch.setattr(windows, "KEPT_WEIGHTS", most)
    series, which, measured = values(40), np.array([3, 5, 5, 29]), []
    units = units_of(series, "mean")
    samples = windows_of(series, 0, 30, units, 8)
    measure_all = samples.measure
    monkeypatch.setattr(samples, "measure", lambda which: measured.append(len(which)) or measure_all(which))
    expected = [np.sqrt(measure(units, series[k : k + 8])[1] / units.scale[0, 0]) for k in which]
    for _ in range(2):
        np.testing.assert_allclose(samples.weights(which), np.ravel(expected), rtol=1e-12)
    samples.weights(np.array([5, 6]))
    assert measured == ([4, 1] if most > 30 else [4, 4, 2])


@every_centring
@pytest.mark.parametrize("series", [np.zeros(20), np.full(20, 7.0), np.full(20, 0.1), np.full(20, -1e9)])
def test_a_series_that_does_not_vary_has_a_scale(centring, series):
    units = units_of(series, centring)
    x, y = gathered(windows_of(series, 0, 10, units, 8), range(10), 8, 3)
    np.testing.assert_allclose(x, 0, atol=1e-9)
    np.testing.assert_allclose(y, 0, atol=1e-9)
    assert measure(units, series[:8])[1] > 0


@every_centring
@given(change=st.integers(1, 39), by=st.floats(-1e6, 1e6), lookback=st.integers(1, 12), horizon=st.integers(1, 6))
@settings(max_examples=50)
def test_what_comes_later_changes_no_window(centring, change, by, lookback, horizon):
    """From the value `change` on the series is another one."""
    series, other = values(40), values(40)
    other[change:] += by
    units = units_of(series, centring)
    size = 40 - lookback - horizon + 1
    x, y = gathered(windows_of(series, 0, size, units, lookback), range(size), lookback, horizon)
    other_x, other_y = gathered(windows_of(other, 0, size, units, lookback), range(size), lookback, horizon)
    seen = np.arange(size) + lookback <= change  # the window ends before the change
    np.testing.assert_array_equal(x[:, seen], other_x[:, seen])
    for k in range(horizon):
        before = np.arange(size) + lookback + k < change
        np.testing.assert_array_equal(y[before, k], other_y[before, k])


@every_centring
def test_series_may_be_read_only_or_on_disk(centring, tmp_path):
    series = values(40)
    np.save(tmp_path / "series.npy", series)
    units = units_of(series, centring)
    expected = gathered(windows_of(series, 0, 30, units, 8), [0, 9], 8, 3)
    for other in (read_only(series), np.load(tmp_path / "series.npy", mmap_mode="r"), np.repeat(series, 2)[::2]):
        for actual, wanted in zip(gathered(windows_of(other, 0, 30, units, 8), [0, 9], 8, 3), expected, strict=True):
            np.testing.assert_allclose(actual, wanted, rtol=1e-12, atol=1e-12)


def test_a_batch_of_a_very_long_series_costs_a_batch(tmp_path):
    size, lookback = 10_000_000, 200
    series = np.memmap(tmp_path / "series", np.float64, "w+", shape=size)  # zeros that take no place on the disk
    series[-lookback - 1 :] = values(lookback + 1)
    units = Units(CENTRINGS["last"], np.zeros((1, 1)), np.ones((1, 1)))
    samples = windows_of(series, 0, size - lookback, units, lookback)
    x, y = np.empty((lookback, 2, 1), np.float32), np.empty((2, 1), np.float32)
    samples.gather(np.array([0, 5]), x, y)  # compiles
    tracemalloc.start()
    samples.gather(np.array([0, size - lookback - 1]), x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000
    assert not x[:, 0].any()
    assert x[:, 1].any()


@pytest.mark.compiled
def test_a_fit_costs_the_series_and_batches():
    n, lookback = 100_000, 500
    y = pd.Series(np.random.default_rng(0).standard_normal(n), pd.date_range("1990-01-01", periods=n, freq="h"))
    model = forecaster(lookback=lookback, max_steps=2, batch_size=32, n_jobs=1)
    model.fit(y.iloc[:1000])  # compiles
    tracemalloc.start()
    model.fit(y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    all_windows = n * lookback * 4
    assert peak < 0.1 * all_windows


@pytest.mark.parametrize(("decoder", "horizon", "outputs"), [("direct", 1, 1), ("direct", 4, 4), ("recursive", 4, 1)])
@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.5])
@pytest.mark.parametrize("n", [30, 60])
def test_validation_has_the_last_windows_and_shares_no_target(samples_of, decoder, horizon, outputs, fraction, n):
    """Values are their own positions, so that samples say where they come from."""
    model = forecaster(horizon, decoder=decoder, early_stopping=True, validation_fraction=fraction, normalize="series")
    lookback = model.lookback
    training, validation = samples_of(model, np.arange(n, dtype=float))
    n_windows = n - lookback - outputs + 1
    assert validation.size == max(1, round(fraction * n_windows))

    first, last = (gathered(samples, range(samples.size), lookback, outputs)[1] for samples in (training, validation))
    # The units are those of an evenly spaced series: undone by what two known positions became.
    width = (last[-1, -1] - first[0, 0]) / (n - 1 - lookback)
    first, last = (np.rint((y - first[0, 0]) / width + lookback).astype(int) for y in (first, last))
    assert first[0, 0] == lookback
    assert last[-1, -1] == n - 1
    assert first.max() + 1 == last.min()
    assert np.array_equal(first, first[:, :1] + np.arange(outputs))


@every_centring
def test_training_samples_know_nothing_of_validation_targets(samples_of, centring):
    """Not by the units either."""
    y = daily(60)
    other = y.copy()
    model = forecaster(early_stopping=True, validation_fraction=0.25, normalize=centring)
    training, validation = samples_of(model, y)
    other.iloc[len(y) - validation.size - model.horizon + 1 :] *= 100
    changed, _ = samples_of(model, other)
    assert changed.size == training.size
    for before, after in zip(
        gathered(training, range(training.size), 6, 3), gathered(changed, range(training.size), 6, 3), strict=True
    ):
        np.testing.assert_array_equal(before, after)


def test_without_early_stopping_every_window_trains(samples_of):
    training, validation = samples_of(forecaster(), daily(60))
    assert training.size == 60 - 6 - 3 + 1
    assert validation is None


def test_too_few_windows_to_stop_early(samples_of):
    model = forecaster(early_stopping=True)
    samples_of(model, values(12))
    with pytest.warns(UserWarning, match="early_stopping is left out, .*: y has 11 values, 3 windows .* 12 values"):
        model.fit(values(11))
    np.testing.assert_array_equal(model.predict(), forecaster().fit(values(11)).predict())
    assert model.validation_loss_curve_ is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_a_table(dtype, tmp_path):
    rng = np.random.default_rng(0)
    table, targets, weights = rng.standard_normal((9, 5, 2)), rng.standard_normal((9, 3)), rng.random(9)
    centre, scale = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    np.save(tmp_path / "table.npy", table)
    which = np.array([8, 0, 3, 3])
    for rows in (table, read_only(table), np.load(tmp_path / "table.npy", mmap_mode="r")):
        samples = TableRows(rows, read_only(targets), weights, centre, scale)
        x, y = np.empty((5, 4, 2), dtype), np.empty((4, 3), dtype)
        samples.gather(which, x, y)
        tolerance = 1e-14 if dtype == np.float64 else 1e-6
        expected = ((table[which] - centre) / scale).transpose(1, 0, 2)
        np.testing.assert_allclose(x, expected, rtol=tolerance, atol=tolerance)
        np.testing.assert_array_equal(y, targets[which].astype(dtype))
        np.testing.assert_array_equal(samples.weights(which), weights[which])
        assert samples.size == 9


def test_rows_without_targets_and_weights():
    samples = TableRows(np.ones((4, 5, 1)), None, None, np.zeros(1), np.ones(1))
    x = np.empty((5, 2, 1))
    samples.gather(np.array([0, 3]), x, None)
    np.testing.assert_array_equal(x, np.ones((5, 2, 1)))
    np.testing.assert_array_equal(samples.weights(np.array([0, 3])), np.ones(2))
