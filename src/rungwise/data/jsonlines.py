"""JSON lines, streamed into Arrow files: every value becomes a string here."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.json

from rungwise.data.conversion import as_strings
from rungwise.data.limits import (
    BATCH_VALUES,
    MAX_RECORD_BYTES,
    Expansion,
    check_num_keys,
)
from rungwise.data.source import BatchWriter, Source, mapped_table, printable, workspace
from rungwise.data.textfiles import HEAD_BYTES, TextFile, Utf8Stream, text_file
from rungwise.errors import DataError

__all__ = ["lines_of", "read_jsonl"]

JSON_BYTES = 1 << 24
FIRST_BYTES = 1 << 16
"""The first lines are looked at more closely than the others."""

KEY_BYTES = 1000
"""How far back the key of a value is looked for, for an error."""

_STRING = re.compile(rb'"([^"]*)"(\s*:)?')
_INNER = rb'[^"{}[\]\n]*+(?:"[^"\n]*+"[^"{}[\]\n]*+)*+'
_OBJECT = re.compile(rb"[ \t\r\n]*+\{" + _INNER + rb"\}")
_OBJECTS = re.compile(rb"(?:[ \t\r\n]*+\{" + _INNER + rb"\})*+[ \t\r\n]*+")
_BEGUN = re.compile(rb"[ \t\r\n]*+(?:\{" + _INNER + rb")?")
_LAST_KEY = re.compile(rb'"([^"]*)"\s*:\s*$')


def read_jsonl(path: Path, *, encoding: str, folder: Path | None) -> Source:
    """A file with one JSON object a line.

    Raises:
        DataError: if a line isn't an object of numbers, strings and booleans, of one type a key.
        ConfigError: if there is no such encoding.
    """
    file = text_file(path, encoding, has_header=False)
    if file.head(HEAD_BYTES[0])[0].lstrip().startswith("["):
        raise DataError("it holds a JSON array; write one object a line (`jq -c .[]` does).", file=path)
    space, keeps = workspace(folder)
    expansion = Expansion(path, "write it as CSV, without keys that hardly any object has")
    tables: list[pa.Table] = []
    writer: BatchWriter | None = None
    names: dict[str, None] = {}
    try:
        for table in _json_tables(file):
            is_new = any(name not in names for name in table.column_names)
            if is_new or writer is None:  # a file has one schema, so new keys begin a new file
                names |= dict.fromkeys(table.column_names)
                check_num_keys(len(names), path)
                if writer is not None:
                    writer.__exit__()
                    tables.append(mapped_table(writer.file))
                schema = pa.schema([(name, pa.string()) for name in names])
                writer = BatchWriter(space / f"source-{len(tables)}.arrow", schema)
            whole = _with_columns(table, names)
            expansion.add(whole.nbytes)
            writer.write(whole.to_batches())
    finally:
        if writer is not None:
            writer.__exit__()
    if writer is None:
        raise DataError("the file has no rows.", file=path)
    if not names:
        raise DataError("its objects have no keys, so there are no columns.", file=path)
    tables.append(mapped_table(writer.file))
    whole = pa.concat_tables(tables, promote_options="default")
    return Source(name=printable(path), table=whole, is_text_file=True, keeps=keeps)


def _with_columns(table: pa.Table, names: dict[str, None]) -> pa.Table:
    """The table with these columns, as strings."""
    if not names:
        return table  # of rows without a key
    known = {
        name: pa.chunked_array([as_strings(chunk) for chunk in values.chunks], pa.string())
        for name, values in zip(table.column_names, table.columns, strict=True)
    }
    missing = pa.nulls(table.num_rows, pa.string())
    return pa.table([known.get(name, missing) for name in names], names=list(names))


# ------------------------------------------------------------------------------------------------- blocks


@dataclass
class _Block:
    """Whole objects of simple values, each on one line.

    Attributes:
        data: in UTF-8.
        num_before: objects before it in the file.
    """

    data: bytes
    num_before: int

    @cached_property
    def plain(self) -> bytes:
        """The data with nothing escaped, so that every quotation mark begins or ends a string."""
        return self.data.replace(rb"\\", b"__").replace(rb"\"", b"__")

    @cached_property
    def most_rows(self) -> int:
        """Objects in it, or a few more."""
        return self.data.count(b"{")

    def is_flat(self) -> bool:
        """Whether it holds one object of simple values after the other, each on a line."""
        data = self.data if self.data[-1:] != b"\n" else self.data[:-1]
        if data[:1] == b"{" and data[-1:] == b"}" and b"[" not in data:
            num_joints = data.count(b"}\n{")
            if num_joints == data.count(b"\n") == data.count(b"}") - 1 == self.most_rows - 1:
                return True  # the usual case, found much faster
        return _OBJECTS.fullmatch(self.plain) is not None

    def keys(self) -> set[bytes]:
        """The keys, each once."""
        return {string[1] for string in _STRING.finditer(self.plain) if string[2]}

    def halves(self) -> list[_Block]:
        """The first objects and the others; nothing where there is one alone."""
        ends = [found.end() for found in _OBJECT.finditer(self.plain)]
        half = len(ends) // 2
        if not half:
            return []
        cut = ends[half - 1]
        return [
            _Block(self.data[:cut], self.num_before),
            _Block(self.data[cut:], self.num_before + half),
        ]


def _json_tables(file: TextFile) -> Iterator[pa.Table]:
    """Tables of simple types."""
    schema: pa.Schema = pa.schema([])
    num_rows = 0
    for data in lines_of(file):
        block = _Block(data, num_rows)
        _check_flat(file, block)
        for table in _parsed(file, block, schema):
            schema = table.schema
            num_rows += table.num_rows
            yield table


def lines_of(file: TextFile) -> Iterator[bytes]:
    """Blocks of whole lines in UTF-8.

    Raises:
        DataError: if a line is too long.
    """
    with Utf8Stream(file) as stream:
        rest, num_bytes = b"", min(FIRST_BYTES, JSON_BYTES)
        while block := stream.read(num_bytes):
            num_bytes = JSON_BYTES
            cut = block.rfind(b"\n") + 1
            if cut:
                yield from _not_blank(rest + block[:cut])
                rest = b""
            rest += block[cut:]
            if len(rest) > MAX_RECORD_BYTES:
                raise DataError(
                    f"a line is longer than {MAX_RECORD_BYTES:,} bytes; shorten it, or write one object a line.",
                    file=file.path,
                )
        yield from _not_blank(rest)


def _not_blank(lines: bytes) -> list[bytes]:
    """The lines without a byte order mark, if there is anything in them."""
    lines = lines.removeprefix(b"\xef\xbb\xbf")
    return [lines] if lines and not lines.isspace() else []


def _check_flat(file: TextFile, block: _Block) -> None:
    """The parser takes `null` for an object, and where brackets are deep it ends the process.

    Raises:
        DataError: if something is no object of simple values.
    """
    if block.is_flat():
        return
    row, end = block.num_before + 1, 0
    while found := _OBJECT.match(block.plain, end):
        row, end = row + 1, found.end()
    begun = _BEGUN.match(block.plain, end)
    at = begun.end() if begun else len(block.plain)
    last = block.plain[at : at + 1].decode(errors="replace")
    key = _LAST_KEY.search(block.plain, max(end, at - KEY_BYTES), at)
    if last and last in "[{" and key:
        name = block.data[key.start(1) : key.end(1)].decode(errors="replace")
        raise DataError(
            "its values are lists or objects; numbers, strings and booleans can be used. "
            f"Leave it out of the file: `jq -c 'del(.{name})'`.",
            file=file.path,
            row=row,
            column=name,
        )
    is_open = last in '\n"'
    problem = (
        "it isn't closed; `jq -c .` writes one object a line"
        if is_open
        else f"it has {last!r} at byte {at - end}"
    )
    raise DataError(f"the line isn't a JSON object ({problem}).", file=file.path, row=row)


# --------------------------------------------------------------------------------------------------- parse


def _parsed(file: TextFile, block: _Block, schema: pa.Schema) -> Iterator[pa.Table]:
    """Tables of simple types; the parser makes a value for every key in every row, so both are bounded before.

    Args:
        file: for errors.
        block: the lines.
        schema: of the lines before: the usual case, in which no key is looked at.
    """
    if len(schema) and block.most_rows * len(schema) <= BATCH_VALUES:
        try:
            yield _parse(block, schema, "error")
            return
        except pa.ArrowInvalid:
            pass  # a new key, or a value of another type
    keys = block.keys()
    halves = block.halves() if block.most_rows * len(keys) > BATCH_VALUES else []
    for half in halves:
        yield from _parsed(file, half, schema)
    if halves:
        return
    check_num_keys(len(keys), file.path)
    try:
        table = _parse(block, None, "infer")
        if any(pa.types.is_timestamp(type_) for type_ in table.schema.types):  # they would lose their form
            types = [pa.string() if pa.types.is_timestamp(type_) else type_ for type_ in table.schema.types]
            table = _parse(block, pa.schema(zip(table.column_names, types, strict=True)), "infer")
    except pa.ArrowInvalid as error:
        raise _json_error(file, str(error), block.num_before) from None
    yield table


def _parse(block: _Block, schema: pa.Schema | None, unexpected: str) -> pa.Table:
    return pyarrow.json.read_json(
        io.BytesIO(block.data),
        read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(block.data) + 1),
        parse_options=pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected),
    )


def _json_error(file: TextFile, message: str, num_rows: int) -> DataError:
    row = re.search(r"in row (\d+)$", message)
    number = num_rows + int(row.group(1)) + 1 if row else None
    mixed = re.search(r"Column\(/(.*)\) changed from (\w+) to (\w+)", message, re.DOTALL)
    if mixed:
        name, first, second = mixed.groups()
        return DataError(
            f"the value is of type {second}, those before are of type {first}; make them one type.",
            file=file.path,
            row=number,
            column=name,
        )
    problem = message.removeprefix("JSON parse error: ").split(" in row")[0].rstrip(".")
    return DataError(f"the line isn't a JSON object ({problem[:200]}).", file=file.path, row=number)
