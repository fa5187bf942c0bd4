"""Where each rung errs: for classes a matrix or pairs, for numbers a chart, for tags spans; and examples to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rungwise.data import Dataset
from rungwise.evaluation import Outcome, Predictions
from rungwise.kinds import InputKind, OutputKind
from rungwise.metrics import ClassScores, class_scores, type_scores
from rungwise.report.charts import residual_chart
from rungwise.report.confusions import (
    MAX_CLASSES,
    ConfusedPair,
    ConfusionRow,
    confused_pairs,
    confusion_rows,
)
from rungwise.report.content import Content
from rungwise.report.examples import Example, show_examples
from rungwise.report.spans import SpanExample, confused_types, span_examples

__all__ = ["Errors", "section"]

_MAX_EXAMPLES = 8
_ALL_EXAMPLES = 64
"""Of all rungs together, so that the page stays small."""


@dataclass(frozen=True)
class Errors:
    """Where a rung errs.

    Attributes:
        rung: its name.
        examples: to read, the worst first.
        residuals: predictions of numbers against the truth.
        matrix: of few classes.
        pairs: the most confused of many classes, or of types of spans.
        classes: the scores of each class or type.
        spans: sentences with tags to read; None where there are no tags.
    """

    rung: str
    examples: Sequence[Example]
    residuals: Markup | None = None
    matrix: Sequence[ConfusionRow] = ()
    pairs: Sequence[ConfusedPair] = ()
    classes: Sequence[tuple[str, ClassScores]] = ()
    spans: Sequence[SpanExample] | None = None


def section(content: Content) -> Sequence[Errors] | None:
    """The errors of each rung; None where none finished."""
    finished, dataset, names = content.finished, content.dataset, content.class_names
    count = max(2, min(_MAX_EXAMPLES, _ALL_EXAMPLES // max(len(finished), 1)))
    return [_errors_of(dataset, outcome, names, count) for outcome in finished] or None


def _errors_of(dataset: Dataset, outcome: Outcome, names: Sequence[str], count: int) -> Errors:
    assert outcome.test is not None
    rung, test = outcome.rung, outcome.test
    if dataset.pair[1] is OutputKind.TAGS:
        return _tag_errors(dataset, rung, test, count)
    examples = show_examples(dataset, test, names, count)
    if dataset.pair[1] is OutputKind.NUMBER:
        return Errors(rung, examples, residual_chart(test.target, test.prediction, name=rung))
    scores = list(zip(names, class_scores(test.target, test.prediction, len(names)), strict=True))
    if len(names) <= MAX_CLASSES:
        return Errors(rung, examples, matrix=confusion_rows(test, names), classes=scores)
    return Errors(rung, examples, pairs=confused_pairs(test, names), classes=scores)


def _tag_errors(dataset: Dataset, rung: str, test: Predictions, count: int) -> Errors:
    has_roles = dataset.pair[0] is InputKind.PREDICATE
    return Errors(
        rung,
        (),
        pairs=confused_types(test, is_roles=has_roles),
        classes=type_scores(test.target, test.prediction, test.tags, is_roles=has_roles),
        spans=span_examples(dataset, test, count, is_roles=has_roles),
    )
