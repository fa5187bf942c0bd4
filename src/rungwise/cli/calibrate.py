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
    help="Give models their temperatures, where they are more than chance: probabilities change, predictions don't.",
)
@click.option("--reset", is_flag=True, help="Give models back the probabilities that they were fitted with.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(run: str, rung: str | None, is_applied: bool, reset: bool, as_json: bool) -> None:
    """Say of RUN, a run's folder, whether rungs are right as often as they say.

    A temperature T is fitted on validation, or on the folds, and judged on test: log-probabilities are divided by it.
    Above 1 the rung was too sure, below 1 not sure enough.
    """
    from rungwise.cli.climbing import make_console
    from rungwise.evaluation.records import json_text
    from rungwise.ladder import Ladder

    if is_applied and reset:
        raise click.UsageError("--apply and --reset contradict each other; give one of them.")
    ladder = Ladder.open(run)
    found = ladder.calibrate(rung, reset=reset) if is_applied or reset else ladder.calibration(rung)
    if as_json:
        print(json_text([each.to_dict() for each in found]))
        return
    console = make_console(stderr=False)
    console.print(_table(found))
    console.print(_remark(found, run, is_applied=is_applied, reset=reset))


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


def _remark(found: list[RungCalibration], run: str, *, is_applied: bool, reset: bool) -> str:
    """What is off, and what was or can be done."""
    from rungwise.evaluation.wording import code, listed

    if reset:
        return f"{listed(code(each.rung) for each in found)}: probabilities are as they were fitted."
    if is_applied:
        given = [code(each.rung) for each in found if each.is_clear]
        left = [code(each.rung) for each in found if not each.is_clear]
        has = "has its temperature" if len(given) == 1 else "have their temperatures"
        said = [f"{listed(given)} {has} now; --reset takes it back."] if given else []
        part = found[0].fitted_on
        said += (
            [f"Left as fitted: {listed(left)}, as on {part} T does no more than chance would."]
            if left
            else []
        )
        return " ".join(said)
    off = [each for each in found if each.before.is_off and each.is_worth_it]
    if not off:
        return "No rung is further off than by chance in a way that a temperature mends."
    remedy = f"`rungwise calibrate {run} --apply` gives models their temperatures."
    return f"{listed(code(each.rung) for each in off)} would be right more nearly as often as said. {remedy}"
