"""Text files and Parquet, streamed into Arrow files: every value of a text file stays a string here."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from rungwise.data.arrays import check_names
from rungwise.data.columns import as_strings
from rungwise.data.source import BatchWriter, Level, Note, Source, mapped_table, workspace
from rungwise.errors import ConfigError, DataError

__all__ = ["read_csv", "read_jsonl", "read_parquet"]

BLOCK_BYTES = (1 << 22, 1 << 26, 1 << 30)
"""Sizes of the blocks that a CSV file is read in; the next is tried when a record doesn't fit into one."""

HEAD_BYTES = 1 << 20
"""What is looked at before a file is read: the header must fit in."""

JSON_BYTES = 1 << 24
PARQUET_ROWS = 1 << 16

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
_NUMERIC = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


# ------------------------------------------------------------------------------------------ before reading


@dataclass(frozen=True)
class _TextFile:
    """A text file, its name as the user gave it, and its encoding by Python's name."""

    path: Path
    encoding: str

    def open(self) -> IO[bytes]:
        """The bytes, decompressed."""
        return gzip.open(self.path) if self.path.suffix == ".gz" else self.path.open("rb")  # type: ignore[return-value]

    def head(self) -> bytes:
        """The first bytes, once it is clear that they are text.

        Raises:
            DataError: if the file is empty, or isn't text.
        """
        try:
            with self.open() as stream:
                head = stream.read(HEAD_BYTES)
        except (gzip.BadGzipFile, EOFError) as error:
            raise DataError(f"it isn't a whole gzip file ({error}).", file=self.path) from None
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
                row=_rows_before(head[:zero]) or None,
            )
        return head


def _text_file(path: Path, encoding: str) -> _TextFile:
    try:
        return _TextFile(path, codecs.lookup(encoding).name)
    except LookupError:
        raise ConfigError(
            f"encoding {encoding!r} is unknown; for example utf-8, gb18030, cp1252 and utf-16 can be used."
        ) from None


def _rows_before(data: bytes) -> int:
    """Line ends that aren't in quotes: the number of the record that the next byte stands in, the header's being 0."""
    array = np.frombuffer(data, np.uint8)
    in_quotes = np.cumsum(array == ord('"')) % 2 == 1
    return int(((array == ord("\n")) & ~in_quotes).sum())


def _encoding_error(file: _TextFile) -> DataError:
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
                row = num_rows + _rows_before(block[:start])
                near = (pending + block)[error.start : error.start + 4096]
                return DataError(
                    f"byte {num_bytes + start} (0x{error.object[error.start]:02x}) isn't {file.encoding};"
                    f" if the file is in another encoding, say so: `--encoding {_likely(near)}`.",
                    file=file.path,
                    row=row or None,
                )
            if not block:
                return DataError(f"it can't be decoded as {file.encoding}.", file=file.path)
            num_bytes, num_rows = num_bytes + len(block), num_rows + _rows_before(block)


def _likely(data: bytes) -> str:
    """The encoding that bytes above 0x7f are probably in: Chinese ones come in pairs, Western ones alone."""
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", data)]
    return "gb18030" if sum(run for run in runs if run % 2 == 0) * 2 > sum(runs) else "cp1252"


# ---------------------------------------------------------------------------------------------------- CSV


def read_csv(path: Path, *, encoding: str, folder: Path | None) -> Source:
    """A file of separated values with a header.

    Raises:
        DataError: if the file is empty, isn't text in this encoding, or has a row with more or fewer fields.
        ConfigError: if there is no such encoding.
    """
    file = _text_file(path, encoding)
    delimiter, names, num_blank, notes = _header(file)
    check_names(names, path)
    space, keeps = workspace(folder)
    table = _read_blocks(file, names, delimiter, num_blank, space / "source.arrow")
    if table.num_rows == 0:
        raise DataError("the file has a header, but no rows.", file=path)
    _check_quotes(file, table)
    return Source(name=str(path), table=table, is_text_file=True, notes=tuple(notes), keeps=keeps)


def _header(file: _TextFile) -> tuple[str, list[str], int, list[Note]]:
    """The delimiter, the column names, the empty lines before them and what is odd about them."""
    head = file.head().decode(file.encoding, errors="replace").removeprefix("\ufeff")
    suffixes = file.path.suffixes
    delimiter = "\t" if ".tsv" in suffixes or ".tab" in suffixes else ","
    names, notes = _fields(head, delimiter), []
    if len(names) == 1:
        other = max(",;\t|", key=lambda mark: len(_fields(head, mark)))
        if len(_fields(head, other)) > 1:
            delimiter, names = other, _fields(head, other)
            notes.append(Note(Level.INFO, f"{file.path}: the fields are separated by {other!r}."))
    if all(_NUMERIC.fullmatch(name) for name in names):
        shown = ", ".join(names[:5])
        notes.append(
            Note(
                Level.WARNING,
                f"{file.path}: the first row is taken for the header, but holds numbers ({shown}).",
            )
        )
    names = [name.strip() or f"Unnamed: {number}" for number, name in enumerate(names)]
    num_blank = len(head) - len(head.lstrip("\r\n"))
    return delimiter, names, head[:num_blank].replace("\r\n", "\n").count("\n"), notes


def _fields(head: str, delimiter: str) -> list[str]:
    rows = csv.reader(io.StringIO(head), delimiter=delimiter)
    try:
        return next(row for row in rows if row)
    except (csv.Error, StopIteration):
        return [head.strip().splitlines()[0]]


def _read_blocks(file: _TextFile, names: list[str], delimiter: str, num_blank: int, to: Path) -> pa.Table:
    for block_bytes in BLOCK_BYTES:
        try:
            return _stream_csv(file, names, delimiter, num_blank, block_bytes, to)
        except UnicodeDecodeError:
            raise _encoding_error(file) from None
        except (EOFError, OSError) as error:
            if file.path.suffix != ".gz" or isinstance(error, FileNotFoundError):
                raise
            raise DataError(f"it isn't a whole gzip file ({error}).", file=file.path) from None
        except pa.ArrowInvalid as error:
            message = str(error)
            if "straddl" in message or "block size" in message:
                continue
            raise _csv_error(file, message) from None
    raise DataError(
        f"a record is longer than {BLOCK_BYTES[-1]:,} bytes; probably a quotation mark isn't closed.",
        file=file.path,
    )


def _stream_csv(
    file: _TextFile, names: list[str], delimiter: str, num_blank: int, block_bytes: int, to: Path
) -> pa.Table:
    schema = pa.schema([(name, pa.string()) for name in names])
    with file.open() as stream:
        reader = pyarrow.csv.open_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(
                column_names=names,
                skip_rows_after_names=num_blank + 1,
                block_size=block_bytes,
                encoding=file.encoding,
                use_threads=False,  # else errors don't say the row
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(column_types=schema),
        )
        with BatchWriter(to, schema) as writer:
            writer.write(reader)
    return mapped_table(to)


def _csv_error(file: _TextFile, message: str) -> DataError:
    if "UTF8" in message:
        return _encoding_error(file)
    found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if found is None:
        return DataError(f"it can't be read as separated values: {message}.", file=file.path)
    row, expected, got = map(int, found.groups())
    if _num_quotes(file) % 2:
        return DataError("a quotation mark isn't closed here or before.", file=file.path, row=row - 1)
    return DataError(
        f"the row has {got} fields, the header {expected}; put quotation marks around a value that holds the"
        " delimiter, or correct the row.",
        file=file.path,
        row=row - 1,
    )


def _check_quotes(file: _TextFile, table: pa.Table) -> None:
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


def _num_quotes(file: _TextFile) -> int:
    with file.open() as stream:
        return sum(block.count(b'"') for block in iter(lambda: stream.read(1 << 24), b""))


# --------------------------------------------------------------------------------------------------- JSON


def read_jsonl(path: Path, *, encoding: str, folder: Path | None) -> Source:
    """A file with one JSON object a line.

    Raises:
        DataError: if a line isn't an object of numbers, strings and booleans, of one type a key.
        ConfigError: if there is no such encoding.
    """
    file = _text_file(path, encoding)
    if file.head().lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"["):
        raise DataError("it holds a JSON array; write one object a line (`jq -c .[]` does).", file=path)
    space, keeps = workspace(folder)
    tables: list[pa.Table] = []
    writer: BatchWriter | None = None
    names: list[str] = []
    try:
        for table in _json_tables(file):
            fresh = [name for name in table.column_names if name not in names]
            if fresh or writer is None:  # a file has one schema, so new keys begin a new file
                names += fresh
                if writer is not None:
                    writer.__exit__()
                    tables.append(mapped_table(writer.file))
                schema = pa.schema([(name, pa.string()) for name in names])
                writer = BatchWriter(space / f"source-{len(tables)}.arrow", schema)
            writer.write(_with_columns(table, names).to_batches())
    finally:
        if writer is not None:
            writer.__exit__()
    if writer is None:
        raise DataError("the file has no rows.", file=path)
    tables.append(mapped_table(writer.file))
    whole = pa.concat_tables(tables, promote_options="default")
    return Source(name=str(path), table=whole, is_text_file=True, keeps=keeps)


def _json_tables(file: _TextFile) -> Iterator[pa.Table]:
    num_rows = 0
    for block in _json_blocks(file):
        table = _parse_json(file, block, num_rows)
        num_rows += table.num_rows
        arrays = []
        for name, values in zip(table.column_names, table.columns, strict=True):
            if pa.types.is_nested(values.type):
                raise DataError(
                    "its values are lists or objects; numbers, strings and booleans can be used.",
                    file=file.path,
                    row=num_rows - table.num_rows + 1,
                    column=name,
                )
            arrays.append(pa.chunked_array([as_strings(chunk) for chunk in values.chunks], pa.string()))
        yield pa.table(arrays, names=table.column_names)


def _json_blocks(file: _TextFile) -> Iterator[bytes]:
    """Whole lines in UTF-8."""
    with file.open() as stream:
        lines = stream if file.encoding == "utf-8" else codecs.EncodedFile(stream, "utf-8", file.encoding)
        while True:
            try:
                block = lines.read(JSON_BYTES) + lines.readline()
            except UnicodeDecodeError:
                raise _encoding_error(file) from None
            if not block:
                return
            if block.removeprefix(b"\xef\xbb\xbf").strip():
                yield block.removeprefix(b"\xef\xbb\xbf")


def _parse_json(file: _TextFile, block: bytes, num_rows: int) -> pa.Table:
    options = pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1)
    try:
        table = pyarrow.json.read_json(io.BytesIO(block), read_options=options)
    except pa.ArrowInvalid as error:
        raise _json_error(file, str(error), num_rows) from None
    try:
        table.validate(full=True)  # read_json doesn't check that strings are UTF-8
    except pa.ArrowInvalid:
        raise _encoding_error(file) from None
    return table


def _json_error(file: _TextFile, message: str, num_rows: int) -> DataError:
    row = re.search(r"in row (\d+)", message)
    number = num_rows + int(row.group(1)) + 1 if row else None
    mixed = re.search(r"Column\(/(.*?)\) changed from (\w+) to (\w+)", message)
    if mixed:
        name, first, second = mixed.groups()
        return DataError(
            f"the value is of type {second}, those before are of type {first}; make them one type.",
            file=file.path,
            row=number,
            column=name,
        )
    problem = message.removeprefix("JSON parse error: ").split(" in row")[0].rstrip(".")
    return DataError(f"the line isn't a JSON object ({problem}).", file=file.path, row=number)


def _with_columns(table: pa.Table, names: list[str]) -> pa.Table:
    arrays = [
        table.column(name) if name in table.column_names else pa.nulls(table.num_rows, pa.string())
        for name in names
    ]
    return pa.table(arrays, names=names)


# ------------------------------------------------------------------------------------------------ Parquet


def read_parquet(path: Path, *, folder: Path | None) -> Source:
    """A Parquet file.

    Raises:
        DataError: if it is none, or has no rows.
    """
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"it isn't what its name says, a whole Parquet file ({error}).", file=path) from None
    check_names(file.schema_arrow.names, path)
    if file.metadata.num_rows == 0:
        raise DataError("the file has no rows.", file=path)
    space, keeps = workspace(folder)
    schema = pa.schema([pa.field(name, _plain_type(type_)) for name, type_ in _fields_of(file.schema_arrow)])
    with BatchWriter(space / "source.arrow", schema) as writer:
        try:
            writer.write(_cast(batch, schema) for batch in file.iter_batches(PARQUET_ROWS))
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"it is damaged ({error}).", file=path) from None
    return Source(name=str(path), table=mapped_table(writer.file), keeps=keeps)


def _fields_of(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return list(zip(schema.names, schema.types, strict=True))


def _plain_type(type_: pa.DataType) -> pa.DataType:
    """Dictionaries can't change within an Arrow file, so they become their values."""
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = [
        pc.cast(array, type_) if array.type != type_ else array
        for array, type_ in zip(batch.columns, schema.types, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
