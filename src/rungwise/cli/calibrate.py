"""`rungwise calibrate`: whether rungs are right as often as they say, and a temperature that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from rungwise.evaluation.calibration import RungCalibration


@click.command(short_help="Show how calibrated probabilities are, and mend them.")
@click.argument("run")
@click.option("--rung", metavar="RUNG", help="One rung (all).")
@click.option(
    "--apply",
    "is_applied",
    is_flag=True,
    help="Give the models their temperatures: probabilities change, predictions don't.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(run: str, rung: str | None, is_applied: bool, as_json: bool) -> None:
    """Say of RUN, a run's folder, whether rungs are right as often as they say.

    A temperature T is fitted on validation, or on the folds, and judged on test: log-probabilities are divided by it.
    Above 1 the rung was too sure, below 1 not sure enough.
    """
    from dataclasses import asdict

    from rungwise.cli.climbing import make_console
    from rungwise.evaluation.records import json_text
    from rungwise.ladder import Ladder

    ladder = Ladder.open(run)
    found = ladder.calibrate(rung) if is_applied else ladder.calibration(rung)
    if as_json:
        print(json_text([asdict(each) for each in found]))
        return
    console = make_console(stderr=False)
    console.print(_table(found))
    console.print(_remark(found, run, is_applied=is_applied))


def _table(found: list[RungCalibration]) -> Table:
    """One row a rung: the calibration error, its temperature, and what that makes of it."""
    from rungwise.cli.tables import plain_table

    table = plain_table(f"calibration on test, {found[0].fitted_on} for T; errors in points")
    table.add_column("rung", no_wrap=True)
    for name in ("confidence", "accuracy", "ECE", "by chance", "T", "ECE with T", "log-loss", "with T"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found:
        before, after = each.before, each.after
        table.add_row(
            each.rung,
            f"{100 * before.confidence:.1f} %",
            f"{100 * before.accuracy:.1f} %",
            f"{100 * before.ece:.1f}",
            f"≤ {100 * before.ece_by_chance:.1f}",
            f"{each.temperature:.2f}",
            f"{100 * after.ece:.1f}",
            f"{before.log_loss:.3f}",
            f"{after.log_loss:.3f}",
            style="" if before.is_off else "dim",
        )
    return table


def _remark(found: list[RungCalibration], run: str, *, is_applied: bool) -> str:
    """What is off, and what was or can be done."""
    from rungwise.evaluation.wording import code, listed

    if is_applied:
        which = listed(code(each.rung) for each in found)
        return f"{which} {'has its temperature' if len(found) == 1 else 'have their temperatures'} now."
    off = [each for each in found if each.before.is_off and each.is_worth_it]
    if not off:
        return "No rung is further off than by chance in a way that a temperature mends."
    remedy = f"`rungwise calibrate {run} --apply` gives models their temperatures."
    return f"{listed(code(each.rung) for each in off)} would be right more nearly as often as said. {remedy}"
