"""How good predictions are: each metric is a pure function of the targets and what a model put out.

`metric("macro-f1").score(target, prediction)`. Classes are numbered from 0 as in training; a target of
`UNSEEN` is a class that training never saw, which every prediction gets wrong.
"""

from rungwise.metrics.catalogue import metric, metric_names
from rungwise.metrics.classes import UNSEEN, ClassScores, class_scores, rarer_class
from rungwise.metrics.metric import Metric, Needs
from rungwise.metrics.spans import Argument, is_roles, plain_spans, span_arguments, type_scores

__all__ = [
    "UNSEEN",
    "Argument",
    "ClassScores",
    "Metric",
    "Needs",
    "class_scores",
    "is_roles",
    "metric",
    "metric_names",
    "plain_spans",
    "rarer_class",
    "span_arguments",
    "type_scores",
]
