"""Some rows of a part, always the same ones: what a model learned from is looked at by these."""

# N examples, M of them in the sample

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.data.dataset import Dataset
from rungwise.rung import Pair

__all__ = ["Sample"]

_MOST_ROWS = 2000
"""The standard error of a share is a point then, at most."""

_MOST_BYTES = 2**26
"""Of images, which are held in memory."""


class Sample:
    """Rows of the train part of a dataset, drawn from the split's own hash; never more than are judged in a run.

    Args:
        dataset: what was prepared.

    Attributes:
        pair: what goes in and what comes out.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.pair: Pair = dataset.pair

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Numbers of the rows of train (M,), sorted."""
        most = min(_MOST_ROWS, self.dataset.num("valid") + self.dataset.num("test"))
        if self.dataset.image_shape is not None:
            most = min(most, max(1, _MOST_BYTES // math.prod(self.dataset.image_shape)))
        rng = np.random.default_rng(int(self.dataset.split_hash, 16))
        return np.sort(rng.permutation(self.dataset.num("train"))[:most])

    def num(self, part: str) -> int:
        """Rows in the sample of "train"."""
        return len(self.rows) if part == "train" else self.dataset.num(part)

    def inputs(self, part: str) -> Any:
        """What a learner gets; see `Dataset.inputs`."""
        return self._some(self.dataset.inputs(part), part)

    def targets(self, part: str) -> Any:
        """What is predicted; see `Dataset.targets`."""
        return self._some(self.dataset.targets(part), part)

    def groups(self, part: str) -> NDArray[np.int64] | None:
        """The group of each row (M,), or None; see `Dataset.groups`."""
        groups = self.dataset.groups(part)
        return None if groups is None else np.asarray(self._some(groups, part))

    def _some(self, values: Any, part: str) -> Any:
        if part != "train":
            return values
        is_arrow = isinstance(values, pa.Table | pa.ChunkedArray)
        return values.take(pa.array(self.rows)) if is_arrow else values[self.rows]
