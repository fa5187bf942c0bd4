"""How predicates are found in sentences that come without, where that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from rungwise.report.content import Content

__all__ = ["section"]


def section(content: Content) -> Sequence[str] | None:
    """Sentences; None where predicates weren't to be found."""
    return content.results.predicates or None
