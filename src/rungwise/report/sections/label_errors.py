"""Labels of the test part that the rungs agree against."""

from __future__ import annotations

from rungwise.evaluation.label_errors import LabelErrors, Suspect
from rungwise.language import say
from rungwise.report.content import Content
from rungwise.report.tables import Cell, Column, Row, Table

__all__ = ["section"]


def section(content: Content) -> Table | None:
    """The section; None where no label is suspected, or too few rungs can tell."""
    found = content.label_errors
    if found is None:
        return None
    caption = say(
        "{count:,} of {total:,} test examples are suspected: the rungs agree on another label than the one given. The "
        "most doubtful stand first; some are hard rather than wrong.",
        count=found.num_suspects,
        total=found.num_examples,
    )
    columns = [
        Column(say("Row")),
        Column(say("Label")),
        Column(say("Rungs say")),
        Column(say("Doubt"), is_descending=True),
        Column(say("Agree"), is_descending=True),
        Column(say("Example")),
    ]
    return Table("caption-label-errors", caption, columns, [_row(each, found) for each in found.suspects])


def _row(each: Suspect, found: LabelErrors) -> Row:
    count, total = len(each.rungs), len(found.rungs)
    cells = [
        Cell(each.label, style=""),
        Cell(each.said, style=""),
        Cell(f"{each.doubt:.2f}", each.doubt),
        Cell(say("{count} of {total}", count=count, total=total), count),
        Cell(each.example, style="remark"),
    ]
    return Row(str(each.row), cells, is_rung=False)
