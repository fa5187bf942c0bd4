"""Parquet, streamed into an Arrow file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from rungwise.data.arrays import check_names
from rungwise.data.source import BatchWriter, Source, mapped_table, workspace
from rungwise.errors import DataError

__all__ = ["read_parquet"]

PARQUET_ROWS = 1 << 16
_ERRORS = (pa.ArrowException, OSError, UnicodeDecodeError)


def read_parquet(path: Path, *, folder: Path | None) -> Source:
    """A Parquet file.

    Raises:
        DataError: if it is none, or has no rows.
    """
    try:
        file = pyarrow.parquet.ParquetFile(path)
        names = file.schema_arrow.names
    except _ERRORS as error:
        raise DataError(f"it isn't what its name says, a whole Parquet file ({error}).", file=path) from None
    check_names(names, path)
    if file.metadata.num_rows == 0:
        raise DataError("the file has no rows.", file=path)
    space, keeps = workspace(folder)
    schema = pa.schema([pa.field(name, _plain_type(type_)) for name, type_ in _fields_of(file.schema_arrow)])
    with BatchWriter(space / "source.arrow", schema) as writer:
        try:
            writer.write(_cast(batch, schema) for batch in file.iter_batches(PARQUET_ROWS))
        except _ERRORS as error:
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
    plain = pa.RecordBatch.from_arrays(arrays, schema=schema)
    plain.validate(full=True)  # the reader doesn't check that strings are UTF-8
    return plain
