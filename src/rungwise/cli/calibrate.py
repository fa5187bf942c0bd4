"""`rungwise calibrate`: whether rungs are right as often as they say, and a temperature that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rungwise.cli.options import language_option

if TYPE_CHECKING:
    from rich.table import Table

    from rungwise.evaluation.calibration import RungCalibration
    from rungwise.language import Language, Message


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
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(run: str, rung: str | None, is_applied: bool, reset: bool, lang: str, as_json: bool) -> None:
    """Say of RUN, a run's folder, whether rungs are right as often as they say.

    A temperature T is fitted on validation, or on the folds, and judged on test: log-probabilities are divided by it.
    Above 1 the rung was too sure, below 1 not sure enough.
    """
    from rich.markup import escape

    from rungwise.cli.climbing import make_console
    from rungwise.evaluation.records import json_text
    from rungwise.ladder import Ladder
    from rungwise.language import parse_language

    if is_applied and reset:
        raise click.UsageError("--apply and --reset contradict each other; give one of them.")
    ladder = Ladder.open(run)
    found = ladder.calibrate(rung, reset=reset) if is_applied or reset else ladder.calibration(rung)
    if as_json:
        print(json_text([each.to_dict() for each in found]))
        return
    console, language = make_console(stderr=False), parse_language(lang)
    console.print(_table(found, language))
    console.print(escape(_remark(found, run, is_applied=is_applied, reset=reset).said(language)))


def _table(found: list[RungCalibration], language: Language) -> Table:
    """One row a rung: the calibration error, its temperature, and what that makes of it."""
    from rungwise.cli.tables import add_numbers, plain_table
    from rungwise.language import say, term

    title = say("calibration on test, {part} for T; errors in points", part=term(found[0].fitted_on))
    table = plain_table(title.said(language))
    table.add_column(say("rung").said(language), no_wrap=True)
    names = [
        say("confidence"),
        say("accuracy"),
        say("ECE"),
        say("by chance"),
        say("T"),
        say("ECE with T"),
        say("log-loss"),
        say("with T"),
    ]
    add_numbers(table, names, language)
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


def _remark(found: list[RungCalibration], run: str, *, is_applied: bool, reset: bool) -> Message:
    """What is off, and what was or can be done."""
    from rungwise.evaluation.wording import code, listed
    from rungwise.language import say

    if reset:
        return say(
            "{rungs}: probabilities are as they were fitted.", rungs=listed(code(each.rung) for each in found)
        )
    if is_applied:
        return _applied(found)
    off = [code(each.rung) for each in found if each.before.is_off and each.is_worth_it]
    if not off:
        return say("No rung is further off than by chance in a way that a temperature mends.")
    return say(
        "{rungs} would be right more nearly as often as said. {command} gives models their temperatures.",
        rungs=listed(off),
        command=code(f"rungwise calibrate {run} --apply"),
    )


def _applied(found: list[RungCalibration]) -> Message:
    """Which models have their temperatures now, and which don't."""
    from rungwise.evaluation.wording import code, listed
    from rungwise.language import paragraph, say, term

    given, left = (
        [code(each.rung) for each in found if each.is_clear is is_clear] for is_clear in (True, False)
    )
    said = []
    if len(given) == 1:
        said.append(say("{rung} has its temperature now; --reset takes it back.", rung=given[0]))
    elif given:
        said.append(say("{rungs} have their temperatures now; --reset takes it back.", rungs=listed(given)))
    if left:
        said.append(
            say(
                "Left as fitted: {rungs}, as on {part} T does no more than chance would.",
                rungs=listed(left),
                part=term(found[0].fitted_on),
            )
        )
    return paragraph(said)
