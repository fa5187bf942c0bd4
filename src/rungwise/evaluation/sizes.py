"""What a rung's size brings, and which size goes with more data: scaling laws of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rungwise.evaluation.curves import error_on, score_of
from rungwise.evaluation.families import Floats
from rungwise.evaluation.forecast import MISFIT, Curve
from rungwise.evaluation.grown import Grown
from rungwise.evaluation.intervals import Score
from rungwise.evaluation.outcomes import Results
from rungwise.evaluation.resampling import TAILS
from rungwise.evaluation.scaling_law import ScalingLaw, resampled_laws, scaling_law
from rungwise.metrics import Metric

__all__ = ["SizeOutlook", "size_outlooks"]

_FURTHEST = 8.0
"""Times the largest model that was fitted up to which a size is named."""


@dataclass(frozen=True)
class SizeOutlook:
    """What a rung's size brings; scores and sizes have their bands.

    Attributes:
        rung: its name.
        num_fits: that the law is made of.
        law: the law of its errors; None where there are too few fits.
        parameters: of the run's own model.
        at: the score that it is forecast at the rows that were asked for.
        balanced: parameters at which size and data are worth the same then; None where the law has no such. An end that
            is too far from those that were fitted is 0, or infinite.
        at_balanced: the score that such a model is forecast.
        limit: the score that no size and no data go beyond.
        is_beyond: whether that size is too far from those that were fitted to be named.
    """

    rung: str
    num_fits: int
    law: ScalingLaw | None
    parameters: float
    at: Score | None = None
    balanced: Score | None = None
    at_balanced: Score | None = None
    limit: Score | None = None
    is_beyond: bool = False


def size_outlooks(
    results: Results, by: Metric, times: float, curves: Mapping[str, Curve], levels: Mapping[str, Floats]
) -> list[SizeOutlook]:
    """The laws of the rungs that were fitted in several sizes, by those fits and the run's own.

    Args:
        results: of the run.
        by: the metric.
        times: how often the run's data.
        curves: rung → its curve, whose last point is the run's own fit.
        levels: rung → logarithms by which all its errors are off alike (S,).
    """
    told = []
    for outcome in results.outcomes:
        rung = outcome.rung
        fits = [grown for grown in results.all_growth if grown.rung == rung]
        if rung in curves and any(fit.width for fit in fits):
            own = float(outcome.record["parameters"])
            told.append(_outlook(by, fits, own, times, curves[rung], levels[rung]))
    return told


def _outlook(
    by: Metric, fits: Sequence[Grown], own: float, times: float, curve: Curve, levels: Floats
) -> SizeOutlook:
    """What the size of one rung brings, whose own model has so many parameters."""
    sizes = np.array([*(fit.parameters for fit in fits), own], float)
    rows = np.array([*(fit.num_train for fit in fits), curve.sizes[-1]], float)
    errors = np.array([*(error_on(by, fit) for fit in fits), curve.errors[-1]])
    law = scaling_law(sizes, rows, errors)
    if law is None:
        return SizeOutlook(fits[0].rung, len(sizes), None, own)
    laws = resampled_laws(law, sizes, rows, errors, noise=MISFIT * curve.noise, count=len(levels))
    then = times * fits[0].num_all
    rng = np.random.default_rng(0)

    def at(parameters: float) -> Score:
        """The score of a model of a size."""
        doublings = np.log2(times) + max(0, *np.log2([parameters / sizes.max(), sizes.min() / parameters]))
        logs = np.log([[each.error(parameters, then)] for each in laws])
        samples = curve.fits_about(logs, levels, doublings, rng)[:, 0]
        return _banded(by, min(law.error(parameters, then), curve.most), samples)

    least, most = sizes.min() / _FURTHEST, sizes.max() * _FURTHEST
    balanced = _balanced(law, laws, then, (least, most))
    limits = np.minimum([each.limit for each in laws] * np.exp(levels), curve.most)
    return SizeOutlook(
        fits[0].rung,
        len(sizes),
        law,
        own,
        at(own),
        balanced,
        None if balanced is None else at(balanced.value),
        _banded(by, law.limit, limits),
        is_beyond=balanced is None or not least <= balanced.value <= most,
    )


def _banded(by: Metric, error: float, samples: Floats) -> Score:
    """An error with samples of it (S,) -> the score, with its band."""
    value = float(score_of(by, error))
    low, high = np.sort(np.percentile(score_of(by, samples), TAILS))
    return Score(value, float(min(low, value)), float(max(high, value)))


def _balanced(
    law: ScalingLaw, laws: Sequence[ScalingLaw], rows: float, within: tuple[float, float]
) -> Score | None:
    """The size in balance with so many rows, by a law, and its band by others, which is open beyond two sizes."""
    value = law.balanced_parameters(rows)
    if value is None:
        return None
    sizes = [each.balanced_parameters(rows) for each in laws]
    # without a gain by size the smallest is enough, and without one by data the largest isn't
    known = [
        (np.inf if each.model else 0.0) if size is None else size
        for each, size in zip(laws, sizes, strict=True)
    ]
    low, high = np.percentile(known, TAILS, method="nearest")
    return Score(
        value,
        float(min(low, value)) if low >= within[0] else 0.0,
        float(max(high, value)) if high <= within[1] else np.inf,
    )
