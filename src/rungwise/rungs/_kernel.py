"""Scores by the likeness to known examples."""

# N examples, D features, C classes, S support vectors or landmarks, K scores: 1 for two classes and for numbers, else C

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import rbf_kernel

from rungwise.rungs._linear import LinearScores, stacked

__all__ = ["CHUNK_ELEMENTS", "KernelScores"]

CHUNK_ELEMENTS = 2**24
"""Likenesses that are there at a time."""


@dataclass(frozen=True)
class KernelScores:
    """Scores that are linear in the features (N, D), or in the likeness to support vectors (S, D)."""

    linear: LinearScores
    support: NDArray[np.float32] | None = None
    gamma: float = 0.0

    def _terms(self, features: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Features (N, D) -> what the scores are linear in, a chunk of rows at a time."""
        if self.support is None:
            yield features
            return
        size = max(1, CHUNK_ELEMENTS // max(1, len(self.support)))
        for i in range(0, max(1, len(features)), size):
            yield rbf_kernel(features[i : i + size], self.support, gamma=self.gamma)

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features (N, D) -> scores (N, K)."""
        return stacked((self.linear.scores(terms) for terms in self._terms(features)), len(features))

    def class_scores(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features (N, D) -> one score a class (N, C)."""
        return np.concatenate([self.linear.class_scores(terms) for terms in self._terms(features)])

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features (N, D) -> class probabilities (N, C)."""
        return np.concatenate([self.linear.probabilities(terms) for terms in self._terms(features)])
