"""The leaderboard with every number written for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rungwise.evaluation.wording import (
    amount_text,
    bytes_text,
    count_text,
    interval_text,
    seconds_text,
    seeds_text,
)
from rungwise.metrics import Metric
from rungwise.report.axis import without_far_baseline
from rungwise.report.charts import interval_bar
from rungwise.report.content import Content
from rungwise.report.scales import Scale, linear_scale

__all__ = ["LeaderboardSection", "section"]

_BAR_WIDTH = 90

_COSTS: dict[str, Callable[[float], str]] = {
    "fit_cpu_time": seconds_text,
    "fit_time": seconds_text,
    "latency": seconds_text,
    "parameters": count_text,
    "model_bytes": bytes_text,
    "peak_memory_bytes": bytes_text,
}
"""Column of the leaderboard → how its values are written."""


@dataclass(frozen=True)
class LeaderboardSection:
    """The table.

    Attributes:
        rows: one a rung: column → what stands there.
        has_seeds: whether a rung was fitted from several seeds.
        has_robustness: whether a rung was measured on corrupted examples.
    """

    rows: Sequence[dict[str, Any]]
    has_seeds: bool
    has_robustness: bool

    @property
    def num_score_columns(self) -> int:
        """Those between the rung's name and the costs."""
        return 3 + self.has_seeds + self.has_robustness


def section(content: Content) -> LeaderboardSection:
    """The section, which every page has."""
    table, metric = content.table, content.metric
    near = without_far_baseline(table[table["score_test"].notna()])
    ends = near[["score_test_low", "score_test_high"]].to_numpy().ravel().tolist()
    scale = linear_scale(ends, 3, _BAR_WIDTH - 3) if ends else None
    return LeaderboardSection(
        [_row(row, metric, scale) for _, row in table.iterrows()],
        bool((table["num_seeds"] > 1).any()),
        content.has_robustness,
    )


def _row(row: Any, metric: Metric, scale: Scale | None) -> dict[str, Any]:
    shown: dict[str, Any] = {column: _text(row[column], text) for column, text in _COSTS.items()}
    for part in ("test", "val"):
        value, low, high = (row[f"score_{part}{end}"] for end in ("", "_low", "_high"))
        is_known = not math.isnan(value)
        shown[part] = amount_text(metric, value) if is_known else ""
        shown[f"{part}_interval"] = interval_text(metric, low, high) if is_known else ""
        if part == "test":
            is_near = scale and scale.low <= low and high <= scale.high
            shown["bar"] = interval_bar(value, low, high, scale) if scale and is_near else ""
    shown["seeds"] = seeds_text(metric, row)
    shown["robustness"] = _text(row["robustness"], lambda value: amount_text(metric, value))
    reason = row["reason"] if isinstance(row["reason"], str) else ""  # pandas has NaN beside strings
    return {"rung": row["rung"], "note": _note(row["status"], reason), **shown}


def _note(status: str, reason: str) -> str:
    """What is said of a rung that didn't simply finish."""
    if status == "done":
        return reason
    return f"{status}: {reason}" if reason else status


def _text(value: float, text: Callable[[float], str]) -> str:
    return "" if math.isnan(value) else text(value)
