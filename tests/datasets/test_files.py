"""Files are found in the user's folders before anything is downloaded, and nothing that differs is taken."""

import hashlib
import logging
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tsrnn.datasets import files

FORMS = (("table.parquet",), ("first.csv", "second.csv"))


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A folder that is served on this machine, whose files are those known, and an empty cache."""
    pooch = pytest.importorskip("pooch")
    folder, cache = tmp_path / "source", tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setattr(pooch, "os_cache", lambda name: cache / name)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        known = {}
        for name in FORMS[-1]:
            (folder / name).write_text(f"values of {name}\n")
            checksum = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            known[name] = (f"http://127.0.0.1:{server.server_port}/{name}", checksum)
        monkeypatch.setattr(files, "SOURCES", known)
        yield folder
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of the user's own; no other one is set."""
    monkeypatch.delenv(files.VARIABLE, raising=False)
    path = tmp_path / "own"
    path.mkdir()
    return path


def test_sources_are_https_with_a_checksum():
    for url, checksum in files.SOURCES.values():
        assert url.startswith("https://")
        assert len(checksum) == 64
        int(checksum, 16)


def test_the_argument_comes_before_the_variable(folder, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv(files.VARIABLE, str(other))
    (other / "table.parquet").touch()
    assert files.obtain(folder, *FORMS) == [other / "table.parquet"]
    assert files.obtain(None, *FORMS) == [other / "table.parquet"]
    (folder / "table.parquet").touch()
    assert files.obtain(str(folder), *FORMS) == [folder / "table.parquet"]


def test_a_form_is_taken_whole(folder):
    for name in FORMS[1]:
        (folder / name).touch()
    assert files.obtain(folder, *FORMS) == [folder / name for name in FORMS[1]]
    (folder / "table.parquet").touch()
    assert files.obtain(folder, *FORMS) == [folder / "table.parquet"]


def test_what_is_nowhere_is_named_with_the_folders(folder):
    (folder / "first.csv").touch()
    message = r"table\.parquet nor first\.csv with second\.csv is not in .*own; it is not downloaded.*TSRNN_DATA"
    with pytest.raises(FileNotFoundError, match=message):
        files.obtain(folder, *FORMS)
    with pytest.raises(FileNotFoundError, match=r"table\.parquet is not given by data_home or TSRNN_DATA; it is not"):
        files.obtain(None, FORMS[0])


def test_folders_that_do_not_exist_are_refused(folder, monkeypatch):
    with pytest.raises(NotADirectoryError, match=r"^data_home must be a folder, got '.*missing'"):
        files.obtain(folder / "missing", *FORMS)
    monkeypatch.setenv(files.VARIABLE, "/no/such/folder")
    with pytest.raises(NotADirectoryError, match=r"^the environment variable TSRNN_DATA must be a folder, got '/no/"):
        files.obtain(None, *FORMS)


def test_files_are_downloaded_once_into_the_cache(folder, source, tmp_path, capsys):
    paths = files.obtain(folder, *FORMS)
    assert paths == [tmp_path / "cache" / "tsrnn" / name for name in FORMS[1]]
    assert paths[1].read_text() == "values of second.csv\n"
    for path in source.iterdir():
        path.unlink()
    assert files.obtain(None, *FORMS) == paths
    assert not list(folder.iterdir()), "the user's folder is only read"
    assert capsys.readouterr() == ("", "")


def test_another_content_is_not_taken(folder, source):
    (source / "first.csv").write_text("something else\n")
    with pytest.raises(ValueError, match=r"SHA256 hash of downloaded file \(first\.csv\) does not match"):
        files.obtain(None, *FORMS)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("Pool(port=443): Max retries exceeded (Caused by Unresolved('no name'))", r"Unresolved\('no name'\)"),
        ("404 Client Error: Not Found", "404 Client Error: Not Found"),
    ],
)
def test_a_failed_download_says_what_else_can_be_done(said, cause, folder, source, monkeypatch):
    def fail(*arguments, **keywords):
        raise OSError(said)

    monkeypatch.setattr(sys.modules["pooch"], "retrieve", fail)
    message = (
        rf"^first\.csv could not be downloaded from http://127.*/first\.csv: {cause}; .*data_home or .* TSRNN_DATA$"
    )
    with pytest.raises(OSError, match=message) as error:
        files.obtain(None, *FORMS)
    assert error.value.__suppress_context__
    (folder / "first.csv").touch()
    (folder / "second.csv").touch()
    assert files.obtain(folder, *FORMS) == [folder / name for name in FORMS[1]]


def test_the_level_of_the_log_is_put_back(folder, source):
    pooch = pytest.importorskip("pooch")
    before = pooch.get_logger().level
    files.obtain(None, *FORMS)
    assert pooch.get_logger().level == before != logging.WARNING


@pytest.mark.parametrize(("package", "call"), [("pooch", files._download), ("pyarrow", files.read_parquet)])
def test_what_is_not_installed_is_named(package, call, folder, monkeypatch):
    def refuse(*arguments, **keywords):
        raise ImportError

    monkeypatch.setitem(sys.modules, "pooch", None)
    monkeypatch.setattr(files.pd, "read_parquet", refuse)
    with pytest.raises(ModuleNotFoundError, match=rf'{package}, which is not installed: pip install "tsrnn\[data\]"'):
        call(Path("first.csv"))
