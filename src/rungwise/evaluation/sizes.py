"""What a rung's size brings, and which size goes with more data: scaling laws of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rungwise.evaluation.curves import error_on, score_of
from rungwise.evaluation.forecast import Curve
from rungwise.evaluation.outcomes import Results
from rungwise.evaluation.scaling_law import ScalingLaw, scaling_law
from rungwise.metrics import Metric

__all__ = ["SizeOutlook", "size_outlooks"]

_FURTHEST = 8.0
"""Times the largest model that was fitted up to which a size is named."""


@dataclass(frozen=True)
class SizeOutlook:
    """What a rung's size brings.

    Attributes:
        rung: its name.
        num_fits: that the law is made of.
        law: the law of its errors; None where there are too few fits.
        parameters: of the run's own model.
        at: the score that it is forecast at the rows that were asked for.
        balanced: parameters at which size and data are worth the same then; None where the law has no such.
        at_balanced: the score that such a model is forecast.
        limit: the score that no size and no data go beyond.
        is_beyond: whether that size is too far from those that were fitted to be named.
    """

    rung: str
    num_fits: int
    law: ScalingLaw | None
    parameters: float
    at: float | None = None
    balanced: float | None = None
    at_balanced: float | None = None
    limit: float | None = None
    is_beyond: bool = False


def size_outlooks(
    results: Results, by: Metric, times: float, curves: Mapping[str, Curve]
) -> list[SizeOutlook]:
    """The laws of the rungs that were fitted in several sizes, by those fits and the run's own.

    Args:
        results: of the run.
        by: the metric.
        times: how often the run's data.
        curves: rung → its curve, whose last point is the run's own fit.
    """
    told = []
    for outcome in results.outcomes:
        fits = [grown for grown in results.all_growth if grown.rung == outcome.rung]
        if outcome.rung not in curves or not any(fit.width for fit in fits):
            continue
        own, curve = float(outcome.record["parameters"]), curves[outcome.rung]
        sizes = np.array([*(fit.parameters for fit in fits), own], float)
        rows = np.array([*(fit.num_train for fit in fits), curve.sizes[-1]], float)
        law = scaling_law(sizes, rows, np.array([*(error_on(by, fit) for fit in fits), curve.errors[-1]]))
        if law is None:
            told.append(SizeOutlook(outcome.rung, len(sizes), None, own))
            continue
        then = times * fits[0].num_all
        balanced = law.balanced_parameters(then)
        is_beyond = balanced is None or not sizes.min() / _FURTHEST <= balanced <= sizes.max() * _FURTHEST
        told.append(
            SizeOutlook(
                outcome.rung,
                len(sizes),
                law,
                own,
                float(score_of(by, law.error(own, then))),
                balanced,
                None if balanced is None else float(score_of(by, law.error(balanced, then))),
                float(score_of(by, law.limit)),
                is_beyond,
            )
        )
    return told
