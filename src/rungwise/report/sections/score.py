"""Score against cost: the rungs with their intervals, the recommended one filled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from rungwise.evaluation.outcomes import BASELINE
from rungwise.evaluation.wording import bytes_text, code, seconds_text
from rungwise.language import Message, say
from rungwise.metrics import Metric
from rungwise.report.axis import without_far_baseline
from rungwise.report.charts import Point, score_chart
from rungwise.report.content import Content

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ScoreChart", "section"]

_WIDE, _NARROW = (920, 420), (350, 380)


def _seconds_tick(seconds: float) -> str:
    """Such as "100 s": an axis of powers of ten has no minutes."""
    return seconds_text(seconds) if seconds < 90 else f"{seconds:,.0f} s"


_COSTS: tuple[tuple[str, Message, Callable[[float], str]], ...] = (
    ("fit_cpu_time", say("CPU time of training"), _seconds_tick),
    ("latency", say("latency of one prediction"), _seconds_tick),
    ("model_bytes", say("size of the model"), bytes_text),
)
"""Column of the leaderboard, what its axis is called, how its values are written."""


@dataclass(frozen=True)
class ScoreChart:
    """Score against one cost.

    Attributes:
        title: of the cost.
        wide: the chart for wide screens.
        narrow: the same for narrow ones.
        note: what it leaves out.
    """

    title: Message
    wide: Markup
    narrow: Markup
    note: Message


def section(content: Content) -> Sequence[ScoreChart] | None:
    """A chart for each cost that is known; None where no rung has a score."""
    return [
        chart for column, title, text in _COSTS if (chart := _chart(content, column, title, text)) is not None
    ] or None


def _chart(content: Content, column: str, title: Message, text: Callable[[float], str]) -> ScoreChart | None:
    metric, shown = content.metric, without_far_baseline(content.table)
    rows = shown[shown[["score_test", column]].notna().all(axis=1)]
    if rows.empty:
        return None
    points = _points(rows, column, content.recommended)
    scores = say("{metric} on test, %", metric=content.metric_title)
    scores = scores if metric.is_share else say("{metric} on test", metric=content.metric_title)
    if metric.greater_is_better:
        scores = say("{scores} (higher is better)", scores=scores)
    else:
        scores = say("{scores} (lower is better)", scores=scores)
    axes = (title, scores)
    texts = (text, lambda value: _tick(metric, value))
    wide, narrow = (
        score_chart(points, size=size, axes=axes, texts=texts, is_greater_better=metric.greater_is_better)
        for size in (_WIDE, _NARROW)
    )
    note = say("{rung} is far off, see the table.", rung=code(BASELINE))
    return ScoreChart(title, wide, narrow, note if len(shown) < len(content.table) else Message(""))


def _points(rows: pd.DataFrame, column: str, recommended: str | None) -> list[Point]:
    return [
        Point(
            row["rung"],
            row[column],
            row["score_test"],
            row["score_test_low"],
            row["score_test_high"],
            row["rung"] == recommended,
        )
        for _, row in rows.iterrows()
    ]


def _tick(metric: Metric, value: float) -> str:
    return f"{100 * value:.4g}" if metric.is_share else f"{value:.4g}"
