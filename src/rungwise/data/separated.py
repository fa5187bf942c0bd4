"""Separated values, streamed into an Arrow file: every value stays a string here."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from rungwise.data.arrays import check_names
from rungwise.data.limits import MAX_RECORD_BYTES, check_num_columns
from rungwise.data.source import (
    BatchWriter,
    Level,
    Note,
    Source,
    mapped_table,
    printable,
    shown_names,
    workspace,
)
from rungwise.data.textfiles import HEAD_BYTES, TextFile, Utf8Stream, encoding_error, text_file
from rungwise.errors import DataError

__all__ = ["read_csv"]

BLOCK_BYTES = (1 << 22, MAX_RECORD_BYTES)
"""Sizes of the blocks that a CSV file is read in; the next is tried when a record doesn't fit into one."""

_NUMERIC = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


def read_csv(path: Path, *, encoding: str, folder: Path | None) -> Source:
    """A file of separated values with a header.

    Raises:
        DataError: if the file is empty, isn't text in this encoding, or has a row with more or fewer fields.
        ConfigError: if there is no such encoding.
    """
    file = text_file(path, encoding, has_header=True)
    delimiter, names, num_blank, notes = _header(file)
    check_num_columns(len(names), path)
    check_names(names, path)
    space, keeps = workspace(folder)
    table = _read_blocks(file, names, delimiter, num_blank, space / "source.arrow")
    if table.num_rows == 0:
        raise _no_rows(file)
    _check_quotes(file, table)
    return Source(name=printable(path), table=table, is_text_file=True, notes=tuple(notes), keeps=keeps)


def _no_rows(file: TextFile) -> DataError:
    return DataError("the file has a header, but no rows.", file=file.path)


def _header(file: TextFile) -> tuple[str, list[str], int, list[Note]]:
    """The delimiter, the column names, the empty lines before them and what is odd about them."""
    head, is_whole = file.head(HEAD_BYTES[0])
    try:
        return _header_in(file, head, is_whole)
    except DataError:
        if is_whole:
            raise
    return _header_in(file, *file.head(HEAD_BYTES[1]))


def _header_in(file: TextFile, head: str, is_whole: bool) -> tuple[str, list[str], int, list[Note]]:
    suffixes = file.path.suffixes
    delimiter = "\t" if ".tsv" in suffixes or ".tab" in suffixes else ","
    names, notes = _fields(file, head, delimiter), []
    if len(names) == 1:
        other = max(",;\t|", key=lambda mark: len(_fields(file, head, mark)))
        if len(_fields(file, head, other)) > 1:
            delimiter, names = other, _fields(file, head, other)
            notes.append(Note(Level.INFO, f"{printable(file.path)}: the fields are separated by {other!r}."))
    if all(_NUMERIC.fullmatch(name) for name in names):
        shown = ", ".join(names[:5])
        notes.append(
            Note(
                Level.WARNING,
                f"{printable(file.path)}: the first row is taken for the header, but holds numbers ({shown}).",
            )
        )
    names = [name.strip() for name in names]
    unnamed = {number: f"Unnamed: {number}" for number, name in enumerate(names) if not name}
    if unnamed:
        called = shown_names([f"{name!r}" for name in unnamed.values()])
        notes.append(
            Note(Level.INFO, f"{printable(file.path)}: the header has empty names, which become {called}.")
        )
    names = [unnamed.get(number, name) for number, name in enumerate(names)]
    _check_rows(file, head, is_whole, delimiter)
    num_blank = len(head) - len(head.lstrip("\r\n"))
    return delimiter, names, len(head[:num_blank].splitlines()), notes


def _fields(file: TextFile, head: str, delimiter: str) -> list[str]:
    """The fields of the first row that isn't empty."""
    rows = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter, strict=True)
    try:
        return next(row for row in rows if row)
    except csv.Error as error:
        problem = str(error)
    if "unexpected end" in problem:
        raise DataError(
            f"a quotation mark isn't closed in the header, or it is longer than {HEAD_BYTES[-1]:,} bytes.",
            file=file.path,
        )
    if "field larger" in problem:
        most = csv.field_size_limit()
        raise DataError(
            f"a name in the header is longer than {most:,} characters; shorten it.", file=file.path
        )
    return next(_lines(head, delimiter))


def _lines(head: str, delimiter: str) -> Iterator[list[str]]:
    """The rows that aren't empty."""
    return (row for row in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter) if row)


def _check_rows(file: TextFile, head: str, is_whole: bool, delimiter: str) -> None:
    """There must be something behind the header."""
    lines = _lines(head, delimiter)
    next(lines)
    try:
        is_alone = next(lines, None) is None
    except csv.Error:
        is_alone = False  # a long field
    if is_alone and is_whole:
        raise _no_rows(file)
    if is_alone and not head.endswith(("\n", "\r")):
        raise DataError(
            f"the header is longer than {HEAD_BYTES[-1]:,} bytes; shorten its names.", file=file.path
        )


def _read_blocks(file: TextFile, names: list[str], delimiter: str, num_blank: int, to: Path) -> pa.Table:
    for block_bytes in BLOCK_BYTES:
        try:
            return _stream_csv(file, names, delimiter, num_blank, block_bytes, to)
        except pa.ArrowInvalid as error:
            message = str(error)
            if "straddl" in message:
                continue
            raise _csv_error(file, message) from None
    raise DataError(
        f"a row is longer than {MAX_RECORD_BYTES:,} bytes; probably a quotation mark isn't closed, else shorten it.",
        file=file.path,
    )


def _stream_csv(
    file: TextFile, names: list[str], delimiter: str, num_blank: int, block_bytes: int, to: Path
) -> pa.Table:
    schema = pa.schema([(name, pa.string()) for name in names])
    with Utf8Stream(file) as stream:
        reader = pyarrow.csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pyarrow.csv.ReadOptions(
                column_names=names,
                skip_rows_after_names=num_blank + 1,
                block_size=block_bytes,
                use_threads=False,  # else errors don't say the row
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(column_types=schema),
        )
        with BatchWriter(to, schema) as writer:
            writer.write(reader)
    return mapped_table(to)


def _csv_error(file: TextFile, message: str) -> DataError:
    if "UTF8" in message:
        return encoding_error(file)
    if "Empty CSV" in message:
        return _no_rows(file)
    found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if found is None:
        return DataError(f"it can't be read as separated values: {message[:200]}.", file=file.path)
    row, expected, got = map(int, found.groups())
    if _num_quotes(file) % 2:
        return DataError("a quotation mark isn't closed here or before.", file=file.path, row=row - 1)
    return DataError(
        f"the row has {got} fields, the header {expected}; put quotation marks around a value that holds the"
        " delimiter, or correct the row.",
        file=file.path,
        row=row - 1,
    )


def _check_quotes(file: TextFile, table: pa.Table) -> None:
    """A quotation mark that is never closed swallows the rows to the end of the file."""
    last = table.column(table.num_columns - 1)[-1].as_py()
    if "\n" not in last:
        return
    if _num_quotes(file) % 2:
        name = table.column_names[-1]
        raise DataError(
            "a quotation mark isn't closed, so that the rest of the file is one value.",
            file=file.path,
            row=table.num_rows,
            column=name,
        )


def _num_quotes(file: TextFile) -> int:
    with Utf8Stream(file) as stream:
        return sum(block.count(b'"') for block in iter(lambda: stream.read(1 << 24), b""))
