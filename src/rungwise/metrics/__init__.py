"""How good predictions are: each metric is a pure function of the targets and what a model put out.

`metric("macro-f1").score(target, prediction)`. Classes are numbered from 0 as in training; a target of
`UNSEEN` is a class that training never saw, which every prediction gets wrong.
"""

from rungwise.metrics.catalogue import metric, metric_names
from rungwise.metrics.classes import UNSEEN, ClassScores, class_scores, rarer_class
from rungwise.metrics.metric import Metric, Needs

__all__ = [
    "UNSEEN",
    "ClassScores",
    "Metric",
    "Needs",
    "class_scores",
    "metric",
    "metric_names",
    "rarer_class",
]
