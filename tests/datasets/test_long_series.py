"""Long series come out cut at the right places, on an index with a frequency."""

import numpy as np
import pandas as pd
import pytest

from tsrnn import datasets
from tsrnn.datasets import files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv(files.VARIABLE, raising=False)
    return tmp_path


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_etth1_is_cut_after_twelve_and_sixteen_months(folder, suffix):
    rows = 17_420
    stamps = pd.date_range("2016-07-01", periods=rows, freq="h")
    table = pd.DataFrame({"HUFL": np.arange(rows) + 0.5, "OT": -np.arange(rows)}, stamps.rename("time"))
    table.to_csv(folder / f"ETTh1{suffix}", index_label="date")
    found = datasets.fetch_etth1(data_home=folder)
    assert [len(part) for part in (found.train, found.validation, found.test)] == [8640, 2880, 2880]
    pd.testing.assert_frame_equal(
        pd.concat([found.train, found.validation, found.test]), table[:14_400], check_freq=False, check_index_type=False
    )
    assert found.train.index.freq == pd.offsets.Hour()
    assert (found.horizon, found.season_length) == (96, 24)


def test_taxi_from_either_form_of_its_file(folder):
    stamps = pd.date_range("2014-07-01", periods=40 * 48, freq="30min")
    counts = np.arange(len(stamps))
    pd.DataFrame({"time": stamps, "#Passengers": counts}).to_csv(folder / "taxi_new_york_passengers.csv", index=False)
    found = datasets.fetch_taxi(data_home=folder)
    assert len(found.test) == 28 * 48
    assert found.test.index[0] == pd.Timestamp("2014-07-13")
    assert found.train.index.freqstr == "30min"
    assert found.train.dtype == np.float64
    np.testing.assert_array_equal(np.append(found.train, found.test), counts)
    pytest.importorskip("pyarrow")
    pd.DataFrame({"date": stamps, "y": counts + 1}).to_parquet(folder / "taxi.parquet")
    again = datasets.fetch_taxi(data_home=folder)
    pd.testing.assert_series_equal(again.train, found.train + 1, check_index_type=False, check_freq=False)


def test_electricity_goes_by_the_clock_of_melbourne(folder):
    pytest.importorskip("pyarrow")
    stamps = pd.date_range("2011-12-31 13:00", periods=60 * 48, freq="30min")
    demand = np.arange(len(stamps)) + 4000.5
    columns = {"date": stamps, "Demand": demand, "Temperature": demand / 200, "Holiday": demand.astype(int) % 2}
    pd.DataFrame(columns).to_parquet(folder / "vic_electricity.parquet")
    found = datasets.fetch_vic_electricity(data_home=folder)
    assert found.train.index[0] == pd.Timestamp("2012-01-01", tz="Australia/Melbourne")
    assert found.test.index[0] == pd.Timestamp("2012-02-02", tz="Australia/Melbourne")
    assert found.train.index.freqstr == "30min"
    assert list(found.X.columns) == ["Temperature", "Holiday"]
    assert found.X.index.equals(found.train.index.append(found.test.index))
    np.testing.assert_array_equal(np.append(found.train, found.test), demand)


def test_a_file_with_a_gap_is_refused(folder):
    stamps = pd.date_range("2014-07-01", periods=40 * 48, freq="30min").delete(7)
    table = pd.DataFrame({"time": stamps, "#Passengers": 1.0})
    table.to_csv(folder / "taxi_new_york_passengers.csv", index=False)
    with pytest.raises(ValueError, match="frequency"):
        datasets.fetch_taxi(data_home=folder)
