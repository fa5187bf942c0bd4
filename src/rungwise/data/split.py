"""Which row is in which part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rungwise.errors import DataError

__all__ = [
    "DROPPED",
    "MAX_TEST_ROWS",
    "MAX_VALID_ROWS",
    "MIN_CLASS_ROWS",
    "TEST",
    "TRAIN",
    "VALID",
    "Sizes",
    "by_group",
    "by_time",
    "part_sizes",
    "stratified",
    "stratified_units",
]

TRAIN, VALID, TEST = 0, 1, 2
DROPPED = -1
_STAYS = -3

MAX_VALID_ROWS = 10_000
MAX_TEST_ROWS = 100_000
"""More rows judge no better and cost every rung time."""

MIN_CLASS_ROWS = 3
"""A class of fewer rows can't be in every part, so it stays in train."""


@dataclass(frozen=True)
class Sizes:
    """Rows that go from train to each of the others."""

    valid: int
    test: int


def part_sizes(num_rows: int, valid_size: float, test_size: float) -> Sizes:
    """How many rows are cut off.

    Args:
        num_rows: rows to cut from.
        valid_size: share, 0 where the part is there already.
        test_size: share, 0 where the part is there already.

    Raises:
        DataError: if there are too few rows for each part to have one.
    """
    valid, test = (max(1, round(num_rows * share)) if share else 0 for share in (valid_size, test_size))
    if num_rows - valid - test < 1:
        raise DataError(
            f"{num_rows} rows are too few to cut parts for validation and test from; get more rows."
        )
    return Sizes(min(valid, MAX_VALID_ROWS), min(test, MAX_TEST_ROWS))


def stratified(strata: NDArray[np.int32], sizes: Sizes, rng: np.random.Generator) -> NDArray[np.int8]:
    """Parts (N), each with the same share of each stratum.

    Args:
        strata: class (N) of each row, counted from 0; all zero for no strata.
        sizes: rows to cut off.
        rng: decides.
    """
    parts = np.full(len(strata), TRAIN, np.int8)
    parts[np.bincount(strata)[strata] < MIN_CLASS_ROWS] = _STAYS
    for part, size in ((TEST, sizes.test), (VALID, sizes.valid)):
        free = np.flatnonzero(parts == TRAIN).astype(np.int32)
        parts[_evenly(free, strata, min(size, len(free)), rng)] = part
    parts[parts == _STAYS] = TRAIN
    return parts


def stratified_units(
    strata: NDArray[np.int32], units: NDArray[np.int32], sizes: Sizes, rng: np.random.Generator
) -> NDArray[np.int8]:
    """Parts (N) such that rows of one unit stay together.

    Args:
        strata: class of each unit.
        units: unit (N) of each row, counted from 0.
        sizes: rows to cut off, about.
        rng: decides.
    """
    share = len(strata) / len(units)
    scaled = Sizes(*(max(1, round(size * share)) if size else 0 for size in (sizes.valid, sizes.test)))
    return np.asarray(stratified(strata, scaled, rng)[units])


def _evenly(
    free: NDArray[np.int32], strata: NDArray[np.int32], size: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Some of the free rows, at even steps through them sorted by stratum and shuffled within."""
    rng.shuffle(free)
    order = np.argsort(strata[free], kind="stable")
    steps = np.ceil((np.arange(size) + 0.5) * (len(free) / max(size, 1))).astype(np.int64) - 1
    return np.asarray(free[order[steps]])


def by_group(groups: NDArray[np.int64], sizes: Sizes, rng: np.random.Generator) -> NDArray[np.int8]:
    """Parts (N) such that no group is in two of them; groups larger than a part stay in train.

    Raises:
        DataError: if there are too few groups.
    """
    counts = np.bincount(groups)
    needed = 1 + (sizes.valid > 0) + (sizes.test > 0)
    if len(counts) < needed:
        raise DataError(f"{len(counts)} groups are too few to split; {needed} are needed.")
    parts = np.full(len(counts), TRAIN, np.int8)
    for part, size in ((TEST, sizes.test), (VALID, sizes.valid)):
        if not size:
            continue
        needed -= 1  # groups that the parts after this one need
        free = rng.permutation(np.flatnonzero(parts == TRAIN))
        most = len(free) - needed
        free = free[counts[free] <= max(size, counts[free].min())]
        num_taken = int((np.cumsum(counts[free]) <= size).sum())
        parts[free[: min(max(1, num_taken), most)]] = part
    return parts[groups]


def by_time(times: NDArray[np.int64], sizes: Sizes) -> NDArray[np.int8]:
    """Parts (N): the newest rows are test, those before them valid, the oldest train."""
    order = np.argsort(times, kind="stable")
    parts = np.full(len(times), TRAIN, np.int8)
    end = len(times) - sizes.test
    parts[order[end:]] = TEST
    parts[order[end - sizes.valid : end]] = VALID
    return parts
