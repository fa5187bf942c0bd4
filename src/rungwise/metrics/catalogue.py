"""Every metric by its name."""

from __future__ import annotations

from collections.abc import Sequence

from rungwise.errors import UnknownNameError
from rungwise.metrics import classes, numbers, probabilities, spans
from rungwise.metrics.metric import Metric

__all__ = ["metric", "metric_names"]

_FIXED = {
    metric.name: metric
    for metric in (
        classes.ACCURACY,
        classes.ERROR,
        classes.MACRO_F1,
        classes.BALANCED_ACCURACY,
        probabilities.LOG_LOSS,
        numbers.RMSE,
        numbers.MAE,
        numbers.R2,
        *spans.span_metrics(),
    )
}
_OF_ROLES = tuple(metric.name for metric in spans.argument_metrics(()))
_OF_POSITIVE = {
    "f1": classes.f1,
    "roc-auc": probabilities.roc_auc,
    "average-precision": probabilities.average_precision,
}


def metric_names() -> list[str]:
    """Every metric's name."""
    return [*_FIXED, *_OF_POSITIVE, *_OF_ROLES]


def metric(name: str, *, positive: int | None = None, tags: Sequence[str] = ()) -> Metric:
    """The metric of that name.

    Args:
        name: one of `metric_names()`.
        positive: the class that is looked for, where there are two; the rarer of the targets if None.
        tags: the names of the tags, in the order of their numbers: some metrics go by them.

    Raises:
        UnknownNameError: if there is no such metric.
    """
    if name in _OF_POSITIVE:
        return _OF_POSITIVE[name](positive)
    if name in _OF_ROLES:
        return spans.argument_metrics(tags)[_OF_ROLES.index(name)]
    if name in _FIXED:
        return _FIXED[name]
    raise UnknownNameError("metric", name, metric_names(), "`rungwise tasks` lists those of each task.")
