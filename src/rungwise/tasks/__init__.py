"""The kinds of problem, one file each: `task("text-classification")`."""

from rungwise.tasks._task import Task, task, task_for, task_names

__all__ = ["Task", "task", "task_for", "task_names"]
