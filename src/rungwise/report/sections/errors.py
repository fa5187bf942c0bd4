"""Where each rung errs: for classes a matrix or pairs, for numbers a chart, for tags spans; and examples to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rungwise.data import Dataset
from rungwise.evaluation import Outcome, Predictions
from rungwise.kinds import InputKind, OutputKind
from rungwise.language import say
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
from rungwise.report.tables import Cell, Column, Row, Table

__all__ = ["Errors", "section"]

_MAX_EXAMPLES, _ALL_EXAMPLES = 20, 160
"""Of a rung, and of all rungs together, so that the page stays small."""

_MAX_SCORES = 60
"""Classes whose scores are shown: those of the lowest F1, where there are more."""


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
    examples: Sequence[Example] = ()
    residuals: Markup | None = None
    matrix: Sequence[ConfusionRow] = ()
    pairs: Table | None = None
    classes: Table | None = None
    spans: Sequence[SpanExample] | None = None

    @property
    def shown(self) -> Sequence[Example | SpanExample]:
        """What there is to read."""
        return self.examples if self.spans is None else self.spans

    @property
    def shown_pairs(self) -> list[tuple[str, int]]:
        """What is taken for what in the examples to read, the most frequent first, and in how many."""
        return Counter(pair for example in self.shown for pair in example.pairs).most_common()


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
    of_each = list(zip(names, class_scores(test.target, test.prediction, len(names)), strict=True))
    classes = _scores(rung, of_each, is_types=False)
    if len(names) <= MAX_CLASSES:
        return Errors(rung, examples, matrix=confusion_rows(test, names), classes=classes)
    pairs = _pairs(rung, confused_pairs(test, names), is_types=False)
    return Errors(rung, examples, pairs=pairs, classes=classes)


def _tag_errors(dataset: Dataset, rung: str, test: Predictions, count: int) -> Errors:
    has_roles = dataset.pair[0] is InputKind.PREDICATE
    of_each = type_scores(test.target, test.prediction, test.tags, is_roles=has_roles)
    return Errors(
        rung,
        pairs=_pairs(rung, confused_types(test, is_roles=has_roles), is_types=True),
        classes=_scores(rung, of_each, is_types=True),
        spans=span_examples(dataset, test, count, is_roles=has_roles),
    )


def _pairs(rung: str, pairs: Sequence[ConfusedPair], *, is_types: bool) -> Table | None:
    caption = say("The pairs of classes confused most often on test")
    if is_types:
        caption = say(
            "The spans most often missed, invented, or taken for another type on test; – is none with these bounds"
        )
    columns = [
        Column(say("True")),
        Column(say("Predicted")),
        Column(say("Spans") if is_types else say("Examples"), is_descending=True),
        Column(say("Of the type") if is_types else say("Of the class"), is_descending=True),
    ]
    rows = [
        Row(
            pair.truth,
            [Cell(pair.prediction, style=""), Cell(str(pair.count), pair.count), _share(pair.share)],
            is_rung=False,
            pair=pair.key,
        )
        for pair in pairs
    ]
    return Table(f"caption-pairs-{rung}", caption, columns, rows) if rows else None


def _share(share: float) -> Cell:
    is_known = share == share  # NaN isn't
    return Cell(f"{100 * share:.1f} %", share) if is_known else Cell()


def _scores(rung: str, of_each: Sequence[tuple[str, ClassScores]], *, is_types: bool) -> Table | None:
    caption = say("On test, in %")
    if len(of_each) > _MAX_SCORES:
        caption = say(
            "On test, in %: the {shown} of {count} with the lowest F1", shown=_MAX_SCORES, count=len(of_each)
        )
        of_each = sorted(of_each, key=lambda each: each[1].f1)[:_MAX_SCORES]
    columns = [
        Column(say("Type") if is_types else say("Class")),
        *(Column(title) for title in (say("Precision"), say("Recall"), say("F1"))),
        Column(say("Spans") if is_types else say("Examples")),
    ]
    rows = [
        Row(
            name,
            [
                *(Cell(f"{100 * share:.1f}", share) for share in (score.precision, score.recall, score.f1)),
                Cell(str(score.support), score.support),
            ],
            is_rung=False,
        )
        for name, score in of_each
    ]
    return Table(f"caption-classes-{rung}", caption, columns, rows) if rows else None
