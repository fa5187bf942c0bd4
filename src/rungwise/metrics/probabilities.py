"""Metrics of class probabilities: log-loss, and how well they rank.

The area under a curve is no mean over examples, but it is close to one: each example's value is the area
plus N times the area's derivative by that example's weight (the infinitesimal jackknife; for ROC these are
the placement values of DeLong, DeLong & Clarke-Pearson 1988). The mean of the values is the area itself.
"""

# N examples, K classes

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rungwise.kinds import OutputKind
from rungwise.metrics.classes import rarer_class
from rungwise.metrics.metric import Floats, Metric, Needs

__all__ = ["LOG_LOSS", "average_precision", "roc_auc"]

_FLOOR = float(np.finfo(np.float32).eps)
"""No probability counts as less, so that one impossible example doesn't make the loss infinite."""

_Curve = Callable[[NDArray[np.bool_], Floats], Floats]


def _losses(target: NDArray[Any], probabilities: NDArray[Any]) -> Floats:
    rows = np.arange(len(target))
    of_target = np.where(target >= 0, probabilities[rows, np.maximum(target, 0)], 0)
    return -np.log(np.clip(of_target.astype(np.float64), _FLOOR, 1))[:, None]


def _columns(target: NDArray[Any], num_classes: int, positive: int | None) -> list[int]:
    """The classes whose areas are averaged: the positive one of two, else all that can be told apart."""
    if num_classes == 2:
        return [rarer_class(target) if positive is None else positive]
    return list(range(num_classes))


def _per_class(
    target: NDArray[Any], probabilities: NDArray[Any], *, positive: int | None, curve: _Curve
) -> Floats:
    """Target (N,), probabilities (N, K) -> values (N, 1), NaN where no class can be told from the rest."""
    total, count = np.zeros(len(target)), 0
    for column in _columns(target, probabilities.shape[1], positive):
        is_positive = target == column
        if is_positive.any() and not is_positive.all():
            total += curve(is_positive, probabilities[:, column].astype(np.float64))
            count += 1
    return (total / count if count else np.full(len(target), np.nan))[:, None]


def _roc(is_positive: NDArray[np.bool_], score: Floats) -> Floats:
    """Is positive (N,), score (N,) -> the area's value of each example (N,)."""
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    ranks = stats.rankdata(score)
    below = np.empty(len(score))  # the share of the other side that this example stands right to
    below[is_positive] = (ranks[is_positive] - stats.rankdata(score[is_positive])) / negatives
    below[~is_positive] = 1 - (ranks[~is_positive] - stats.rankdata(score[~is_positive])) / positives
    area = below[is_positive].mean()
    return np.asarray(area + len(score) * (below - area) / np.where(is_positive, positives, negatives))


def _precision_recall(is_positive: NDArray[np.bool_], score: Floats) -> Floats:
    """Is positive (N,), score (N,) -> the average precision's value of each example (N,)."""
    level = np.unique(-score, return_inverse=True)[1]  # 0 for the highest score
    hits, seen = np.bincount(level, is_positive), np.bincount(level)
    all_seen = np.cumsum(seen)
    precision = np.cumsum(hits) / all_seen
    # an example's weight moves the precision at its own level and at each one below
    as_negative = np.cumsum((hits * precision / all_seen)[::-1])[::-1]
    as_positive = np.cumsum((hits * (1 - precision) / all_seen)[::-1])[::-1]
    area = float(hits @ precision / hits.sum())
    derivative = np.where(is_positive, precision[level] - area + as_positive[level], -as_negative[level])
    return np.asarray(area + len(score) / hits.sum() * derivative)


def _weighted_area(
    target: NDArray[Any],
    probabilities: NDArray[Any],
    weights: NDArray[Any] | None,
    *,
    positive: int | None,
    area: str,
) -> float:
    import sklearn.metrics

    areas = []
    for column in _columns(target, probabilities.shape[1], positive):
        is_positive = target == column
        if is_positive.any() and not is_positive.all():
            function = getattr(sklearn.metrics, area)
            areas.append(function(is_positive, probabilities[:, column], sample_weight=weights))
    return float(np.mean(areas)) if areas else float("nan")


def _clip(means: Floats) -> Floats:
    """Means (1, B) -> scores (B,): the linearised area of a resample can leave 0 to 1 by a little."""
    return np.asarray(np.clip(means[0], 0, 1))


def _area_metric(name: str, title: str, curve: _Curve, area: str, positive: int | None) -> Metric:
    return Metric(
        name=name,
        title=title,
        output=OutputKind.LABEL,
        needs=Needs.PROBABILITIES,
        greater_is_better=True,
        per_example=partial(_per_class, positive=positive, curve=curve),
        link=_clip,
        weighted=partial(_weighted_area, positive=positive, area=area),
    )


LOG_LOSS = Metric(
    name="log-loss",
    title="log-loss",
    output=OutputKind.LABEL,
    needs=Needs.PROBABILITIES,
    greater_is_better=False,
    per_example=_losses,
)


def roc_auc(positive: int | None) -> Metric:
    """The area under the ROC curve: of the positive class of two, else the mean of each class against the rest."""
    return _area_metric("roc-auc", "ROC AUC", _roc, "roc_auc_score", positive)


def average_precision(positive: int | None) -> Metric:
    """The area under the precision-recall curve: of the positive class of two, else the mean of all."""
    return _area_metric(
        "average-precision", "average precision", _precision_recall, "average_precision_score", positive
    )
