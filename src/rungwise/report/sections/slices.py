"""Where the recommended rung is clearly worse than elsewhere."""

from __future__ import annotations

from rungwise.evaluation.slices import Slice
from rungwise.evaluation.wording import amount_text, code, interval_text, signed_text
from rungwise.language import Message, say, term
from rungwise.metrics import Metric
from rungwise.report.bilingual import capital
from rungwise.report.content import Content
from rungwise.report.tables import Cell, Column, Row, Table

__all__ = ["section"]

_WORST = 10


def section(content: Content) -> Table | Message | None:
    """The worst slices, or that none is; None where no rung is recommended, or nothing can be sliced."""
    found, by = content.slices, content.metric
    if found is None:
        return None
    known = {"rung": code(found.rung), "count": len(found.slices)}
    worse = [each for each in found.worst(_WORST) if each.is_worse]
    if not worse:
        return say(
            "None of {count} slices of the test part is clearly worse for {rung} than the rest (p < 0.05 by Holm).",
            **known,
        )
    caption = say(
        "Where {rung} is worst, of {count} slices of the test part: those that are clearly worse than the rest (p < "
        "0.05 by Holm), {most} at most.",
        **known,
        most=_WORST,
    )
    columns = [
        Column(say("Column")),
        Column(say("Value")),
        Column(say("Examples"), is_descending=True),
        Column(capital(term(by.title))),
        Column(say("95 % interval")),
        Column(say("The rest")),
        Column(say("Better by")),
    ]
    return Table("caption-slices", caption, columns, [_row(each, by) for each in worse])


def _row(each: Slice, by: Metric) -> Row:
    score = each.score
    cells = [
        Cell(each.value, style=""),
        Cell(f"{each.num_examples:,}", each.num_examples),
        Cell(amount_text(by, score.value), score.value),
        Cell(interval_text(by, score.low, score.high), score.low),
        Cell(amount_text(by, each.rest), each.rest),
        Cell(signed_text(by, each.difference), each.difference),
    ]
    return Row(each.column, cells, is_rung=False)
