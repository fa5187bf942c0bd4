"""The leaderboard in the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from rungwise.evaluation.beside import ratio_names, rows_beside
from rungwise.evaluation.wording import (
    amount_text,
    bytes_text,
    count_text,
    interval_text,
    seconds_text,
    seeds_text,
)
from rungwise.metrics import Metric, metric

if TYPE_CHECKING:
    import pandas as pd

    from rungwise.evaluation import Results, Verdict

__all__ = ["STATUS_STYLES", "leaderboard_tables", "plain_table", "verdict_table"]

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

_WIDE = 156
"""Characters from which on scores and costs stand in one table."""

_COSTS = {
    "fit": ("fit_time", seconds_text),
    "CPU": ("fit_cpu_time", seconds_text),
    "pred": ("pred_time", seconds_text),
    "latency": ("latency", seconds_text),
    "params": ("parameters", count_text),
    "model": ("model_bytes", bytes_text),
    "memory": ("peak_memory_bytes", bytes_text),
    "(expected)": ("expected_memory_bytes", bytes_text),
}
"""Heading → column of the leaderboard, and how it is written."""


def leaderboard_tables(
    board: pd.DataFrame, metric_name: str, recommended: str | None, width: int
) -> list[Table]:
    """One row a rung, cheapest first, the recommended one with an arrow: one table, or two where it is narrow."""
    by = metric(metric_name)
    scores = plain_table(f"{by.title}{', %' if by.is_share else ''}, 95 % interval")
    parts = [scores] if width >= _WIDE else [scores, plain_table("what it costs")]
    for table in parts:
        table.add_column("rung", no_wrap=True)
    has_seeds = bool((board["num_seeds"] > 1).any())
    has_robustness = bool(board["robustness"].notna().any())
    extra = [*(["over seeds"] if has_seeds else []), *(["robust"] if has_robustness else [])]
    for name in ("test", "valid", *extra):
        scores.add_column(name, justify="right", no_wrap=True)
    for name in _COSTS:
        parts[-1].add_column(name, justify="right", no_wrap=True)
    scores.add_column("status")
    for row in board.to_dict("records"):
        is_chosen = row["rung"] == recommended
        name = f"{row['rung']} ←" if is_chosen else row["rung"]
        shown = [_score(by, row, "test"), _score(by, row, "val")]
        shown += [seeds_text(by, row) or _NONE] if has_seeds else []
        shown += [_text(row["robustness"], partial(amount_text, by))] if has_robustness else []
        costs = [_text(row[column], text) for column, text in _COSTS.values()]
        status = escape(
            f"{row['status']}: {row['reason']}" if isinstance(row["reason"], str) else row["status"]
        )
        styled = f"[{STATUS_STYLES[row['status']]}]{status}[/]"
        rows = (
            [[name, *shown, *costs, styled]] if len(parts) == 1 else [[name, *shown, styled], [name, *costs]]
        )
        for table, cells in zip(parts, rows, strict=True):
            table.add_row(*cells, style="bold" if is_chosen else "")
    return parts


def verdict_table(found: Verdict, results: Results) -> Table:
    """Each other rung beside the recommended one: how much better it is on test, how sure that is, what it costs."""
    by = results.metric(found.metric)
    table = plain_table(f"beside {found.recommended}, on test{', points' if by.is_share else ''}")
    table.add_column("rung", no_wrap=True)
    tests = {each.test for each in found.comparisons}
    for name in (
        "better by",
        "95 % interval",
        *(f"p, {test}" for test in tests),
        "p, Holm",
        *ratio_names(found),
    ):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for row in rows_beside(found, results.outcomes, by):
        ratios = (ratio or _NONE for ratio in row.ratios)
        cells = (row.rung, row.gain, row.interval, row.p_value, row.adjusted, *ratios, escape(row.remarks))
        table.add_row(*cells, style="" if row.is_clear else "dim")
    return table


def plain_table(title: str) -> Table:
    """A table without lines between its columns."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def _text(value: float, text: Callable[[float], str]) -> str:
    return _NONE if math.isnan(value) else text(value)


def _score(by: Metric, row: dict[str, Any], part: str) -> str:
    value, low, high = (row[f"score_{part}{end}"] for end in ("", "_low", "_high"))
    return _NONE if math.isnan(value) else f"{amount_text(by, value)} ({interval_text(by, low, high)})"
