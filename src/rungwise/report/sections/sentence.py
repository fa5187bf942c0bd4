"""The page's beginning: the verdict in plain words, and what else one should know before trusting it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.language import Message, paragraph, term
from rungwise.report.content import Content
from rungwise.tasks import task

__all__ = ["SentenceSection", "section"]


@dataclass(frozen=True)
class SentenceSection:
    """What the page begins with.

    Attributes:
        task: its title.
        headline: the verdict's first sentence.
        evidence: the others.
        warnings: of the verdict.
        num_folds: that the choice was made on.
    """

    task: Message
    headline: str
    evidence: Message
    warnings: Sequence[str]
    num_folds: int


def section(content: Content) -> SentenceSection:
    """The section, which every page has."""
    found = content.verdict
    headline, *evidence = found.sentences
    title = task(content.config["task"]).title
    return SentenceSection(term(title), headline, paragraph(evidence), found.warnings, found.num_folds)
