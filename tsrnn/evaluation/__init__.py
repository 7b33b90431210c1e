"""Floor 5: measuring forecasts."""
