"""Which row goes where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.data.split import (
    MAX_TEST_ROWS,
    MAX_VALID_ROWS,
    TEST,
    TRAIN,
    VALID,
    Sizes,
    by_group,
    by_time,
    part_sizes,
    stratified,
    stratified_units,
)
from rungwise.errors import DataError


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.lists(st.integers(3, 60), min_size=2, max_size=6), st.integers(0, 5))
def test_each_part_has_its_share_of_each_class(counts: list[int], seed: int) -> None:
    strata = rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    sizes = part_sizes(len(strata), 0.1, 0.2)
    parts = stratified(strata, sizes, rng(seed))
    assert (parts == TEST).sum() == sizes.test
    assert (parts == VALID).sum() == sizes.valid
    for stratum, count in enumerate(counts):
        assert abs((parts[strata == stratum] == TEST).sum() - count * sizes.test / len(strata)) <= 1


def test_the_data_page_names_the_caps() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    caps = f"the test and a tenth the validation ({MAX_TEST_ROWS:,} and {MAX_VALID_ROWS:,} rows at most)"
    assert caps in page


def test_the_seed_decides() -> None:
    strata = np.zeros(50, np.int32)
    one, same, other = (stratified(strata, Sizes(5, 10), rng(seed)) for seed in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


def test_rare_classes_stay_in_train() -> None:
    strata = np.array([0] * 40 + [1, 1])
    assert (stratified(strata, Sizes(4, 8), rng())[-2:] == TRAIN).all()


def test_units_are_never_torn() -> None:
    units = np.repeat(np.arange(30), 3)
    parts = stratified_units(np.zeros(30, np.int32), units, Sizes(9, 18), rng()).reshape(30, 3)
    assert (parts == parts[:, :1]).all()
    assert (parts == TEST).sum() == 18


@given(st.lists(st.integers(1, 30), min_size=3, max_size=20), st.integers(0, 5))
def test_groups_are_never_torn_and_every_part_has_one(counts: list[int], seed: int) -> None:
    groups = rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    sizes = part_sizes(len(groups), 0.1, 0.2)
    parts = by_group(groups, sizes, rng(seed))
    assert all(len(set(parts[groups == group])) == 1 for group in range(len(counts)))
    assert set(parts) == {TRAIN, VALID, TEST}


def test_too_few_groups() -> None:
    with pytest.raises(DataError, match=r"2 groups are too few to split; 3 are needed."):
        by_group(np.array([0, 1, 1]), Sizes(1, 1), rng())


def test_time_runs_from_train_to_test() -> None:
    times = rng().permutation(100)
    parts = by_time(times, Sizes(10, 20))
    assert times[parts == TRAIN].max() < times[parts == VALID].min()
    assert times[parts == VALID].max() < times[parts == TEST].min()
    assert (parts == TEST).sum() == 20


def test_sizes() -> None:
    assert part_sizes(100, 0.1, 0.2) == Sizes(10, 20)
    assert part_sizes(3, 0.1, 0.2) == Sizes(1, 1)
    assert part_sizes(10_000_000, 0.1, 0.2) == Sizes(10_000, 100_000)
    with pytest.raises(DataError, match="2 rows are too few to cut parts for validation and test from"):
        part_sizes(2, 0.1, 0.2)
