"""What a task is, and how it is found: every module beside this one ends with a `TASK`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rungwise.errors import ConfigError, UnknownNameError
from rungwise.rung import Pair

__all__ = [
    "LABEL_METRICS",
    "NUMBER_METRICS",
    "ROLE_METRICS",
    "SPAN_METRICS",
    "Task",
    "task",
    "task_for",
    "task_names",
]

LABEL_METRICS = (
    "accuracy",
    "macro-f1",
    "balanced-accuracy",
    "f1",
    "log-loss",
    "roc-auc",
    "average-precision",
    "error",
)
NUMBER_METRICS = ("rmse", "mae", "r2")
SPAN_METRICS = ("span-f1", "span-precision", "span-recall", "token-accuracy")
ROLE_METRICS = ("argument-f1", "argument-precision", "argument-recall", "token-accuracy")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A kind of problem.

    Attributes:
        name: its file's name, with hyphens.
        title: one line for people.
        pair: what goes in and what comes out.
        metrics: the names of those that are computed, the most telling first.
        default_metric: the one that rungs are compared by unless the user names another.
    """

    name: str
    title: str
    pair: Pair
    metrics: tuple[str, ...]
    default_metric: str


@cache
def task_names() -> tuple[str, ...]:
    """Every task's name."""
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    return tuple(file.stem.replace("_", "-") for file in files)


@cache
def task(name: str) -> Task:
    """The task of that name.

    Raises:
        UnknownNameError: if there is no such task.
    """
    if name not in task_names():
        raise UnknownNameError("task", name, task_names(), "`rungwise tasks` lists them.")
    module = importlib.import_module(f"rungwise.tasks.{name.replace('-', '_')}")
    declaration = getattr(module, "TASK", None)
    if not isinstance(declaration, Task) or declaration.name != name:
        raise ConfigError(f"{module.__file__}: a task's file ends with `TASK = Task(name={name!r}, ...)`.")
    return declaration


def task_for(pair: Pair) -> Task:
    """The task that has this pair of kinds.

    Raises:
        ConfigError: if none has it.
    """
    for name in task_names():
        if task(name).pair == pair:
            return task(name)
    known = "; ".join(f"{name}: {' → '.join(task(name).pair)}" for name in task_names())
    raise ConfigError(f"no task takes {pair[0]} and gives {pair[1]}; there are {known}.")
