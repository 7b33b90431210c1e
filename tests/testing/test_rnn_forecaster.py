"""`RNNForecaster` keeps the contract, whatever its parameters; faults that are known stand at the end."""

import numpy as np
import pandas as pd
import pytest

from forecasting.small import daily, forecaster, stateful
from forecasting.test_panel import wide
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
    "calendar": {"calendar": "auto", "warm_start": True},
    "multivariate": {"multivariate": True, "decoder": "recursive", "normalize": "series"},
    "stateful": STREAMS,
    "stateful recursive": STREAMS | {"decoder": "recursive", "segment": 2, "normalize": "series", "cell": "lstm"},
    "stateful early stopping": STREAMS | {"early_stopping": True},
}
# The time axis is read alike by all of them; it is what takes the time.
INDEXED = {"direct", "recursive", "calendar", "multivariate", "stateful"}
UNSAID = "with early_stopping the error of a series that is too short does not say how many values are needed"
YEARS = "calendar='auto' takes what the frequency has; of years that is nothing, and it is refused"
FAULTS = {
    ("calendar", "check_stamps[YE]"): YEARS,
    ("calendar", "check_periods[Y]"): YEARS,
    ("early stopping", "check_short_series"): UNSAID,
    ("stateful early stopping", "check_short_series"): UNSAID,
}


def every_check():
    for name, parameters in CONFIGURATIONS.items():
        for check in forecaster_checks(forecaster(1, **parameters)):
            if check.function.__module__ == index_checks.__name__ and name not in INDEXED:
                continue
            fault = FAULTS.get((name, str(check)))
            marks = [pytest.mark.xfail(reason=fault, strict=True)] if fault else []
            yield pytest.param(check, marks=marks, id=f"{name}: {check}")


@pytest.mark.compiled
@pytest.mark.parametrize("check", list(every_check()))
def test_contract(check):
    check()


def known_fault(reason):
    return pytest.mark.xfail(reason=reason, strict=True)


@known_fault("a Series X is left out without a word; fit(y, X), the arguments swapped, trains on the columns")
def test_a_series_as_exogenous_column():
    heat = daily().rename("heat") ** 2
    try:
        model = forecaster().fit(heat, daily())
    except (TypeError, ValueError):
        return
    assert list(model.feature_names_in_) == ["heat"]


@known_fault("new values go on from the state only in whole segments: with fewer at a time it stays as it was in fit")
def test_a_stream_reads_updates_of_less_than_a_segment():
    model = stateful(segment=4).fit(daily(60))
    before = model._states[0][0][0].copy()
    for n in range(60, 90):
        model.update(daily(90)[n : n + 1])
    assert not np.array_equal(model._states[0][0][0], before)


@known_fault("the frequency is inferred from the new values alone, of which it takes three")
@pytest.mark.parametrize("method", ["update", "predict"])
def test_a_single_new_value_from_a_file(method):
    """Online: one row, on an index that tells no frequency. That of the series fitted is known."""
    y = daily(64)
    y.index = pd.DatetimeIndex(y.index, freq=None)
    model = forecaster().fit(y[:60])
    forecast = model.update(y[60:61]).predict() if method == "update" else model.predict(y=y[60:61])
    assert forecast.index[0] == y.index[61]


@known_fault("the forecast goes on in the steps inferred from y, not in those fitted")
def test_a_week_of_business_days_says_nothing_of_the_weekend():
    y = daily().set_axis(pd.date_range("2021-01-04", periods=60, freq="B"))
    week = y[:5].set_axis(pd.DatetimeIndex(y.index[:5], freq=None))
    forecast = forecaster().fit(y).predict(y=week)
    assert forecast.index.equals(pd.DatetimeIndex(y.index[5:8]))


@known_fault("columns are compared by position")
def test_the_score_of_columns_in_another_order():
    table = wide(64)
    model = forecaster().fit(table[:60])
    truth = table[60:63]
    assert model.score(truth[["c", "a", "b"]]) == pytest.approx(model.score(truth))


@known_fault("pandas' error: neither start nor end can be NaT")
def test_no_rows_are_no_forecasts():
    model = forecaster().fit(daily())
    assert model.predict(np.empty((0, 0))).shape == (0,)
    assert model.predict(pd.DataFrame(index=daily().index[:0])).shape == (0,)


@known_fault("squares overflow: the forecast is infinite; or they vanish, and the loss is not finite")
@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_scales_at_the_ends_of_the_range_of_numbers(scale):
    forecast = forecaster().fit(daily() * scale).predict()
    assert np.isfinite(forecast).all()
