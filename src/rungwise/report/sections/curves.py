"""Learning curves: the losses of training by epoch, and what else networks recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rungwise.evaluation import Outcome
from rungwise.language import Message, term
from rungwise.report.charts import Line, line_chart, series_chart
from rungwise.report.content import Content

__all__ = ["CurvesSection", "section"]


@dataclass(frozen=True)
class CurvesSection:
    """The charts.

    Attributes:
        losses: rung, chart.
        series: rung, title, chart.
    """

    losses: Sequence[tuple[str, Markup]]
    series: Sequence[tuple[str, Message, Markup]]


def section(content: Content) -> CurvesSection | None:
    """The section; None where no rung has a history of more than a point."""
    losses, series = _losses(content.outcomes), _series(content.outcomes)
    return CurvesSection(losses, series) if losses or series else None


def _losses(outcomes: Sequence[Outcome]) -> list[tuple[str, Markup]]:
    curves = []
    for outcome in outcomes:
        history = outcome.record.get("history") or []
        lines = [
            Line(style, [epoch["epoch"] for epoch in known], [epoch[style] for epoch in known])
            for style in ("train_loss", "valid_loss")
            if len(known := [epoch for epoch in history if epoch.get(style) is not None]) > 1
        ]
        if lines:
            curves.append((outcome.rung, line_chart(lines, name=outcome.rung)))
    return curves


def _series(outcomes: Sequence[Outcome]) -> list[tuple[str, Message, Markup]]:
    """What networks recorded in training."""
    return [
        (
            outcome.rung,
            term(each["title"]),
            series_chart(known, name=term(each["title"]), x_title=term(each["x_title"])),
        )
        for outcome in outcomes
        for each in outcome.record.get("series") or []
        if len(known := [value for value in each["values"] if value and value > 0]) > 1
    ]
