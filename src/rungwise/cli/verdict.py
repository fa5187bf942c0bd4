"""`rungwise verdict`: which rung pays, by other terms."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import click

from rungwise.cli.options import language_option, term_options

_EXIT_NOTHING = 3
"""Where there is no rung to take."""


@click.command(short_help="Ask a run again which rung pays, by other terms.")
@click.argument("run")
@click.option("--metric", metavar="METRIC", help="Another of the task's metrics.")
@term_options
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def command(
    ctx: click.Context, /, run: str, metric: str | None, lang: str, as_json: bool, **terms: Any
) -> None:
    """Say which rung of RUN, a run's folder, to take, and how sure that is.

    Nothing is fitted or written: the verdict follows from the predictions that the run has stored. Terms that are left
    out are those that the run was begun with, but for its margin where the metric is another; where one is given, only
    those that are given count, but for the price of an hour, which stays.

    Exits with 3 where no rung can be taken: none is within the limits, or has finished.
    """
    from rungwise.cli.climbing import make_console, show_steps, show_verdict
    from rungwise.cli.tables import verdict_table
    from rungwise.evaluation.next_steps import next_steps
    from rungwise.evaluation.records import json_text
    from rungwise.ladder import Ladder
    from rungwise.language import parse_language, spoken

    ladder = Ladder.open(run)
    own = ladder.verdict.recommended or ""
    if metric not in (None, ladder.metric):
        ladder.metric, ladder.terms = metric, replace(ladder.terms, margin=None)  # it is in another unit
    price = terms.pop("price_per_hour")
    if price is not None:
        ladder.terms = replace(ladder.terms, price_per_hour=price)
    is_given = any(value is not None for value in terms.values())
    found = ladder.verdict_by(**terms) if is_given else ladder.verdict
    language, steps = parse_language(lang), next_steps(found, ladder.results, own)
    if as_json:
        told = found.to_dict() | {"next_steps": [asdict(step) for step in steps]}
        print(json_text(spoken(told, language)))
    else:
        console = make_console(stderr=False)
        show_verdict(console, found, language)
        show_steps(console, steps, language)
        if found.comparisons:
            console.print()
            console.print(verdict_table(found, ladder.results, language))
    if found.recommended is None:
        ctx.exit(_EXIT_NOTHING)
