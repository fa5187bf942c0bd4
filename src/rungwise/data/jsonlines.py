"""JSON lines, streamed into Arrow files: every value becomes a string here."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.json

from rungwise.data.columns import as_strings
from rungwise.data.source import BatchWriter, Source, mapped_table, workspace
from rungwise.data.textfiles import GZIP_ERRORS, TextFile, encoding_error, text_file
from rungwise.errors import DataError

__all__ = ["read_jsonl"]

JSON_BYTES = 1 << 24


def read_jsonl(path: Path, *, encoding: str, folder: Path | None) -> Source:
    """A file with one JSON object a line.

    Raises:
        DataError: if a line isn't an object of numbers, strings and booleans, of one type a key.
        ConfigError: if there is no such encoding.
    """
    file = text_file(path, encoding, has_header=False)
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


def _json_tables(file: TextFile) -> Iterator[pa.Table]:
    num_rows = 0
    for block in _json_blocks(file):
        table = _parse_json(file, block, num_rows)
        num_rows += table.num_rows
        arrays = []
        for name, values in zip(table.column_names, table.columns, strict=True):
            if pa.types.is_nested(values.type):
                raise DataError(
                    "its values are lists or objects; numbers, strings and booleans can be used. "
                    f"Leave it out of the file: `jq -c 'del(.{name})'`.",
                    file=file.path,
                    row=num_rows - table.num_rows + 1,
                    column=name,
                )
            arrays.append(pa.chunked_array([as_strings(chunk) for chunk in values.chunks], pa.string()))
        yield pa.table(arrays, names=table.column_names)


def _json_blocks(file: TextFile) -> Iterator[bytes]:
    """Whole lines in UTF-8."""
    with file.open() as stream:
        lines = stream if file.encoding == "utf-8" else codecs.EncodedFile(stream, "utf-8", file.encoding)
        while True:
            try:
                block = lines.read(JSON_BYTES) + lines.readline()
                block.decode()  # neither keys nor values are checked by the reader
            except UnicodeDecodeError:
                raise encoding_error(file) from None
            except GZIP_ERRORS as error:
                raise file.not_whole(error) from None
            if not block:
                return
            if block.removeprefix(b"\xef\xbb\xbf").strip():
                yield block.removeprefix(b"\xef\xbb\xbf")


def _parse_json(file: TextFile, block: bytes, num_rows: int) -> pa.Table:
    options = pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1)
    try:
        return pyarrow.json.read_json(io.BytesIO(block), read_options=options)
    except pa.ArrowInvalid as error:
        raise _json_error(file, str(error), num_rows) from None


def _json_error(file: TextFile, message: str, num_rows: int) -> DataError:
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
