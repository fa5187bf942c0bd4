"""Scatters rows and pixels into the parts' files."""

# N examples

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from rungwise.data.columns import field
from rungwise.data.dataset import IMAGES, TABLE
from rungwise.data.plan import Plan
from rungwise.data.pool import BATCH_ROWS, Pool
from rungwise.data.source import PARTS, BatchWriter
from rungwise.data.staging import Staged
from rungwise.kinds import ColumnKind

__all__ = ["joined", "write_images", "write_parts"]

IMAGE_ROWS = 1024


def write_parts(folder: Path, rows: Pool, plan: Plan, staged: Staged, parts: NDArray[np.int8]) -> None:
    """Scatter the rows, batch by batch, in their order."""
    fields = [field(column.name, column.kind) for column in plan.features]
    table = staged.features.select([column.name for column in plan.features])
    if plan.text_columns:
        fields = [field(" + ".join(plan.text_columns), ColumnKind.TEXT)]
        table = pa.table([joined(table)], names=[fields[0].name])
    fields += [pa.field(plan.target.name, plan.target_type), pa.field("row", pa.int64())]
    columns = [*table.columns, staged.target, pa.chunked_array([rows.row_numbers()])]
    whole = pa.Table.from_arrays(columns, schema=pa.schema(fields))
    with ExitStack() as stack:
        writers = []
        for part in PARTS:
            (folder / part).mkdir(exist_ok=True)
            writers.append(stack.enter_context(BatchWriter(folder / part / TABLE, whole.schema)))
        start = 0
        for batch in whole.to_batches(BATCH_ROWS):
            some = parts[start : start + batch.num_rows]
            for number, writer in enumerate(writers):
                writer.write([batch.take(pa.array(np.flatnonzero(some == number)))])
            start += batch.num_rows


def joined(texts: pa.Table) -> pa.ChunkedArray:
    """Texts in several columns as one, a line each."""
    return texts.column(0) if texts.num_columns == 1 else pc.binary_join_element_wise(*texts.columns, "\n")


def write_images(folder: Path, rows: Pool, parts: NDArray[np.int8]) -> None:
    """Scatter the pixels, batch by batch, in their order."""
    images = [source.images for source in rows.sources if source.images is not None]
    starts = np.cumsum([0, *map(len, images)])
    for number, part in enumerate(PARTS):
        shape = (int((parts == number).sum()), *images[0].shape[1:])
        out = open_memmap(folder / part / IMAGES, mode="w+", dtype=np.uint8, shape=shape)
        end = 0
        for array, start in zip(images, starts, strict=False):
            index = np.flatnonzero(parts[start : start + len(array)] == number)
            for some in np.array_split(index, max(1, len(index) // IMAGE_ROWS)):
                out[end : end + len(some)] = array[some]
                end += len(some)
        out.flush()
