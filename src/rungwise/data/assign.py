"""Decides the part of each row by the user's files, groups, times, or a stratified draw."""

# N examples

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data.columns import Column
from rungwise.data.plan import Plan
from rungwise.data.pool import FREE, Pool, relocated
from rungwise.data.rowhash import value_numbers
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
    stratified_units,
)
from rungwise.data.staging import Staged
from rungwise.errors import DataError
from rungwise.kinds import InputKind, OutputKind

__all__ = ["assign"]


def assign(
    rows: Pool,
    plan: Plan,
    staged: Staged,
    hashes: NDArray[np.uint64] | None,
    shares: tuple[float, float],
    seed: int,
    drop_missing_target: bool,
) -> tuple[NDArray[np.int8], list[Note]]:
    """The part of each row (N), and what is to be said of it; without hashes, equal inputs may be split."""
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
    hashes: NDArray[np.uint64] | None,
    free: NDArray[np.int64],
    sizes: Sizes,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int8], str, list[Note]]:
    """The part of each free row, how it was chosen, and what is to be said of it."""
    if plan.group is not None and staged.group is not None:
        groups = value_numbers(_known(rows, plan.group, staged.group, free))
        parts = relocated(by_group, groups, sizes, rng, file=rows.sources[0].name)
        return parts, f"whole groups of {plan.group.name!r}", []
    if plan.time is not None and staged.time is not None:
        times = _known(rows, plan.time, staged.time, free).to_numpy()
        return by_time(times, sizes), f"by {plan.time.name!r}, the oldest for train, the newest for test", []
    strata = _strata(plan, staged.target)[free]
    how = "stratified by class" if plan.pair[1] is OutputKind.LABEL else "at random"
    if plan.pair[0] is InputKind.TABLE or hashes is None:
        return stratified(strata, sizes, rng), how, _rare(plan, staged.target, strata)
    units, first = _units(hashes[free])
    notes = _rare(plan, staged.target, strata[first])
    num_twins = len(units) - len(first)
    if num_twins and plan.pair[0] is InputKind.PREDICATE:
        notes.append(Note(Level.INFO, f"{len(first)} sentences, each in one part with all its predicates."))
    elif num_twins:
        twins = f"{num_twins} of {len(units)} inputs repeat another one exactly"
        notes.append(
            Note(
                Level.INFO,
                f"{twins}; each stands in the part of its twin (`--split-duplicates` lets them part).",
            )
        )
    return stratified_units(strata[first], units, sizes, rng), how, notes


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
            f"the target is missing{more}; fill it, leave such rows out with `--drop-missing-target`, "
            "or name another target with `--target`.",
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


def _strata(plan: Plan, target: pa.ChunkedArray) -> NDArray[np.int32]:
    """The class of each row (N), or zero."""
    return value_numbers(target) if plan.pair[1] is OutputKind.LABEL else np.zeros(len(target), np.int32)


def _rare(plan: Plan, target: pa.ChunkedArray, strata: NDArray[np.int32]) -> list[Note]:
    """Which classes are too rare to be in every part."""
    if plan.pair[1] is not OutputKind.LABEL:
        return []
    counts = np.bincount(strata)
    rare = np.flatnonzero((counts > 0) & (counts < MIN_CLASS_ROWS))
    if not len(rare):
        return []
    shown = shown_names([repr(label) for label in pc.unique(target).take(pa.array(rare)).to_pylist()])
    message = f"{len(rare)} classes of fewer than {MIN_CLASS_ROWS} examples are in train alone: {shown}."
    return [Note(Level.WARNING, message)]


def _units(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Equal inputs numbered as one (N), and the first row of each number."""
    units = value_numbers(pa.array(hashes))
    first = np.empty(int(units.max()) + 1, np.int64)
    first[units[::-1]] = np.arange(len(units))[::-1]
    return units, first
