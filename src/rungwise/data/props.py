"""Columns with the roles of predicates: a token a line, a column that marks the predicates, a column for each of them.

So CoNLL-2005, CoNLL-2012, PropBank beside CoNLL-U, and Universal PropBank 2 (`UP:ARGSPANS`) have them. A sentence
becomes as many rows as it has predicates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rungwise.data.columnlines import (
    BLANKS,
    COLUMNS,
    cells_of,
    delimiter_of,
    is_blank,
    is_range,
    number_column,
    numbered_lines,
)
from rungwise.data.limits import MAX_SENTENCE_TOKENS, MAX_TOKEN_CHARACTERS
from rungwise.data.schemes import to_bio
from rungwise.data.sentences import TOKENS_TYPE, flat_sentences, lists
from rungwise.data.source import Level, Note, Source, printable, shown
from rungwise.data.textfiles import TextFile, text_file
from rungwise.errors import DataError

__all__ = ["PROPS_SUFFIXES", "read_props"]

PROPS_SUFFIXES = (".conllu", ".conllup", ".props", ".gold_conll")

_NOTHING = ("-", "_", "*", "O", "")
_MARK, _UNMARKED = "*", "_"
"""In the column of predicates that `predict` writes."""

_CONLLU_COLUMNS = 10
"""Of CoNLL-U, none of which marks predicates."""

_MOST_LINES = 3 * MAX_SENTENCE_TOKENS
"""Of a sentence, with comments and with words of several tokens."""

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
        predicate: what marks the predicates; None if nothing does.
        nothing: what stands in that column beside other tokens.
        first: of the roles, those of the first predicate; None where a predicate's line has all its spans, or none.
        spans: of the spans of a predicate, where `first` is None.
    """

    form: int
    predicate: int | None
    nothing: tuple[str, ...]
    first: int | None = None
    spans: int = -1


@dataclass(frozen=True)
class _Row:
    """A sentence with one of its predicates, and where its lines stand."""

    tokens: list[str]
    predicate: int | None
    tags: list[str] | None
    lines: list[int]


def read_props(path: Path, *, encoding: str, has_tags: bool = True) -> Source:
    """A file of predicates with their roles.

    Args:
        path: of the file.
        encoding: of the text.
        has_tags: whether there are roles; else they aren't looked at, and need not be there. Where then no column marks
            predicates, there is a row for each sentence, and none has a predicate.

    Raises:
        DataError: if a line can't be used, and it names the line; or if there are no predicates.
        ConfigError: if there is no such encoding.
    """
    file = text_file(path, encoding, has_header=False)
    names: list[str] = []
    sentences = list(_sentences(file, names))
    if not sentences:
        raise DataError("it has no sentences.", file=path)
    number = _number(sentences, names)
    sentences = [_settled(file, sentence, number) for sentence in sentences]
    layout = _layout(file, [each for each in sentences if each.cells], names, number, has_tags=has_tags)
    found = [list(_rows(file, layout, sentence, has_tags=has_tags)) for sentence in sentences]
    rows = [row for some in found for row in some]
    if not rows:
        raise DataError("none of its sentences has a predicate, which a column marks.", file=path)
    return _source(file, rows, sum(not some for some in found), len(found))


def _sentences(file: TextFile, names: list[str]) -> Iterator[_Sentence]:
    """The sentences; names of columns that a comment gives are added to the list."""
    some: list[tuple[int, str]] = []
    for number, line in numbered_lines(file):
        if line.startswith(COLUMNS):
            names += line.removeprefix(COLUMNS).split()
        elif is_blank(line):
            yield from _sentence(some)
            some = []
        elif len(some) == _MOST_LINES:
            problem = f"the sentence has more than {MAX_SENTENCE_TOKENS:,} tokens"
            raise DataError(f"{problem}; put a blank line between sentences.", file=file.path, line=number)
        else:
            some.append((number, line))
    yield from _sentence(some)


def _sentence(lines: list[tuple[int, str]]) -> Iterator[_Sentence]:
    """The sentence of some lines, unless they are all comments."""
    last = next((line for _, line in reversed(lines) if not line.startswith("#")), None)
    if last is None:
        return
    delimiter = next((mark for mark in BLANKS[::-1] if mark in last), None) or delimiter_of([last])
    width = len(cells_of(last, delimiter))
    cut = [(number, line, cells_of(line, delimiter)) for number, line in lines]
    kept = [(number, cells) for number, line, cells in cut if not _is_comment(line, cells, width)]
    yield _Sentence([cells for _, cells in kept], [number for number, _ in kept])


def _is_comment(line: str, cells: list[str], width: int) -> bool:
    """Whether a line that begins with # isn't the token that does, which has as many columns, and a role last."""
    if not line.startswith("#"):
        return False
    return len(cells) != width or (line.startswith("# ") and not _is_role(cells[-1]))


def _is_role(cell: str) -> bool:
    return bool(_BRACKETS.fullmatch(cell) or _BIO.fullmatch(cell))


def _number(sentences: Sequence[_Sentence], names: Sequence[str]) -> int | None:
    """The column that numbers the tokens, by its name or by what it holds."""
    if "ID" in names:
        return names.index("ID")
    return number_column([sentence.cells for sentence in sentences[:_SENTENCES_LOOKED_AT]])


def _settled(file: TextFile, sentence: _Sentence, number: int | None) -> _Sentence:
    """A sentence without CoNLL-U's lines that hold no token, all of whose lines have equally many columns."""
    both = zip(sentence.cells, sentence.lines, strict=True)
    kept = [(cells, line) for cells, line in both if not is_range(cells, number)]
    for (before, _), (cells, line) in pairwise(kept):
        if len(cells) != len(before):
            problem = f"it has {len(cells)} columns, the line before {len(before)}: {shown(' '.join(cells))}"
            raise DataError(f"{problem}. A blank line stands between sentences.", file=file.path, line=line)
    if len(kept) > MAX_SENTENCE_TOKENS:
        problem = f"the sentence has more than {MAX_SENTENCE_TOKENS:,} tokens"
        line = kept[MAX_SENTENCE_TOKENS][1]
        raise DataError(f"{problem}; put a blank line between sentences.", file=file.path, line=line)
    return _Sentence([cells for cells, _ in kept], [line for _, line in kept])


# ------------------------------------------------------------------------------------------------- layout


def _layout(
    file: TextFile,
    sentences: Sequence[_Sentence],
    names: Sequence[str],
    number: int | None,
    *,
    has_tags: bool,
) -> _Layout:
    """Where the columns are: by their names, else so that each predicate has a column.

    Raises:
        DataError: if there is no such place.
    """
    if not sentences:
        raise DataError("it has no sentences.", file=file.path)
    if set(_NAMED if has_tags else _NAMED[:2]) <= set(names):
        return _named_layout(file, sentences, names, _NAMED if has_tags else _NAMED[:2])
    form = 0 if number is None else number + 1
    layout = _layout_by_roles(sentences, form)
    if layout is None and has_tags:
        odd = _odd_one(sentences, form)
        if odd is not None:
            raise DataError(
                "the sentence from here on hasn't a column of roles for each of its predicates, as most others have; "
                "roles are written (A0*, *, *), or B-A0, I-A0, O.",
                file=file.path,
                line=odd.lines[0],
            )
        raise DataError(
            "no column marks as many predicates as there are columns of roles; roles are written (A0*, *, *), or B-A0, "
            "I-A0, O, a column for each predicate. JSON lines with `tokens`, `predicate` and `tags` can be read too.",
            file=file.path,
        )
    return layout or _layout_by_marks(sentences, form, is_conllu=number == 0)


def _layout_by_roles(sentences: Sequence[_Sentence], form: int) -> _Layout | None:
    """So that each predicate has a column; None if there are no such columns."""
    for predicate in range(form + 1, _fewest(sentences)):
        nothing = _nothing(sentences, predicate)
        counts = [sum(row[predicate] not in nothing for row in sentence.cells) for sentence in sentences]
        rests = {len(each.cells[0]) - count for each, count in zip(sentences, counts, strict=True)}
        if len(rests) != 1 or not any(counts):
            continue
        others = rests.pop()  # columns that aren't roles
        for first in (others, others - 1):  # CoNLL-2012 has another one behind
            if first > predicate and _are_roles(sentences, counts, first):
                return _Layout(form, predicate, nothing, first)
    return None


def _odd_one(sentences: Sequence[_Sentence], form: int) -> _Sentence | None:
    """The first of few sentences without which each predicate has a column."""
    for predicate in range(form + 1, _fewest(sentences)):
        nothing = _nothing(sentences, predicate)
        counts = [sum(row[predicate] not in nothing for row in sentence.cells) for sentence in sentences]
        rests = [len(each.cells[0]) - count for each, count in zip(sentences, counts, strict=True)]
        others = Counter(rests).most_common(1)[0][0]
        for first in (others, others - 1):
            fits = [
                rest == others and _are_roles([sentence], [count], first)
                for sentence, count, rest in zip(sentences, counts, rests, strict=True)
            ]
            if first > predicate and any(counts) and len(fits) < 2 * sum(fits) < 2 * len(fits):
                return sentences[fits.index(False)]
    return None


def _layout_by_marks(sentences: Sequence[_Sentence], form: int, *, is_conllu: bool) -> _Layout:
    """Of columns without roles: predicates are what the last column marks in which most lines have nothing."""
    before = _CONLLU_COLUMNS if is_conllu and _fewest(sentences) >= _CONLLU_COLUMNS else form + 1
    for column in reversed(range(before, _fewest(sentences))):
        nothing = _nothing(sentences, column)
        cells = [row[column] for sentence in sentences for row in sentence.cells]
        marks = [cell for cell in cells if cell not in nothing]
        if 0 < len(marks) * 2 <= len(cells) and not any(map(_is_role, set(marks) - {_MARK})):
            return _Layout(form, column, nothing)
    return _Layout(form, None, ())


def _fewest(sentences: Sequence[_Sentence]) -> int:
    return min(len(sentence.cells[0]) for sentence in sentences)


def _nothing(sentences: Sequence[_Sentence], column: int) -> tuple[str, ...]:
    """What stands in a column beside what isn't a predicate; where `predict` wrote it, a star marks one."""
    values = {row[column] for sentence in sentences for row in sentence.cells}
    return (_UNMARKED,) if values == {_MARK, _UNMARKED} else _NOTHING


def _named_layout(
    file: TextFile, sentences: Sequence[_Sentence], names: Sequence[str], wanted: Sequence[str]
) -> _Layout:
    form, predicate, *spans = (names.index(name) for name in wanted)
    for sentence in sentences:
        if len(sentence.cells[0]) <= max(form, predicate, *spans):
            problem = f"it has {len(sentence.cells[0])} columns, and {len(names)} are named"
            raise DataError(f"{problem} by `{COLUMNS} …`.", file=file.path, line=sentence.lines[0])
    return _Layout(form, predicate, _NOTHING, None, *spans)


def _are_roles(sentences: Sequence[_Sentence], counts: Sequence[int], first: int) -> bool:
    has_roles = False
    for sentence, count in zip(sentences, counts, strict=True):
        for column in range(first, first + count):
            cells = [row[column] for row in sentence.cells]
            if not all(map(_is_role, cells)):
                return False
            has_roles = has_roles or any(cell not in _NOTHING for cell in cells)
    return has_roles


# --------------------------------------------------------------------------------------------------- rows


def _rows(file: TextFile, layout: _Layout, sentence: _Sentence, *, has_tags: bool) -> Iterator[_Row]:
    """A row for each predicate; one without where none is marked in the file."""
    tokens = [row[layout.form] for row in sentence.cells]
    for token, line in zip(tokens, sentence.lines, strict=True):
        if not token or len(token) > MAX_TOKEN_CHARACTERS:
            problem = f"it has no token, or one of more than {MAX_TOKEN_CHARACTERS:,} characters"
            raise DataError(f"{problem}.", file=file.path, line=line)
    column = layout.predicate
    if column is None and tokens:
        yield _Row(tokens, None, None, sentence.lines)
    if column is None:
        return
    found = [n for n, row in enumerate(sentence.cells) if row[column] not in layout.nothing]
    for number, predicate in enumerate(found):
        tags = _roles(file, layout, sentence, number, predicate) if has_tags else None
        yield _Row(tokens, predicate, tags, sentence.lines)


def _roles(file: TextFile, layout: _Layout, sentence: _Sentence, number: int, predicate: int) -> list[str]:
    """The tags of a sentence's predicate, the first of which has the number 0."""
    if layout.first is None:
        cell = sentence.cells[predicate][layout.spans]
        return _of_spans(file, cell, len(sentence.cells), sentence.lines[predicate])
    cells = [row[layout.first + number] for row in sentence.cells]
    return _of_column(file, cells, sentence.lines)


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


def _source(file: TextFile, rows: list[_Row], num_without: int, num_sentences: int) -> Source:
    """The rows, of so many sentences, some of which are left out because they have no predicate."""
    name = printable(file.path)
    columns: dict[str, Any] = {"tokens": pa.array([row.tokens for row in rows], TOKENS_TYPE)}
    notes: list[Note] = []
    if rows[0].tags is not None:
        tags = flat_sentences(pa.chunked_array([pa.array([row.tags for row in rows], TOKENS_TYPE)]))

        def where(at: int) -> dict[str, Any]:
            row = int(np.searchsorted(tags.offsets, at, side="right")) - 1
            return {"file": file.path, "line": rows[row].lines[at - int(tags.offsets[row])]}

        bio, notes = to_bio(tags, where, name)
        columns["tags"] = lists(bio, tags.offsets)
    if rows[0].predicate is not None:
        columns["predicate"] = pa.array([row.predicate for row in rows], pa.int64())
    if num_without:
        message = f"{num_without:,} of {num_sentences:,} sentences have no predicate and are left out"
        notes = [*notes, Note(Level.INFO, f"{name}: {message}.")]
    return Source(name=name, table=pa.table(columns), has_sentences=True, notes=tuple(notes))
