"""`rungwise forecast`: what more data would bring."""

from __future__ import annotations

from dataclasses import asdict

import click

from rungwise.cli.options import language_option, split_names


def _times(ctx: click.Context, parameter: click.Parameter, value: str) -> float:
    """`4x` or `4` as a number."""
    del ctx, parameter
    try:
        return float(value.strip().lower().removesuffix("x").removesuffix("×"))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no multiple of the data; write such as 4x.") from None


@click.command(short_help="Forecast what more data would bring.")
@click.argument("run")
@click.option(
    "--to",
    default="4x",
    show_default=True,
    callback=_times,
    metavar="TIMES",
    help="How often the run's data.",
)
@click.option(
    "--budget",
    metavar="TIME",
    help="For the fits: seconds, or such as 2m; 0 for none (twice what the climb took).",
)
@click.option(
    "--until", type=float, metavar="SCORE", help="How much data each rung needs for it, such as 0.95."
)
@click.option("--rungs", callback=split_names, metavar="A,B", help="Only these rungs (all with a result).")
@click.option("--metric", metavar="METRIC", help="Another of the task's metrics.")
@click.option("--sizes", is_flag=True, help="Fit rungs wider and narrower too, for a law of size and data.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON; progress goes to standard error.")
def command(
    run: str,
    to: float,
    budget: str | None,
    until: float | None,
    rungs: list[str] | None,
    metric: str | None,
    sizes: bool,
    lang: str,
    as_json: bool,
) -> None:
    """Forecast what the rungs of RUN, a run's folder, would score with more data.

    Each is fitted on parts of the run's training rows that grow by √2, within a budget, and its curve is carried on.
    Fits are kept: asked again, only those that are missing are made.
    """
    from rungwise.cli.climbing import make_console
    from rungwise.cli.growing import grow_and_forecast, show_outlook
    from rungwise.evaluation.records import json_text
    from rungwise.ladder import Ladder
    from rungwise.language import parse_language, say, spoken

    ladder = Ladder.open(run)
    asked = 0 if budget is not None and budget.strip() in ("0", "0s") else budget
    found = grow_and_forecast(
        ladder, to=to, budget=asked, until=until, rungs=rungs, metric=metric, sizes=sizes
    )
    language = parse_language(lang)
    if as_json:
        print(json_text(spoken(asdict(found), language)))
    else:
        show_outlook(make_console(stderr=False), found, ladder.results.metric(found.metric), language)
        click.echo(
            "\n" + say("The page has the curves: {page}", page=ladder.run / "report.html").said(language)
        )
