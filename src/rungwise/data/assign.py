"""Decides the part of each row by the user's files, groups, times, or a stratified draw."""

# N examples

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data.columns import (
    Column,
)
from rungwise.data.plan import Plan
from rungwise.data.pool import FREE, Pool, relocated
from rungwise.data.source import PARTS, Level, Note, shown_names
from rungwise.data.split import (
    DROPPED,
    MAX_TEST_ROWS,
    MAX_VALID_ROWS,
    MIN_CLASS_ROWS,
    TRAIN,
    Sizes,
    by_group,
    by_time,
    part_sizes,
    stratified,
)
from rungwise.data.staging import Staged
from rungwise.errors import DataError
from rungwise.kinds import InputKind, OutputKind

__all__ = ["assign"]


def assign(
    rows: Pool,
    plan: Plan,
    staged: Staged,
    hashes: NDArray[np.uint64],
    shares: tuple[float, float],
    seed: int,
    drop_missing_target: bool,
) -> tuple[NDArray[np.int8], list[Note]]:
    """The part of each row (N), and what is to be said of it."""
    parts = rows.parts()
    notes = _drop_missing(rows, plan, staged.target, parts, drop_missing_target)
    cut = [part for part in PARTS[1:] if not rows.has(part)]
    file = rows.sources[0].name
    if cut:
        free = np.flatnonzero(parts == FREE)
        wanted = [share if part in cut else 0.0 for part, share in zip(PARTS[1:], shares, strict=True)]
        sizes = relocated(part_sizes, len(free), *wanted, file=file)
        parts[free], how, more = _cut(rows, plan, staged, hashes, free, sizes, np.random.default_rng(seed))
        notes += [*more, *_capped(sizes)]
        notes.append(Note(Level.INFO, f"{' and '.join(cut)} cut from {file}: {how}, seed {seed}."))
    parts[parts == FREE] = TRAIN
    for number, part in enumerate(PARTS):
        if not (parts == number).any():
            problem = "too few, their classes are too rare, or too many inputs are equal"
            raise DataError(f"no rows are left for {part}: there are {problem}.", file=file)
    return parts, notes


def _cut(
    rows: Pool,
    plan: Plan,
    staged: Staged,
    hashes: NDArray[np.uint64],
    free: NDArray[np.int64],
    sizes: Sizes,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int8], str, list[Note]]:
    """The part of each free row, how it was chosen, and what is to be said of it."""
    if plan.group is not None and staged.group is not None:
        groups = _codes(_known(rows, plan.group, staged.group, free))
        parts = relocated(by_group, groups, sizes, rng, file=rows.sources[0].name)
        return parts, f"whole groups of {plan.group.name!r}", []
    if plan.time is not None and staged.time is not None:
        times = _known(rows, plan.time, staged.time, free).to_numpy()
        return by_time(times, sizes), f"by {plan.time.name!r}, the oldest for train, the newest for test", []
    strata, notes = _strata(plan, staged.target, free)
    units = np.arange(len(free))
    if plan.pair[0] is not InputKind.TABLE:
        units, more = _units(hashes[free])
        notes += more
    how = "stratified by class" if plan.pair[1] is OutputKind.LABEL else "at random"
    return stratified(strata, units, sizes, rng), how, notes


def _capped(sizes: Sizes) -> list[Note]:
    caps = (("valid", sizes.valid, MAX_VALID_ROWS), ("test", sizes.test, MAX_TEST_ROWS))
    return [
        Note(Level.INFO, f"{part} has {cap:,} rows: more would cost time and judge no better.")
        for part, size, cap in caps
        if size == cap
    ]


def _drop_missing(
    rows: Pool, plan: Plan, target: pa.ChunkedArray, parts: NDArray[np.int8], drop: bool
) -> list[Note]:
    """Marks rows without a target, in place."""
    if not target.null_count:
        return []
    missing = pc.is_null(target).to_numpy()
    if not drop:
        file, row = rows.where(int(missing.argmax()))
        more = f" here, the first of {target.null_count} such rows" if target.null_count > 1 else ""
        raise DataError(
            f"the target is missing{more}; fill it, or leave such rows out: `--drop-missing-target`.",
            file=file,
            row=row,
            column=plan.target.name,
        )
    parts[missing] = DROPPED
    return [Note(Level.WARNING, f"{target.null_count} of {rows.num_rows} rows dropped: they have no target.")]


def _known(rows: Pool, column: Column, values: pa.ChunkedArray, free: NDArray[np.int64]) -> pa.ChunkedArray:
    """The values of the free rows, none of them missing."""
    some = values.take(pa.array(free))
    if some.null_count:
        file, row = rows.where(int(free[pc.is_null(some).to_numpy().argmax()]))
        raise DataError(
            f"the value is missing, so it isn't clear which part the row belongs to; fill it (missing in"
            f" {some.null_count} rows).",
            file=file,
            row=row,
            column=column.name,
        )
    return some


def _codes(values: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """Values (N) numbered in the order in which they first occur."""
    return np.asarray(pc.index_in(values, value_set=pc.unique(values)).to_numpy()).astype(np.int64)


def _strata(
    plan: Plan, target: pa.ChunkedArray, free: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[Note]]:
    """The class of each free row, or zero, and which classes are too rare to split."""
    if plan.pair[1] is OutputKind.NUMBER:
        return np.zeros(len(free), np.int64), []
    labels = target.take(pa.array(free))
    codes = _codes(labels)
    counts = np.bincount(codes)
    rare = np.flatnonzero(counts < MIN_CLASS_ROWS)
    if not len(rare):
        return codes, []
    shown = shown_names([repr(label) for label in pc.unique(labels).take(pa.array(rare)).to_pylist()])
    return codes, [
        Note(
            Level.WARNING,
            f"{len(rare)} classes of fewer than {MIN_CLASS_ROWS} rows are in train alone: {shown}.",
        )
    ]


def _units(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], list[Note]]:
    """Equal inputs numbered as one."""
    units = _codes(pa.array(hashes))
    num_twins = len(hashes) - int(units.max()) - 1
    if not num_twins:
        return units, []
    message = f"{num_twins} of {len(hashes)} inputs repeat another one exactly; each stands in the part of its twin."
    return units, [Note(Level.INFO, message)]
