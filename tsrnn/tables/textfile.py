"""The text of a file, compressed or not, and where its table begins."""

import bz2
import codecs
import gzip
import io
import lzma
import re
import zipfile
import zlib
from pathlib import Path

OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}  # by the end of the name
BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)  # RuntimeError: a password is missing
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
STARTS_AS_DATA = re.compile(r"""["' ]*[+-]?\d""")


def read_text(path) -> str:
    """The text of a file in UTF-8, or in UTF-16 where a byte-order mark says so.

    A name that ends in .gz, .bz2, .xz or .zip is that of a compressed file.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no text in one of these encodings.
    """
    data = _read_bytes(Path(path))
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in data:
        raise ValueError("this is no CSV file: it holds binary data; a spreadsheet program can save a table as CSV")
    else:
        encoding = "utf-8-sig"
    try:
        return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        name, row = encoding.removesuffix("-sig").upper(), data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"this is no CSV file in {name}: row {row} holds the byte 0x{data[error.start]:02x}; save it in UTF-8 (in "
            "Excel: Save As, CSV UTF-8) or convert it, for example with iconv -f CP1252 -t UTF-8"
        ) from error


def _read_bytes(path: Path) -> bytes:
    ending = path.suffix.lower()
    try:
        if ending == ".zip":
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX/" not in name]
                if len(names) != 1:
                    raise ValueError(f"an archive must hold one file, this holds {len(names)}: {', '.join(names)}")
                return archive.read(names[0])
        with OPENERS.get(ending, open)(path, "rb") as file:
            return file.read()
    except BROKEN as error:
        raise ValueError(f"this is no {ending} file that can be read: {error}") from error


def find_table(text: str) -> tuple[int, str | None]:
    """How many lines come before the header, and the separator if one of them names it as Excel does (``sep=;``).

    Lines that are empty or begin with # come before it; of the latter the last is the header itself if data follow it.

    Raises
    ------
    ValueError
        If there are no other lines.
    """
    separator, before = None, ""
    for number, line in enumerate(io.StringIO(text)):
        named = SEPARATOR_LINE.fullmatch(line.rstrip("\n"))
        if named:
            separator = named[1]
        elif line.strip() and not line.startswith("#"):
            commented = before.startswith("#") and STARTS_AS_DATA.match(line)
            return number - bool(commented), separator
        before = line
    raise ValueError("the file holds nothing but comments" if text.strip() else "the file is empty")
