"""`rungwise report`: write a run's page."""

from __future__ import annotations

import click


@click.command(short_help="Write a run's page.")
@click.argument("run")
def command(run: str) -> None:
    """Write RUN/report.html, one page that needs nothing else, and print where it is."""
    from rungwise.ladder import Ladder
    from rungwise.report import write_report

    print(write_report(Ladder.open(run).results))
