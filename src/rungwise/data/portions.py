"""A dataset of which train is only partly learned from, and what stays together when rows are chosen."""

# N examples

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.data.dataset import Dataset
from rungwise.data.rowhash import hash_images, hash_table, sentence_numbers, value_numbers
from rungwise.kinds import InputKind, OutputKind
from rungwise.rung import Pair

__all__ = ["ASIDE", "Portion", "Rows", "class_numbers", "unit_numbers"]

ASIDE = "aside"
"""Rows of train that are neither learned from nor used to stop or to choose settings by."""

Rows = NDArray[np.int64]


class Portion:
    """A dataset, some parts of which are rows of others. Rows of tables, texts or images are held in memory.

    Args:
        dataset: what was prepared.
        rows: part → the part that its rows are of, and their numbers there.

    Attributes:
        pair: what goes in and what comes out.
    """

    def __init__(self, dataset: Dataset, rows: Mapping[str, tuple[str, Rows]]) -> None:
        self.dataset, self.rows = dataset, rows
        self.pair: Pair = dataset.pair

    def num(self, part: str) -> int:
        """Rows in a part: "train", "aside", "valid" or "test"."""
        return len(self.rows[part][1]) if part in self.rows else self.dataset.num(part)

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
        if part not in self.rows:
            return values(part)
        source, rows = self.rows[part]
        whole = values(source)
        return whole.take(pa.array(rows)) if isinstance(whole, pa.Table | pa.ChunkedArray) else whole[rows]


def unit_numbers(dataset: Dataset) -> Rows:
    """The unit of each row of train (N,), counted from 0: what stays together, as in the split.

    A unit is a group of the user's, or all equal texts, images or sentences; else a row.
    """
    inputs, codes = dataset.inputs("train"), dataset.groups("train")
    if codes is None:
        match dataset.pair[0]:
            case InputKind.IMAGE:
                codes = hash_images(inputs).view(np.int64)
            case InputKind.TEXT:
                codes = hash_table(pa.table({"text": inputs})).view(np.int64)
            case InputKind.PREDICATE:
                codes = sentence_numbers(inputs)
    if codes is None:
        return np.arange(len(inputs))
    return np.asarray(np.unique(codes, return_inverse=True)[1], np.int64)


def class_numbers(dataset: Dataset, rows: Rows) -> NDArray[np.int32]:
    """The class of each of these rows of train, as a number; 0 of all where there are none."""
    if dataset.pair[1] is not OutputKind.LABEL:
        return np.zeros(len(rows), np.int32)
    return value_numbers(pa.array(dataset.targets("train")[rows]))
