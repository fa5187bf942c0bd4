"""`rungwise report`: write what a run came to, as a page or in another form."""

from __future__ import annotations

import click

from rungwise.cli.options import language_option

FORMATS = ("html", "md", "json", "pdf-ready", "card")  # `report.Format`, which isn't imported for --help


@click.command(short_help="Write a run's page, or the same in another form.")
@click.argument("run")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="html",
    show_default=True,
    help="html: the page; md: Markdown; json: for programs; pdf-ready: a page to print; card: a model card.",
)
@language_option
@click.option("--rung", metavar="RUNG", help="Whose model card; the recommended one if left out.")
@click.option("--out", metavar="FILE", help="Where to; a file in RUN if left out.")
def command(run: str, form: str, lang: str, rung: str | None, out: str | None) -> None:
    """Write what RUN, a run's folder, came to, and print where it is.

    The page is one file that needs nothing else; its readers may switch to another language.
    """
    from rungwise.ladder import Ladder

    print(Ladder.open(run).report(form, lang=lang, rung=rung, out=out))
