"""Panels come out as the forecaster takes them, from either form of their files."""

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster, datasets
from tsrnn.datasets import files

M4 = [
    (datasets.fetch_m4_hourly, "m4_hourly", "Hourly", 48, 24),
    (datasets.fetch_m4_weekly, "m4_weekly", "Weekly", 13, 52),
]
MONTHLY = [
    (datasets.fetch_m3_monthly, "m3_monthly", 18),
    (datasets.fetch_tourism_monthly, "tourism_monthly", 24),
    (datasets.fetch_hospital, "hospital", 12),
]
LENGTHS = {"S1": 90, "S2": 60, "S10": 75}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv(files.VARIABLE, raising=False)
    return tmp_path


def long_table(horizon, start=None):
    """Three series; values count through all of them."""
    parts = []
    for offset, (name, length) in enumerate(LENGTHS.items()):
        ds = np.arange(1, length + 1) if start is None else pd.date_range(start, periods=length, freq="MS")
        split = ["train"] * (length - horizon) + ["test"] * horizon
        y = np.arange(length) + 1000.0 * offset
        parts.append(pd.DataFrame({"unique_id": name, "ds": ds, "y": y, "split": split}))
    return pd.concat(parts, ignore_index=True)


def write_wide(folder, group, table):
    """As in the competition's repository: a series a row, quoted, with commas for what the longest has more."""
    for split in ("train", "test"):
        rows = [[f'"{v:g}"' for v in values] for values in values_of(table, split)]
        width = max(map(len, rows))
        lines = [",".join(f'"V{k}"' for k in range(1, width + 2))]
        lines += [
            f'"{name}",' + ",".join(row) + "," * (width - len(row)) for name, row in zip(LENGTHS, rows, strict=True)
        ]
        (folder / f"{group}-{split}.csv").write_text("\n".join(lines) + "\n")


def values_of(table, split):
    part = table[table["split"] == split]
    return [part.loc[part["unique_id"] == name, "y"].to_numpy() for name in LENGTHS]


@pytest.mark.parametrize(("fetch", "name", "group", "horizon", "season"), M4)
def test_m4_from_either_form_of_its_files(fetch, name, group, horizon, season, folder):
    pytest.importorskip("pyarrow")
    table = long_table(horizon)
    write_wide(folder, group, table)
    wide = fetch(data_home=folder)
    table.to_parquet(folder / f"{name}.parquet")
    long = fetch(data_home=folder)
    for found in (wide, long):
        assert (found.name, found.horizon, found.season_length) == (name, horizon, season)
        assert found.train.index.names == ["unique_id", "ds"]
        for split in ("train", "test"):
            part = getattr(found, split)
            assert part.dtype == np.float64
            assert list(part.index.get_level_values(0).unique()) == list(LENGTHS)
            for series, values in zip(LENGTHS, values_of(table, split), strict=True):
                np.testing.assert_array_equal(part[series], values)
        assert found.train["S2"].index[[0, -1]].to_list() == [1, 60 - horizon]
        assert found.test["S2"].index[[0, -1]].to_list() == [60 - horizon + 1, 60]


def test_m4_hours_have_stamps_where_the_starts_are_known(folder):
    write_wide(folder, "Hourly", long_table(48))
    starts = "unique_id,start\nS1,2015-07-01T12:00:00\nS2,2010-01-02T08:00:00\nS10,1969-12-31T00:00:00\n"
    (folder / "m4_hourly_start.csv").write_text(starts)
    found = datasets.fetch_m4_hourly(data_home=folder)
    assert found.train["S1"].index[0] == pd.Timestamp("2015-07-01 12:00")
    assert found.test["S2"].index[-1] == pd.Timestamp("2010-01-02 08:00") + pd.Timedelta(hours=59)
    assert found.train["S10"].index.equals(pd.date_range("1969-12-31", periods=75 - 48, freq="h"))


def test_m4_weeks_begin_on_mondays(folder):
    """One frequency for all series: the Monday of the week that the source stamps by another day."""
    write_wide(folder, "Weekly", long_table(13))
    starts = "unique_id,start\nS1,1975-01-08T12:00:00\nS2,1967-01-07T12:00:00\nS10,1984-01-02T12:00:00\n"
    (folder / "m4_weekly_start.csv").write_text(starts)
    found = datasets.fetch_m4_weekly(data_home=folder)
    firsts = [found.train[name].index[0] for name in LENGTHS]
    assert firsts == [pd.Timestamp("1975-01-06"), pd.Timestamp("1967-01-02"), pd.Timestamp("1984-01-02")]
    for name, first in zip(LENGTHS, firsts, strict=True):
        assert found.train[name].index.equals(pd.date_range(first, periods=LENGTHS[name] - 13, freq="W-MON"))
    assert found.test["S1"].index[-1] == pd.Timestamp("1975-01-06") + pd.Timedelta(weeks=89)


@pytest.mark.parametrize(("fetch", "name", "horizon"), MONTHLY)
def test_monthly(fetch, name, horizon, folder):
    pytest.importorskip("pyarrow")
    table = long_table(horizon, "1990-01-01")
    table["unique_id"] = table["unique_id"].astype("category")
    table.to_parquet(folder / f"{name}.parquet")
    found = fetch(data_home=folder)
    assert (found.name, found.horizon, found.season_length) == (name, horizon, 12)
    assert found.train["S1"].index.equals(pd.date_range("1990-01-01", periods=90 - horizon, freq="MS"))
    assert found.test["S1"].index[0] == found.train["S1"].index[-1] + pd.offsets.MonthBegin()
    np.testing.assert_array_equal(found.test["S10"], values_of(table, "test")[2])
    assert "CC BY 4.0" in found.description
    assert name in repr(found)
    assert len(repr(found)) < 100, "the values do not belong there"


@pytest.mark.parametrize(("fetch", "name", "horizon"), MONTHLY)
def test_monthly_is_not_downloaded(fetch, name, horizon, folder):
    with pytest.raises(FileNotFoundError, match=rf"{name}\.parquet is not given by data_home or TSRNN_DATA; it is not"):
        fetch()


def test_the_forecaster_takes_it(folder):
    write_wide(folder, "Weekly", long_table(13))
    (folder / "m4_weekly_start.csv").write_text("unique_id,start\nS1,1975-01-08\nS2,1967-01-07\nS10,1984-01-02\n")
    found = datasets.fetch_m4_weekly(data_home=folder)
    model = RNNForecaster(horizon=found.horizon, lookback=10, max_steps=1, random_state=0).fit(found.train)
    assert model.season_length_ == found.season_length
    forecast = model.predict()
    assert forecast.index.sort_values().equals(found.test.index.sort_values())
