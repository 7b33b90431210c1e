"""Floor 4: RNNForecaster and RNNRegressor, from series and rows to forecasts."""
