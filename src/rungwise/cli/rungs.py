"""`rungwise rungs`: the ladder's rungs, and the card of each."""

from __future__ import annotations

import json

import click


@click.command(short_help="List the rungs, or show a rung's card.")
@click.argument("name", required=False)
@click.option("--task", metavar="TASK", help="Only the rungs that this task has.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(name: str | None, task: str | None, as_json: bool) -> None:
    """List the rungs by family, or show the card of NAME: idea, formula, paper, costs, and when it wins."""
    if name is not None:
        _show_card(name, as_json=as_json)
    else:
        _list(task, as_json=as_json)


def _list(task_name: str | None, *, as_json: bool) -> None:
    from rungwise.registry import card, rung_names, rungs_for

    names = rung_names()
    if task_name is not None:
        from rungwise.tasks import task

        names = rungs_for(task(task_name).pair)
    cards = [card(name) for name in names]
    if as_json:
        rows = [{"rung": c.name, "family": c.family, "title": c.title} for c in cards]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    width = max(map(len, names))
    for family in dict.fromkeys(c.family for c in cards):
        print(family)
        for c in cards:
            if c.family == family:
                print(f"  {c.name:{width}}  {c.title}")


def _show_card(name: str, *, as_json: bool) -> None:
    from dataclasses import fields

    from rungwise.registry import card, rung
    from rungwise.tasks import task, task_names

    shown, declared = card(name), rung(name)
    tasks = [known for known in task_names() if task(known).pair in declared.accepts]
    settings = {field.name: field.default for field in fields(declared.config)}
    if as_json:
        row = {"rung": name, "family": shown.family, "title": shown.title, **shown.sections}
        print(
            json.dumps(
                {**row, "tasks": tasks, "settings": settings}, ensure_ascii=False, indent=1, default=str
            )
        )
        return
    print(f"{name} ({shown.family})\n{shown.title}")
    for section, text in shown.sections.items():
        print(f"\n{section}\n" + "\n".join(f"  {line}" for line in text.splitlines()))
    print(f"\nTasks\n  {', '.join(tasks)}")
    print(f"\nEstimators\n  {', '.join(_estimators(declared.class_name, declared.accepts))}")
    print("\nSettings (--set " + name + ".NAME=VALUE)")
    for setting, value in settings.items():
        print(f"  {setting} = {value}")


def _estimators(class_name: str, accepts: frozenset[tuple[str, str]]) -> list[str]:
    outputs = {output for _, output in accepts}
    suffixes = [
        suffix for output, suffix in (("label", "Classifier"), ("number", "Regressor")) if output in outputs
    ]
    return [f"rungwise.{class_name}{suffix}" for suffix in suffixes]
