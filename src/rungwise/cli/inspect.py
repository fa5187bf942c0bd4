"""`rungwise inspect`: what fit would do, and every problem it sees."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click

from rungwise.cli.options import check_files, column_kinds, data_options


@click.command(short_help="Show what fit would do with your data.")
@click.argument("data")
@data_options
def command(data: str, task: str | None, text: str | None, columns: tuple[str, ...], **options: Any) -> None:
    """Show what `fit` would do with DATA: the task, the columns, the split, the rungs, and every problem seen."""
    check_files(data, options["valid"], options["test"])
    from rungwise.cli.climbing import make_console, memory_text, show_dataset
    from rungwise.evaluation.wording import count_text
    from rungwise.ladder import Ladder

    console = make_console(stderr=False)
    seed = options.pop("seed")
    with tempfile.TemporaryDirectory(prefix="rungwise-") as folder:
        ladder = Ladder(task, seed=seed, out=Path(folder) / "run")
        dataset = ladder.prepare(data, columns=column_kinds(columns, text), **options)
        show_dataset(console, dataset, str(ladder.task))
        console.print(f"[bold]metric[/]  {ladder.metric}")
        for rung, cost in ladder.plan.items():
            console.print(
                f"[bold]rung[/]    {rung}: about {count_text(cost.parameters)} parameters, "
                f"{count_text(cost.fit_flops)} operations to fit, {count_text(cost.predict_flops)} to predict one"
            )
        console.print(f"[bold]memory[/]  {memory_text(ladder)}")
