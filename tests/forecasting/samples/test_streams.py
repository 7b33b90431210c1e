"""Stateful forecasters: how series are cut into streams, what is forecast from a carried state, what it costs."""

import itertools
import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest

import naive
from forecasting.small import UPDATES, assert_untouched, daily, every_cell, stateful, values
from gradcheck import assert_close
from tsrnn.forecasting.samples.streams import SeriesStreams, StreamUnits, n_streams
from tsrnn.kernels.windows import LAST, SERIES


def streams(lengths, steps=4, segment=1, rows=2, outputs=2, **changes):
    series = [100.0 * k + np.arange(n) for k, n in enumerate(lengths)]
    units = [StreamUnits(SERIES, 0.0, 1.0) for _ in series]
    lengths = np.array([len(values) for values in series])
    return SeriesStreams(np.concatenate(series), lengths, units, outputs, steps, segment, rows, **changes)


def visits(samples, steps, segment, outputs):
    """For each stream, in order: whether a slice starts, then the values read and what follows, of steps that count."""
    found = []
    for row in range(samples.rows):
        for part in range(samples.n_parts):
            which = np.array([part * samples.rows + row])
            x, y = np.empty((steps * segment, 1, 1)), np.empty((steps, outputs))
            samples.gather(which, x, y)
            (weights,) = samples.weights(which)
            x = x.reshape(steps, segment)
            found.append((row, bool(samples.starts(which)[0]), x[weights > 0], y[weights > 0]))
    return found


@pytest.mark.parametrize("lengths", [(23,), (9, 23, 2, 14), (8, 5, 8), (40, 3)])
@pytest.mark.parametrize("segment", [1, 3])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_every_step_is_read_once_in_order(lengths, segment, rows):
    steps, outputs = 4, 2
    found = visits(streams(lengths, steps, segment, rows, outputs), steps, segment, outputs)
    read = np.concatenate([x for _, _, x, _ in found])
    expected = []
    for k, n in enumerate(lengths):
        origin = 100 * k + n % segment
        expected += [origin + segment * j + np.arange(segment) for j in range((n - n % segment - outputs) // segment)]
    np.testing.assert_array_equal(np.sort(read, axis=0), np.array(expected).reshape(-1, segment))
    for _, _, x, y in found:
        np.testing.assert_array_equal(y, x[:, -1:] + 1 + np.arange(outputs))
    for _, parts in itertools.groupby(found, key=lambda part: part[0]):
        last = None
        for _, start, x, _ in parts:
            if not len(x):
                continue
            assert start == (last is None or x[0, 0] != last + 1)  # a slice goes on, or a new one starts
            assert (np.diff(x.ravel()) == 1).all()
            last = x[-1, -1]


def test_a_long_series_is_shared_among_the_rows():
    samples = streams([100], steps=4, rows=5, outputs=1)
    per_row = [sum(len(x) for row, _, x, _ in visits(samples, 4, 1, 1) if row == r) for r in range(5)]
    assert sum(per_row) == 99
    assert max(per_row) == 20
    assert samples.n_parts == 5


@pytest.mark.parametrize(
    ("steps", "bptt_steps", "batch_size", "expected"),
    [(10**6, 168, "auto", 64), (1000, 24, "auto", 5), (100, 24, "auto", 1), (100, 10, 32, 10), (100, 10, 3, 3)],
)
def test_number_of_streams(steps, bptt_steps, batch_size, expected):
    assert n_streams(steps, bptt_steps, batch_size) == expected


@pytest.mark.parametrize("normalize", ["last", "series"])
def test_units(normalize):
    series = 50 + 7 * values(60)
    units = StreamUnits.of(series, {"last": LAST, "series": SERIES}[normalize], 2)
    outputs = np.array([1.0, -2.0])
    if normalize == "series":
        expected = series.mean() + series.std() * outputs
    else:
        expected = series[-1] + np.sqrt(((series[2:] - series[:-2]) ** 2).mean()) * outputs
    np.testing.assert_allclose(units.forecast(outputs, series[-1]), expected, rtol=1e-12)


def by_hand(model, series, cell):
    """The forecast after a whole series that the naive loops read from a zero state."""
    p = {name: array.astype(np.float64) for name, array in model.weights().items()}
    units, segment = model._units[0], model.segment
    steps = len(series) // segment
    own = series[len(series) - steps * segment :].reshape(steps, segment)
    if units.centring == LAST:
        before = np.concatenate(
            [[series[0] if steps * segment == len(series) else series[-steps * segment - 1]], own[:-1, -1]]
        )
        x = (own - before[:, None]) / units.scale
    else:
        x = (own - units.centre) / units.scale
    y = x[:, None, :]
    if segment > 1:
        y = np.maximum(0, y @ p["segment.weight"].T + p["segment.bias"])
    weights = {name: p[f"rnn.{name}_l0"] for name in naive.CELLS[cell].shapes(1, 1)}
    states = [np.zeros((1, model.hidden_size)) for _ in naive.CELLS[cell].states]
    h = naive.forward(cell, y, states, weights)[0][-1]
    out = naive.dense(h, p["head.weight"], p["head.bias"])[0]
    out = out + p["linear.weight"] @ x[-1] + p["linear.bias"]
    return units.forecast(out, series[-1])


@every_cell
@pytest.mark.parametrize("normalize", ["last", "series"])
@pytest.mark.parametrize("segment", [1, 4])
def test_forecast_is_that_of_the_whole_series_read_from_its_start(cell, normalize, segment):
    """In parts, on with the state kept, as the naive loops in one go; 62 is no multiple of a segment of 4."""
    y = daily(62)
    model = stateful(cell=cell, normalize=normalize, segment=segment).fit(y)
    assert model.lookback_ == 5 * segment
    np.testing.assert_allclose(model.predict(), by_hand(model, y.to_numpy(), cell), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("segment", [1, 3])
def test_a_longer_horizon_is_read_on_from_forecasts(segment):
    y = daily(61)
    model = stateful(horizon=7, segment=segment).fit(y)
    with pytest.warns(UserWarning, match="horizon=16 exceeds the 7 steps"):
        forecast = model.predict(horizon=16)
    used = 7 // segment * segment
    assert_close(forecast[:7], model.predict(), 1e-7)
    extended = np.append(y, forecast[:used])
    assert_close(forecast[7 : used + 7], by_hand(model, extended, "gru")[7 - used :], 1e-5)
    assert forecast.index[0] == y.index[-1] + pd.Timedelta("1D")
    assert len(model.predict(horizon=2)) == 2


@pytest.mark.parametrize("segment", [1, 3])
def test_recursive_streams_forecast_a_step_at_a_time(segment):
    y = daily(61)
    model = stateful(horizon=8, segment=segment, decoder="recursive").fit(y)
    assert model.network_.output_size == segment
    forecast = model.predict()
    assert len(forecast) == 8
    extended = np.append(y, forecast[:segment])
    assert_close(forecast[segment : 2 * segment], by_hand(model, extended, "gru"), 1e-5)


def test_nothing_to_go_on_from():
    model = stateful(horizon=2, segment=5).fit(daily())
    with pytest.raises(ValueError, match=r"horizon=3 exceeds the 2 steps trained for.*segment=5"), pytest.warns():
        model.predict(horizon=3)


@pytest.mark.parametrize("structure", [{"num_layers": 2, "residual": True}, {"layer_norm": True, "dropout": 0.3}])
def test_pickle_threads_and_seeds(structure):
    y = daily(200)
    model = stateful(batch_size=4, recurrent_dropout=0.2, **structure).fit(y)
    again = stateful(batch_size=4, recurrent_dropout=0.2, n_jobs=2, **structure).fit(y)
    pd.testing.assert_series_equal(model.predict(), again.predict())
    pd.testing.assert_series_equal(pickle.loads(pickle.dumps(model)).predict(), model.predict())


@pytest.mark.compiled
@pytest.mark.parametrize("lookback", [3, 10])
def test_it_remembers_farther_back_than_gradients_go(lookback):
    """A value that returns after `lookback` steps: no gradient spans that, the carried state does."""
    rng = np.random.default_rng(0)
    y = np.tile(rng.standard_normal(lookback), 400 // lookback)
    model = stateful(1, bptt_steps=max(2, lookback // 2), cell="lstm", hidden_size=24, normalize="series", alpha=0)
    model.set_params(max_steps=1500, max_iter=1500, learning_rate_init=0.02, batch_size=1, dropout=0.0)
    model.fit(y)
    assert model.predict().iloc[0] == pytest.approx(y[0], abs=0.15)


def test_early_stopping_sees_no_validation_target():
    """Values after the last training target are replaced: the loss in training stays the same, the other does not."""
    y = daily(80)
    changed = y.copy()
    changed.iloc[-4:] += 100
    options = {"early_stopping": True, "validation_fraction": 0.1, "max_iter": 3, "batch_size": 2}
    first, second = stateful(**options).fit(y), stateful(**options).fit(changed)
    assert first.loss_curve_ == second.loss_curve_
    assert first.validation_loss_curve_ != second.validation_loss_curve_
    assert first.n_iter_ == len(first.validation_loss_curve_)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bptt_steps": None}, "stateful=True needs bptt_steps"),
        ({"lookback": 24}, "lookback must be 'auto', got 24"),
        ({"bidirectional": True}, "bidirectional must be False"),
        ({"decoder": "parallel"}, "decoder must be 'direct' or 'recursive', got 'parallel'"),
        ({"decoder": "seq2seq"}, "decoder must be 'direct' or 'recursive', got 'seq2seq'"),
        ({"normalize": "mean"}, "normalize must be 'last' or 'series', got 'mean'"),
        ({"bptt_steps": 0}, "bptt_steps must be an integer of at least 1"),
        ({"segment": 30, "horizon": 40}, "y has 60 values; segment=30 and horizon=40 need at least 90"),
        ({"horizon": 60}, "y has 60 values; segment=1 and horizon=60 need at least 61"),
    ],
)
def test_what_makes_no_sense_together(changes, words):
    model = stateful().fit(daily())
    before = vars(model).copy()
    model.set_params(**changes)
    with pytest.raises(ValueError, match=words):
        model.fit(daily())
    assert_untouched(model, before, but=changes)


def test_early_stopping_is_left_out_where_no_step_can_be_spared():
    with pytest.warns(UserWarning, match="early_stopping is left out, .*: y has 60 values, 20 steps"):
        model = stateful(40, early_stopping=True, validation_fraction=0.5).fit(daily())
    np.testing.assert_array_equal(model.predict(), stateful(40).fit(daily()).predict())


@pytest.mark.parametrize("n", [4, 5, 8])
def test_the_shortest_series(n):
    model = stateful(3, bptt_steps=50).fit(daily(n))
    assert model.lookback_ == n - 3
    np.testing.assert_allclose(model.predict(), by_hand(model, daily(n).to_numpy(), "gru"), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("level", [0.0, 0.1, 1e9, -1e12])
@pytest.mark.parametrize("normalize", ["last", "series"])
def test_a_constant_series_stays_where_it_is(level, normalize):
    model = stateful(normalize=normalize, linear_skip=False, max_iter=50, max_steps=50).fit(np.full(40, level))
    assert np.isfinite(model.predict()).all()
    np.testing.assert_allclose(model.predict(), level, atol=0.01 * abs(level) or 1.0)


@pytest.mark.parametrize("a", [1e-6, 3.0, 1e6])
def test_forecasts_follow_the_units_of_the_series(a):
    y = daily()
    np.testing.assert_allclose(
        stateful().fit(a * y).predict(), a * stateful().fit(y).predict(), rtol=1e-4, atol=1e-4 * a
    )


def test_an_interrupted_fit_leaves_a_usable_estimator(monkeypatch):
    from tsrnn.training import optimizers

    update, calls = optimizers.AdamW.update, []

    def interrupted(self, *arguments):
        calls.append(None)
        if len(calls) > UPDATES // 2 + 12:
            raise KeyboardInterrupt
        update(self, *arguments)

    monkeypatch.setattr(optimizers.AdamW, "update", interrupted)
    model = stateful(max_steps=100)
    with pytest.warns(UserWarning, match="fit was interrupted"):
        model.fit(daily())
    assert np.isfinite(model.predict()).all()


def test_memory_is_the_series_and_a_part():
    """Neither windows nor states are laid out for the whole series."""
    y = np.random.default_rng(0).standard_normal(200_000)
    model = stateful(1, bptt_steps=20, batch_size=8, max_steps=2, segment=10).fit(y)  # compiled, caches filled
    tracemalloc.start()
    model.fit(y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < y.nbytes
