"""What each rung costs, how that is known, and why something isn't."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.evaluation import costs_of
from rungwise.evaluation.cost_tables import CostTable, cost_tables
from rungwise.evaluation.costs import Group, is_disturbed
from rungwise.language import say
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
        tables: one for each thing that rungs cost something for.
        notes: on each of them.
        is_alone: whether nothing else worked on the machine while answers were timed.
    """

    tables: Sequence[Table]
    notes: Sequence[Sequence[str]]
    is_alone: bool


def section(content: Content) -> CostsSection | None:
    """The section; None where no rung finished."""
    price = content.verdict.terms.price_per_hour
    costs = {outcome.rung: costs_of(outcome, price) for outcome in content.finished}
    if not costs:
        return None
    found = [each for each in cost_tables(costs) if each.titles]
    tables = [_table(each, content.recommended) for each in found]
    is_alone = not any(is_disturbed(outcome.record) for outcome in content.finished)
    return CostsSection(tables, [each.notes for each in found], is_alone)


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
