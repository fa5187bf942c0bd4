"""`rungwise label-errors`: examples whose label the rungs agree against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from rungwise.evaluation.label_errors import LabelErrors


@click.command(short_help="List examples whose label may be wrong.")
@click.argument("run")
@click.option(
    "--part", default="test", show_default=True, metavar="PART", help="Of which examples: test or valid."
)
@click.option("--top", type=int, default=20, show_default=True, metavar="N", help="How many to list.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(run: str, part: str, top: int, as_json: bool) -> None:
    """List the examples of RUN, a run's folder, where the rungs agree on another label than the one given.

    The most suspicious stand first, with the number of their row in the file. Some are hard rather than wrong: look
    before you change any.
    """
    from dataclasses import asdict

    from rungwise.cli.climbing import make_console
    from rungwise.evaluation.records import json_text
    from rungwise.ladder import Ladder

    found = Ladder.open(run).label_errors(part, top=top)
    if as_json:
        print(json_text(asdict(found)))
        return
    console = make_console(stderr=False)
    if found.suspects:
        console.print(_table(found))
    console.print(_remark(found))


def _table(found: LabelErrors) -> Table:
    from rich.markup import escape

    from rungwise.cli.tables import plain_table

    table = plain_table(f"labels of {found.part} to look at")
    table.add_column("row", justify="right", no_wrap=True)
    table.add_column("label", max_width=30)
    table.add_column("rungs say", max_width=30)
    table.add_column("doubt", justify="right", no_wrap=True)
    table.add_column("agree", justify="right", no_wrap=True)
    table.add_column("example")
    for each in found.suspects:
        table.add_row(
            str(each.row),
            escape(each.label),
            escape(each.said),
            f"{each.doubt:.2f}",
            f"{len(each.rungs)} of {len(found.rungs)}",
            escape(each.example),
        )
    return table


def _remark(found: LabelErrors) -> str:
    from rich.markup import escape

    count = found.num_suspects
    start = f"{count or 'No'} label{'' if count == 1 else 's'} of {found.num_examples:,} examples"
    return f"{start} {'is' if count == 1 else 'are'} suspected; rows are those of {escape(found.source)}."
