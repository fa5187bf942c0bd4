"""Columns with the roles of predicates: a token a line, a column that marks the predicates, a column for each of them.

So CoNLL-2005, CoNLL-2012, PropBank beside CoNLL-U, and Universal PropBank 2 (`UP:ARGSPANS`) have them. A sentence
becomes as many rows as it has predicates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rungwise.data.columnlines import COLUMNS, number_column, numbered_lines
from rungwise.data.limits import MAX_SENTENCE_TOKENS, MAX_TOKEN_CHARACTERS
from rungwise.data.schemes import to_bio
from rungwise.data.sentences import TOKENS_TYPE, flat_sentences
from rungwise.data.source import Source, printable, shown
from rungwise.data.textfiles import TextFile, text_file
from rungwise.errors import DataError

__all__ = ["PROPS_SUFFIXES", "read_props"]

PROPS_SUFFIXES = (".conllu", ".conllup", ".props", ".gold_conll")

_NOTHING = ("-", "_", "*", "O", "")
_NAMED = ("FORM", "UP:PRED", "UP:ARGSPANS")
"""Names of the columns that say all, where a comment gives names."""

_SENTENCES_LOOKED_AT = 100
_BRACKETS = re.compile(r"((?:\([^()*]+)*)\*(\)*)")
_BIO = re.compile(r"O|_|-|[BI]-.+")
_SPAN = re.compile(r"([^:|]+):(\d+)(?:-(\d+))?")


@dataclass(frozen=True)
class _Sentence:
    """The lines of one sentence, cut, and where they stand."""

    cells: list[list[str]]
    lines: list[int]


@dataclass(frozen=True)
class _Layout:
    """Where a file has its columns, from 0.

    Attributes:
        form: of the token.
        predicate: what marks the predicates; "-" or "_" elsewhere.
        first: of the roles, those of the first predicate; None where a predicate's line has all its spans.
        spans: of the spans of a predicate, where `first` is None.
    """

    form: int
    predicate: int
    first: int | None
    spans: int = -1


def read_props(path: Path, *, encoding: str) -> Source:
    """A file of predicates with their roles.

    Raises:
        DataError: if a line can't be used, and it names the line; or if there are no predicates.
        ConfigError: if there is no such encoding.
    """
    file = text_file(path, encoding, has_header=False)
    names: list[str] = []
    sentences = list(_sentences(file, names))
    if not sentences:
        raise DataError("it has no sentences.", file=path)
    layout = _layout(file, sentences, names)
    rows, lines = [], []
    for sentence in sentences:
        for row, line in _rows(file, layout, sentence):
            rows.append(row)
            lines.append(line)
    if not rows:
        raise DataError("none of its sentences has a predicate, which a column marks.", file=path)
    return _source(file, rows, lines)


def _sentences(file: TextFile, names: list[str]) -> Iterator[_Sentence]:
    """The sentences; names of columns that a comment gives are added to the list."""
    cells: list[list[str]] = []
    lines: list[int] = []
    for number, line in numbered_lines(file):
        if line.startswith(COLUMNS):
            names += line.removeprefix(COLUMNS).split()
        is_blank = not line or line.isspace()
        if is_blank and cells:
            yield _Sentence(cells, lines)
            cells, lines = [], []
        if is_blank or (line.startswith("#") and not cells):
            continue
        row = line.split("\t") if "\t" in line else line.split()
        if re.fullmatch(r"\d+[-.]\d+", row[0]):
            continue  # CoNLL-U's words of several tokens, and tokens that aren't written
        if cells and len(row) != len(cells[0]):
            problem = f"it has {len(row)} columns, the line before {len(cells[0])}: {shown(line)}"
            raise DataError(f"{problem}. A blank line stands between sentences.", file=file.path, line=number)
        if len(cells) == MAX_SENTENCE_TOKENS:
            problem = f"the sentence has more than {MAX_SENTENCE_TOKENS:,} tokens"
            raise DataError(f"{problem}; put a blank line between sentences.", file=file.path, line=number)
        cells.append(row)
        lines.append(number)
    if cells:
        yield _Sentence(cells, lines)


# ------------------------------------------------------------------------------------------------- layout


def _layout(file: TextFile, sentences: Sequence[_Sentence], names: Sequence[str]) -> _Layout:
    """Where the columns are: by their names, else so that each predicate has a column.

    Raises:
        DataError: if there is no such place.
    """
    if set(_NAMED) <= set(names):
        return _named_layout(file, sentences, names)
    number = number_column([sentence.cells for sentence in sentences[:_SENTENCES_LOOKED_AT]])
    form = 0 if number is None else number + 1
    fewest = min(len(sentence.cells[0]) for sentence in sentences)
    for predicate in range(form + 1, fewest):
        counts = [sum(row[predicate] not in _NOTHING for row in sentence.cells) for sentence in sentences]
        rests = {len(each.cells[0]) - count for each, count in zip(sentences, counts, strict=True)}
        if len(rests) != 1 or not any(counts):
            continue
        others = rests.pop()  # columns that aren't roles
        for first in (others, others - 1):  # CoNLL-2012 has another one behind
            if first > predicate and _are_roles(sentences, counts, first):
                return _Layout(form, predicate, first)
    raise DataError(
        "no column marks as many predicates as there are columns of roles; roles are written (A0*, *, *), or B-A0, "
        "I-A0, O, a column for each predicate. JSON lines with `tokens`, `predicate` and `tags` can be read too.",
        file=file.path,
    )


def _named_layout(file: TextFile, sentences: Sequence[_Sentence], names: Sequence[str]) -> _Layout:
    form, predicate, spans = (names.index(name) for name in _NAMED)
    for sentence in sentences:
        if len(sentence.cells[0]) <= max(form, predicate, spans):
            problem = f"it has {len(sentence.cells[0])} columns, and {len(names)} are named"
            raise DataError(f"{problem} by `{COLUMNS} …`.", file=file.path, line=sentence.lines[0])
    return _Layout(form, predicate, None, spans)


def _are_roles(sentences: Sequence[_Sentence], counts: Sequence[int], first: int) -> bool:
    has_roles = False
    for sentence, count in zip(sentences, counts, strict=True):
        for column in range(first, first + count):
            cells = [row[column] for row in sentence.cells]
            if not all(_BRACKETS.fullmatch(cell) or _BIO.fullmatch(cell) for cell in cells):
                return False
            has_roles = has_roles or any(cell not in _NOTHING for cell in cells)
    return has_roles


# --------------------------------------------------------------------------------------------------- rows


def _rows(file: TextFile, layout: _Layout, sentence: _Sentence) -> Iterator[tuple[dict[str, Any], int]]:
    """A row for each predicate, and its line."""
    tokens = [row[layout.form] for row in sentence.cells]
    for token, line in zip(tokens, sentence.lines, strict=True):
        if not token or len(token) > MAX_TOKEN_CHARACTERS:
            problem = f"it has no token, or one of more than {MAX_TOKEN_CHARACTERS:,} characters"
            raise DataError(f"{problem}.", file=file.path, line=line)
    found = [n for n, row in enumerate(sentence.cells) if row[layout.predicate] not in _NOTHING]
    for number, predicate in enumerate(found):
        if layout.first is None:
            cell = sentence.cells[predicate][layout.spans]
            tags = _of_spans(file, cell, len(tokens), sentence.lines[predicate])
        else:
            cells = [row[layout.first + number] for row in sentence.cells]
            tags = _of_column(file, cells, sentence.lines)
        yield {"tokens": tokens, "predicate": predicate, "tags": tags}, sentence.lines[0]


def _of_spans(file: TextFile, cell: str, num_tokens: int, line: int) -> list[str]:
    """Such as "A0:1-3|A1:5": types, and first and last token from 1."""
    tags = ["O"] * num_tokens
    for part in [] if cell in _NOTHING else cell.split("|"):
        found = _SPAN.fullmatch(part)
        start, end = (int(found[2]) - 1, int(found[3] or found[2])) if found else (0, 0)
        if not found or not 0 <= start < end <= num_tokens:
            raise DataError(
                f"the roles {shown(part)} are no TYPE:FIRST-LAST of its tokens.", file=file.path, line=line
            )
        if any(tag != "O" for tag in tags[start:end]):
            raise DataError(f"the roles {shown(cell)} overlap; a token has one.", file=file.path, line=line)
        tags[start:end] = [f"B-{found[1]}", *[f"I-{found[1]}"] * (end - start - 1)]
    return tags


def _of_column(file: TextFile, cells: list[str], lines: list[int]) -> list[str]:
    """Such as "(A0*", "*", "*)", or tags that are there already; of brackets within others the outer ones count."""
    if not any("*" in cell for cell in cells):
        return ["O" if cell in _NOTHING else cell for cell in cells]
    tags: list[str] = []
    open_types: list[str] = []
    for cell, line in zip(cells, lines, strict=True):
        found = _BRACKETS.fullmatch("*" if cell in _NOTHING else cell)
        if found is None:
            raise DataError(
                f"{shown(cell)} isn't a role such as (A0*), (A0*, * or *).", file=file.path, line=line
            )
        begins = not open_types and bool(found[1])
        open_types += found[1].split("(")[1:]
        tags.append(f"{'B' if begins else 'I'}-{open_types[0]}" if open_types else "O")
        num_closed = len(found[2])
        if num_closed > len(open_types):
            raise DataError(f"{shown(cell)} closes a bracket that isn't open.", file=file.path, line=line)
        del open_types[len(open_types) - num_closed :]
    if open_types:
        raise DataError(
            f"the bracket of {shown(open_types[0])} isn't closed.", file=file.path, line=lines[-1]
        )
    return tags


def _source(file: TextFile, rows: list[dict[str, Any]], lines: list[int]) -> Source:
    tags = flat_sentences(pa.chunked_array([pa.array([row["tags"] for row in rows], TOKENS_TYPE)]))
    name = printable(file.path)

    def where(at: int) -> dict[str, Any]:
        row = int(np.searchsorted(tags.offsets, at, side="right")) - 1
        return {"file": file.path, "line": lines[row] + at - int(tags.offsets[row])}

    bio, notes = to_bio(tags, where, name)
    columns = {
        "tokens": pa.array([row["tokens"] for row in rows], TOKENS_TYPE),
        "tags": pa.ListArray.from_arrays(pa.array(tags.offsets, pa.int32()), bio, type=TOKENS_TYPE),
        "predicate": pa.array([row["predicate"] for row in rows], pa.int64()),
    }
    return Source(name=name, table=pa.table(columns), has_sentences=True, notes=tuple(notes))
