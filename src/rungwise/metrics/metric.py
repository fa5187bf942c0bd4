"""What a metric is: a link of the weighted mean of something that each example has.

The score is `link(mean of per_example)`. So the scores of a thousand resamples of the data are one product
of a matrix of weights with the examples' values, and a link.
"""

# N examples, K classes, S values an example, B resamples

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.kinds import OutputKind

__all__ = ["Floats", "Metric", "Needs", "identity"]

Floats = NDArray[np.float64]


class Needs(StrEnum):
    """Which form of a model's output a metric looks at."""

    PREDICTION = "prediction"
    PROBABILITIES = "probabilities"


def identity(means: Floats) -> Floats:
    """Means (1, B) -> scores (B,): the mean is the score."""
    return np.asarray(means[0])


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One measure of how good predictions are.

    Attributes:
        name: as the user types it.
        title: as a sentence has it.
        output: the kind of target that it is for.
        needs: what it compares the targets with.
        greater_is_better: whether a higher score is the better one.
        is_share: whether it is a share of one, which reads best as a percentage.
        is_binary: whether it is for two classes only.
        per_example: target (N,), output (N,) or (N, K), or `Tags` (N) both -> values (N, S), a dense array or a SciPy
            sparse one.
        link: means of the values (S, B) -> scores (B,).
        weighted: target, output, weights (N,) -> score, where that is no link of a weighted mean: the
            values of a metric of ranks are those of its linearisation.
    """

    name: str
    title: str
    output: OutputKind
    needs: Needs
    greater_is_better: bool
    is_share: bool = False
    is_binary: bool = False
    per_example: Callable[[Any, Any], Any]
    link: Callable[[Floats], Floats] = identity
    weighted: Callable[[NDArray[Any], NDArray[Any], NDArray[Any] | None], float] | None = None

    def score(self, target: Any, output: Any, sample_weight: NDArray[Any] | None = None) -> float:
        """Target (N,), output (N,) or (N, K), weights (N,) -> score; NaN where it is not defined.

        Args:
            target: class numbers, numbers, or `Tags`.
            output: what the metric needs: predictions (N,), or probabilities (N, K).
            sample_weight: what each example counts; 1 without.
        """
        if len(target) == 0:
            return float("nan")
        if self.weighted is not None:
            return self.weighted(target, output, sample_weight)
        weights = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight, float)
        means = self.per_example(target, output).T @ weights / weights.sum()  # (S,)
        return float(self.link(means[:, None])[0])
