"""Every metric of every rung, for `metrics.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rungwise.evaluation.outcomes import PARTS, Results
from rungwise.evaluation.predictions import Predictions
from rungwise.metrics import class_scores, is_roles, type_scores

__all__ = ["scores"]


def scores(results: Results, metrics: Sequence[str], classes: Sequence[str] = ()) -> dict[str, Any]:
    """Rung → part → metric → value, low and high; and the scores of each class, or of each type of spans.

    Args:
        results: of the run.
        metrics: names, such as a task's; those for two classes are left out where there are more.
        classes: the names of the classes, in the order of their numbers.

    Raises:
        UnknownNameError: if there is no such metric.
    """
    fitting = results.fitting_metrics(metrics)
    finished = [outcome for outcome in results.outcomes if outcome.is_finished]
    rungs: dict[str, Any] = {outcome.rung: {} for outcome in finished}
    for part in PARTS:
        judged = results.judge(part, fitting)
        for outcome in finished:
            row = {by.metric.name: asdict(by.score(outcome.rung)) for by in judged}
            predictions = getattr(outcome, part)
            rungs[outcome.rung][part] = (
                row | _of_classes(predictions, classes) | _of_types(predictions, metrics)
            )
    return rungs


def _of_classes(predictions: Predictions, classes: Sequence[str]) -> dict[str, Any]:
    if predictions.probabilities is None:
        return {}
    count = predictions.probabilities.shape[1]
    names = classes or [str(number) for number in range(count)]
    found = class_scores(predictions.target, predictions.prediction, count)
    return {"classes": [{"class": name, **asdict(row)} for name, row in zip(names, found, strict=True)]}


def _of_types(predictions: Predictions, metrics: Sequence[str]) -> dict[str, Any]:
    if not predictions.tags:
        return {}
    by_type = type_scores(
        predictions.target, predictions.prediction, predictions.tags, is_roles=is_roles(metrics)
    )
    return {"types": [{"type": name, **asdict(row)} for name, row in by_type]}
