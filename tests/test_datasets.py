"""The shipped series are what their table says, and the memory tasks are what their docstrings say."""

import hashlib
import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsrnn import datasets

FOLDER = Path(__file__).parent.parent / "datasets"
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


def test_each_call_returns_its_own_series():
    series = datasets.load_airpassengers()
    series.iloc[:] = 0
    assert datasets.load_airpassengers().iloc[0] == 112


def module_at(folder):
    """`tsrnn.datasets` as it would be imported from `folder`/tsrnn."""
    path = folder / "tsrnn" / "datasets.py"
    path.parent.mkdir(parents=True)
    shutil.copy(datasets.__file__, path)
    spec = importlib.util.spec_from_file_location("datasets_elsewhere", path)
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


@pytest.mark.parametrize("length", [2, 3, 7, 50])
def test_adding_problem_has_a_mark_in_each_half(length):
    X, y = datasets.make_adding_problem(300, length, random_state=0)
    assert X.shape == (300, length, 2)
    assert y.shape == (300,)
    assert X.dtype == y.dtype == np.float64
    values, marks = X[:, :, 0], X[:, :, 1]
    assert ((values >= 0) & (values < 1)).all()
    assert np.isin(marks, (0, 1)).all()
    assert (marks[:, : length // 2].sum(axis=1) == 1).all()
    assert (marks[:, length // 2 :].sum(axis=1) == 1).all()
    np.testing.assert_allclose(y, (values * marks).sum(axis=1), rtol=1e-15)
    # Every position is drawn sooner or later, the first and the last included.
    assert marks.any(axis=0).all()


def test_adding_problem_baseline():
    _, y = datasets.make_adding_problem(50_000, 10, random_state=0)
    # The squared error's own standard deviation is 0.20, so 50,000 of them stray by 0.001.
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, abs=0.004)


@pytest.mark.parametrize(("delay", "n_symbols"), [(0, 1), (0, 4), (1, 1), (20, 3)])
def test_delayed_copy_shows_then_waits_then_asks(delay, n_symbols):
    X, y = datasets.make_delayed_copy(50, delay, n_symbols=n_symbols, random_state=0)
    assert X.shape == (50, n_symbols + delay + 1, 2)
    assert y.shape == (50, n_symbols)
    assert X.dtype == y.dtype == np.float64
    assert ((y >= -1) & (y < 1)).all()
    np.testing.assert_array_equal(X[:, :n_symbols, 0], y)
    assert not X[:, n_symbols:, 0].any()
    assert not X[:, :-1, 1].any()
    assert (X[:, -1, 1] == 1).all()
    assert not np.shares_memory(X, y)


def test_delayed_copy_baseline():
    _, y = datasets.make_delayed_copy(20_000, 3, n_symbols=4, random_state=0)
    assert np.mean(y**2) == pytest.approx(1 / 3, abs=0.005)
    remembered = np.zeros_like(y)
    remembered[:, 0] = y[:, 0]
    assert np.mean((y - remembered) ** 2) == pytest.approx((4 - 1) / (3 * 4), abs=0.005)


MAKERS = [datasets.make_adding_problem, datasets.make_delayed_copy]


@pytest.mark.parametrize("make", MAKERS)
def test_seed_decides_the_numbers(make):
    X, y = make(20, 10, random_state=3)
    for again in (3, np.int64(3), np.random.RandomState(3)):
        X_again, y_again = make(20, 10, random_state=again)
        np.testing.assert_array_equal(X_again, X)
        np.testing.assert_array_equal(y_again, y)
    assert not np.array_equal(make(20, 10, random_state=4)[0], X)
    rng = np.random.RandomState(3)
    assert not np.array_equal(make(20, 10, random_state=rng)[0], make(20, 10, random_state=rng)[0])


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("random_state", [None, 0])
def test_global_generator_is_left_alone(make, random_state):
    before = np.random.get_state()  # noqa: NPY002
    X, _ = make(20, 10, random_state=random_state)
    after = np.random.get_state()  # noqa: NPY002
    assert before[2:] == after[2:]
    np.testing.assert_array_equal(before[1], after[1])
    assert np.array_equal(make(20, 10, random_state=random_state)[0], X) == (random_state == 0)


@pytest.mark.parametrize(
    ("make", "arguments", "name", "minimum"),
    [
        (datasets.make_adding_problem, {"n_samples": 1, "length": 2}, "n_samples", 1),
        (datasets.make_adding_problem, {"n_samples": 1, "length": 2}, "length", 2),
        (datasets.make_delayed_copy, {"n_samples": 1, "delay": 0}, "n_samples", 1),
        (datasets.make_delayed_copy, {"n_samples": 1, "delay": 0}, "delay", 0),
        (datasets.make_delayed_copy, {"n_samples": 1, "delay": 0}, "n_symbols", 1),
    ],
)
def test_counts_are_checked(make, arguments, name, minimum):
    make(**{**arguments, name: np.int32(minimum)})
    message = f"{name} must be an integer of at least {minimum}, got "
    with pytest.raises(ValueError, match=f"^{message}{minimum - 1}$"):
        make(**{**arguments, name: minimum - 1})
    for wrong in (2.0, True, "2", None):
        with pytest.raises(TypeError, match=f"^{message}{re.escape(repr(wrong))}$"):
            make(**{**arguments, name: wrong})


@pytest.mark.parametrize("make", MAKERS)
def test_random_state_is_checked(make):
    with pytest.raises(ValueError, match="seed"):
        make(2, 4, random_state="no seed")
