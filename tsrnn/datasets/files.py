"""Where the file of a data set lies: in a folder of the user's own, or at its source."""

import logging
import os
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

VARIABLE = "TSRNN_DATA"
_GITHUB = "https://raw.githubusercontent.com"
_M4 = f"{_GITHUB}/Mcompetitions/M4-methods/master/Dataset"
# Files of which both the address and the content are known: by name, where from and the SHA-256.
SOURCES = {
    "Hourly-train.csv": (
        f"{_M4}/Train/Hourly-train.csv",
        "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f",
    ),
    "Hourly-test.csv": (
        f"{_M4}/Test/Hourly-test.csv",
        "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42",
    ),
    "Weekly-train.csv": (
        f"{_M4}/Train/Weekly-train.csv",
        "d478d3f6ed673e6ed3c2cb0fbed5425f72eedd51318ebebeb0b5ecfcefc37714",
    ),
    "Weekly-test.csv": (
        f"{_M4}/Test/Weekly-test.csv",
        "3b2bc4be8e636e802260dcd843ca3c5da40536a1fbe1ecb3229a97dae4f44688",
    ),
    "ETTh1.csv": (
        f"{_GITHUB}/zhouhaoyi/ETDataset/main/ETT-small/ETTh1.csv",
        "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
    ),
    "taxi_new_york_passengers.csv": (
        f"{_GITHUB}/unit8co/darts/master/datasets/taxi_new_york_passengers.csv",
        "cac434404cfaaf7809c50e2160ebeda9f39bb383854e62914f46748dc7f7569c",
    ),
}


def folders(data_home) -> list[Path]:
    """The user's own folders, the nearest first; refused by name where one is no folder."""
    found = []
    for name, value in (("data_home", data_home), (f"the environment variable {VARIABLE}", os.environ.get(VARIABLE))):
        if value:
            path = Path(value).expanduser()
            if not path.is_dir():
                raise NotADirectoryError(f"{name} must be a folder, got {str(value)!r}")
            found.append(path)
    return found


def beside(data_home, name: str) -> Path | None:
    """The file of this name in the user's own folders, if it is there."""
    return next((folder / name for folder in folders(data_home) if (folder / name).is_file()), None)


def obtain(data_home, *forms: tuple[str, ...]) -> list[Path]:
    """The files of a data set, in the first of its `forms` that is there, else in the last one from its source.

    A form is the names of the files that belong together. The user's folders are read, never written to.
    """
    for names in forms:
        paths = [beside(data_home, name) for name in names]
        if all(paths):
            return paths
    if all(name in SOURCES for name in forms[-1]):
        return [_download(name) for name in forms[-1]]
    wanted = " nor ".join(" with ".join(names) for names in forms)
    searched = folders(data_home)
    where = f"in {' nor in '.join(map(str, searched))}" if searched else f"given by data_home or {VARIABLE}"
    raise FileNotFoundError(
        f"{wanted} is not {where}; it is not downloaded, because no public copy with a checksum is known: put the file "
        f"into a folder and name that by data_home or the environment variable {VARIABLE}"
    )


def read_parquet(path: Path) -> pd.DataFrame:
    """A table; says what to install where pandas cannot read it."""
    try:
        return pd.read_parquet(path)
    except ImportError:
        raise ModuleNotFoundError(
            f'{path} is read by pyarrow, which is not installed: pip install "tsrnn[data]"', name="pyarrow"
        ) from None


def _download(name: str) -> Path:
    try:
        import pooch
    except ImportError:
        raise ModuleNotFoundError(
            f"{name} is in no folder given by data_home or {VARIABLE}; to download it needs pooch, which is not "
            'installed: pip install "tsrnn[data]"',
            name="pooch",
        ) from None
    url, checksum = SOURCES[name]
    try:
        with _quiet(pooch.get_logger()):
            return Path(pooch.retrieve(url, f"sha256:{checksum}", fname=name, path=pooch.os_cache("tsrnn")))
    except OSError as error:  # those of requests are some, and tell what the others around them were caused by
        _, around, cause = str(error).rpartition("(Caused by ")
        cause = cause.removesuffix(")") if around else cause
        raise OSError(
            f"{name} could not be downloaded from {url}: {cause}; get it in another way, put it into a folder and name "
            f"that by data_home or the environment variable {VARIABLE}"
        ) from None


@contextmanager
def _quiet(logger: logging.Logger):
    """Without its notes about each download."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
