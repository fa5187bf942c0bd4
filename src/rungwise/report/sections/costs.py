"""What each rung costs, how that is known, and why something isn't."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.evaluation import Outcome, costs_of
from rungwise.evaluation.cost_tables import CostTable, cost_tables
from rungwise.evaluation.costs import Group, is_disturbed
from rungwise.language import Message, say
from rungwise.report.bilingual import capital
from rungwise.report.content import Content
from rungwise.report.tables import Cell, Column, Row, Table

__all__ = ["CostsSection", "section"]

_CAPTIONS = {
    Group.TRAIN: say("To train. FLOPs are operations; energy is in joules."),
    Group.KEEP: say("To keep and start."),
    Group.ASK: say("To ask about one example: latency as median, 95th and 99th percentile."),
    Group.BATCH: say("To ask about many examples, in batches."),
}


@dataclass(frozen=True)
class CostsSection:
    """The tables.

    Attributes:
        introduction: how the amounts are known.
        tables: one for each thing that rungs cost something for.
        notes: on each of them.
    """

    introduction: Message
    tables: Sequence[Table]
    notes: Sequence[Sequence[str]]


def section(content: Content) -> CostsSection | None:
    """The section; None where no rung finished."""
    price = content.verdict.terms.price_per_hour
    costs = {outcome.rung: costs_of(outcome, price) for outcome in content.finished}
    if not costs:
        return None
    found = [each for each in cost_tables(costs) if each.titles]
    tables = [_table(each, content.recommended) for each in found]
    return CostsSection(_introduction(content.finished), tables, [each.notes for each in found])


def _introduction(finished: Sequence[Outcome]) -> Message:
    if any(is_disturbed(outcome.record) for outcome in finished):
        return say(
            "Amounts are measured, but for those with ~, which are estimated; – is not available. Answers are by one "
            "thread of the CPU, while others worked on the machine too."
        )
    return say(
        "Amounts are measured, but for those with ~, which are estimated; – is not available. Answers are by one "
        "thread of the CPU, alone on the machine."
    )


def _table(found: CostTable, recommended: str | None) -> Table:
    rows = [
        Row(
            rung,
            [Cell(cell, value) for cell, value in zip(cells, found.values[rung], strict=True)],
            is_recommended=rung == recommended,
        )
        for rung, cells in found.rows.items()
    ]
    columns = [Column(say("Rung")), *(Column(capital(title)) for title in found.titles)]
    return Table(f"caption-costs-{found.group}", _CAPTIONS[found.group], columns, rows)
