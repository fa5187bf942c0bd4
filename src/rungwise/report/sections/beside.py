"""Every other rung beside the recommended one."""

from __future__ import annotations

from dataclasses import replace

from rungwise.evaluation import Comparison
from rungwise.evaluation.beside import Beside, ratio_names, rows_beside
from rungwise.language import Message, say
from rungwise.metrics import Metric
from rungwise.report.bilingual import capital
from rungwise.report.content import Content
from rungwise.report.tables import Cell, Column, Row, Table

__all__ = ["section"]


def section(content: Content) -> Table | None:
    """The section; None where there is nothing to compare."""
    found, metric = content.verdict, content.metric
    rows = rows_beside(found, content.outcomes, metric)
    if not rows:
        return None
    columns = [
        Column(say("Rung")),
        Column(say("Better by"), is_descending=True),
        Column(say("95 % interval"), is_descending=True),
        Column(say("p")),
        Column(say("p among all")),
        *(Column(capital(name)) for name in ratio_names(found)),
    ]
    shown = [_row(row, by) for row, by in zip(rows, found.comparisons, strict=True)]
    if any(row.remarks for row in rows):
        columns.append(Column(say("Remarks")))
        shown = [
            replace(each, cells=[*each.cells, Cell(row.remarks, style="remark")])
            for each, row in zip(shown, rows, strict=True)
        ]
    return Table("caption-beside", _caption(content.recommended or "", metric), columns, shown)


def _caption(recommended: str, metric: Metric) -> Message:
    known = {"rung": f"`{recommended}`"}
    if metric.is_share:
        better = say("How much better each other rung is than {rung} on test, in points", **known)
    else:
        better = say("How much better each other rung is than {rung} on test", **known)
    return say(
        "{better}; what share of that rung's cost it has; and how likely chance alone shows as much: p by itself, and "
        "among all comparisons (Holm).",
        better=better,
    )


def _row(row: Beside, by: Comparison) -> Row:
    ratios = [Cell(ratio, value) for ratio, value in zip(row.ratios, row.ratio_values, strict=True)]
    return Row(
        row.rung,
        [
            Cell(row.gain, by.difference.mean),
            Cell(row.interval, by.difference.low),
            Cell(row.p_value, by.p_value),
            Cell(row.adjusted, by.adjusted),
            *ratios,
        ],
    )
