"""Validation parts one after another: what a dataset is when other rows of train are set aside to choose by."""

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

__all__ = ["Fold", "num_folds"]


def num_folds(num_train: int, num_valid: int) -> int:
    """How many validation parts of one size the rows of the training and the validation part have room for."""
    return (num_train + num_valid) // max(1, num_valid)


class Fold:
    """A dataset whose validation part is another one, of about as many rows; the test part stays what it is.

    Rows of a group, and equal texts and images, stay together, and classes have their share, as in the split. The data,
    which are rows of tables, texts or images, are held in memory.

    Args:
        dataset: what was prepared.
        number: of the fold, from 1 on and under `num_folds`: no row is in the validation part of two of them, nor in
            that of the dataset itself.

    Attributes:
        pair: what goes in and what comes out.
    """

    def __init__(self, dataset: Dataset, number: int) -> None:
        self.dataset, self.number = dataset, number
        self.pair: Pair = dataset.pair

    def num(self, part: str) -> int:
        """Rows in a part: "train", "valid" or "test"."""
        return self.dataset.num("test") if part == "test" else len(self._rows[part])

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
        """The values of a part, of which those of the split's own train come before those of its valid."""
        if part == "test":
            return values(part)
        return _taken(_joined(values("train"), values("valid")), self._rows[part])

    @cached_property
    def _rows(self) -> dict[str, NDArray[np.int64]]:
        """The numbers of a part's rows among those of train and valid."""
        num_train, num_valid = self.dataset.num("train"), self.dataset.num("valid")
        is_aside = self._folds == self.number
        train = np.flatnonzero(~is_aside)
        valid = num_train + np.arange(num_valid)
        known = np.r_[train, valid[self._is_known(self.dataset.targets("valid"))]]
        return {"train": known, "valid": np.flatnonzero(is_aside)}

    def _is_known(self, targets: Any) -> NDArray[np.bool_]:
        """Which rows (N,) have a class that training has; of numbers, all."""
        classes = self.dataset.classes
        return np.ones(len(targets), bool) if classes is None else np.isin(targets, classes)

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
        count = num_folds(self.dataset.num("train"), self.dataset.num("valid")) - 1
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


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, pa.Table):
        return pa.concat_tables([first, second])
    if isinstance(first, pa.ChunkedArray):
        return pa.chunked_array([*first.chunks, *second.chunks], first.type)
    return np.concatenate([first, second])


def _taken(values: Any, rows: NDArray[np.int64]) -> Any:
    return values.take(pa.array(rows)) if isinstance(values, pa.Table | pa.ChunkedArray) else values[rows]
