"""The run's facts: its data, what was asked and where it ran, so that it can be done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rungwise.evaluation.wording import seconds_text
from rungwise.report.content import Content

__all__ = ["FactsSection", "section"]

_SHOWN_ELSEWHERE = (
    "schema_version",
    "plan",
    "fingerprint",
    "split_hash",
    "data",
    "task",
    "target",
    "environment",
    "terms",
)


@dataclass(frozen=True)
class FactsSection:
    """What is told of the run, beside what its dataset says of itself.

    Attributes:
        parts: of the data → examples.
        sources: of the data.
        asked: what was asked and where it ran: name, value.
    """

    parts: dict[str, int]
    sources: Sequence[str]
    asked: Sequence[tuple[str, str]]


def section(content: Content) -> FactsSection:
    """The section, which every page has."""
    dataset = content.dataset
    return FactsSection(
        {part: dataset.num(part) for part in ("train", "valid", "test")},
        sorted(set(dataset.sources.values())),
        _asked(content.config),
    )


def _asked(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked and where it ran, one line each; what the page shows elsewhere is left out."""
    asked = {name: value for name, value in config.items() if name not in _SHOWN_ELSEWHERE}
    if isinstance(config.get("budget"), float | int):
        asked["budget"] = seconds_text(config["budget"])
    facts = asked | config.get("environment", {})
    return [
        (name.replace("_", " "), _compact(value))
        for name, value in facts.items()
        if value not in (None, {}, [])
    ]


def _compact(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_compact(item)}" for name, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_compact(item) for item in value)
    return f"{value:g}" if isinstance(value, float) and np.isfinite(value) else str(value)
