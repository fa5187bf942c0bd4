"""A run as GitHub's Markdown: what the page says in words and tables, for a pull request or a wiki."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from rungwise.evaluation.next_steps import next_steps
from rungwise.language import Language, say, spoken
from rungwise.report.content import Content
from rungwise.report.sections import ORDER
from rungwise.report.sections.facts import run_facts
from rungwise.report.tables import Cell, Row, Table

__all__ = ["markdown_page", "markdown_table"]

_LEFT_OUT = ("errors", "facts")
"""Sections that are to be looked at, or told here in another way."""


def markdown_page(content: Content, language: Language = Language.ENGLISH) -> str:
    """The page as Markdown: the sentence, what to do next, and the tables."""
    found = content.verdict
    parts = [f"# {_line(content.name)}", f"**{_line(found.sentences[0], language)}**"]
    parts += [" ".join(_line(sentence, language) for sentence in found.sentences[1:])]
    parts += [f"> {_line(warning, language)}" for warning in found.warnings]
    parts += [f"## {say('What to do next').said(language)}", _steps(content, language)]
    for name in ORDER:
        if name not in _LEFT_OUT:
            section = importlib.import_module(f"rungwise.report.sections.{name}").section(content)
            parts += [markdown_table(table, language) for table in _tables(section)]
    facts = [f"- {_line(name, language)}: {_line(value, language)}" for name, value in run_facts(content)]
    parts += [f"## {say('The run').said(language)}", "\n".join(facts)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _steps(content: Content, language: Language) -> str:
    lines = []
    for number, step in enumerate(next_steps(content.verdict, content.results), start=1):
        command = f" `{step.command}`" if step.command else ""
        lines.append(f"{number}. {_line(step.text, language)}{command}")
    return "\n".join(lines)


def _tables(section: Any) -> Iterator[Table]:
    """Those of a section."""
    if isinstance(section, Table):
        yield section
    elif is_dataclass(section):
        values = [getattr(section, field.name) for field in fields(section)]
        several = [each for value in values if isinstance(value, list) for each in value]
        yield from (value for value in [*values, *several] if isinstance(value, Table))


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
