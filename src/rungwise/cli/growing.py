"""Shows a forecast: the fits that it takes, and what comes of them."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from rungwise.cli.climbing import make_console
from rungwise.cli.tables import add_numbers, plain_table
from rungwise.evaluation import Outlook
from rungwise.evaluation.outlook import RungOutlook
from rungwise.evaluation.outlook_text import FAMILY_TEXTS, band_text, outlook_sentences, refusal_sentences
from rungwise.evaluation.wording import amount_text, seconds_text, titled
from rungwise.ladder import GrowthStep, Ladder
from rungwise.language import Language, Message, say
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


def show_outlook(console: Console, found: Outlook, by: Metric, language: Language = Language.ENGLISH) -> None:
    """A table of the rungs, and what follows from it in sentences."""
    console.print(_table(found, by, language))
    for sentence in [*outlook_sentences(by, found), *refusal_sentences(found)]:
        console.print(f"\n{escape(sentence.said(language))}", highlight=False)


def _table(found: Outlook, by: Metric, language: Language) -> Table:
    table = plain_table(say("{metric}, 95 % band", metric=titled(by)).said(language))
    table.add_column(say("rung").said(language), no_wrap=True)
    table.add_column(say("now, {count:,} rows", count=found.num_train).said(language), justify="right")
    add_numbers(table, [say("at {times:g}×", times=found.times)], language)
    table.add_column(say("levels off at").said(language), justify="right")
    table.add_column(say("curve").said(language))
    for each in found.rungs:
        name = f"{each.rung} ←" if each.rung == found.recommended else each.rung
        cells = [text.said(language) for text in _told(by, each)]
        table.add_row(name, amount_text(by, each.now), *cells)
    return table


def _told(by: Metric, each: RungOutlook) -> list[Message]:
    if each.at is None or each.family is None:
        return [Message("–"), Message("–"), say("refused")]
    family = say("{curve} ({family})", curve=FAMILY_TEXTS[each.family], family=each.family)
    limit = "–" if each.limit is None else amount_text(by, each.limit)
    return [band_text(by, each.at), Message(limit), family]
