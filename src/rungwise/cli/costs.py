"""`rungwise costs`: what each rung of a run costs, and how that is known."""

from __future__ import annotations

from textwrap import fill

import click

from rungwise.cli.options import language_option, price_option

_HEADING = 11
"""Characters of a column's heading in a line."""


@click.command(short_help="Show what each rung of a run costs.")
@click.argument("run")
@price_option
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, with the provenance of each amount.")
def command(run: str, price_per_hour: float | None, lang: str, as_json: bool) -> None:
    """Show what training, keeping and asking each rung of RUN, a run's folder, costs.

    An amount is measured, estimated (~) or unavailable (–); what it is of, and why, stands beneath. Answers are by one
    thread of the CPU.
    """
    from rich.markup import escape

    from rungwise.cli.climbing import make_console
    from rungwise.cli.tables import plain_table
    from rungwise.evaluation.cost_tables import cost_tables
    from rungwise.evaluation.costs import costs_as_dicts
    from rungwise.evaluation.records import json_text
    from rungwise.ladder import Ladder
    from rungwise.language import parse_language, say, spoken

    ladder, language = Ladder.open(run), parse_language(lang)
    costs = ladder.amounts(price_per_hour)
    if as_json:
        told = {rung: costs_as_dicts(amounts) for rung, amounts in costs.items()}
        print(json_text(spoken(told, language)))
        return
    console = make_console(stderr=False)
    for shown in cost_tables(costs):
        title, headings = spoken((shown.title, shown.titles), language)
        table = plain_table(title)
        table.add_column(say("rung").said(language), no_wrap=True)
        for heading in headings:
            table.add_column(fill(heading, _HEADING), justify="right", no_wrap=True)
        for rung, cells in shown.rows.items():
            table.add_row(rung, *cells)
        console.print(table if headings else f"[bold]{title}[/]")
        for note in spoken(shown.notes, language):
            console.print(f"[dim]{escape(note)}[/]")
        console.print()
