"""New observations of what was fitted: missing ones, single ones, arrays, of copies."""

import copy

import numpy as np
import pandas as pd
import pytest

from forecasting.series.test_panel import every_kind, long, of_kind, wide
from forecasting.small import daily, forecaster, values
from gradcheck import assert_close


@pytest.mark.parametrize("gone", [slice(60, 61), slice(60, 64)], ids=["the first", "all"])
@pytest.mark.parametrize("make", [daily, wide], ids=["single", "wide"])
def test_new_values_may_begin_with_missing_ones(make, gone):
    y = make(64)
    y.iloc[gone] = np.nan
    model = forecaster(missing="mask").fit(y[:60])
    expected = model.predict(y=y)
    assert_close(model.update(y[60:]).predict(), expected, 1e-5)
    assert model.predict().index.equals(expected.index)


def test_a_missing_first_value_is_named():
    y = wide(64)
    y.iloc[60, 1] = np.nan
    with pytest.raises(ValueError, match="y holds 1 missing or infinite values in column 'b', at 2021-03-02"):
        forecaster().fit(y[:60]).update(y[60:])


@pytest.mark.parametrize("step", [1, 2])
def test_one_integer_more(step):
    y = pd.Series(values(61), pd.RangeIndex(0, 61 * step, step))
    model = forecaster().fit(y[:60])
    expected = model.predict(y=y)
    for new in (y[60:], pd.Series(y.to_numpy()[60:], pd.Index([60 * step]))):
        assert_close(copy.copy(model).update(new).predict(), expected, 1e-5)
    with pytest.raises(ValueError, match=rf"y must go on at {60 * step}, got values from {60 * step + 1} on"):
        model.update(pd.Series([1.0], [60 * step + 1]))


@every_kind
@pytest.mark.parametrize("index", [None, daily().index], ids=["array", "series"])
@pytest.mark.parametrize("new", [list, np.array])
def test_an_array_goes_on_where_the_series_ends(kind, index, new):
    y = values(70)
    model = of_kind(kind).fit(y[:60] if index is None else pd.Series(y[:60], index))
    expected = model.predict(y=pd.Series(y, pd.date_range("2021-01-01", periods=70)) if index is not None else y)
    found = model.update(new(y[60:64])).update(new(y[64:])).predict()
    assert_close(found, expected, 1e-5)
    assert found.index.equals(expected.index)


def test_arrays_of_several_series():
    y = wide(70)[["a", "b"]].to_numpy()
    model = forecaster().fit(y[:60])
    expected = model.predict(y=y)
    assert_close(model.update(y[60:]).predict(), expected, 1e-5)
    with pytest.raises(ValueError, match="y must be of the kind fitted, wide series, got single ones"):
        model.update(y[60:, 0])


def test_the_original_of_a_copy_stays_where_it_was():
    y = daily(64)
    model = forecaster(n_members=3).fit(y[:60])
    before, expected = model.predict(), model.predict(y=y)
    pd.testing.assert_series_equal(copy.copy(model).update(y[60:]).predict(), expected)
    pd.testing.assert_series_equal(model.predict(), before)


def test_no_more_is_kept_of_columns_together_than_a_forecast_reads():
    y = np.column_stack([daily(200) + k for k in range(20)])
    model = forecaster(multivariate=True).fit(y)
    assert model._tail.lengths.tolist() == [1 + 6 + 3]
    assert_close(model.predict(y=y[-6:]), model.predict(), 1e-6)


def test_only_the_series_asked_are_forecast(monkeypatch):
    model = forecaster(linear_skip="auto", season_length=7).fit(long())
    whole, followed = model.predict(), []
    monkeypatch.setattr(
        model,
        "_follow",
        lambda panel, *others: followed.append(panel.n_series) or type(model)._follow(model, panel, *others),
    )
    asked = whole[["c"]].iloc[[2, 0]]
    assert_close(model.predict(asked.to_frame()), asked, 1e-6)
    assert followed == [1]
