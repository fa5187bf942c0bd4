"""Parts of train that are set aside one after another, to judge fits by that haven't seen them in any way."""

# N examples

from __future__ import annotations

import numpy as np

from rungwise.data.dataset import Dataset
from rungwise.data.portions import ASIDE, Portion, Rows, class_numbers, unit_numbers
from rungwise.kinds import OutputKind

__all__ = ["are_even", "fold", "num_folds"]


def num_folds(dataset: Dataset) -> int:
    """How many parts as large as the validation part train has room for."""
    return dataset.num("train") // max(1, dataset.num("valid"))


def are_even(dataset: Dataset) -> bool:
    """Whether all folds have about as many rows as the validation part, as few large groups, or twins, can't."""
    sizes = np.bincount(_folds(dataset), minlength=num_folds(dataset) + 1)[1:]
    return bool(
        len(sizes) and dataset.num("valid") / 2 <= sizes.min() and sizes.max() <= 2 * dataset.num("valid")
    )


def fold(dataset: Dataset, number: int) -> Portion:
    """A dataset without some rows of train, about as many as the validation part has, which are its part `ASIDE`.

    Rows of a group, and equal texts and images, stay together, and classes have their share, as in the split.

    Args:
        dataset: what was prepared.
        number: of the fold, from 1 to `num_folds`: no row is aside in two of them.
    """
    is_aside = _folds(dataset) == number
    rows = {"train": np.flatnonzero(~is_aside), ASIDE: np.flatnonzero(is_aside)}
    return Portion(dataset, {part: ("train", some) for part, some in rows.items()})


def _folds(dataset: Dataset) -> Rows:
    """The fold of each row of train (N,), 0 for those that are aside in none.

    Units in the order of their classes are dealt out as cards are, to as many folds as there is room for.
    """
    units, targets = unit_numbers(dataset), dataset.targets("train")
    _, first = np.unique(units, return_index=True)
    strata = class_numbers(dataset, first)
    rng = np.random.default_rng(int(dataset.split_hash, 16))
    order = rng.permutation(len(first))
    order = order[np.argsort(strata[order], kind="stable")]
    count = num_folds(dataset)
    dealt = np.empty(len(first), np.int64)
    dealt[order] = 1 + np.arange(len(order)) % count
    for number in range(1, count + 1 if dataset.pair[1] is OutputKind.LABEL else 1):
        is_aside = dealt[units] == number
        is_lost = is_aside & ~np.isin(targets, targets[~is_aside])
        dealt[units[is_lost]] = 0  # train would lack their class
    return np.asarray(dealt[units])
