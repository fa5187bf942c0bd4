"""A run as GitHub's Markdown: what the page says in words and tables, for a pull request or a wiki."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rungwise.evaluation.next_steps import NextStep
from rungwise.evaluation.wording import code
from rungwise.language import Language, Message, say, spoken
from rungwise.report.content import Content
from rungwise.report.sections import SECTIONS
from rungwise.report.sections.errors import Errors
from rungwise.report.tables import Cell, Row, Table

__all__ = ["markdown_page", "markdown_table"]


def markdown_page(content: Content, language: Language = Language.ENGLISH) -> str:
    """The page as Markdown: its sections with what they have in words and tables; charts and errors are to be seen."""
    parts = [f"# {_line(content.name)}"]
    for name, title in SECTIONS.items():
        section = importlib.import_module(f"rungwise.report.sections.{name}").section(content)
        told = [] if section is None else [_written(each, language) for each in _told(name, section, content)]
        parts += [f"## {title.said(language)}"] if told and title else []
        parts += told
    return "\n\n".join(part for part in parts if part) + "\n"


@dataclass(frozen=True)
class _Text:
    """A paragraph, or what else stands in lines of its own.

    Attributes:
        lines: what it says.
        mark: what each line begins with.
        is_strong: whether it is printed bold.
    """

    lines: Sequence[str]
    mark: str = ""
    is_strong: bool = False


def _told(name: str, section: Any, content: Content) -> Sequence[Table | _Text]:
    """What is told of a section; nothing of those that are charts or pictures alone."""
    match name:
        case "sentence":
            warnings = [_Text([warning], "> ") for warning in section.warnings]
            return [_Text([section.headline], is_strong=True), _Text([section.evidence]), *warnings]
        case "next":
            return [_Text([_step(step)], f"{number}. ") for number, step in enumerate(section, start=1)]
        case "forecast":
            return [*(_Text([sentence]) for sentence in section.sentences), section.table]
        case "costs":
            tables = zip(section.tables, section.notes, strict=True)
            both = [each for table, notes in tables for each in (table, _Text(notes, "- "))]
            return [_Text([section.introduction]), *both]
        case "predicates":
            return [_Text([sentence]) for sentence in section]
        case "errors":
            return [
                each for errors in section if errors.rung == content.recommended for each in _errors(errors)
            ]
        case "calibration":
            return [section.table]
        case "robustness" if not isinstance(section, str):
            texts = [say("{name}: {value}", name=name, value=text) for name, text in section.texts]
            return [
                _Text([section.introduction]),
                _Text(texts, "- "),
                section.table,
                _Text(section.notes, "- "),
            ]
        case "facts":
            facts = [say("{name}: {value}", name=name, value=value) for name, value in section.facts]
            told: list[Table | _Text] = [_Text(facts, "- ")]
            if section.notes:
                told += [_Text([say("Notes on the data")], "### "), _Text(section.notes, "- ")]
            if section.columns is not None:
                told += [_Text([say("Columns")], "### "), section.columns]
            return told
        case "score" | "curves" | "sheets":
            return []
        case _:
            return [_Text([section]) if isinstance(section, str) else section]


def _step(step: NextStep) -> Message:
    return say("{words} {word}", words=step.text, word=code(step.command)) if step.command else step.text


def _errors(errors: Errors) -> list[Table | _Text]:
    """Of the recommended rung: what it takes for what, and each class."""
    return [
        _Text([code(errors.rung)]),
        *(table for table in (errors.pairs, errors.classes) if table is not None),
    ]


def _written(told: Table | _Text, language: Language) -> str:
    if isinstance(told, Table):
        return markdown_table(told, language)
    lines = [_line(line, language) for line in told.lines if line]
    return "\n".join(f"{told.mark}**{line}**" if told.is_strong else f"{told.mark}{line}" for line in lines)


def markdown_table(table: Table, language: Language = Language.ENGLISH) -> str:
    """A table under its caption; notes to rows follow it."""
    head = [_line(column.title, language) for column in table.columns]
    rows = [_row(row, language, len(head)) for row in table.rows]
    lines = [head, ["---"] * len(head), *rows]
    notes = [f"- `{row.name}`: {_line(row.note, language)}" for row in table.rows if row.note]
    drawn = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return "\n\n".join([_line(table.caption, language), drawn, *(["\n".join(notes)] if notes else [])])


def _row(row: Row, language: Language, width: int) -> list[str]:
    name = f"`{row.name}`" if row.is_rung else _line(row.name, language)
    cells = [f"**{name}**" if row.is_recommended else name]
    for cell in row.cells:
        cells += [_cell(cell, language), *[""] * (cell.span - 1)]
    return cells + [""] * (width - len(cells))


def _cell(cell: Cell, language: Language) -> str:
    shown = _line(cell.shown, language)
    shown = f"**{shown}**" if cell.is_strong and shown else shown
    return f"{shown} ({_line(cell.quiet, language)})" if cell.quiet else shown


def _line(text: str, language: Language = Language.ENGLISH) -> str:
    """A text in one line, of which nothing is taken for markup, but for what stands in backticks."""
    parts = re.split(r"(`[^`]*`)", " ".join(str(spoken(text, language)).split()))
    parts[::2] = [re.sub(r"([\\*_#|\[\]])", r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    return "".join(part.replace("|", "\\|") if part.startswith("`") else part for part in parts)
