"""`RNNRegressor` as the model of other forecasting libraries, where they are installed."""

import numpy as np
import pytest

from tsrnn import RNNRegressor
from tsrnn.datasets import load_airpassengers

pytestmark = pytest.mark.filterwarnings("default")  # theirs
HELD = 12


def model():
    return RNNRegressor(hidden_size=8, linear_skip=True, max_iter=200, random_state=0)


def assert_beats_the_season_before(name, forecast):
    """In the last year of the passengers."""
    y = load_airpassengers().to_numpy()
    error, naive = (np.abs(y[-HELD:] - other).mean() for other in (forecast, y[-2 * HELD : -HELD]))
    print(f"{name}: MAE {error:.2f}, of the year before {naive:.2f}")
    assert error < naive


def test_skforecast_recursive():
    recursive = pytest.importorskip("skforecast.recursive")
    y = load_airpassengers()
    forecaster = recursive.ForecasterRecursive(estimator=model(), lags=12)
    forecaster.fit(y=y[:-HELD])
    forecast = forecaster.predict(steps=HELD)
    assert forecast.index.equals(y.index[-HELD:])
    assert_beats_the_season_before("skforecast ForecasterRecursive", forecast.to_numpy())


def test_skforecast_direct():
    direct = pytest.importorskip("skforecast.direct")
    y = load_airpassengers()
    forecaster = direct.ForecasterDirect(estimator=model(), lags=12, steps=HELD)
    forecaster.fit(y=y[:-HELD])
    assert_beats_the_season_before("skforecast ForecasterDirect", forecaster.predict().to_numpy())


def test_skforecast_searches_its_parameters():
    recursive = pytest.importorskip("skforecast.recursive")
    selection = pytest.importorskip("skforecast.model_selection")
    y = load_airpassengers()
    found = selection.grid_search_forecaster(
        forecaster=recursive.ForecasterRecursive(estimator=model().set_params(max_iter=20), lags=12),
        y=y,
        param_grid={"hidden_size": [2, 4]},
        cv=selection.TimeSeriesFold(steps=HELD, initial_train_size=len(y) - 2 * HELD),
        metric="mean_absolute_error",
        show_progress=False,
        return_best=False,
        verbose=False,
    )
    assert len(found) == 2
    assert np.isfinite(found["mean_absolute_error"]).all()


def test_mlforecast():
    mlforecast = pytest.importorskip("mlforecast")
    differences = pytest.importorskip("mlforecast.target_transforms")
    import pandas as pd

    y = load_airpassengers()
    table = pd.DataFrame({"unique_id": "passengers", "ds": y.index, "y": y.to_numpy()})
    forecaster = mlforecast.MLForecast(
        models={"rnn": model()},
        freq="MS",
        lags=range(12, 0, -1),
        target_transforms=[differences.Differences([1])],
    )
    forecaster.fit(table[:-HELD])
    forecast = forecaster.predict(HELD)
    assert (forecast["ds"].to_numpy() == y.index[-HELD:].to_numpy()).all()
    assert_beats_the_season_before("mlforecast", forecast["rnn"].to_numpy())
    folds = forecaster.cross_validation(table, n_windows=2, h=6)
    assert len(folds) == 12
    assert np.isfinite(folds["rnn"]).all()
