"""`rungwise leaderboard`: a run's table and verdict."""

from __future__ import annotations

import click

from rungwise.cli.options import language_option


@click.command(short_help="Show a run's leaderboard and verdict.")
@click.argument("run")
@click.option("--metric", metavar="METRIC", help="Another of the task's metrics.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(run: str, metric: str | None, lang: str, as_json: bool) -> None:
    """Show the leaderboard and the verdict of RUN, a run's folder.

    In a narrow terminal the least needed columns are left out, in this order: expected memory, time of predictions,
    parameters, CPU time, memory, spread over seeds, robustness, validation, size, latency, time of training.
    leaderboard.csv and --json have all.
    """
    from rungwise.cli.climbing import make_console, result, show_result
    from rungwise.evaluation.records import json_text
    from rungwise.ladder import Ladder
    from rungwise.language import parse_language

    ladder = Ladder.open(run)
    if metric is not None:
        ladder.metric = metric
    if as_json:
        print(json_text(result(ladder)))
    else:
        show_result(make_console(stderr=False), ladder, parse_language(lang))
