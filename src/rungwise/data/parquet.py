"""Parquet, streamed into an Arrow file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from rungwise.data.arrays import check_names
from rungwise.data.columns import is_string, is_usable
from rungwise.data.limits import Expansion, batch_rows, check_num_columns, check_regular
from rungwise.data.sentencelines import TOKENS
from rungwise.data.source import BatchWriter, Source, mapped_table, printable, workspace
from rungwise.errors import DataError

__all__ = ["read_parquet"]

PARQUET_ROWS = 1 << 16
DELTA_ROWS = 1 << 10
"""Rows of a batch where a string is given by what it adds to the one before: few bytes can be many long strings."""

DECODED_BYTES = 1 << 28
"""Bytes of strings of one batch, once each is written out."""

_ERRORS = (pa.ArrowException, OSError, ValueError)


def read_parquet(path: Path, *, folder: Path | None) -> Source:
    """A Parquet file; columns of types that can't be used keep their type and lose their values.

    Raises:
        DataError: if it is none, or has no rows.
    """
    check_regular(path)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            types = dict(zip(file.schema_arrow.names, file.schema_arrow.types, strict=False))
            names, num_rows = file.schema_arrow.names, file.metadata.num_rows
    except _ERRORS as error:
        if isinstance(error, MemoryError):
            raise
        raise DataError(f"it isn't what its name says, a whole Parquet file ({error}).", file=path) from None
    check_num_columns(len(names), path)
    check_names(names, path)
    if num_rows == 0:
        raise DataError("the file has no rows.", file=path)
    space, keeps = workspace(folder)
    schema = pa.schema([(name, _plain_type(type_)) for name, type_ in types.items()])
    strings = [name for name, type_ in types.items() if is_string(type_)]
    to = space / "source.arrow"
    try:
        table = _stream(path, schema, strings, PARQUET_ROWS, to)
    except DataError as error:
        if "DictAccumulator" not in str(error):
            raise
        table = _stream(
            path, schema, [], DELTA_ROWS, to
        )  # strings that add to the one before are no dictionaries
    if not table.num_rows:
        raise DataError("the file has no rows.", file=path)
    return Source(name=printable(path), table=table, keeps=keeps)


def _stream(path: Path, schema: pa.Schema, strings: list[str], num_rows: int, to: Path) -> pa.Table:
    """Writes the file as an Arrow file.

    Args:
        path: what is read.
        schema: of what is written.
        strings: columns that are held as dictionaries, as small as they are in the file.
        num_rows: of a batch.
        to: what is written.
    """
    expansion = Expansion(path, "write it without compression and without dictionaries")
    with BatchWriter(to, schema) as writer:
        for batch in _batches(path, schema, strings, num_rows):
            expansion.add(_decoded_bytes(batch))
            writer.write(_decoded(batch, schema))
    return mapped_table(to)


def _plain_type(type_: pa.DataType) -> pa.DataType:
    """Dictionaries can't change within an Arrow file, so they become their values; views can't be cast to."""
    plain = type_.value_type if pa.types.is_dictionary(type_) else type_
    return pa.string() if plain == pa.string_view() else plain


def _batches(path: Path, schema: pa.Schema, strings: list[str], num_rows: int) -> Iterator[pa.RecordBatch]:
    """Batches whose strings may be dictionaries."""
    is_read = {field.name: _is_read(field, schema) for field in schema}
    used = [name for name, is_used in is_read.items() if is_used]
    options = {"coerce_int96_timestamp_unit": "us", "page_checksum_verification": True}
    try:
        with pyarrow.parquet.ParquetFile(path, read_dictionary=strings, **options) as file:
            for batch in file.iter_batches(batch_rows(num_rows, len(used)), columns=used):
                batch.validate(full=True)  # the reader doesn't check that strings are UTF-8
                arrays = [
                    batch.column(field.name) if is_read[field.name] else pa.nulls(batch.num_rows, field.type)
                    for field in schema
                ]
                yield pa.RecordBatch.from_arrays(arrays, names=schema.names)
    except _ERRORS as error:
        if isinstance(error, MemoryError):
            raise
        raise DataError(f"it is damaged ({error}).", file=path) from None


def _is_read(field: pa.Field, schema: pa.Schema) -> bool:
    """Whether a column can be used: of lists those beside a list of tokens."""
    if is_usable(field.type):
        return True
    lists = {each.name for each in schema if _is_simple_list(each.type)}
    return field.name in lists and not lists.isdisjoint(TOKENS)


def _is_simple_list(type_: pa.DataType) -> bool:
    is_list = pa.types.is_list(type_) or pa.types.is_large_list(type_)
    return bool(is_list and (is_string(type_.value_type) or pa.types.is_integer(type_.value_type)))


def _decoded_bytes(batch: pa.RecordBatch) -> int:
    """Bytes of a batch with its strings written out."""
    num_bytes = int(batch.nbytes)
    for values in batch.columns:
        if pa.types.is_dictionary(values.type) and is_string(values.type.value_type):
            lengths = pc.binary_length(values.dictionary).cast(pa.int64())
            num_bytes += pc.sum(lengths.take(values.indices)).as_py() or 0
    return num_bytes


def _decoded(batch: pa.RecordBatch, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows with their strings written out, in batches that aren't too large."""
    half = batch.num_rows // 2
    if half and _decoded_bytes(batch) > DECODED_BYTES:
        yield from _decoded(batch.slice(0, half), schema)
        yield from _decoded(batch.slice(half), schema)
        return
    arrays = [
        pc.cast(array, type_) if array.type != type_ else array
        for array, type_ in zip(batch.columns, schema.types, strict=True)
    ]
    yield pa.RecordBatch.from_arrays(arrays, schema=schema)
