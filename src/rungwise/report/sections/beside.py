"""Every other rung beside the recommended one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.evaluation.beside import RATIOS, Beside, rows_beside
from rungwise.report.content import Content

__all__ = ["BesideSection", "section"]


@dataclass(frozen=True)
class BesideSection:
    """The table.

    Attributes:
        rows: one a rung.
        ratios: what of the recommended rung's cost is told.
    """

    rows: Sequence[Beside]
    ratios: Sequence[str]


def section(content: Content) -> BesideSection | None:
    """The section; None where there is nothing to compare."""
    rows = rows_beside(content.verdict, content.outcomes, content.metric)
    return BesideSection(rows, tuple(RATIOS)) if rows else None
