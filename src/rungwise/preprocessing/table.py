"""Tables → arrays: `TableFeatures` (one dense matrix) and `TablePreprocessor` (for networks).

Both are fitted on the training table alone, and work a column at a time: no Python object a row.
"""

# N examples, F numbers, M of them with gaps, K categories, D dense features

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.errors import ModelError
from rungwise.fitting import Pretrained, State
from rungwise.preprocessing.columns import RARE, TableColumns, fit_sample
from rungwise.preprocessing.scaling import SCALERS, QuantileScaler, Scaling, StandardScaler
from rungwise.preprocessing.unaltered import Unaltered
from rungwise.rung import TableShape
from rungwise.stored import array, section

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "CHUNK_ROWS",
    "Scaling",
    "TableExamples",
    "TableFeatures",
    "TablePreprocessor",
    "num_dense_features",
]

Floats = NDArray[np.float64]

CHUNK_ROWS = 65_536
"""Rows that are made dense at a time where all of them at once aren't needed."""

_FARTHEST = 1e15
"""Deviations from the mean that a number counts as at most, so that squares of them are finite in 32 bits."""

MAX_ONE_HOT = 100
"""Codes of a column that have a dense feature of their own; the others share the rare one's."""


def num_dense_features(shape: TableShape) -> int:
    """D, of a table of this shape."""
    return shape.num_numbers + sum(min(size, MAX_ONE_HOT) for size in shape.cardinalities)


class TableFeatures:
    """Tables (N) -> dense features (N, D) float32: scaled numbers, marks of gaps, and one-hot categories.

    Gaps in numbers are filled with the training median; a number that had gaps in training has a mark of them.

    Args:
        scaling: of the numbers.
    """

    def __init__(self, scaling: Scaling) -> None:
        self.scaling = scaling
        self.columns = TableColumns()
        self.medians: Floats
        self.gap_index: NDArray[np.int64]
        self.scaler: StandardScaler | QuantileScaler

    def fit(self, table: pa.Table) -> None:
        """Learns columns, medians and scales.

        Raises:
            DataError: if the table has no columns or no rows.
        """
        self.columns.fit(table)
        numbers = self.columns.numbers(fit_sample(table))
        is_gap = np.isnan(numbers)
        self.gap_index = np.flatnonzero(is_gap.any(axis=0))
        self.medians = np.array([_median(column) for column in numbers.T])
        self.scaler = SCALERS[self.scaling].fitted(np.where(is_gap, self.medians, numbers))

    @property
    def num_numbers(self) -> int:
        """Scaled numbers and marks of gaps (F + M)."""
        return len(self.medians) + len(self.gap_index)

    @property
    def num_features(self) -> int:
        """All dense features (D)."""
        return self.num_numbers + sum(self._one_hot_sizes())

    def numbers(self, table: pa.Table) -> NDArray[np.float32]:
        """Table (N) -> scaled numbers and marks of gaps (N, F + M)."""
        numbers = self.columns.numbers(table)
        is_gap = np.isnan(numbers)
        with np.errstate(over="ignore", invalid="ignore"):  # of what is clipped below
            scaled = self.scaler.transform(np.where(is_gap, self.medians, numbers))
        scaled = np.nan_to_num(scaled.clip(-_FARTHEST, _FARTHEST))
        return np.hstack([scaled, is_gap[:, self.gap_index]]).astype(np.float32)

    def transform(self, table: pa.Table) -> NDArray[np.float32]:
        """Table (N) -> features (N, D)."""
        features = np.zeros((len(table), self.num_features), np.float32)
        for start in range(0, len(table), CHUNK_ROWS):
            chunk = table.slice(start, CHUNK_ROWS)
            part = features[start : start + len(chunk)]
            part[:, : self.num_numbers] = self.numbers(chunk)
            first = self.num_numbers
            for codes, size in zip(self.columns.codes(chunk).T, self._one_hot_sizes(), strict=True):
                part[np.arange(len(chunk)), first + np.where(codes < size, codes, RARE)] = 1
                first += size
        return features

    def chunks(self, table: pa.Table) -> Iterator[NDArray[np.float32]]:
        """Table (N) -> features of some rows at a time, in order."""
        for start in range(0, len(table), CHUNK_ROWS):
            yield self.transform(table.slice(start, CHUNK_ROWS))

    def _one_hot_sizes(self) -> list[int]:
        return [min(size, MAX_ONE_HOT) for size in self.columns.cardinalities]

    def state(self) -> State:
        """Columns, medians, scales."""
        return {
            "columns": self.columns.state(),
            "medians": self.medians,
            "gap_index": self.gap_index,
            "scaler": self.scaler.state(),
        }

    def restore(self, state: State) -> None:
        """Takes them.

        Raises:
            ModelError: if they don't go together.
        """
        self.columns.restore(section(state, "columns"))
        num_numbers = self.columns.num_numbers
        self.medians = array(state, "medians", np.float64, num_numbers)
        self.gap_index = array(state, "gap_index", np.int64, None)
        if not np.isin(self.gap_index, np.arange(num_numbers)).all() or (np.diff(self.gap_index) <= 0).any():
            raise ModelError(f"'gap_index' must hold some of the {num_numbers} numbers, in order.")
        self.scaler = SCALERS[self.scaling].from_state(section(state, "scaler"), num_numbers)


def _median(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0


class TableConfig(Protocol):
    """What `TablePreprocessor` reads of a network's config."""

    @property
    def scaling(self) -> Scaling:
        """Of the numbers."""
        ...


class TableExamples:
    """Numbers (N, F + M) float32 and codes (N, K) int64 of a table's rows."""

    lengths: None = None
    owners: None = None

    def __init__(self, numbers: Tensor, codes: Tensor) -> None:
        self.numbers, self.codes = numbers, codes

    def __len__(self) -> int:
        return len(self.numbers)

    def batch(self, index: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Row numbers (B,) -> numbers (B, F + M), codes (B, K)."""
        return self.numbers[index], self.codes[index]


class TablePreprocessor(Unaltered):
    """The `Preprocessor` of networks that take tables: scaled numbers, marks of gaps, and codes."""

    def __init__(self, config: TableConfig) -> None:
        self.features = TableFeatures(config.scaling)

    def fit(self, inputs: pa.Table, pretrained: Pretrained | None = None) -> None:
        """Learns columns, medians and scales.

        Raises:
            DataError: if the table has no columns or no rows.
        """
        del pretrained  # no network over tables begins from any
        self.features.fit(inputs)

    def shape(self, *, num_examples: int, num_outputs: int) -> TableShape:
        """The numbers, marks of gaps included, and the codes of each category."""
        return TableShape(
            num_examples=num_examples,
            num_outputs=num_outputs,
            num_numbers=self.features.num_numbers,
            cardinalities=self.features.columns.cardinalities,
        )

    def examples(self, inputs: pa.Table) -> TableExamples:
        """Table (N) -> N preprocessed rows."""
        import torch  # takes seconds, and the traditional rungs of this module do without

        numbers = torch.from_numpy(self.features.numbers(inputs))
        return TableExamples(numbers, torch.from_numpy(self.features.columns.codes(inputs)))

    def state(self) -> State:
        """That of the features."""
        return self.features.state()

    def restore(self, state: State) -> None:
        """Takes it.

        Raises:
            ModelError: if its parts don't go together.
        """
        self.features.restore(state)
