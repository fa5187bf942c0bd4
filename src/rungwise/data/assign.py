"""Decides the part of each row by the user's files, groups, times, or a stratified draw."""

# N examples

from __future__ import annotations

from functools import partial

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
    free = np.flatnonzero(parts == FREE)
    valid_share, test_share = (
        0.0 if rows.has(part) else share for part, share in zip(PARTS[1:], shares, strict=True)
    )
    if valid_share or test_share:
        with_file = partial(relocated, file=rows.sources[0].name)
        sizes = with_file(part_sizes, len(free), valid_share, test_share)
        rng = np.random.default_rng(seed)
        if plan.group is not None and staged.group is not None:
            parts[free] = with_file(
                by_group, _codes(_known(rows, plan.group, staged.group, free)), sizes, rng
            )
            how = f"whole groups of {plan.group.name!r}"
        elif plan.time is not None and staged.time is not None:
            times = _known(rows, plan.time, staged.time, free)
            parts[free] = by_time(times.to_numpy(), sizes)
            how = f"by {plan.time.name!r}, the oldest for train, the newest for test"
        else:
            strata, more = _strata(plan, staged.target, free)
            units = np.arange(len(free))
            if plan.pair[0] is not InputKind.TABLE:
                units, twins = _units(hashes[free])
                more += twins
            parts[free] = stratified(strata, units, sizes, rng)
            notes += more
            how = "stratified by class" if plan.pair[1] is OutputKind.LABEL else "at random"
        cut = " and ".join(part for part in PARTS[1:] if not rows.has(part))
        for part, size, cap in (("valid", sizes.valid, MAX_VALID_ROWS), ("test", sizes.test, MAX_TEST_ROWS)):
            if size == cap:
                notes.append(
                    Note(Level.INFO, f"{part} has {cap:,} rows: more would cost time and judge no better.")
                )
        notes.append(Note(Level.INFO, f"{cut} cut from {rows.sources[0].name}: {how}, seed {seed}."))
    parts[parts == FREE] = 0
    for number, part in enumerate(PARTS):
        if not (parts == number).any():
            raise DataError(
                f"no rows are left for {part}: there are too few, or their classes are too rare.",
                file=rows.sources[0].name,
            )
    return parts, notes


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
