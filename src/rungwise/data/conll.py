"""CoNLL columns: a token a line, its tag in one of the columns, a blank line between sentences."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rungwise.data.columnlines import (
    COLUMNS,
    cells_of,
    delimiter_of,
    is_blank,
    is_range,
    is_tag,
    number_column,
    numbered_lines,
)
from rungwise.data.limits import MAX_COLUMNS, MAX_SENTENCE_TOKENS, MAX_TOKEN_CHARACTERS
from rungwise.data.schemes import to_bio
from rungwise.data.sentences import Sentences, lists
from rungwise.data.source import Note, Source, printable, shown
from rungwise.data.textfiles import HEAD_BYTES, TextFile, text_file
from rungwise.errors import DataError, UnknownNameError

__all__ = ["SENTENCE_SUFFIXES", "read_conll"]

SENTENCE_SUFFIXES = (".conll", ".conll03", ".iob", ".iob1", ".iob2", ".bio", ".bioes", ".ner")

_DOCUMENT = "-DOCSTART-"
_LINES_LOOKED_AT = 1000


def read_conll(path: Path, *, encoding: str, target: str | None, has_tags: bool = True) -> Source:
    """A file of columns, between tabs, blanks, commas, semicolons or bars: the token is the first, the tag the last.

    Args:
        path: of the file.
        encoding: of the text.
        target: the number of the tags' column, from 1, or its name where a comment gives names.
        has_tags: whether there are tags; else nothing but the tokens is looked at.

    Raises:
        DataError: if a line has more or fewer columns than the others, or a tag is of no scheme; it names the line.
        ConfigError: if there is no such encoding.
        UnknownNameError: if there is no such column.
    """
    file = text_file(path, encoding, has_header=False)
    layout = _layout(file, target, has_tags=has_tags)
    found = _Found()
    for number, line in numbered_lines(file):
        _take(file, layout, found, number, line)
    found.end_sentence()
    if not found.tokens:
        raise DataError(
            "it has no sentences: a token a line, its columns beside it, a blank line between sentences.",
            file=path,
        )
    return _source(file, layout, found)


@dataclass(frozen=True)
class _Layout:
    """How lines are cut.

    Attributes:
        delimiter: between columns, where a blank stands for any number of them.
        num_columns: of every line.
        tag: the number of the tags' column, from 0; None if tokens are all there is.
        has_tags: whether the tags are wanted.
        number: the number of the column that numbers the tokens, from 0, if there is one.
        values: what stands in the tags' column of the first lines.
    """

    delimiter: str
    num_columns: int
    tag: int | None
    has_tags: bool
    number: int | None
    values: frozenset[str]

    @property
    def token(self) -> int:
        """The number of the tokens' column, from 0."""
        return 0 if self.number is None else self.number + 1

    def is_comment(self, cells: list[str]) -> bool:
        """Whether a line that begins with # isn't the token that does: what stands in its last column is no tag.

        It is asked of new sentences too, whose tags aren't looked at otherwise, so that they have the same tokens.
        """
        if len(cells) != self.num_columns:
            return True
        if self.delimiter == "\t" or self.tag is None:
            return False
        value = cells[self.tag]
        return not is_tag(value) and value not in self.values


@dataclass
class _Found:
    """What was read so far."""

    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lines: array[int] = field(default_factory=lambda: array("q"))
    offsets: array[int] = field(default_factory=lambda: array("q", [0]))
    documents: array[int] = field(default_factory=lambda: array("q"))
    num_documents: int = 0

    def end_sentence(self) -> None:
        """The next token begins a sentence."""
        if len(self.tokens) > self.offsets[-1]:
            self.offsets.append(len(self.tokens))
            self.documents.append(self.num_documents)


def _layout(file: TextFile, target: str | None, *, has_tags: bool) -> _Layout:
    """How lines are cut, by the first of them."""
    head, is_whole = file.head(HEAD_BYTES[0])
    lines = [line.rstrip("\r") for line in head.split("\n")[: None if is_whole else -1]][:_LINES_LOOKED_AT]
    names = next((line.removeprefix(COLUMNS).split() for line in lines if line.startswith(COLUMNS)), [])
    plain = [line for line in lines if not line.startswith(("#", _DOCUMENT))]
    some = [line for line in plain if not is_blank(line)] or [line for line in lines if not is_blank(line)]
    delimiter = delimiter_of(some)
    num_columns = Counter(len(cells_of(line, delimiter)) for line in some).most_common(1)[0][0]
    if num_columns > MAX_COLUMNS:
        raise DataError(f"its lines have {num_columns:,} columns; is it text in columns?", file=file.path)
    tag = _tag_column(file, target if has_tags else None, names, num_columns)
    sentences = _cut_sentences(plain, delimiter, num_columns)
    values = [] if tag is None else [row[tag] for sentence in sentences for row in sentence]
    are_tags = has_tags or sum(map(is_tag, values)) * 2 > len(values)
    number = number_column(sentences, tag if are_tags else None)
    return _Layout(delimiter, num_columns, tag, has_tags, number, frozenset(values))


def _cut_sentences(lines: list[str], delimiter: str, num_columns: int) -> list[list[list[str]]]:
    """The columns of each sentence's lines, but for lines that have more or fewer."""
    groups = [
        [cells_of(line, delimiter) for line in some] for blank, some in groupby(lines, is_blank) if not blank
    ]
    whole = [[cells for cells in group if len(cells) == num_columns] for group in groups]
    return [group for group in whole if group]


def _tag_column(file: TextFile, target: str | None, names: list[str], num_columns: int) -> int | None:
    if target is None:
        return num_columns - 1 if num_columns > 1 else None
    if target in names:
        return names.index(target)
    known = [*names, *map(str, range(2, num_columns + 1))]
    if target not in known:
        raise UnknownNameError(
            f"{printable(file.path)}: column", target, known, "The first, 1, is the token."
        )
    return int(target) - 1


def _take(file: TextFile, layout: _Layout, found: _Found, number: int, line: str) -> None:
    """Takes a line in."""
    if is_blank(line):
        found.end_sentence()
        return
    cells = cells_of(line, layout.delimiter)
    if cells[0] == _DOCUMENT:
        found.end_sentence()
        found.num_documents += 1
        return
    if is_range(cells, layout.number) or (line.startswith("#") and layout.is_comment(cells)):
        return
    if len(cells) != layout.num_columns:
        raise DataError(
            f"it has {len(cells)} columns, the others {layout.num_columns}: {shown(line)}. Each line is a token and "
            "its columns, and a blank line stands between sentences.",
            file=file.path,
            line=number,
        )
    token = cells[layout.token]
    if not token:
        raise DataError(
            f"there is no token in {shown(line)}; the token is the first column, or the one behind their numbers.",
            file=file.path,
            line=number,
        )
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise DataError(
            f"the token has more than {MAX_TOKEN_CHARACTERS:,} characters.", file=file.path, line=number
        )
    found.tokens.append(token)
    found.lines.append(number)
    if layout.has_tags and layout.tag is not None:
        found.tags.append(cells[layout.tag].strip())
    if len(found.tokens) - found.offsets[-1] > MAX_SENTENCE_TOKENS:
        problem = f"the sentence has more than {MAX_SENTENCE_TOKENS:,} tokens"
        raise DataError(f"{problem}; put a blank line between sentences.", file=file.path, line=number)


def _source(file: TextFile, layout: _Layout, found: _Found) -> Source:
    offsets = np.array(found.offsets, dtype=np.int64)
    columns: dict[str, Any] = {"tokens": _lists(pa.array(found.tokens, pa.string()), offsets)}
    notes: list[Note] = []
    name = printable(file.path)
    if layout.has_tags and layout.tag is not None:
        tags = Sentences(pa.array(found.tags, pa.string()), offsets, None)
        bio, notes = to_bio(tags, lambda at: {"file": file.path, "line": found.lines[at]}, name)
        columns["tags"] = _lists(bio, offsets)
    if found.num_documents > 1:
        columns["document"] = pa.array(np.array(found.documents, dtype=np.int64))
    return Source(name=name, table=pa.table(columns), has_sentences=True, notes=tuple(notes))


def _lists(values: pa.Array, offsets: Any) -> pa.Array:
    return lists(values, offsets)
