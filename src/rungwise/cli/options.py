"""Options that several commands have, and what their values mean."""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = [
    "LANGUAGES",
    "check_files",
    "column_kinds",
    "data_options",
    "language_option",
    "price_option",
    "program",
    "rung_settings",
    "split_names",
    "term_options",
]

LANGUAGES = ("en", "zh")
"""Of sentences: those of `language.Language`."""

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How data is read, understood and split."""
    options: list[Decorator] = [
        click.option(
            "--target", metavar="COLUMN", help="The column to predict (inferred); its number in CoNLL."
        ),
        click.option("--task", metavar="TASK", help="The task (inferred); `rungwise tasks` lists them."),
        click.option("--valid", metavar="DATA", help="Data to choose by (else cut from DATA)."),
        click.option("--test", metavar="DATA", help="Data to judge by (else cut from DATA)."),
        click.option(
            "--group", metavar="COLUMN", help="Rows of one value never stand on two sides of the split."
        ),
        click.option("--time", metavar="COLUMN", help="Split by time: the newest rows are the test."),
        click.option("--text", metavar="COLUMN", help="The column that holds the text (inferred)."),
        click.option(
            "--column",
            "columns",
            metavar="NAME=KIND",
            multiple=True,
            help="What a column holds: number, category, date, text or ignore; may be repeated.",
        ),
        click.option("--encoding", default="utf-8", show_default=True, help="Of text files."),
        click.option(
            "--drop-missing-target", is_flag=True, help="Drop rows without a target, and count them."
        ),
        click.option(
            "--split-duplicates", is_flag=True, help="Let equal texts or images stand in several parts."
        ),
        click.option("--image-size", type=int, metavar="PIXELS", help="The side that images are resized to."),
        click.option("--seed", type=int, default=0, show_default=True, help="Of the split and every rung."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


language_option = click.option(
    "--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of words and sentences."
)

price_option = click.option(
    "--price-per-hour",
    type=float,
    metavar="PRICE",
    help="Of the machine, in any currency: predictions and training get a price.",
)


def term_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a rung is recommended by, beside the metric."""
    options: list[Decorator] = [
        click.option(
            "--margin",
            type=float,
            metavar="M",
            help="How far behind the best on validation a cheaper rung may be, in the metric's unit: 0.01 is one "
            "point of accuracy (one standard error).",
        ),
        click.option(
            "--cost",
            metavar="COST",
            help="Of which the recommended rung has least: train, size, latency, energy or price (the order of the "
            "ladder).",
        ),
        click.option(
            "--max-latency",
            metavar="TIME",
            help="Of one prediction by the recommended rung, with its unit: 5ms, 0.2s.",
        ),
        click.option(
            "--max-size", metavar="BYTES", help="Of the recommended rung's model, with its unit: 20MB."
        ),
        price_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


def check_files(*names: str | None) -> None:
    """Sees that files and folders are there, before a second goes by on imports."""
    from rungwise.data import check_exists

    for name in names:
        if name is not None:
            check_exists(Path(name))


def program() -> str:
    """What to type for this command line: its path where it isn't on the PATH."""
    return "rungwise" if shutil.which("rungwise") or Path(sys.argv[0]).name != "rungwise" else sys.argv[0]


def split_names(ctx: click.Context, parameter: click.Parameter, value: str | None) -> list[str] | None:
    """`a,b` as a list."""
    del ctx, parameter
    return None if value is None else [name.strip() for name in value.split(",") if name.strip()]


def column_kinds(columns: tuple[str, ...], text: str | None) -> dict[str, str]:
    """`NAME=KIND` pairs, and the text column, as a dict."""
    from rungwise.kinds import ColumnKind

    kinds = {}
    for pair in columns:
        name, equals, kind = pair.rpartition("=")
        if not equals or kind not in tuple(ColumnKind):
            raise click.BadParameter(f"{pair!r} must be NAME=KIND, with KIND one of {', '.join(ColumnKind)}.")
        kinds[name] = kind
    if text is not None:
        kinds[text] = ColumnKind.TEXT
    return kinds


def rung_settings(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """`RUNG.NAME=VALUE` triples as rung -> name -> value; a value is true, false, a Python literal, or else a word."""
    del ctx, parameter
    settings: dict[str, dict[str, Any]] = {}
    for triple in values:
        left, equals, text = triple.partition("=")
        rung, dot, name = left.partition(".")
        if not (equals and dot and rung and name):
            raise click.BadParameter(f"{triple!r} must be RUNG.NAME=VALUE, such as lstm.hidden_size=256.")
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = {"true": True, "false": False}.get(text, text)
        settings.setdefault(rung, {})[name] = value
    return settings
