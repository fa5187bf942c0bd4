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

from rungwise.data.limits import Expansion, check_regular
from rungwise.errors import ConfigError, DataError

__all__ = [
    "GUNZIP",
    "GZIP_ERRORS",
    "HEAD_BYTES",
    "TextFile",
    "Utf8Stream",
    "encoding_error",
    "is_zipped",
    "open_binary",
    "text_file",
]

HEAD_BYTES = (1 << 20, 1 << 24)
"""What is looked at before a file is read: the second where the header doesn't fit into the first."""

BLOCK_BYTES = 1 << 24

GZIP_ERRORS = (gzip.BadGzipFile, EOFError, zlib.error)
"""What reading a damaged gzip file raises."""

GUNZIP = "decompress it (`gunzip`) and name the file that this gives"
"""How to read a file that is compressed too well."""

_NO_TEXT = ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape")
"""Encodings of names and of Python's source, not of text; those of bytes aren't text to Python either."""

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
_MARKS = {b"\xff\xfe\0\0": "32", b"\0\0\xfe\xff": "32", b"\xff\xfe": "16", b"\xfe\xff": "16"}
"""Byte order marks of UTF-32 and UTF-16, the longer first."""


def is_zipped(path: Path) -> bool:
    """Whether the name of a file says that it is compressed by gzip."""
    return path.suffix.lower() == ".gz"


def open_binary(path: Path) -> IO[bytes]:
    """The bytes of a file, decompressed if its name says so.

    Raises:
        DataError: if it isn't a file.
    """
    check_regular(path)
    return gzip.open(path) if is_zipped(path) else path.open("rb")  # type: ignore[return-value]


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

    def not_whole(self, error: Exception) -> DataError:
        """The error for a file that can't be decompressed."""
        return DataError(f"it isn't a whole gzip file ({error}).", file=self.path)

    def row(self, num_before: int) -> int | None:
        """The number of a record from how many lines end before it, None for the header."""
        return (num_before or None) if self.has_header else num_before + 1

    def head(self, num_bytes: int) -> tuple[str, bool]:
        """The first characters, once it is clear that they are text, and whether they are all.

        Raises:
            DataError: if the file is empty, or isn't text.
        """
        try:
            with open_binary(self.path) as stream:
                head = stream.read(num_bytes)
        except GZIP_ERRORS as error:
            raise self.not_whole(error) from None
        for magic, what in _MAGIC.items():
            if head.startswith(magic):
                raise DataError(
                    f"it isn't what its name says, it is {what}; export the data as text,"
                    " or give the file the suffix of what it is.",
                    file=self.path,
                )
        bits = next((bits for mark, bits in _MARKS.items() if head.startswith(mark)), "")
        if bits not in self.encoding:
            raise DataError(
                f"it isn't {self.encoding}; it seems to be UTF-{bits}: add `--encoding utf-{bits}`.",
                file=self.path,
            )
        if b"\0" in head and not self._may_have_zeros:
            raise zero_error(self)
        is_whole = len(head) < num_bytes  # else the last character may be cut
        try:
            text = codecs.getincrementaldecoder(self.encoding)().decode(head, final=is_whole)
        except UnicodeError:
            raise encoding_error(self) from None
        if not text.strip("\ufeff \r\n\t"):
            start = "the file is" if is_whole else f"its first {num_bytes:,} bytes are"
            raise DataError(f"{start} empty.", file=self.path)
        return text.removeprefix("\ufeff"), is_whole

    @property
    def _may_have_zeros(self) -> bool:
        """Whether characters are written with bytes that are zero."""
        return self.encoding.startswith(("utf-16", "utf-32"))


class Utf8Stream:
    """The text of a file as UTF-8, decompressed: what `pyarrow.PythonFile` reads from.

    Errors are raised where they are met: a file that isn't whole, isn't in its encoding or holds zeros.
    """

    def __init__(self, file: TextFile) -> None:
        self.closed = False
        self._file = file
        self._stream = open_binary(file.path)
        self._decoder = None if file.encoding == "utf-8" else codecs.getincrementaldecoder(file.encoding)()
        self._expansion = Expansion(file.path, GUNZIP) if is_zipped(file.path) else None

    def __enter__(self) -> Utf8Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._stream.close()
        self.closed = True

    def read(self, num_bytes: int) -> bytes:
        """About so many bytes, none at the end.

        Raises:
            DataError: if there are none that can be used.
        """
        while True:
            try:
                block = self._stream.read(num_bytes)
            except GZIP_ERRORS as error:
                raise self._file.not_whole(error) from None
            if self._expansion is not None:
                self._expansion.add(len(block))
            text = self._decoded(block)
            if b"\0" in text:
                raise zero_error(self._file)
            if text or not block:
                return text

    def _decoded(self, block: bytes) -> bytes:
        if self._decoder is None:
            return block
        try:
            return self._decoder.decode(block, final=not block).encode()
        except UnicodeError:
            raise encoding_error(self._file) from None


def text_file(path: Path, encoding: str, *, has_header: bool) -> TextFile:
    """The text file at a path.

    Raises:
        ConfigError: if there is no such encoding of text.
    """
    try:
        "".encode(encoding)  # encodings of bytes, such as hex, aren't for strings
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        name = "undefined"
    if name in _NO_TEXT:
        raise ConfigError(
            f"encoding {encoding[:40]!r} is unknown; for example utf-8, gb18030, cp1252 and utf-16 can be used."
        )
    return TextFile(path, name, has_header)


class _Rows:
    """Counts the records that end in what it is fed: line ends, but for those in quotes."""

    def __init__(self, may_quote: bool) -> None:
        self.num = 0
        self._may_quote = may_quote
        self._is_open = 0

    def feed(self, data: bytes) -> None:
        """Counts on."""
        array = np.frombuffer(data, np.uint8)
        ends = array == ord("\n")
        if self._may_quote and len(array):
            in_quotes = (np.cumsum(array == ord('"'), dtype=np.uint8) & 1) ^ self._is_open
            ends &= in_quotes == 0
            self._is_open = int(in_quotes[-1])
        self.num += int(ends.sum())


def zero_error(file: TextFile) -> DataError:
    """The error that names the first byte which is zero."""
    rows = _Rows(file.has_header)
    num_bytes = 0
    if not file._may_have_zeros:
        with open_binary(file.path) as stream:
            while block := stream.read(BLOCK_BYTES):
                zero = block.find(b"\0")
                rows.feed(block[: zero if zero >= 0 else None])
                if zero >= 0:
                    return DataError(
                        f"byte {num_bytes + zero} is zero, so it isn't text; is it what its name says?",
                        file=file.path,
                        row=file.row(rows.num),
                    )
                num_bytes += len(block)
    return DataError("a character is zero, so it isn't text; is it what its name says?", file=file.path)


def encoding_error(file: TextFile) -> DataError:
    """The error that names the first byte which can't be decoded."""
    decoder = codecs.getincrementaldecoder(file.encoding)()
    rows = _Rows(file.has_header)
    num_bytes = 0
    with open_binary(file.path) as stream:
        while True:
            block = stream.read(BLOCK_BYTES)
            pending = decoder.getstate()[0]
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                start = error.start - len(pending)
                rows.feed(block[: max(start, 0)])
                near = (pending + block)[error.start : error.start + 4096]
                return DataError(
                    f"byte {num_bytes + start} (0x{error.object[error.start]:02x}) isn't {file.encoding};"
                    f" if the file is in another encoding, say so: `--encoding {_likely(near)}`.",
                    file=file.path,
                    row=file.row(rows.num),
                )
            except UnicodeError as error:
                return _not_text(file, str(error))
            if not block:
                return _not_text(file, "a character of it stands for nothing")
            num_bytes += len(block)
            rows.feed(block)


def _not_text(file: TextFile, problem: str) -> DataError:
    return DataError(
        f"it can't be decoded as {file.encoding} ({problem}); name its encoding with `--encoding`.",
        file=file.path,
    )


def _likely(data: bytes) -> str:
    """The encoding that bytes above 0x7f are probably in: Chinese ones come in pairs, Western ones alone."""
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", data)]
    return "gb18030" if sum(run for run in runs if run % 2 == 0) * 2 > sum(runs) else "cp1252"
