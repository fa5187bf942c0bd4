"""Every metric of every rung, for `metrics.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rungwise.errors import ConfigError
from rungwise.evaluation.outcomes import PARTS, Outcome, judge, read_outcomes, run_metric
from rungwise.evaluation.predictions import Predictions
from rungwise.metrics import Metric, class_scores

__all__ = ["scores"]


def scores(run_folder: Path, metrics: Sequence[str], classes: Sequence[str] = ()) -> dict[str, Any]:
    """Rung → part → metric → value, low and high; and for classes the scores of each.

    Args:
        run_folder: of the run.
        metrics: names, such as a task's; those for two classes are left out where there are more.
        classes: the names of the classes, in the order of their numbers.

    Raises:
        RunError: if the run folder can't be read.
        UnknownNameError: if there is no such metric.
    """
    outcomes = read_outcomes(run_folder)
    fitting = [chosen for name in metrics if (chosen := _fitting(name, outcomes)) is not None]
    result: dict[str, Any] = {outcome.rung: {} for outcome in outcomes if outcome.is_finished}
    for part in PARTS:
        judged = judge(outcomes, part, fitting)
        for outcome in outcomes:
            if outcome.is_finished:
                row = {by.metric.name: asdict(by.score(outcome.rung)) for by in judged}
                result[outcome.rung][part] = row | _of_classes(getattr(outcome, part), classes)
    return result


def _fitting(name: str, outcomes: Sequence[Outcome]) -> Metric | None:
    try:
        return run_metric(name, outcomes)
    except ConfigError:
        return None


def _of_classes(predictions: Predictions, classes: Sequence[str]) -> dict[str, Any]:
    if predictions.probabilities is None:
        return {}
    count = predictions.probabilities.shape[1]
    names = classes or [str(number) for number in range(count)]
    found = class_scores(predictions.target, predictions.prediction, count)
    return {"classes": [{"class": name, **asdict(row)} for name, row in zip(names, found, strict=True)]}
