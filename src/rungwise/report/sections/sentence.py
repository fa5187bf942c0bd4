"""The page's beginning: the verdict in plain words, and what else one should know before trusting it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.evaluation.wording import bytes_text, seconds_text
from rungwise.language import Message, comma_list, paragraph, say, term
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
        costs: of the recommended rung.
        warnings: what one should know before trusting it.
        num_folds: that the choice was made on.
    """

    task: Message
    headline: str
    evidence: Message
    costs: Message
    warnings: Sequence[str]
    num_folds: int


def section(content: Content) -> SentenceSection:
    """The section, which every page has."""
    found = content.verdict
    headline, *evidence = found.sentences
    title = task(content.config["task"]).title
    return SentenceSection(
        term(title), headline, paragraph(evidence), _costs(content), found.warnings, found.num_folds
    )


def _costs(content: Content) -> Message:
    """What the recommended rung costs, as far as it was measured."""
    record = next((o.record for o in content.outcomes if o.rung == content.recommended), {})
    train, size, latency = (
        record.get(field) for field in ("fit_cpu_seconds", "model_bytes", "latency_seconds")
    )
    said = [
        *([say("{amount} of CPU time to train", amount=seconds_text(train))] if train is not None else []),
        *([say("{amount} to store", amount=bytes_text(size))] if size is not None else []),
        *([say("{amount} for one prediction", amount=seconds_text(latency))] if latency is not None else []),
    ]
    return say("It costs {costs}.", costs=comma_list(said)) if said else Message("")
