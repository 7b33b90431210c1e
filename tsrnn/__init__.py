"""Time-series forecasting with Numba-compiled recurrent networks.

`RNNForecaster` forecasts a pandas series; `RNNRegressor` maps sequences to numbers. `CalendarFeatures` makes
columns of a time index; `from_long` and `to_long` change the layout of tables with many series. `warmup` compiles
ahead of time what a first fit would wait for.
"""

# First: it takes longest, and up to 0.3 s longer from within many other imports, where its calls come to lie across the
# blocks in which Python keeps the frames of calls.
import sklearn.base  # noqa: F401

from tsrnn.compilation import warmup
from tsrnn.forecasting.forecaster import RNNForecaster
from tsrnn.forecasting.regressor import RNNRegressor
from tsrnn.forecasting.series.calendar import CalendarFeatures
from tsrnn.forecasting.series.longformat import from_long, to_long
from tsrnn.training.trainer import DivergenceError

__version__ = "0.1.0"
__all__ = ["CalendarFeatures", "DivergenceError", "RNNForecaster", "RNNRegressor", "from_long", "to_long", "warmup"]
