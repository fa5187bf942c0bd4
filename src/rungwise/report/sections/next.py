"""What to do next, by the facts of the run."""

from __future__ import annotations

from collections.abc import Sequence

from rungwise.evaluation.next_steps import NextStep, next_steps
from rungwise.report.content import Content

__all__ = ["section"]


def section(content: Content) -> Sequence[NextStep]:
    """The steps, of which there always is one."""
    return next_steps(content.verdict, content.results)
