"""Every cell and structure through the estimators; bidirectional layers see the window and nothing after it."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from forecasting.small import daily, forecaster, regressor, sequences, values, windows_of, with_tail
from tsrnn.network.cells import CELLS

STRUCTURES = [
    {"bidirectional": True},
    {"num_layers": 2, "residual": True},
    {"segment": 3},
    {"num_layers": 3, "residual": True, "bidirectional": True, "segment": 2, "dropout": 0.3},
]
every_cell = pytest.mark.parametrize("cell", CELLS)
every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=str)


@every_cell
@every_structure
def test_every_step_depends_on_the_last_observation(cell, structure):
    model = forecaster(cell=cell, linear_skip=False, **structure).fit(daily())
    tail = daily().iloc[-6:]
    moved = tail.copy()
    moved.iloc[-1] += 0.01
    before, after = (with_tail(model, t).predict() for t in (tail, moved))
    assert np.isfinite(before).all()
    # "last" centring alone would shift all steps alike: the network has to add to it.
    assert (before != after).all()
    assert not np.allclose(after - before, 0.01, atol=1e-9)


@every_structure
def test_the_future_of_a_window_changes_nothing(structure):
    series = values()
    changed = series.copy()
    changed[30:] += 100
    model = forecaster(**structure).fit(daily())
    units = model._units
    outputs = [model._outputs(windows_of(s, 0, 30 - 6 + 1, units, 6)) for s in (series, changed)]
    np.testing.assert_array_equal(*outputs)


def test_a_segment_that_does_not_divide_the_window_is_said_once():
    with pytest.warns(UserWarning, match="segment=4 does not divide the window of 6 steps") as caught:
        model = forecaster(segment=4).fit(daily())
    assert len(caught) == 1
    assert model.network_.recurrent_steps == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict()


@pytest.mark.parametrize("segment", [1, 2, 4, 5])
def test_the_lookback_is_rounded_to_segments(segment):
    model = forecaster(segment=segment, lookback="auto").fit(daily())
    assert model.lookback_ % segment == 0


def test_a_segment_beyond_the_window_is_refused():
    with pytest.raises(ValueError, match="segment=7 is longer than the window of 6 steps"):
        forecaster(segment=7).fit(daily())
    X, y = sequences(steps=5)
    with pytest.raises(ValueError, match="segment=6 is longer than the window of 5 steps"):
        regressor(segment=6).fit(X, y)


def test_segments_hold_whole_steps_of_all_channels():
    X, y = sequences(steps=6, channels=2)
    flat = regressor(segment=3, n_channels=2).fit(X.reshape(len(X), -1), y).predict(X.reshape(len(X), -1))
    np.testing.assert_array_equal(regressor(segment=3).fit(X, y).predict(X), flat)


def test_grid_search_over_structures():
    X, y = sequences(steps=6)
    grid = {"cell": ["gru_reset_before", "lstm_peephole"], "bidirectional": [False, True], "segment": [1, 2]}
    search = GridSearchCV(regressor(), grid, cv=2, error_score="raise").fit(X, y)
    assert set(search.best_params_) == set(grid)
