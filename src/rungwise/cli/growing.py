"""Shows a forecast: the fits that it takes, and what comes of them."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from rungwise.cli.climbing import make_console
from rungwise.cli.tables import plain_table
from rungwise.evaluation import Outlook
from rungwise.evaluation.outlook import Forecasts, RungOutlook
from rungwise.evaluation.outlook_text import FAMILY_TEXTS, band_text, outlook_sentences
from rungwise.evaluation.wording import amount_text, seconds_text
from rungwise.ladder import GrowthStep, Ladder
from rungwise.metrics import Metric

__all__ = ["grow_and_forecast", "show_outlook"]


def grow_and_forecast(ladder: Ladder, **asked: Any) -> Outlook:
    """Forecasts a run, with a line on standard error that says which fits are under way."""
    console = make_console(stderr=True)
    if not console.is_terminal:
        return ladder.forecast(**asked)
    with Live(console=console, transient=True, refresh_per_second=4) as live:
        return ladder.forecast(**asked, observe=lambda step: live.update(_line(step)))


def _line(step: GrowthStep) -> str:
    running = ", ".join(f"{rung} on {rows:,} rows" for rung, rows in step.running)
    left = seconds_text(max(0.0, step.seconds_left))
    return escape(f"{step.num_done} of {step.num_fits} fits, {left} left: {running}")


def show_outlook(console: Console, found: Outlook, ladder: Ladder) -> None:
    """A table of the rungs, and what follows from it in sentences."""
    by = ladder.results.metric(found.metric)
    console.print(_table(found, by))
    forecasts = Forecasts(ladder.results, by, [each.rung for each in found.rungs])
    for sentence in outlook_sentences(forecasts, found, ladder.verdict_by(metric=found.metric).recommended):
        console.print(f"\n{escape(sentence)}", highlight=False)


def _table(found: Outlook, by: Metric) -> Table:
    title = f"{by.title}{', %' if by.is_share else ''}, 95 % band"
    table = plain_table(title)
    table.add_column("rung", no_wrap=True)
    table.add_column(f"now, {found.num_train:,} rows", justify="right")
    table.add_column(f"at {found.times:g}×", justify="right", no_wrap=True)
    table.add_column("levels off at", justify="right")
    table.add_column("curve")
    for each in found.rungs:
        name = f"{each.rung} ←" if each.rung == found.best else each.rung
        table.add_row(name, amount_text(by, each.now), *_told(by, each))
    return table


def _told(by: Metric, each: RungOutlook) -> list[str]:
    if each.at is None or each.limit is None or each.family is None:
        return ["–", "–", f"refused: {each.refusal}"]
    return [
        band_text(by, each.at),
        amount_text(by, each.limit),
        f"{FAMILY_TEXTS[each.family]} ({each.family})",
    ]
