"""Whether rungs are right as often as they say: reliability diagrams beside each other, and temperatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rungwise.evaluation.calibration import RungCalibration
from rungwise.language import Message, say, term
from rungwise.report.charts import reliability_chart
from rungwise.report.content import Content
from rungwise.report.tables import Cell, Column, Row, Table

__all__ = ["CalibrationSection", "section"]

_COLUMNS = (
    say("Rung"),
    say("Confidence"),
    say("Accuracy"),
    say("ECE"),
    say("By chance"),
    say("T"),
    say("ECE with T"),
    say("Log-loss"),
    say("Log-loss with T"),
)


@dataclass(frozen=True)
class CalibrationSection:
    """The diagrams and the table.

    Attributes:
        charts: a rung, and its diagram.
        table: of the errors and the temperatures.
    """

    charts: Sequence[tuple[str, Markup]]
    table: Table


def section(content: Content) -> CalibrationSection | None:
    """The section; None where no classes are predicted, or no rung finished."""
    found = content.calibrations
    if not found:
        return None
    return CalibrationSection(
        [(each.rung, reliability_chart(each.before.bins, each.rung)) for each in found],
        Table(
            "caption-calibration",
            _caption(found[0].fitted_on),
            [Column(title) for title in _COLUMNS],
            [_row(each, content.recommended) for each in found],
        ),
    )


def _caption(fitted_on: str) -> Message:
    return say(
        "In %. ECE is the mean distance from the line; it stays under “by chance” in 95 of 100 test sets where a model "
        "is calibrated. T is the temperature by {part}, above 1 for a rung that is too sure.",
        part=term(fitted_on),
    )


def _row(found: RungCalibration, recommended: str | None) -> Row:
    before, after = found.before, found.after
    cells = [
        *(Cell(f"{100 * share:.1f}", share) for share in (before.confidence, before.accuracy, before.ece)),
        Cell(f"≤ {100 * before.ece_by_chance:.1f}", before.ece_by_chance),
        Cell(f"{found.temperature:.2f}", found.temperature),
        Cell(f"{100 * after.ece:.1f}", after.ece),
        *(Cell(f"{loss:.3f}", loss) for loss in (before.log_loss, after.log_loss)),
    ]
    return Row(found.rung, cells, is_recommended=found.rung == recommended)
