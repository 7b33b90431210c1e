"""Files of several encodings and compressions, and what comes before a table."""

import bz2
import gzip
import lzma
import zipfile

import pytest

from tsrnn.tables.csvfile import read_series
from tsrnn.tables.textfile import find_table, read_text

TEXT = "month,größe\n" + "".join(f"{year}-01,{year % 7}\n" for year in range(2000, 2020))


@pytest.fixture
def zipped(tmp_path):
    """Writes an archive of files."""

    def write(**files):
        path = tmp_path / "sales.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(name.replace("__", ".", 1), text)
        return path

    return write


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("XZ", lzma.compress)])
def test_compressed_files(tmp_path, ending, compress):
    path = tmp_path / f"sales.csv.{ending}"
    path.write_bytes(compress(TEXT.encode()))
    assert read_text(path) == TEXT
    assert read_series(path).series.name == "größe"
    path.write_bytes(compress(TEXT.encode())[:-20])
    with pytest.raises((ValueError, OSError)):
        read_text(path)
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises((ValueError, OSError)):
        read_text(path)


def test_an_archive_of_one_file(zipped):
    assert read_text(zipped(sales__csv=TEXT)) == TEXT
    with pytest.raises(ValueError, match=r"an archive must hold one file, this holds 2: a\.csv, b\.csv"):
        read_text(zipped(a__csv=TEXT, b__csv=TEXT))


def test_no_archive(tmp_path):
    path = tmp_path / "sales.zip"
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(ValueError, match=r"this is no \.zip file that can be read: File is not a zip file"):
        read_text(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(tmp_path, encoding, end):
    path = tmp_path / "sales.csv"
    path.write_bytes(TEXT.replace("\n", end).encode(encoding))
    assert read_text(path) == TEXT


@pytest.mark.parametrize(
    ("text", "before", "separator"),
    [
        ("a,b\n1,2\n", 0, None),
        ("\n \n# x\na,b\n1,2\n", 3, None),
        ("sep=;\na;b\n", 1, ";"),
        ("sep=\t\na\tb\n", 1, "\t"),
        ("#a,b\n1,2\n", 0, None),  # the header itself
        ("# x\n#a,b\n'1',2\n", 1, None),
        ("# x\n\n1,2\n", 2, None),
    ],
)
def test_where_a_table_begins(text, before, separator):
    assert find_table(text) == (before, separator)
