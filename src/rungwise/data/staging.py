"""Every value converted to its column's form, and what identifies the rows."""

# N examples

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data.columns import column_type, field
from rungwise.data.plan import TARGET_HINT, Plan
from rungwise.data.pool import Pool, converted
from rungwise.data.rowhash import hash_images, hash_table
from rungwise.data.source import BatchWriter, mapped_table
from rungwise.kinds import ColumnKind, InputKind

__all__ = ["Staged", "fingerprint", "input_hashes", "num_missing", "stage"]


@dataclass(frozen=True)
class Staged:
    """Converted values of all rows (N)."""

    features: pa.Table
    target: pa.ChunkedArray
    group: pa.ChunkedArray | None
    time: pa.ChunkedArray | None


def stage(rows: Pool, plan: Plan, file: Path) -> Staged:
    """Convert the features, the target, and the group and the time if there are any."""
    extras = [column for column in (plan.group, plan.time) if column is not None]
    hints = [
        f" Correct it, or say what the column holds: `--column {column.name}=category`,"
        f" or leave it out: `--column {column.name}=ignore`."
        for column in plan.features
    ]
    hints += [TARGET_HINT, *([""] * len(extras))]
    fields = [field(column.name, column.kind) for column in plan.features]
    fields.append(pa.field(plan.target.name, plan.target_type))
    fields += [pa.field(column.name, column_type(column.kind)) for column in extras]
    schema = pa.schema(fields)
    file.parent.mkdir(parents=True, exist_ok=True)
    with BatchWriter(file, schema) as writer:
        writer.write(converted(rows, [*plan.features, plan.target, *extras], hints, schema))
    table = mapped_table(file)
    num = len(plan.features)
    return Staged(
        features=table.select(list(range(num))),
        target=table.column(num),
        group=table.column(num + 1) if plan.group else None,
        time=table.column(num + 1) if plan.time else None,
    )


def input_hashes(rows: Pool, plan: Plan, staged: Staged) -> NDArray[np.uint64]:
    """A number for each row (N) that is equal for equal inputs."""
    if plan.pair[0] is InputKind.IMAGE:
        return np.concatenate(
            [hash_images(source.images) for source in rows.sources if source.images is not None]
        )
    return hash_table(staged.features.select([column.name for column in plan.features]))


def fingerprint(plan: Plan, staged: Staged, hashes: NDArray[np.uint64]) -> str:
    """SHA-256 of names, kinds, values and targets."""
    names = [[column.name, column.kind] for column in plan.features]
    digest = hashlib.sha256(json.dumps([*plan.pair, plan.target.name, names]).encode())
    digest.update(hashes.astype("<u8").tobytes())
    digest.update(hash_table(pa.table([staged.target], names=["target"])).astype("<u8").tobytes())
    return digest.hexdigest()


def num_missing(values: pa.ChunkedArray, kind: ColumnKind) -> int:
    """Missing values of a converted column."""
    if kind is ColumnKind.TEXT:
        return int(pc.sum(pc.equal(values, "")).as_py() or 0)
    return int(values.null_count)
