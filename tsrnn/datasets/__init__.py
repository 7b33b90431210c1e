"""Series to try things on: small ones that come with the package, larger ones that are fetched, and memory tasks."""

from tsrnn.datasets.dataset import Dataset
from tsrnn.datasets.long_series import fetch_etth1, fetch_taxi, fetch_vic_electricity
from tsrnn.datasets.panels import (
    fetch_hospital,
    fetch_m3_monthly,
    fetch_m4_hourly,
    fetch_m4_weekly,
    fetch_tourism_monthly,
)
from tsrnn.datasets.shipped import (
    load_airpassengers,
    load_co2,
    load_gdp,
    load_new_york_temperature,
    load_seattle_temperature,
    load_sunspots,
)
from tsrnn.datasets.tasks import make_adding_problem, make_delayed_copy

__all__ = [
    "Dataset",
    "fetch_etth1",
    "fetch_hospital",
    "fetch_m3_monthly",
    "fetch_m4_hourly",
    "fetch_m4_weekly",
    "fetch_taxi",
    "fetch_tourism_monthly",
    "fetch_vic_electricity",
    "load_airpassengers",
    "load_co2",
    "load_gdp",
    "load_new_york_temperature",
    "load_seattle_temperature",
    "load_sunspots",
    "make_adding_problem",
    "make_delayed_copy",
]
