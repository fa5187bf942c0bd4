"""Tables in the terminal: the leaderboard, as wide as there is room, and the verdict's comparisons."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table

from rungwise.evaluation.beside import ratio_names, rows_beside
from rungwise.evaluation.leaderboard import COST_COLUMNS, CostColumn
from rungwise.evaluation.wording import amount_text, interval_text, seeds_text, titled
from rungwise.language import Language, Message, say, spoken, term
from rungwise.metrics import Metric, metric

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, JustifyMethod

    from rungwise.evaluation import Results, Verdict

__all__ = ["STATUS_STYLES", "add_numbers", "leaderboard_table", "plain_table", "verdict_table"]

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

_LEAST_NEEDED = (
    *("expected_memory_bytes", "pred_time", "parameters", "fit_cpu_time", "peak_memory_bytes"),
    *("seeds", "robustness", "valid", "model_bytes", "latency", "fit_time"),
)
"""Columns of the leaderboard that a narrow terminal goes without, in this order; rung, test and status always stand."""

_ANY_WIDTH = 10_000
"""Characters: no table is pressed into so many."""


@dataclass(frozen=True)
class _Column:
    """Of the leaderboard.

    Attributes:
        name: what it is left out by.
        heading: in words.
        cells: one a rung.
        justify: to the "left" or the "right".
    """

    name: str
    heading: str
    cells: Sequence[str]
    justify: JustifyMethod = "right"


def leaderboard_table(
    console: Console, board: pd.DataFrame, metric_name: str, recommended: str | None, language: Language
) -> tuple[Table, list[str]]:
    """One row a rung, cheapest first, the recommended one with an arrow; and the headings that there was no room for.

    In a terminal a row takes one line: the least needed columns are left out, and of a long reason the end.
    """
    by, rows = metric(metric_name), board.to_dict("records")
    title = say("{metric}, 95 % interval", metric=titled(by)).said(language)
    columns = _columns(by, rows, recommended, language)
    styles = ["bold" if row["rung"] == recommended else "" for row in rows]
    statuses = [_status(row).said(language) for row in rows]
    colours = [STATUS_STYLES[row["status"]] for row in rows]
    heading = say("status").said(language)
    draw = partial(_drawn, title, styles, colours, heading)
    if not console.is_terminal:
        return draw(columns, statuses), []
    words = [term(row["status"]).said(language) for row in rows]

    def needed() -> int:
        return console.measure(draw(columns, words), options=console.options.update_width(_ANY_WIDTH)).maximum

    left_out = []
    for name in _LEAST_NEEDED:
        if needed() <= console.width:
            break
        left_out += [column.heading for column in columns if column.name == name]
        columns = [column for column in columns if column.name != name]
    room = max(map(cell_len, [heading, *words])) + max(0, console.width - needed())
    return draw(columns, statuses, width=room), left_out


def _columns(
    by: Metric, rows: Sequence[dict[str, Any]], recommended: str | None, language: Language
) -> list[_Column]:
    """All that there are, but for the status."""

    def column(name: str, heading: Message, cell: Callable[[dict[str, Any]], str]) -> _Column:
        return _Column(name, heading.said(language), [spoken(cell(row), language) for row in rows])

    def rung(row: dict[str, Any]) -> str:
        return f"{row['rung']} ←" if row["rung"] == recommended else str(row["rung"])

    columns = [
        replace(column("rung", say("rung"), rung), justify="left"),
        column("test", say("test"), lambda row: _score(by, row, "test")),
        column("valid", say("valid"), lambda row: _score(by, row, "val")),
        column("seeds", say("over seeds"), lambda row: seeds_text(by, row) or _NONE),
        column("robustness", say("robust"), lambda row: _text(row["robustness"], partial(amount_text, by))),
        *(column(cost.name, cost.heading, partial(_cost, cost)) for cost in COST_COLUMNS),
    ]
    are_optional = ("seeds", "robustness")  # nothing is known of them in most runs
    return [each for each in columns if each.name not in are_optional or set(each.cells) != {_NONE}]


def _drawn(
    title: str,
    styles: Sequence[str],
    colours: Sequence[str],
    heading: str,
    columns: Sequence[_Column],
    statuses: Sequence[str],
    width: int | None = None,
) -> Table:
    """The columns and, in its colours, the status: in one line of so many characters at most, in several when None."""
    table = plain_table(title)
    for column in columns:
        table.add_column(column.heading, justify=column.justify, no_wrap=True)
    table.add_column(heading, no_wrap=width is not None, max_width=width)
    cells = zip(*(column.cells for column in columns), strict=True)
    for style, colour, row, status in zip(styles, colours, cells, statuses, strict=True):
        table.add_row(*row, f"[{colour}]{escape(status)}[/]", style=style)
    return table


def verdict_table(found: Verdict, results: Results, language: Language = Language.ENGLISH) -> Table:
    """Each other rung beside the recommended one: how much better it is on test, how sure that is, what it costs."""
    by = results.metric(found.metric)
    title = say("beside {rung}, on test", rung=found.recommended)
    if by.is_share:
        title = say("beside {rung}, on test, points", rung=found.recommended)
    table = plain_table(title.said(language))
    table.add_column(say("rung").said(language), no_wrap=True)
    tests = dict.fromkeys(each.test for each in found.comparisons)
    p_values = [*(say("p, {test}", test=test) for test in tests), say("p, Holm")]
    add_numbers(table, [say("better by"), say("95 % interval"), *p_values, *ratio_names(found)], language)
    table.add_column("")
    for row in rows_beside(found, results.outcomes, by):
        ratios = (ratio or _NONE for ratio in row.ratios)
        cells = (
            row.rung,
            row.gain,
            row.interval,
            row.p_value,
            row.adjusted,
            *ratios,
            escape(spoken(row.remarks, language)),
        )
        table.add_row(*spoken(cells, language), style="" if row.is_clear else "dim")
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


def add_numbers(table: Table, headings: Iterable[Message], language: Language) -> None:
    """Adds columns for numbers, which stand under each other in one line each."""
    for heading in headings:
        table.add_column(heading.said(language), justify="right", no_wrap=True)


def _text(value: float, text: Callable[[float], str]) -> str:
    return _NONE if math.isnan(value) else text(value)


def _cost(cost: CostColumn, row: dict[str, Any]) -> str:
    return _text(row[cost.name], cost.text)


def _score(by: Metric, row: dict[str, Any], part: str) -> str:
    value, low, high = (row[f"score_{part}{end}"] for end in ("", "_low", "_high"))
    if math.isnan(value):
        return _NONE
    return say("{value} ({interval})", value=amount_text(by, value), interval=interval_text(by, low, high))


def _status(row: dict[str, Any]) -> Message:
    """With the reason, if there is one; pandas has NaN beside strings."""
    status, reason = term(row["status"]), row["reason"]
    return say("{status}: {reason}", status=status, reason=reason) if isinstance(reason, str) else status
