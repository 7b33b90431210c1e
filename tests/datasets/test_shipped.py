"""The shipped series are what their table says."""

import hashlib
import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster, datasets
from tsrnn.datasets import shipped

FOLDER = Path(__file__).parents[2] / "datasets"
COUNTED_IN = {"MS": "months", "QS-JAN": "quarters", "YS-JAN": "years", "D": "days", "h": "hours"}


def read_table():
    """The rows of the README's table, by the name of the file."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    head, _, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: dict(zip(head, row, strict=True)) for row in body}


TABLE = read_table()
NAMES = [file.removesuffix(".csv") for file in TABLE]


def load(name):
    return getattr(datasets, f"load_{name}")()


def test_every_file_has_a_row_and_a_loader():
    assert set(TABLE) == {path.name for path in FOLDER.glob("*.csv")}
    assert {f"load_{name}" for name in NAMES} == {n for n in datasets.__all__ if n.startswith("load_")}


@pytest.mark.parametrize("file", TABLE)
def test_checksum(file):
    # A checkout on Windows may rewrite the line endings; the numbers are the same.
    content = (FOLDER / file).read_bytes().replace(b"\r\n", b"\n")
    assert TABLE[file]["SHA-256"].strip("`") == hashlib.sha256(content).hexdigest()


def test_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 400_000


@pytest.mark.parametrize("name", NAMES)
def test_series_is_regular_and_complete(name):
    series = load(name)
    assert series.dtype == np.float64
    assert np.isfinite(series.to_numpy()).all()
    assert isinstance(series.index, pd.DatetimeIndex)
    assert series.index.freq is not None
    head, *lines = (FOLDER / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    assert head == f"{series.index.name},{series.name}" == f"time,{series.name}"
    # Exactly: a parser of decimals may miss the nearest double by one unit in the last place.
    assert series.tolist() == [float(line.split(",")[1]) for line in lines]


@pytest.mark.parametrize("name", NAMES)
def test_series_is_what_table_and_docstring_say(name):
    series, row = load(name), TABLE[f"{name}.csv"]
    freq = series.index.freqstr
    assert freq.split("-")[0] == row["frequency"].split()[0]
    assert len(series) == int(row["rows"])
    first, last = (pd.Period(part.replace("-Q", "Q")).start_time for part in row["span"].split(" to "))
    assert series.index.equals(pd.date_range(first, last, freq=freq))
    doc = getattr(datasets, f"load_{name}").__doc__
    assert re.search(rf"named ``{series.name}``: {len(series)} {COUNTED_IN[freq]}\s+\(``freq=\"{freq}\"", doc)


def test_known_values():
    air = datasets.load_airpassengers()
    assert air["1949-01-01"] == 112
    assert air.idxmax() == pd.Timestamp("1960-07-01")
    assert air.max() == 622
    assert datasets.load_sunspots().idxmax() == pd.Timestamp("1957-01-01")


@pytest.mark.parametrize("name", NAMES)
def test_each_is_forecast_by_the_defaults(name):
    y = load(name)
    forecast = RNNForecaster(horizon=3, max_steps=1, random_state=0).fit(y).predict()
    assert forecast.between(y.min() - np.ptp(y), y.max() + np.ptp(y)).all()


def test_each_call_returns_its_own_series():
    series = datasets.load_airpassengers()
    series.iloc[:] = 0
    assert datasets.load_airpassengers().iloc[0] == 112


def module_at(folder):
    """`tsrnn.datasets.shipped` as it would be imported from `folder`/tsrnn."""
    path = folder / "tsrnn" / "datasets" / "shipped.py"
    path.parent.mkdir(parents=True)
    shutil.copy(shipped.__file__, path)
    spec = importlib.util.spec_from_file_location("shipped_elsewhere", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_files_are_found_in_the_layout_of_a_wheel(tmp_path):
    module = module_at(tmp_path)
    shutil.copytree(FOLDER, tmp_path / "tsrnn" / "data")
    # Another project's package of that name lies beside an installed tsrnn.
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "airpassengers.csv").write_text("time,passengers\n1949-01-01,-1\n")
    pd.testing.assert_series_equal(module.load_airpassengers(), datasets.load_airpassengers())


def test_missing_file_is_named_with_the_places_searched(tmp_path):
    module = module_at(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"co2\.csv is neither in .* nor in .*reinstall") as caught:
        module.load_co2()
    assert str(tmp_path / "tsrnn" / "data") in str(caught.value)
    assert str(tmp_path / "datasets") in str(caught.value)
