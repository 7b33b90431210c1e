"""Floor 5: series out of files that people keep, and forecasts in the same form."""
