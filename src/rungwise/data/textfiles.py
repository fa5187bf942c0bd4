"""Text files before they are read: whether they are text, and where they aren't in the encoding."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from rungwise.errors import ConfigError, DataError

__all__ = ["GZIP_ERRORS", "TextFile", "encoding_error", "text_file"]

HEAD_BYTES = 1 << 20
"""What is looked at before a file is read: the header must fit in."""

GZIP_ERRORS = (gzip.BadGzipFile, EOFError, zlib.error)
"""What reading a damaged gzip file raises."""

_MAGIC = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x1f\x8b": "a gzip file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF": "a PDF document",
    b"SQLite format": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"<!DOCTYPE": "a web page",
    b"<!doctype": "a web page",
    b"<html": "a web page",
}


@dataclass(frozen=True)
class TextFile:
    """A text file.

    Attributes:
        path: as the user gave it.
        encoding: by Python's name.
        has_header: whether records begin after a header and may hold line ends in quotes, as in CSV.
    """

    path: Path
    encoding: str
    has_header: bool

    def open(self) -> IO[bytes]:
        """The bytes, decompressed."""
        return gzip.open(self.path) if self.path.suffix == ".gz" else self.path.open("rb")  # type: ignore[return-value]

    def not_whole(self, error: Exception) -> DataError:
        """The error for a file that can't be decompressed."""
        return DataError(f"it isn't a whole gzip file ({error}).", file=self.path)

    def row(self, num_before: int) -> int | None:
        """The number of a record from how many lines end before it, None for the header."""
        return (num_before or None) if self.has_header else num_before + 1

    def head(self) -> bytes:
        """The first bytes, once it is clear that they are text.

        Raises:
            DataError: if the file is empty, or isn't text.
        """
        try:
            with self.open() as stream:
                head = stream.read(HEAD_BYTES)
        except GZIP_ERRORS as error:
            raise self.not_whole(error) from None
        if not head.strip(b"\xef\xbb\xbf \r\n\t"):
            raise DataError("the file is empty; it needs a header and rows.", file=self.path)
        for magic, what in _MAGIC.items():
            if head.startswith(magic):
                raise DataError(
                    f"it isn't what its name says, it is {what}; export the data as text,"
                    " or give the file the suffix of what it is.",
                    file=self.path,
                )
        if head.startswith((b"\xff\xfe", b"\xfe\xff")) and "16" not in self.encoding:
            raise DataError(
                f"it isn't {self.encoding}; it seems to be UTF-16: add `--encoding utf-16`.", file=self.path
            )
        zero = head.find(b"\0")
        if zero >= 0 and not self.encoding.startswith(("utf-16", "utf-32")):
            raise DataError(
                f"byte {zero} is zero, so it isn't text; is it what its name says?",
                file=self.path,
                row=self.row(_rows_before(head[:zero], self.has_header)),
            )
        return head


def text_file(path: Path, encoding: str, *, has_header: bool) -> TextFile:
    """The text file at a path.

    Raises:
        ConfigError: if there is no such encoding.
    """
    try:
        return TextFile(path, codecs.lookup(encoding).name, has_header)
    except LookupError:
        raise ConfigError(
            f"encoding {encoding!r} is unknown; for example utf-8, gb18030, cp1252 and utf-16 can be used."
        ) from None


def _rows_before(data: bytes, may_quote: bool) -> int:
    """Line ends, but for those in quotes: how many records end before the next byte."""
    array = np.frombuffer(data, np.uint8)
    in_quotes = (np.cumsum(array == ord('"')) % 2 == 1) & may_quote
    return int(((array == ord("\n")) & ~in_quotes).sum())


def encoding_error(file: TextFile) -> DataError:
    """The error that names the first byte which can't be decoded."""
    decoder = codecs.getincrementaldecoder(file.encoding)()
    num_bytes = num_rows = 0
    with file.open() as stream:
        while True:
            block = stream.read(1 << 24)
            pending = decoder.getstate()[0]
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                start = max(error.start - len(pending), 0)
                row = num_rows + _rows_before(block[:start], file.has_header)
                near = (pending + block)[error.start : error.start + 4096]
                return DataError(
                    f"byte {num_bytes + start} (0x{error.object[error.start]:02x}) isn't {file.encoding};"
                    f" if the file is in another encoding, say so: `--encoding {_likely(near)}`.",
                    file=file.path,
                    row=file.row(row),
                )
            if not block:
                return DataError(f"it can't be decoded as {file.encoding}.", file=file.path)
            num_bytes, num_rows = num_bytes + len(block), num_rows + _rows_before(block, file.has_header)


def _likely(data: bytes) -> str:
    """The encoding that bytes above 0x7f are probably in: Chinese ones come in pairs, Western ones alone."""
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", data)]
    return "gb18030" if sum(run for run in runs if run % 2 == 0) * 2 > sum(runs) else "cp1252"
