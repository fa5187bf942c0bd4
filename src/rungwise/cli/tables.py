"""The leaderboard in the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from rungwise.evaluation.wording import amount_text, bytes_text, count_text, interval_text, seconds_text
from rungwise.metrics import Metric, metric

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STATUS_STYLES", "leaderboard_table"]

STATUS_STYLES = {
    "waiting": "dim",
    "running": "cyan",
    "done": "green",
    "deadline": "yellow",
    "failed": "red",
    "skipped": "yellow",
    "interrupted": "yellow",
}

_NONE = "–"


def leaderboard_table(board: pd.DataFrame, metric_name: str, recommended: str | None) -> Table:
    """One row a rung, cheapest first; the recommended one stands out."""
    by = metric(metric_name)
    unit = ", %" if by.is_share else ""
    table = Table(title=f"{by.title}{unit}, 95 % interval", title_justify="left")
    table.add_column("rung", no_wrap=True)
    for name in ("test", "valid", "fit", "CPU", "predict", "latency", "parameters", "model", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status")
    for row in board.to_dict("records"):
        is_chosen = row["rung"] == recommended
        status = escape(
            f"{row['status']}: {row['reason']}" if isinstance(row["reason"], str) else row["status"]
        )
        table.add_row(
            f"{row['rung']} ←" if is_chosen else row["rung"],
            _score(by, row, "test"),
            _score(by, row, "val"),
            _or_none(seconds_text, row["fit_time"]),
            _or_none(seconds_text, row["fit_cpu_time"]),
            _or_none(seconds_text, row["pred_time"]),
            _or_none(seconds_text, row["latency"]),
            _or_none(count_text, row["parameters"]),
            _or_none(bytes_text, row["model_bytes"]),
            _or_none(bytes_text, row["peak_memory_bytes"]),
            f"[{STATUS_STYLES[row['status']]}]{status}[/]",
            style="bold" if is_chosen else "",
        )
    return table


def _score(by: Metric, row: dict[str, Any], part: str) -> str:
    value, low, high = (row[f"score_{part}{end}"] for end in ("", "_low", "_high"))
    return _NONE if math.isnan(value) else f"{amount_text(by, value)} ({interval_text(by, low, high)})"


def _or_none(text: Any, value: float) -> str:
    return _NONE if value is None or math.isnan(value) else text(value)
