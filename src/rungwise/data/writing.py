"""Scatters rows and pixels into the parts' files."""

# N examples

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data.columns import field
from rungwise.data.dataset import GROUP, IMAGES, TABLE
from rungwise.data.limits import batch_rows
from rungwise.data.plan import Plan
from rungwise.data.pool import BATCH_ROWS, Pool
from rungwise.data.rowhash import value_numbers
from rungwise.data.source import PARTS, BatchWriter, ImageWriter, PartFile
from rungwise.data.staging import Staged
from rungwise.kinds import ColumnKind

__all__ = ["group_columns", "joined", "scatter", "write_images", "write_parts"]

IMAGE_ROWS = 1024


def write_parts(
    folder: Path, rows: Pool, plan: Plan, staged: Staged, parts: NDArray[np.int8]
) -> dict[str, str]:
    """Scatter the rows, batch by batch, in their order; name of each file -> SHA-256 of what it holds."""
    fields = [field(column.name, column.kind) for column in plan.features]
    table = staged.features.select([column.name for column in plan.features])
    if plan.text_columns:
        fields = [field(" + ".join(plan.text_columns), ColumnKind.TEXT)]
        table = pa.table([joined(table)], names=[fields[0].name])
    groups = group_columns(staged.group)
    fields += [*groups, pa.field(plan.target.name, plan.target_type), pa.field("row", pa.int64())]
    columns = [*table.columns, *groups.values(), staged.target, pa.chunked_array([rows.row_numbers()])]
    return scatter(folder, pa.Table.from_arrays(columns, schema=pa.schema(fields)), parts)


def group_columns(groups: pa.ChunkedArray | None) -> dict[pa.Field, pa.ChunkedArray]:
    """The column that stands before the target where rows are in groups: each one's number."""
    if groups is None:
        return {}
    return {pa.field(GROUP, pa.int64()): pa.chunked_array([value_numbers(groups).astype(np.int64)])}


def scatter(folder: Path, whole: pa.Table, parts: NDArray[np.int8]) -> dict[str, str]:
    """Each row of a table into the file of its part (N); name of each file -> SHA-256 of what it holds."""
    for part in PARTS:
        (folder / part).mkdir()
    files = [PartFile(folder / part / TABLE) for part in PARTS]
    with ExitStack() as stack:
        writers = [stack.enter_context(BatchWriter(file, whole.schema)) for file in files]
        start = 0
        for batch in whole.to_batches(batch_rows(BATCH_ROWS, whole.num_columns)):
            some = parts[start : start + batch.num_rows]
            for number, writer in enumerate(writers):
                writer.write([batch.take(pa.array(np.flatnonzero(some == number)))])
            start += batch.num_rows
    return {f"{part}/{TABLE}": file.sha256() for part, file in zip(PARTS, files, strict=True)}


def joined(texts: pa.Table) -> pa.ChunkedArray:
    """Texts in several columns as one, a line each."""
    return texts.column(0) if texts.num_columns == 1 else pc.binary_join_element_wise(*texts.columns, "\n")


def write_images(folder: Path, rows: Pool, parts: NDArray[np.int8]) -> dict[str, str]:
    """Scatter the pixels, batch by batch, in their order; name of each file -> SHA-256 of what it holds."""
    images = [source.images for source in rows.sources if source.images is not None]
    size = images[0].shape[1:]
    starts = np.cumsum([0, *map(len, images)])
    chunk = batch_rows(IMAGE_ROWS, math.prod(size))
    digests = {}
    for number, part in enumerate(PARTS):
        with PartFile(folder / part / IMAGES) as file:
            writer = ImageWriter(file, (int((parts == number).sum()), *size))
            for array, start in zip(images, starts, strict=False):
                index = np.flatnonzero(parts[start : start + len(array)] == number)
                for first in range(0, len(index), chunk):
                    writer.write(array[index[first : first + chunk]])
        digests[f"{part}/{IMAGES}"] = file.sha256()
    return digests
