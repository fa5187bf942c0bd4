"""`rungwise label-errors`: examples whose label the rungs agree against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rungwise.cli.options import language_option

if TYPE_CHECKING:
    from rich.table import Table

    from rungwise.evaluation.label_errors import LabelErrors
    from rungwise.language import Language, Message


@click.command(short_help="List examples whose label may be wrong.")
@click.argument("run")
@click.option(
    "--part", default="test", show_default=True, metavar="PART", help="Of which examples: test or valid."
)
@click.option("--top", type=int, default=20, show_default=True, metavar="N", help="How many to list.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(run: str, part: str, top: int, lang: str, as_json: bool) -> None:
    """List the examples of RUN, a run's folder, where the rungs agree on another label than the one given.

    The most suspicious stand first, with the number of their row in the file. Some are hard rather than wrong: look
    before you change any.
    """
    from dataclasses import asdict

    from rich.markup import escape

    from rungwise.cli.climbing import make_console
    from rungwise.evaluation.records import json_text
    from rungwise.ladder import Ladder
    from rungwise.language import parse_language

    found = Ladder.open(run).label_errors(part, top=top)
    if as_json:
        print(json_text(asdict(found)))
        return
    console, language = make_console(stderr=False), parse_language(lang)
    if found.suspects:
        console.print(_table(found, language))
    console.print(escape(_remark(found).said(language)))


def _table(found: LabelErrors, language: Language) -> Table:
    from rich.markup import escape

    from rungwise.cli.tables import add_numbers, plain_table
    from rungwise.language import say

    table = plain_table(say("labels of {part} to look at", part=found.part).said(language))
    add_numbers(table, [say("row")], language)
    for name in (say("label"), say("rungs say")):
        table.add_column(name.said(language), max_width=30)
    add_numbers(table, [say("doubt"), say("agree")], language)
    table.add_column(say("example").said(language))
    for each in found.suspects:
        table.add_row(
            str(each.row),
            escape(each.label),
            escape(each.said),
            f"{each.doubt:.2f}",
            say("{count} of {total}", count=len(each.rungs), total=len(found.rungs)).said(language),
            escape(each.example),
        )
    return table


def _remark(found: LabelErrors) -> Message:
    from rungwise.language import say

    known = {"count": found.num_suspects, "total": found.num_examples, "source": found.source}
    if found.num_suspects > 1:
        return say("{count} labels of {total:,} examples are suspected; rows are those of {source}.", **known)
    if found.num_suspects:
        return say("1 label of {total:,} examples is suspected; rows are those of {source}.", **known)
    return say("No labels of {total:,} examples are suspected; rows are those of {source}.", **known)
