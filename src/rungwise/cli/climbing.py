"""Shows a climb: what was inferred, the rungs as they go, and the result."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from rich.cells import set_cell_size
from rich.console import Console
from rich.live import Live
from rich.markup import escape

from rungwise.available import available_bytes
from rungwise.cli.options import program
from rungwise.cli.tables import STATUS_STYLES, leaderboard_table, plain_table
from rungwise.evaluation import Verdict
from rungwise.evaluation.next_steps import NextStep
from rungwise.evaluation.records import json_text
from rungwise.evaluation.wording import bytes_text, seconds_text
from rungwise.kinds import OutputKind
from rungwise.ladder import FitState, Ladder, Status, Step
from rungwise.ladder.plan import expected_peak_bytes, on_request
from rungwise.language import Language, joined, say, spoken
from rungwise.tags import type_names

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "climb",
    "make_console",
    "memory_text",
    "result",
    "show_data",
    "show_dataset",
    "show_result",
    "show_steps",
    "show_verdict",
]

_MAX_COLUMNS_SHOWN = 24
_LINE_SECONDS = 30.0
"""Without a terminal, how often a line says what is running."""

_WORD = 9
"""Characters before what is to be typed or opened."""

_PHASES = {
    "fit": "climbing",
    "latency": "measuring what answers of each cost, alone",
    "predicates": "learning to find predicates",
    "robustness": "measuring robustness",
}


_MEASURES = {"label": "accuracy", "number": "R²", "tags": "F1"}
"""Of each kind of output, what learners report underway."""


class _Console(Console):
    """One whose reader may go, as behind `| head`, which isn't the end of a climb."""

    def on_broken_pipe(self) -> None:
        """Says nothing from here on, where rich would leave the program."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())  # for what is still to be written at the end
        os.close(nowhere)


def make_console(*, stderr: bool) -> Console:
    """Standard output or error; wide where it is no terminal, so that no table is cut."""
    console = _Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = 200
    return console


def show_data(ladder: Ladder, *, as_json: bool) -> None:
    """What will climb, and on what."""
    console = make_console(stderr=as_json)
    show_dataset(console, ladder.dataset, str(ladder.task))
    for warning in ladder.warnings:
        console.print(f"[yellow]warning[/] {escape(warning)}")
    console.print(f"[bold]metric[/]  {ladder.metric}")
    if ladder.folds:
        parts = f"{ladder.folds} parts of train, of about {ladder.dataset.num('valid'):,} rows each"
        console.print(f"[bold]folds[/]   rungs are chosen by {parts}, set aside one after another")
    console.print(f"[bold]rungs[/]   {' → '.join(ladder.plan)}")
    if ladder.rungs is None and (asked := on_request(ladder.dataset.pair, ladder.plan)):
        console.print(f"        {asked}")
    console.print(f"[bold]memory[/]  {memory_text(ladder)}")
    budget = f"{seconds_text(ladder.budget)}, {ladder.num_workers} at a time"
    console.print(f"[bold]budget[/]  {budget}, into {escape(str(ladder.run))}\n")


def memory_text(ladder: Ladder) -> str:
    """What each rung is expected to need, and what there is."""
    needs = (
        f"{rung} {bytes_text(expected_peak_bytes(ladder.dataset, cost))}"
        for rung, cost in ladder.plan.items()
    )
    free = available_bytes()
    return f"expected: {', '.join(needs)}{f'; {bytes_text(free)} are free' if free is not None else ''}"


def show_dataset(console: Console, dataset: Any, task: str) -> None:
    """Parts, task and columns with the reasons, and every note."""
    parts = ", ".join(f"{dataset.num(part):,} {part}" for part in ("train", "valid", "test"))
    console.print(f"[bold]data[/]    {parts} (split {dataset.split_hash})")
    console.print(f"[bold]task[/]    {task}")
    if dataset.classes is not None:
        names = [str(name) for name in dataset.classes]
        what = "classes"
        if dataset.pair[1] is OutputKind.TAGS:
            names, what = type_names(names), "types"
        more = f", … {len(names) - 10} more" if len(names) > 10 else ""
        console.print(f"[bold]{what:7}[/] {len(names)}: {escape(', '.join(names[:10]) + more)}")
    for column in dataset.schema[:_MAX_COLUMNS_SHOWN]:
        console.print(f"[bold]column[/]  {escape(column.name)}: {column.kind} — {escape(column.reason)}")
    if len(dataset.schema) > _MAX_COLUMNS_SHOWN:
        console.print(f"[bold]column[/]  … and {len(dataset.schema) - _MAX_COLUMNS_SHOWN} more")
    for note in dataset.notes:
        style = "yellow" if note.level == "warning" else "dim"
        console.print(f"[{style}]{note.level:7}[/] {escape(note.message)}")


def climb(ladder: Ladder, *, as_json: bool) -> None:
    """Climbs, showing each rung, and prints the result."""
    console = make_console(stderr=as_json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as a machine that shuts down sends it
    try:
        measure = _MEASURES[ladder.dataset.pair[1]]
        with (
            _TableView(console, measure)
            if console.is_terminal
            else nullcontext(_LineView(console, measure)) as view
        ):
            ladder.climb(_while_shown(view.observe))
    except KeyboardInterrupt:
        console.print(
            f"What was finished is saved. Go on with: {program()} fit --resume {escape(str(ladder.run))}"
        )
        raise
    if as_json:
        print(json_text(result(ladder)))
    else:
        show_result(console, ladder)


def _while_shown(observe: Callable[[Step], None]) -> Callable[[Step], None]:
    """The same, and nothing more once the terminal or the reader has gone: the climb goes on."""
    is_gone = False

    def show(step: Step) -> None:
        nonlocal is_gone
        if not is_gone:
            try:
                observe(step)
            except OSError:
                is_gone = True

    return show


def result(ladder: Ladder) -> dict[str, Any]:
    """The result as JSON has it."""
    board = ladder.leaderboard()
    return {
        "run": str(ladder.run),
        "task": ladder.task,
        "metric": ladder.metric,
        "leaderboard": json.loads(board.to_json(orient="records")),
        "verdict": ladder.verdict.to_dict(),
        "predicates": ladder.results.predicates,
        "not_climbed": _not_climbed(ladder, board),
        "warnings": ladder.warnings,
    }


def _not_climbed(ladder: Ladder, board: pd.DataFrame) -> list[str]:
    """Rungs of which the journal says nothing: the command was killed before."""
    known = set(board["rung"])
    return [rung for rung in ladder.plan if rung not in known]


def show_result(console: Console, ladder: Ladder, language: Language = Language.ENGLISH) -> None:
    """The leaderboard, the verdict, and what to type next."""
    verdict = ladder.verdict
    board, run = ladder.leaderboard(), escape(str(ladder.run))
    page_file = escape(str(ladder.run / "report.html"))
    table, left_out = leaderboard_table(console, board, str(ladder.metric), verdict.recommended, language)
    console.print(table)
    if left_out:
        whole = say(
            "Left out for want of width: {columns}. All: {file}, or --json.",
            columns=joined(left_out),
            file=ladder.run / "leaderboard.csv",
        )
        console.print(f"[dim]{escape(whole.said(language))}[/]")
    console.print()
    show_verdict(console, verdict, language)
    for sentence in ladder.results.predicates:
        console.print(escape(spoken(sentence, language)))
    for warning in ladder.warnings:
        console.print(f"[yellow]{escape(warning)}[/]")
    if missing := _not_climbed(ladder, board):
        remedy = f"{program()} fit --resume {run}"
        told = say("Not climbed yet: {rungs}. Go on with: {command}", rungs=joined(missing), command=remedy)
        console.print(f"[yellow]{told.said(language)}[/]")
    page, predict = (set_cell_size(word.said(language), _WORD) for word in (say("page"), say("predict")))
    console.print(f"\n{page}{page_file}")
    if verdict.recommended is not None:
        console.print(f"{predict}{program()} predict {run} NEW_DATA")


def show_verdict(console: Console, verdict: Verdict, language: Language = Language.ENGLISH) -> None:
    """The sentence and the warnings."""
    console.print(f"[bold]{escape(spoken(verdict.sentence, language))}[/]")
    for warning in verdict.warnings:
        console.print(f"[yellow]{escape(spoken(warning, language))}[/]")


def show_steps(console: Console, steps: Sequence[NextStep], language: Language = Language.ENGLISH) -> None:
    """What to do next, and what to type for it."""
    console.print()
    console.print(f"[bold]{say('What to do next').said(language)}[/]")
    for number, step in enumerate(steps, start=1):
        console.print(f"{number}. {escape(step.text.said(language))}")
        if step.command:
            console.print(f"   {escape(step.command)}")


class _LineView:
    """Plain lines: one when a rung starts and ends, and one now and then."""

    def __init__(self, console: Console, measure: str) -> None:
        self.console, self.measure = console, measure
        self.last, self.phase = time.monotonic(), "fit"

    def observe(self, step: Step) -> None:
        """Prints what has changed."""
        for state in step.changed:
            seconds = f" {seconds_text(state.seconds)}" if state.seconds else ""
            score = f", validation {self.measure} {state.score:.4f}" if state.score is not None else ""
            reason = f": {_reason(state)}" if state.reason else ""
            self.console.print(f"{state.name}: {state.status}{seconds}{score}{escape(reason)}")
            self.last = time.monotonic()
        if step.phase != self.phase:
            self.phase = step.phase
            self.console.print(_PHASES[step.phase])
        if time.monotonic() - self.last > _LINE_SECONDS and step.phase == "fit":
            self.last = time.monotonic()
            running = [
                f"{s.name} {100 * s.fraction:.0f} %" for s in step.states if s.status is Status.RUNNING
            ]
            self.console.print(f"{seconds_text(step.seconds_left)} left; {', '.join(running)}")


class _TableView:
    """A table that is drawn again and again."""

    def __init__(self, console: Console, measure: str) -> None:
        self.measure = measure
        self.live = Live(console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> _TableView:
        self.live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.live.__exit__(*error)

    def observe(self, step: Step) -> None:
        """Draws the climb."""
        doing = _PHASES[step.phase]
        table = plain_table(f"{doing}, {seconds_text(max(0.0, step.seconds_left))} left of the budget")
        for name in ("rung", "state", "progress", f"valid {self.measure}", "time", ""):
            table.add_column(name, justify="left" if name in ("rung", "state", "progress", "") else "right")
        for state in step.states:
            fraction = 1.0 if state.status in (Status.DONE, Status.DEADLINE) else state.fraction
            table.add_row(
                state.name,
                f"[{STATUS_STYLES[state.status]}]{state.status}[/]",
                _bar(fraction) if state.status is not Status.WAITING else "",
                "" if state.score is None else f"{state.score:.4f}",
                seconds_text(state.seconds) if state.seconds else "",
                escape(_reason(state)[:60]),
            )
        self.live.update(table)


def _reason(state: FitState) -> str:
    """Why a fit ended, or its worker did and it begins once more."""
    again = "; it began again" if state.reason and state.status is Status.RUNNING else ""
    return f"{state.reason or ''}{again}"


def _bar(fraction: float, width: int = 12) -> str:
    filled = round(fraction * width)
    return "━" * filled + "[dim]" + "─" * (width - filled) + "[/]"
