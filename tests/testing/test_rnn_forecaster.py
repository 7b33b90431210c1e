"""`RNNForecaster` keeps the contract, whatever its parameters; faults that are known stand at the end."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from forecasting.series.test_panel import wide
from forecasting.small import daily, forecaster, stateful
from tsrnn.testing import forecaster_checks, index_checks

STREAMS = {"stateful": True, "bptt_steps": 5, "lookback": "auto"}

# Every axis of the parameters at least once, and together what meets in the code.
CONFIGURATIONS = {
    "direct": {},
    "parallel": {"decoder": "parallel", "segment": 2, "cell": "rnn", "bptt_steps": 2, "loss": "squared_error"},
    "recursive": {"decoder": "recursive", "normalize": "mean"},
    "seq2seq": {"decoder": "seq2seq", "lookback": "auto", "normalize": "series", "linear_skip": False},
    "deep": {
        "cell": "lstm",
        "num_layers": 2,
        "hidden_size": (4, 3),
        "residual": True,
        "layer_norm": True,
        "segment": 4,
    },
    "peephole": {"cell": "lstm_peephole", "bidirectional": True, "recurrent_dropout": 0.2, "loss": "huber"},
    "early stopping": {"early_stopping": True, "batch_size": 7},
    "missing": {"missing": "mask"},
    "missing multivariate": {"missing": "mask", "multivariate": True, "decoder": "parallel"},
    "calendar": {"calendar": "all", "warm_start": True},
    "multivariate": {"multivariate": True, "decoder": "recursive", "normalize": "series"},
    "stateful": STREAMS,
    "stateful recursive": STREAMS | {"decoder": "recursive", "segment": 2, "normalize": "series", "cell": "lstm"},
    "stateful early stopping": STREAMS | {"early_stopping": True},
}
# The time axis is read alike by all of them; it is what takes the time.
INDEXED = {"direct", "calendar", "multivariate", "stateful"}


def every_check():
    for name, parameters in CONFIGURATIONS.items():
        for check in forecaster_checks(forecaster(1, **parameters)):
            if check.function.__module__ == index_checks.__name__ and name not in INDEXED:
                continue
            yield pytest.param(check, id=f"{name}: {check}")


@pytest.mark.compiled
@pytest.mark.parametrize("check", list(every_check()))
def test_contract(check):
    check()


def test_a_series_as_exogenous_column():
    heat = daily().rename("heat") ** 2
    try:
        model = forecaster().fit(heat, daily())
    except (TypeError, ValueError):
        return
    assert list(model.feature_names_in_) == ["heat"]


def test_a_stream_reads_updates_of_less_than_a_segment():
    model = stateful(segment=4).fit(daily(60))
    before = model._states[0].states[0][0].copy()
    for n in range(60, 90):
        model.update(daily(90)[n : n + 1])
    assert not np.array_equal(model._states[0].states[0][0], before)


@pytest.mark.parametrize("method", ["update", "predict"])
def test_a_single_new_value_from_a_file(method):
    """Online: one row, on an index that tells no frequency. That of the series fitted is known."""
    y = daily(64)
    y.index = pd.DatetimeIndex(y.index, freq=None)
    model = forecaster().fit(y[:60])
    forecast = model.update(y[60:61]).predict() if method == "update" else model.predict(y=y[60:61])
    assert forecast.index[0] == y.index[61]


def test_a_week_of_business_days_says_nothing_of_the_weekend():
    y = daily().set_axis(pd.date_range("2021-01-04", periods=60, freq="B"))
    week = y[:5].set_axis(pd.DatetimeIndex(y.index[:5], freq=None))
    forecast = forecaster().fit(y).predict(y=week)
    assert forecast.index.equals(pd.DatetimeIndex(y.index[5:8]))


def test_the_score_of_columns_in_another_order():
    table = wide(64)
    model = forecaster().fit(table[:60])
    truth = table[60:63]
    assert model.score(truth[["c", "a", "b"]]) == pytest.approx(model.score(truth))


def test_no_rows_are_no_forecasts():
    model = forecaster().fit(daily())
    assert model.predict(np.empty((0, 0))).shape == (0,)
    assert model.predict(pd.DataFrame(index=daily().index[:0])).shape == (0,)


def test_scales_at_the_ends_of_the_range_of_numbers():
    assert np.isfinite(forecaster().fit(daily() * 1e-200).predict()).all()
    with pytest.raises(ValueError, match=r"y holds values beyond 1e\+150, at 2021-01-01 .*larger unit"):
        forecaster().fit(daily() * 1e200)


def test_the_target_is_no_exogenous_column():
    y, table = daily(), wide()
    for X, target, name in ((y.to_frame(), y, "demand"), (table, table, "a"), (table.dropna(), table.dropna(), "a")):
        with pytest.raises(ValueError, match=f"X holds y itself, in column '{name}'"):
            forecaster().fit(X, target)
    assert not hasattr(forecaster().fit(y, y), "feature_names_in_")
    forecaster(past_covariates="demand").fit(y.to_frame(), y)


def test_years_have_no_calendar_and_integers_are_named():
    y = daily().set_axis(pd.date_range("1960", periods=60, freq="YS"))
    assert forecaster(calendar="all").fit(y).network_.input_size == 1
    with pytest.raises(TypeError, match="calendar='all' needs y to have time stamps"):
        forecaster(calendar="all").fit(daily().to_numpy())


@pytest.mark.parametrize("X", ["2021-03-03", 3.5, scipy.sparse.eye(3)])
def test_what_says_no_rows_is_refused(X):
    with pytest.raises(TypeError, match="X must be a Series, a DataFrame or an array"):
        forecaster().fit(daily()).predict(X)
