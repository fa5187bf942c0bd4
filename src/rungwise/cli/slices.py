"""`rungwise slices`: where a rung is worse than elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from rungwise.evaluation.slices import Slice, Slices
    from rungwise.metrics import Metric

_WORST = 10


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
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(run: str, by: tuple[str, ...], rung: str | None, metric: str | None, as_json: bool) -> None:
    """Show where a rung of RUN, a run's folder, is worse than on the rest of the test part.

    Categories are sliced by value, numbers and dates by quarters, texts by their length. A column that was no feature
    is read from the file that the test part came from. Also known are "length" of texts and sentences, "brightness" of
    images, and the target's column.
    """
    from rungwise.cli.climbing import make_console
    from rungwise.evaluation.records import json_text
    from rungwise.ladder import Ladder

    ladder = Ladder.open(run)
    found = ladder.slices(list(by) or None, rung=rung, metric=metric)
    if as_json:
        print(json_text(found.to_dict()))
        return
    console = make_console(stderr=False)
    chosen = ladder.results.metric(found.metric)
    console.print(_table(found, list(found.slices) if by else found.worst(_WORST), chosen))
    console.print(_remark(found))


def _table(found: Slices, shown: Sequence[Slice], by: Metric) -> Table:
    from rich.markup import escape

    from rungwise.cli.tables import plain_table
    from rungwise.evaluation.wording import amount_text, interval_text, signed_text

    overall = f"{amount_text(by, found.overall.value)} on all"
    table = plain_table(f"{found.rung} on test by slice, {by.title}{', %' if by.is_share else ''}: {overall}")
    for name in ("column", "value"):
        table.add_column(name)
    for name in ("examples", "score", "95 % interval", "rest", "better by", "p, Holm"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for each in shown:
        table.add_row(
            escape(each.column),
            escape(each.value),
            f"{each.num_examples:,}",
            amount_text(by, each.score.value),
            interval_text(by, each.score.low, each.score.high),
            amount_text(by, each.rest),
            signed_text(by, each.difference),
            "< 0.001" if each.adjusted < 0.001 else f"{each.adjusted:.2g}",
            "worse" if each.is_worse else "",
            style="" if each.adjusted < 0.05 else "dim",
        )
    return table


def _remark(found: Slices) -> str:
    """How many are clearly worse, and what was left out."""
    from rungwise.evaluation.slices import LEAST_EXAMPLES
    from rungwise.evaluation.wording import listed

    worse = sum(each.is_worse for each in found.slices)
    columns = listed(found.columns) if len(found.columns) <= 3 else f"{len(found.columns)} columns"
    said = f"{worse or 'None'} of {len(found.slices)} slices by {columns} {'are' if worse > 1 else 'is'} clearly worse"
    small = found.num_small
    values = f"{small} value{'' if small == 1 else 's'} with fewer than {LEAST_EXAMPLES} test examples"
    rest = f" {values} {'is' if small == 1 else 'are'} left out." if small else ""
    return f"{said} than the rest (p < 0.05 by Holm).{rest}"
