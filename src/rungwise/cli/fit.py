"""`rungwise fit`: climb a ladder."""

from __future__ import annotations

from typing import Any

import click

from rungwise.cli.options import (
    check_files,
    column_kinds,
    data_options,
    rung_settings,
    split_names,
    term_options,
)
from rungwise.ladder.processes import start_ahead


@click.command(short_help="Climb the ladder on your data and see which rung pays.")
@click.argument("data", required=False)
@data_options
@click.option(
    "--rungs",
    callback=split_names,
    metavar="A,B",
    help="The rungs that climb (all); the baseline always does.",
)
@click.option("--up-to", metavar="RUNG", help="The last rung that climbs, in order of cost.")
@click.option(
    "--budget", default="10m", show_default=True, metavar="TIME", help="For the whole climb: 90s, 10m, 1h30m."
)
@click.option("--metric", metavar="METRIC", help="What rungs are compared by (the task's own).")
@term_options
@click.option(
    "--set",
    "settings",
    callback=rung_settings,
    metavar="RUNG.NAME=VALUE",
    multiple=True,
    help="A rung's setting; may be repeated. `rungwise rungs RUNG` lists them.",
)
@click.option(
    "--unlabeled",
    metavar="FILE",
    help="Texts without labels, one a line, that `bert` learns from first: --set bert.unlabeled=FILE.",
)
@click.option(
    "--class-weight",
    type=click.Choice(["none", "balanced"]),
    default="none",
    show_default=True,
    help="What examples count in training: balanced lets rare classes count as much as frequent ones.",
)
@click.option(
    "--identify-predicates",
    is_flag=True,
    help="Models of semantic roles also find predicates, in sentences that come without.",
)
@click.option("--out", metavar="DIR", help="The run's folder (runs/NAME).")
@click.option(
    "--resume",
    metavar="RUN",
    help="Fit what has no result yet in a run that was stopped; --budget may be another.",
)
@click.option(
    "--seeds",
    type=int,
    default=1,
    show_default=True,
    metavar="N",
    help="Fit each rung so often, to see the spread.",
)
@click.option(
    "--folds",
    type=int,
    metavar="N",
    help="Choose by so many parts of train, set aside one after another, each from a fit of its own (up to 10, as many "
    "as train has room for, where data are few and fits are cheap, else 0: by the validation part).",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, mps, …")
@click.option("--precision", default="auto", show_default=True, help="auto, fp32 or bf16.")
@click.option("--workers", type=int, metavar="N", help="Rungs side by side (as many as there are cores).")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON; progress goes to standard error."
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    data: str | None,
    target: str | None,
    task: str | None,
    text: str | None,
    columns: tuple[str, ...],
    resume: str | None,
    unlabeled: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Train every rung that fits DATA, from linear models to Transformers, and say which one pays.

    DATA is a CSV, TSV, JSON-lines or Parquet file, sentences with tags as CoNLL columns or JSON lines, a folder of
    images with a sub-folder a class, or a folder of MNIST-like IDX files. What is left out is inferred, and the
    inference is printed.
    """
    check_files(data, options["valid"], options["test"], unlabeled)
    start_ahead()
    from rungwise.cli.climbing import climb, show_data
    from rungwise.ladder import Ladder, parse_budget

    if (data is None) == (resume is None):
        raise click.UsageError("give DATA, or --resume RUN to go on with a run.")
    if resume is not None:
        _refuse_others(ctx)
        ladder = Ladder.open(resume)
        if _is_given(ctx, "budget"):
            ladder.budget = parse_budget(options["budget"])
        climb(ladder, as_json=as_json)
        return
    if unlabeled is not None:
        options["settings"].setdefault("bert", {})["unlabeled"] = unlabeled
    of_ladder = (
        "rungs",
        "up_to",
        "budget",
        "metric",
        "seed",
        "seeds",
        "folds",
        "out",
        "device",
        "precision",
        "workers",
        "settings",
        "margin",
        "cost",
        "max_latency",
        "max_size",
        "price_per_hour",
        "class_weight",
        "identify_predicates",
    )
    ladder = Ladder(task, **{name: options.pop(name) for name in of_ladder})
    ladder.prepare(data, target, columns=column_kinds(columns, text), **options)
    show_data(ladder, as_json=as_json)
    climb(ladder, as_json=as_json)


def _refuse_others(ctx: click.Context) -> None:
    """A run goes on as it was begun, but for its budget."""
    others = [
        name for name in ctx.params if name not in ("resume", "budget", "as_json") and _is_given(ctx, name)
    ]
    if others:
        flags = ", ".join(option.opts[-1] for option in ctx.command.params if option.name in others)
        raise click.UsageError(f"a run goes on as it was begun; with --resume leave out {flags}.")


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
