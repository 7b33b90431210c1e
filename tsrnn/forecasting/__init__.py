"""Floor 4: windows, normalisation and the estimators."""
