"""The rows of several sources as one sequence, and their conversion batch by batch."""

# N examples

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.data.columns import Column, check_type, is_usable
from rungwise.data.conversion import as_strings, convert
from rungwise.data.limits import batch_rows
from rungwise.data.source import PARTS, Level, Note, Source, shown_names
from rungwise.errors import DataError

__all__ = ["BATCH_ROWS", "FREE", "Pool", "converted", "pool", "relocated"]

Result = TypeVar("Result")

BATCH_ROWS = 1 << 16
FREE = -2
"""The part of rows that are still to be split."""


@dataclass(frozen=True)
class _Segment:
    """Rows that are numbered together: a source, or a part of one."""

    name: str
    part: str
    rows: range


@dataclass(frozen=True)
class Pool:
    """Train's rows first, then those of valid and test.

    Attributes:
        sources: where the rows are.
        table: all of them.
        segments: what the rows are numbered within.
        is_text_file: whether strings may hold numbers and dates.
        notes: what happened on the way.
    """

    sources: tuple[Source, ...]
    table: pa.Table
    segments: tuple[_Segment, ...]
    is_text_file: bool
    notes: tuple[Note, ...]

    @property
    def num_rows(self) -> int:
        """All rows."""
        return self.segments[-1].rows.stop

    @property
    def num_train(self) -> int:
        """Rows of train and of what is to be cut from it; they are the first."""
        return max(segment.rows.stop for segment in self.segments if segment.part == "train")

    def has(self, part: str) -> bool:
        """Whether the user gave a part."""
        return any(segment.part == part for segment in self.segments)

    def where(self, row: int) -> tuple[str, int]:
        """The source of a row counted from 0, and its number there counted from 1."""
        segment = next(segment for segment in self.segments if row in segment.rows)
        return segment.name, row - segment.rows.start + 1

    def row_numbers(self) -> NDArray[np.int64]:
        """The number of each row (N) in its source, counted from 1."""
        return np.concatenate([np.arange(1, len(segment.rows) + 1) for segment in self.segments])

    def parts(self) -> NDArray[np.int8]:
        """The part of each row (N), `FREE` for those of train."""
        parts = np.full(self.num_rows, FREE, np.int8)
        for segment in self.segments:
            if segment.part != "train":
                parts[segment.rows.start : segment.rows.stop] = PARTS.index(segment.part)
        return parts


def pool(sources: dict[str, Source], optional: Sequence[str]) -> Pool:
    """Join the sources of train and perhaps of valid and test.

    Args:
        sources: by part.
        optional: columns that valid and test needn't have.

    Raises:
        DataError: if they don't have the same columns, or a part comes twice.
    """
    train = sources["train"]
    for part in sources:
        if part != "train" and part in train.parts:
            raise DataError(f"it brings its own {part} part; leave `--{part}` out.", file=train.name)
    segments: list[_Segment] = []
    notes: list[Note] = []
    tables = []
    is_text_file = any(source.is_text_file for source in sources.values())
    start = 0
    for part, source in sources.items():
        notes += source.notes
        own = source.parts if part == "train" and source.parts else {part: range(source.num_rows)}
        for name, rows in own.items():
            segments.append(_Segment(source.name, name, range(start + rows.start, start + rows.stop)))
        start += source.num_rows
        table = source.table
        if part != "train":
            table, more = _aligned(source, train, optional)
            notes += more
        is_typed = is_text_file and not source.is_text_file
        tables.append(_stringly(table, optional, source.name) if is_typed else table)
    try:
        whole = pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        names = ", ".join(source.name for source in sources.values())
        raise DataError(f"{names}: columns of one name differ in type ({error}).") from None
    return Pool(tuple(sources.values()), whole, tuple(segments), is_text_file, tuple(notes))


def _aligned(source: Source, train: Source, optional: Sequence[str]) -> tuple[pa.Table, list[Note]]:
    """The columns of train, in its order."""
    if (source.images is None) != (train.images is None):
        raise DataError(
            f"it holds images and {train.name} doesn't, or the other way round.", file=source.name
        )
    if source.images is not None and train.images is not None:
        ours, theirs = source.images.shape[1:], train.images.shape[1:]
        if ours != theirs:
            problem = f"its images are {ours} (height, width, channels), those of {train.name} {theirs}."
            raise DataError(problem, file=source.name)
    names, known = source.table.column_names, set(train.table.column_names)
    there = {*names, *optional}
    missing = [repr(name) for name in train.table.column_names if name not in there]
    if missing:
        raise DataError(
            f"it lacks columns of {train.name}: {shown_names(missing)}; it has {shown_names(names)}.",
            file=source.name,
        )
    extra = [name for name in names if name not in known]
    notes = (
        [Note(Level.INFO, f"{source.name}: left out {shown_names(extra)}, which {train.name} lacks.")]
        if extra
        else []
    )
    there = set(names)
    arrays = [
        source.table.column(name) if name in there else pa.nulls(source.num_rows, type_)
        for name, type_ in zip(train.table.column_names, train.table.schema.types, strict=True)
    ]
    return pa.table(arrays, names=train.table.column_names), notes


def _stringly(table: pa.Table, optional: Sequence[str], file: str) -> pa.Table:
    """Every value as it would stand in a text file; none of columns that can't be used and needn't be."""
    arrays = []
    for name, values in zip(table.column_names, table.columns, strict=True):
        if name in optional and not is_usable(values.type):
            arrays.append(pa.nulls(len(values), pa.string()))
            continue
        relocated(check_type, name, values.type, file=file)
        arrays.append(pa.chunked_array([as_strings(chunk) for chunk in values.chunks], pa.string()))
    return pa.table(arrays, names=table.column_names)


def converted(
    rows: Pool, columns: Sequence[Column], hints: Sequence[str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Batches of the columns in the forms of their kinds.

    Args:
        rows: what to convert.
        columns: which of its columns, in this order.
        hints: for each, what to do where a value isn't of its kind.
        schema: of the batches.

    Raises:
        DataError: at the first value that isn't of its column's kind.
    """
    start = 0
    for batch in rows.table.select([column.name for column in columns]).to_batches(
        batch_rows(BATCH_ROWS, len(columns))
    ):
        arrays = []
        for column, hint, values, type_ in zip(columns, hints, batch.columns, schema.types, strict=True):
            try:
                arrays.append(convert(values, column).cast(type_))
            except DataError as error:
                file, row = rows.where(start + (error.row or 1) - 1)
                raise DataError(
                    f"{error.problem}{hint}", file=file, row=row if error.row else None, column=column.name
                ) from None
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        start += batch.num_rows


def relocated(function: Callable[..., Result], *args: Any, file: str) -> Result:
    """Call a function whose errors don't know the file."""
    try:
        return function(*args)
    except DataError as error:
        raise DataError(error.problem, file=file, row=error.row, column=error.column) from None
