"""Whether rungs really differ on test: a p-value for each comparison, and what remains when there are many."""

# N examples, R comparisons

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rungwise.evaluation.intervals import Difference
from rungwise.evaluation.outcomes import Judged
from rungwise.evaluation.resampling import LEVEL

__all__ = ["OF_RIGHT", "Comparison", "compare", "holm", "mcnemar"]

OF_RIGHT = ("accuracy", "error")
"""Metrics of which answers are right, for which McNemar's test is exact."""


@dataclass(frozen=True)
class Comparison:
    """A rung beside the recommended one, on test.

    Attributes:
        rung: the other one.
        difference: by how much it is better.
        test: "McNemar", exact, of answers that are right or wrong, each example by itself; else "bootstrap".
        p_value: two-sided, of this comparison alone.
        adjusted: the same among all comparisons, by Holm.
    """

    rung: str
    difference: Difference
    test: str
    p_value: float
    adjusted: float

    @property
    def is_clear(self) -> bool:
        """Whether it is a difference that all these comparisons would show by chance in one of twenty runs at most."""
        return self.adjusted < 1 - LEVEL


def compare(judged: Judged, rungs: Sequence[str], rung: str) -> tuple[Comparison, ...]:
    """Each rung beside one of them."""
    others = [other for other in rungs if other != rung]
    is_exact = judged.metric.name in OF_RIGHT and judged.clusters is None and judged.num_seeds == 1
    found = []
    for other in others:
        difference = judged.difference(other, rung)
        p_value = difference.p_value
        if is_exact:
            p_value = mcnemar(*(judged.outputs[name][0] == judged.target for name in (other, rung)))
        found.append((other, difference, p_value))
    adjusted = holm([p_value for *_, p_value in found])
    test = "McNemar" if is_exact else "bootstrap"
    return tuple(
        Comparison(other, difference, test, p_value, joint)
        for (other, difference, p_value), joint in zip(found, adjusted, strict=True)
    )


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Whether each of two is right (N,) -> exact two-sided p-value of both being right as often.

    Source: McNemar (1947), Note on the sampling error of the difference between correlated proportions,
    Psychometrika 12; exact by the binomial distribution of the examples on which they differ.
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(stats.binomtest(only_first, only_first + only_second).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values (R) -> what they are among all of them (R): the chance that any of as many would be so small.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
    """
    order: Any = np.argsort(p_values, kind="stable")
    adjusted, largest = [1.0] * len(p_values), 0.0
    for number, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - number) * p_values[index]))
        adjusted[index] = largest
    return adjusted
