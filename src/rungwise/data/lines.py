"""Reads texts without labels: one a line."""

from __future__ import annotations

import codecs
from pathlib import Path

import pyarrow as pa

from rungwise.data.textfiles import GZIP_ERRORS, TextFile, encoding_error, open_binary
from rungwise.errors import DataError

__all__ = ["read_lines"]

_FIRST_BYTES = 2**16
_OF_TABLES = {".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".parquet", ".conll"}
_CHUNK = 2**16
"""Texts of one chunk of the column."""


def read_lines(path: Path, encoding: str = "utf-8") -> pa.ChunkedArray:
    """The lines of a text file, gzipped or not, but for those that are blank.

    Raises:
        DataError: if there is no such file, it isn't plain text of that encoding, or it has no line.
    """
    suffixes = {suffix.lower() for suffix in path.suffixes} & _OF_TABLES
    if suffixes:
        raise DataError(
            f"it has rows ({suffixes.pop()}), and one text a line is wanted; write a .txt.", file=path
        )
    file = TextFile(path, encoding, has_header=False)
    file.head(_FIRST_BYTES)
    parts: list[pa.Array] = []
    texts: list[str] = []
    decode = codecs.getdecoder(encoding)
    try:
        with open_binary(path) as stream:
            for line in stream:
                text = decode(line)[0].removeprefix("\ufeff").strip()
                if text:
                    texts.append(text)
                if len(texts) == _CHUNK:
                    parts.append(pa.array(texts, pa.string()))
                    texts = []
    except UnicodeError:
        raise encoding_error(file) from None
    except GZIP_ERRORS as error:
        raise file.not_whole(error) from None
    parts.append(pa.array(texts, pa.string()))
    return pa.chunked_array(parts)
