"""CoNLL columns: a token a line, its tag in one of the columns, a blank line between sentences."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rungwise.data.limits import MAX_COLUMNS, MAX_SENTENCE_TOKENS, MAX_TOKEN_CHARACTERS
from rungwise.data.schemes import to_bio
from rungwise.data.sentences import TOKENS_TYPE, Sentences
from rungwise.data.source import Note, Source, printable, shown
from rungwise.data.textfiles import HEAD_BYTES, TextFile, Utf8Stream, text_file
from rungwise.errors import DataError, UnknownNameError

__all__ = ["COLUMNS", "SENTENCE_SUFFIXES", "form_column", "numbered_lines", "read_conll"]

SENTENCE_SUFFIXES = (".conll", ".conll03", ".iob", ".iob1", ".iob2", ".bio", ".bioes", ".ner")

_BLOCK_BYTES = 1 << 22
_DOCUMENT = "-DOCSTART-"
COLUMNS = "# global.columns ="
"""What a comment begins with that names the columns."""

_TAG = re.compile(r"O|[A-Z]-.+")
_LINES_LOOKED_AT = 1000
_LINES_NUMBERED = 2
"""Of a sentence that tell whether a column numbers the tokens."""


def read_conll(path: Path, *, encoding: str, target: str | None, has_tags: bool = True) -> Source:
    """A file of columns, separated by tabs, commas or spaces; the token is the first, the tag the last.

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
        separator: between columns, None for any spaces.
        num_columns: of every line.
        tag: the number of the tags' column, from 0; None if tokens are all there is.
        token: the number of the tokens' column, from 0: behind that which numbers them, if there is one.
    """

    separator: str | None
    num_columns: int
    tag: int | None
    token: int = 0

    def cut(self, line: str) -> list[str]:
        """The columns of a line."""
        return line.split(self.separator)


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


def numbered_lines(file: TextFile) -> Iterator[tuple[int, str]]:
    """Lines without their ends, numbered from 1."""
    number, rest = 0, b""
    with Utf8Stream(file) as stream:
        while block := stream.read(_BLOCK_BYTES):
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                number += 1
                yield number, _text(line, number)
            if len(rest) > _BLOCK_BYTES:
                raise DataError(
                    "the line is longer than any token; is it text in columns?",
                    file=file.path,
                    line=number + 1,
                )
    if rest:
        yield number + 1, _text(rest, number + 1)


def _text(line: bytes, number: int) -> str:
    text = line.decode(errors="replace").rstrip("\r")
    return text.removeprefix("\ufeff") if number == 1 else text


def _layout(file: TextFile, target: str | None, *, has_tags: bool) -> _Layout:
    """How lines are cut, by the first of them."""
    head, _ = file.head(HEAD_BYTES[0])
    lines = [line for line in head.split("\n")[:_LINES_LOOKED_AT] if line.strip()]
    names = next((line.removeprefix(COLUMNS).split() for line in lines if line.startswith(COLUMNS)), [])
    plain = [line.rstrip("\r") for line in lines if not line.startswith(("#", _DOCUMENT))] or lines
    separator = _separator(plain)
    counts = [len(line.split(separator)) for line in plain]
    num_columns = max(set(counts), key=counts.count)
    if num_columns > MAX_COLUMNS:
        raise DataError(f"its lines have {num_columns:,} columns; is it text in columns?", file=file.path)
    tag = _tag_column(file, target, names, num_columns) if has_tags else None
    return _Layout(
        separator, num_columns, tag, form_column([line.split(separator) for line in _first(lines)])
    )


def _first(lines: list[str]) -> list[str]:
    """The first lines of tokens that a file has, of one sentence or more."""
    return [line for line in lines if not line.startswith(("#", _DOCUMENT))][:_LINES_NUMBERED]


def form_column(cells: list[list[str]]) -> int:
    """The column of the tokens, from 0: behind that which numbers them, if there is one.

    Args:
        cells: of the first lines of a sentence, at least two, whose numbers then go up from 0 or 1.
    """
    fewest = min((len(row) for row in cells), default=0)
    for column in range(min(3, fewest - 1) if len(cells) > 1 else 0):
        if any(all(row[column] == str(first + n) for n, row in enumerate(cells[:2])) for first in (0, 1)):
            return column + 1
    return 0


def _separator(lines: list[str]) -> str | None:
    if sum("\t" in line for line in lines) > len(lines) / 2:
        return "\t"
    has_spaces = sum(bool(re.search(r"\S\s+\S", line)) for line in lines)
    has_commas = sum("," in line.strip(",") for line in lines)
    return "," if has_commas > len(lines) / 2 > has_spaces else None


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
    if not line or line.isspace():
        found.end_sentence()
        return
    cells = layout.cut(line)
    if cells[0] == _DOCUMENT:
        found.end_sentence()
        found.num_documents += 1
        return
    if line.startswith("#") and _is_comment(layout, cells):
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
    if layout.tag is not None:
        found.tags.append(cells[layout.tag].strip())
    if len(found.tokens) - found.offsets[-1] > MAX_SENTENCE_TOKENS:
        problem = f"the sentence has more than {MAX_SENTENCE_TOKENS:,} tokens"
        raise DataError(f"{problem}; put a blank line between sentences.", file=file.path, line=number)


def _is_comment(layout: _Layout, cells: list[str]) -> bool:
    """Whether a line that begins with # isn't the token that does: between spaces its last column must be no tag."""
    if len(cells) != layout.num_columns:
        return True
    return layout.separator is None and layout.tag is not None and not _TAG.fullmatch(cells[layout.tag])


def _source(file: TextFile, layout: _Layout, found: _Found) -> Source:
    offsets = np.array(found.offsets, dtype=np.int64)
    columns: dict[str, Any] = {"tokens": _lists(pa.array(found.tokens, pa.string()), offsets)}
    notes: list[Note] = []
    name = printable(file.path)
    if layout.tag is not None:
        tags = Sentences(pa.array(found.tags, pa.string()), offsets, None)
        bio, notes = to_bio(tags, lambda at: {"file": file.path, "line": found.lines[at]}, name)
        columns["tags"] = _lists(bio, offsets)
    if found.num_documents > 1:
        columns["document"] = pa.array(np.array(found.documents, dtype=np.int64))
    return Source(name=name, table=pa.table(columns), has_sentences=True, notes=tuple(notes))


def _lists(values: pa.Array, offsets: Any) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=TOKENS_TYPE)
