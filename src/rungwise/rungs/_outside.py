"""How much "outside" counts: what is taken from its score where that gives the best F1 over spans on validation.

A model that is trained to be right at the most tokens says "outside" too often for the F1 over spans, which leaves the
tokens aside that are outside and said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from rungwise.tags import Tags, span_counts, span_f1

__all__ = ["best_outside"]

_FIRST, _STEPS = (0.0, -1.0, 1.0, 2.0, 3.0), (0.5, 0.25)
"""What is tried at first, and how far from the best so far then."""


def best_outside(
    tags_with: Callable[[float], Tags], targets: Tags, unscored: Collection[int]
) -> tuple[float, float]:
    """What should be taken from the score of being outside, and the F1 with it.

    Args:
        tags_with: what is taken -> the tags of validation.
        targets: the tags as they should be.
        unscored: types whose spans don't count.
    """
    tried: dict[float, float] = {}

    def best_of(outsides: tuple[float, ...]) -> float:
        for outside in outsides:
            if outside not in tried:
                tried[outside] = span_f1(span_counts(targets, tags_with(outside), unscored))
        return max(tried, key=tried.__getitem__)

    best = best_of(_FIRST)
    for step in _STEPS:
        best = best_of((best - step, best + step))
    return best, tried[best]
