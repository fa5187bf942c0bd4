"""`rungwise tasks`: what can be predicted."""

from __future__ import annotations

import json

import click


@click.command(short_help="List the tasks and their metrics.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def command(as_json: bool) -> None:
    """List the tasks, what goes in and comes out, and their metrics."""
    from rungwise.tasks import task, task_names

    tasks = [task(name) for name in task_names()]
    if as_json:
        rows = [
            {"task": t.name, "input": t.pair[0], "output": t.pair[1], "metrics": t.metrics} for t in tasks
        ]
        print(json.dumps(rows, indent=1))
        return
    for known in tasks:
        metrics = ", ".join(known.metrics).replace(
            known.default_metric, f"{known.default_metric} (default)", 1
        )
        print(f"{known.name}\n  {known.title}\n  metrics: {metrics}")
