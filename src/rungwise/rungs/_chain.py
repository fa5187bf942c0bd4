"""A linear chain: weights of attributes and of neighbouring tags, and the best tags of sentences by them."""

# S tokens of some sentences, T templates, A attributes, C tags, K tags of them that are predicted

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rungwise.errors import ModelError
from rungwise.fitting import State
from rungwise.rungs._viterbi import FORBIDDEN, best_paths
from rungwise.stored import array, finite
from rungwise.tags import OUTSIDE, Tags, legal_starts, legal_transitions, spans_of

__all__ = [
    "Chain",
    "Weights",
    "checked_rows",
    "checked_tags",
    "numbers_among",
    "predicted_tags",
    "rows_state",
]

_LARGEST = 1e6
"""A weight that is stored: sums of some stay finite."""


@dataclass(frozen=True)
class Weights:
    """Weights of a linear chain.

    Attributes:
        attributes: of each attribute for each tag (A, K) float32.
        transitions: of a tag (row) before another (column) (K, K) float32.
    """

    attributes: sparse.csr_array
    transitions: NDArray[np.float32]


class Chain:
    """Scores tokens by their attributes and neighbouring tags together, and finds the best tags.

    Args:
        tags: the numbers of the tags that are predicted (K,), of which the first is outside.
        weights: of attributes and tags.
        outside: what is taken from the score of being outside.
    """

    def __init__(self, tags: NDArray[np.int64], weights: Weights, outside: float = 0.0) -> None:
        self.tags, self.weights, self.outside = tags, weights, outside
        most = int(tags.max()) + 1
        self._starts = np.where(legal_starts(most)[tags], np.float32(0), FORBIDDEN)
        legal = legal_transitions(most)[np.ix_(tags, tags)]
        self._transitions = np.where(legal, weights.transitions, FORBIDDEN)

    def scores(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """The attributes of tokens (S, T), -1 for none -> the scores of their tags (S, K), `outside` left aside."""
        is_there = rows >= 0
        bounds = np.concatenate([[0], np.cumsum(is_there.sum(axis=1))])
        columns = rows[is_there]
        shape = len(rows), self.weights.attributes.shape[0]
        found = sparse.csr_array((np.ones(len(columns), np.float32), columns, bounds), shape=shape)
        scores: NDArray[np.float32] = (found @ self.weights.attributes).toarray()
        return scores

    def paths(self, scores: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Scores (S, K) of sentences' tokens -> the tags that are best together (S,)."""
        starts = self._starts.copy()
        starts[OUTSIDE] -= np.float32(self.outside)
        transitions = self._transitions.copy()
        transitions[:, OUTSIDE] -= np.float32(self.outside)
        return self.tags[best_paths(scores, offsets, starts, transitions)]

    def without_silent(self) -> tuple[Chain, NDArray[np.bool_]]:
        """The same chain over the attributes that have weights, and which (A,) these are."""
        matrix = self.weights.attributes
        is_kept = np.diff(matrix.indptr) > 0
        weights = Weights(matrix[np.flatnonzero(is_kept)], self.weights.transitions)
        return Chain(self.tags, weights, self.outside), is_kept

    def num_parameters(self) -> int:
        """Weights, and what is taken from the score of being outside."""
        return int(self.weights.attributes.nnz) + self.weights.transitions.size + 1

    def state(self) -> State:
        """The tags, and the weights."""
        return {
            "tags": self.tags,
            "transitions": self.weights.transitions,
            "outside": self.outside,
            **rows_state("weights", self.weights.attributes),
        }

    @classmethod
    def from_state(cls, state: State, *, num_attributes: int, num_outputs: int) -> Chain:
        """What `state` was taken from, over so many attributes and tags.

        Raises:
            ModelError: if they don't go together.
        """
        tags = checked_tags(state, num_outputs)
        matrix = checked_rows(state, "weights", num_attributes, len(tags))
        transitions = array(state, "transitions", np.float32, len(tags), len(tags))
        if not all((np.abs(some) <= _LARGEST).all() for some in (matrix.data, transitions)):
            raise ModelError(f"weights must be numbers from {-_LARGEST:g} to {_LARGEST:g}.")
        return cls(tags, Weights(matrix, transitions), finite(state, "outside", -_LARGEST, _LARGEST))


def predicted_tags(targets: Tags, rare_types: float, most: int | None = None) -> NDArray[np.int64]:
    """The tags of training but those of the rarest types (K,), sorted, 0 the first.

    Args:
        targets: of training.
        rare_types: the share of all spans that the left out types make up together at most.
        most: tags at most.
    """
    seen = np.unique(targets.values)
    spans = np.bincount(spans_of(targets).types)
    rarest = np.argsort(spans, kind="stable")
    is_rare = np.zeros(len(spans), dtype=bool)
    is_rare[rarest] = np.cumsum(spans[rarest]) <= rare_types * spans.sum()
    if most is not None:
        is_rare[rarest[: -(most // 2)]] = True
    inside = seen[seen > OUTSIDE]
    tags: NDArray[np.int64] = np.concatenate([[OUTSIDE], inside[~is_rare[(inside - 1) // 2]]])
    return tags


def numbers_among(values: NDArray[np.int64], tags: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tags (S,) -> their places among the predicted ones (K,); those that aren't predicted are outside."""
    numbers: NDArray[np.int64] = np.searchsorted(tags, np.where(np.isin(values, tags), values, OUTSIDE))
    return numbers


def checked_tags(state: State, num_outputs: int) -> NDArray[np.int64]:
    """The predicted tags that a state has (K,).

    Raises:
        ModelError: if they aren't some of the outputs, sorted, 0 the first.
    """
    tags = array(state, "tags", np.int64, None)
    if not len(tags) or (np.diff(tags) <= 0).any() or tags[0] != OUTSIDE or tags[-1] >= num_outputs:
        raise ModelError(
            f"the tags must be distinct numbers from 0 to {num_outputs - 1}, sorted, 0 the first."
        )
    return tags


def rows_state(name: str, matrix: sparse.csr_array) -> State:
    """A sparse matrix as its three arrays."""
    return {
        "row_ends": matrix.indptr[1:].astype(np.int64),
        "columns": matrix.indices.astype(np.int32),
        name: matrix.data,
    }


def checked_rows(state: State, name: str, num_rows: int, num_columns: int) -> sparse.csr_array:
    """The sparse matrix of float32 that `rows_state` gave.

    Raises:
        ModelError: if its arrays don't go together, or it has another shape.
    """
    row_ends = array(state, "row_ends", np.int64, num_rows)
    columns = array(state, "columns", np.int32, None)
    bounds = np.concatenate([[0], row_ends])
    if (bounds[1:] < bounds[:-1]).any() or bounds[-1] != len(columns):
        raise ModelError(f"the rows of the {name} don't end where the {name} do.")
    if len(columns) and not 0 <= columns.min() <= columns.max() < num_columns:
        raise ModelError(f"the columns of the {name} must be from 0 to {num_columns - 1}.")
    values = array(state, name, np.float32, len(columns))
    return sparse.csr_array((values, columns, bounds), shape=(num_rows, num_columns))
