"""Parts of train that are set aside one after another, to judge fits by that haven't seen them in any way."""

# N examples

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.data.dataset import Dataset
from rungwise.data.rowhash import hash_images, hash_table, value_numbers
from rungwise.kinds import InputKind, OutputKind
from rungwise.rung import Pair

__all__ = ["ASIDE", "Fold", "are_even", "num_folds"]

ASIDE = "aside"
"""The part of a fold that is neither learned from nor used to stop or to choose settings by."""


def num_folds(dataset: Dataset) -> int:
    """How many parts as large as the validation part train has room for."""
    return dataset.num("train") // max(1, dataset.num("valid"))


def are_even(dataset: Dataset) -> bool:
    """Whether all folds have about as many rows as the validation part, as few large groups, or twins, can't."""
    sizes = np.bincount(Fold(dataset, 1)._folds, minlength=num_folds(dataset) + 1)[1:]
    return bool(
        len(sizes) and dataset.num("valid") / 2 <= sizes.min() and sizes.max() <= 2 * dataset.num("valid")
    )


class Fold:
    """A dataset without some rows of train, about as many as the validation part has, which are its part `ASIDE`.

    Rows of a group, and equal texts and images, stay together, and classes have their share, as in the split. Rows of
    tables, texts or images in train are held in memory.

    Args:
        dataset: what was prepared.
        number: of the fold, from 1 to `num_folds`: no row is aside in two of them.

    Attributes:
        pair: what goes in and what comes out.
    """

    def __init__(self, dataset: Dataset, number: int) -> None:
        self.dataset, self.number = dataset, number
        self.pair: Pair = dataset.pair

    def num(self, part: str) -> int:
        """Rows in a part: "train", "aside", "valid" or "test"."""
        return len(self._rows[part]) if part in self._rows else self.dataset.num(part)

    def inputs(self, part: str) -> Any:
        """What a learner gets; see `Dataset.inputs`."""
        return self._some(self.dataset.inputs, part)

    def targets(self, part: str) -> Any:
        """What is predicted; see `Dataset.targets`."""
        return self._some(self.dataset.targets, part)

    def groups(self, part: str) -> NDArray[np.int64] | None:
        """The group of each row (N,), or None; see `Dataset.groups`."""
        return None if self.dataset.group is None else np.asarray(self._some(self.dataset.groups, part))

    def _some(self, values: Any, part: str) -> Any:
        if part not in self._rows:
            return values(part)
        whole, rows = values("train"), self._rows[part]
        return whole.take(pa.array(rows)) if isinstance(whole, pa.Table | pa.ChunkedArray) else whole[rows]

    @cached_property
    def _rows(self) -> dict[str, NDArray[np.int64]]:
        """The numbers, among the rows of train, of those that are learned from and of those that are aside."""
        is_aside = self._folds == self.number
        return {"train": np.flatnonzero(~is_aside), ASIDE: np.flatnonzero(is_aside)}

    @cached_property
    def _folds(self) -> NDArray[np.int64]:
        """The fold of each row of train (N,), 0 for those that are aside in none.

        Units in the order of their classes are dealt out as cards are, to as many folds as there is room for.
        """
        units, targets = self._units(), self.dataset.targets("train")
        _, first = np.unique(units, return_index=True)
        has_classes = self.pair[1] is OutputKind.LABEL
        strata = value_numbers(pa.array(targets[first])) if has_classes else np.zeros(len(first), np.int32)
        rng = np.random.default_rng(int(self.dataset.split_hash, 16))
        order = rng.permutation(len(first))
        order = order[np.argsort(strata[order], kind="stable")]
        count = num_folds(self.dataset)
        dealt = np.empty(len(first), np.int64)
        dealt[order] = 1 + np.arange(len(order)) % count
        for fold in range(1, count + 1 if has_classes else 1):
            is_aside = dealt[units] == fold
            is_lost = is_aside & ~np.isin(targets, targets[~is_aside])
            dealt[units[is_lost]] = 0  # train would lack their class
        return np.asarray(dealt[units])

    def _units(self) -> NDArray[np.int64]:
        """The unit of each row of train (N,), counted from 0: what stays together."""
        inputs, codes = self.dataset.inputs("train"), self.dataset.groups("train")
        if codes is None and self.pair[0] is InputKind.TABLE:
            return np.arange(len(inputs))
        if codes is None:
            is_image = self.pair[0] is InputKind.IMAGE
            hashes = hash_images(inputs) if is_image else hash_table(pa.table({"text": inputs}))
            codes = hashes.view(np.int64)
        _, units = np.unique(codes, return_inverse=True)
        return np.asarray(units, np.int64)
