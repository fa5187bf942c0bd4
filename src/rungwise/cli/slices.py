"""`rungwise slices`: where a rung is worse than elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rungwise.cli.options import language_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from rungwise.evaluation.slices import Slice, Slices
    from rungwise.language import Language, Message
    from rungwise.metrics import Metric

_WORST, _NAMED = 10, 3
"""Slices that are shown where no column is asked for, and columns that are named, at most."""


@click.command(short_help="Show a rung's score on parts of the test examples.")
@click.argument("run")
@click.option(
    "--by",
    metavar="COLUMN",
    multiple=True,
    help="Slice by this column; may be repeated (all columns, the worst slices).",
)
@click.option("--rung", metavar="RUNG", help="Whose scores (the recommended rung's).")
@click.option("--metric", metavar="METRIC", help="Another of the task's metrics.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(
    run: str, by: tuple[str, ...], rung: str | None, metric: str | None, lang: str, as_json: bool
) -> None:
    """Show where a rung of RUN, a run's folder, is worse than on the rest of the test part.

    Categories are sliced by value, numbers and dates by quarters, texts by their length. A column that was no feature
    is read from the file that the test part came from. Also known are "length" of texts and sentences, "brightness" of
    images, and the target's column.
    """
    from rich.markup import escape

    from rungwise.cli.climbing import make_console
    from rungwise.evaluation.records import json_text
    from rungwise.ladder import Ladder
    from rungwise.language import parse_language

    ladder = Ladder.open(run)
    found = ladder.slices(list(by) or None, rung=rung, metric=metric)
    if as_json:
        print(json_text(found.to_dict()))
        return
    console = make_console(stderr=False)
    chosen = ladder.results.metric(found.metric)
    language = parse_language(lang)
    console.print(_table(found, list(found.slices) if by else found.worst(_WORST), chosen, language))
    console.print(escape(_remark(found).said(language)))


def _table(found: Slices, shown: Sequence[Slice], by: Metric, language: Language) -> Table:
    from rich.markup import escape

    from rungwise.cli.tables import add_numbers, plain_table
    from rungwise.evaluation.wording import amount_text, interval_text, signed_text, titled
    from rungwise.language import say, spoken

    title = say(
        "{rung} on test by slice, {metric}: {score} on all",
        rung=found.rung,
        metric=titled(by),
        score=amount_text(by, found.overall.value),
    )
    table = plain_table(title.said(language))
    for name in (say("column"), say("value")):
        table.add_column(name.said(language))
    names = [
        say("examples"),
        say("score"),
        say("95 % interval"),
        say("rest"),
        say("better by"),
        say("p, Holm"),
    ]
    add_numbers(table, names, language)
    table.add_column("")
    for each in shown:
        cells = (
            escape(each.column),
            escape(each.value),
            f"{each.num_examples:,}",
            amount_text(by, each.score.value),
            interval_text(by, each.score.low, each.score.high),
            amount_text(by, each.rest),
            signed_text(by, each.difference),
            "< 0.001" if each.adjusted < 0.001 else f"{each.adjusted:.2g}",
            say("worse") if each.is_worse else "",
        )
        table.add_row(*spoken(cells, language), style="" if each.adjusted < 0.05 else "dim")
    return table


def _remark(found: Slices) -> Message:
    """How many are clearly worse, and what was left out."""
    from rungwise.evaluation.slices import LEAST_EXAMPLES
    from rungwise.evaluation.wording import listed
    from rungwise.language import paragraph, say

    worse, small = sum(each.is_worse for each in found.slices), found.num_small
    columns = say("{count} columns", count=len(found.columns))
    known = {
        "worse": worse,
        "count": len(found.slices),
        "columns": listed(found.columns) if len(found.columns) <= _NAMED else columns,
    }
    if worse > 1:
        said = say(
            "{worse} of {count} slices by {columns} are clearly worse than the rest (p < 0.05 by Holm).",
            **known,
        )
    elif worse:
        said = say(
            "1 of {count} slices by {columns} is clearly worse than the rest (p < 0.05 by Holm).", **known
        )
    else:
        said = say(
            "None of {count} slices by {columns} is clearly worse than the rest (p < 0.05 by Holm).", **known
        )
    rest = []
    if small == 1:
        rest = [say("1 value with fewer than {least} test examples is left out.", least=LEAST_EXAMPLES)]
    elif small:
        rest = [
            say(
                "{count} values with fewer than {least} test examples are left out.",
                count=small,
                least=LEAST_EXAMPLES,
            )
        ]
    return paragraph([said, *rest])
