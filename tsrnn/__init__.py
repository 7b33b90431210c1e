"""Time-series forecasting with Numba-compiled recurrent networks."""

__version__ = "0.1.0"
