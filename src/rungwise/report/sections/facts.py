"""The run's facts: its data, what was asked and where it ran, so that it can be done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rungwise.data import Dataset
from rungwise.evaluation.wording import code, seconds_text
from rungwise.language import say, term
from rungwise.report.content import Content
from rungwise.report.cutting import MAX_NAME, cut
from rungwise.report.tables import Cell, Column, Row, Table

__all__ = ["FactsSection", "run_facts", "section"]

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
    "folds_forgone",
)

_MAX_CLASSES, _MAX_COLUMNS, _MAX_CHARACTERS = 30, 200, 400
"""That are named, that are told, and of a value."""


_STAMP = "modified_ns"
"""Of a file, for programs."""


@dataclass(frozen=True)
class FactsSection:
    """What is told of the run.

    Attributes:
        facts: name, value.
        columns: what each column of the data is taken for; None where there are no columns.
        notes: on the data.
    """

    facts: Sequence[tuple[str, str]]
    columns: Table | None
    notes: Sequence[str]


def section(content: Content) -> FactsSection:
    """The section, which every page has."""
    notes = [cut(note.message, _MAX_CHARACTERS) for note in content.dataset.notes]
    return FactsSection(run_facts(content), _columns(content.dataset), notes)


def run_facts(content: Content) -> list[tuple[str, str]]:
    """Name and value of everything that the run depended on."""
    dataset, names = content.dataset, content.class_names
    parts = {part: f"{dataset.num(part):,}" for part in ("train", "valid", "test")}
    facts: list[tuple[str, str]] = [
        (say("examples"), say("{train} train, {valid} valid, {test} test", **parts)),
        (say("from"), ", ".join(sorted(set(dataset.sources.values())))),
        (say("split"), code(dataset.split_hash)),
        (say("fingerprint"), code(dataset.fingerprint)),
    ]
    if names:
        more = " …" if len(names) > _MAX_CLASSES else ""
        facts.append((say("classes"), f"{len(names)}: {', '.join(names[:_MAX_CLASSES])}{more}"))
    return facts + _asked(content.config)


def _asked(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked and where it ran, one line each; what the page shows elsewhere is left out."""
    asked = {name: value for name, value in config.items() if name not in _SHOWN_ELSEWHERE}
    if isinstance(config.get("budget"), float | int):
        asked["budget"] = seconds_text(config["budget"])
    facts = asked | config.get("environment", {})
    return [
        (term(name.replace("_", " ")), cut(_compact(value), _MAX_CHARACTERS))
        for name, value in facts.items()
        if not _is_empty(value)
    ]


def _compact(value: Any) -> str:
    if isinstance(value, Mapping):
        told = {name: item for name, item in value.items() if name != _STAMP and not _is_empty(item)}
        return ", ".join(f"{name} {_compact(item)}" for name, item in told.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_compact(item) for item in value)
    return f"{value:g}" if isinstance(value, float) and np.isfinite(value) else str(value)


def _is_empty(value: Any) -> bool:
    """Whether it says nothing: none, not so, or a mapping of such."""
    if isinstance(value, Mapping):
        return all(map(_is_empty, value.values()))
    return value is None or value is False or value in ("", [])


def _columns(dataset: Dataset) -> Table | None:
    if not dataset.schema:
        return None
    rows = [
        Row(
            cut(column.name, MAX_NAME),
            [Cell(term(column.kind), style=""), Cell(column.reason, style="")],
            is_rung=False,
        )
        for column in dataset.schema[:_MAX_COLUMNS]
    ]
    columns = [Column(say("Column")), Column(say("Kind")), Column(say("Reason"))]
    caption = say("What each column is taken for, and why")
    if len(dataset.schema) > _MAX_COLUMNS:
        caption = say(
            "What each column is taken for, and why: the first {shown} of {count}",
            shown=_MAX_COLUMNS,
            count=len(dataset.schema),
        )
    return Table("caption-columns", caption, columns, rows)
