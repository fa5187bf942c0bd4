"""`rungwise predict`: ask a run's model."""

from __future__ import annotations

import click


@click.command(short_help="Predict new data with a run's model.")
@click.argument("run")
@click.argument("data")
@click.option("--rung", metavar="RUNG", help="Another rung than the recommended one.")
@click.option(
    "--out",
    metavar="FILE",
    help="A new .csv, .tsv, .jsonl, .parquet or .conll file (else CSV, or CoNLL columns of tags, to standard output).",
)
@click.option("--encoding", default="utf-8", show_default=True, help="Of text files.")
@click.option(
    "--precision",
    metavar="NAME",
    help="Of a network's arithmetic: auto, fp32, bf16, or int8 for Transformers on a CPU; else as it learned.",
)
def command(
    run: str, data: str, rung: str | None, out: str | None, encoding: str, precision: str | None
) -> None:
    """Predict DATA with the model that RUN recommends: a row an example, with a probability for each class.

    RUN is a run's folder; DATA is in any format that `fit` reads, and needs no target column; texts may also be lines
    of a .txt file. Of tags, .conll has a
    token a line, .jsonl a sentence a line, .csv and .tsv a span a line.
    """
    from rungwise.ladder.predict import check_out, predict_data, write_tables

    if out is not None:
        check_out(out)
    inputs, tables = predict_data(run, data, rung=rung, encoding=encoding, precision=precision)
    for note in inputs.notes:
        click.echo(note.message, err=True)
    count = write_tables(tables, out)
    if out is not None:
        click.echo(f"{count:,} predictions in {out}", err=True)
