"""Lines of columns: what stands between columns, how a line is cut, and which column numbers the tokens."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rungwise.data.textfiles import TextFile, Utf8Stream
from rungwise.errors import DataError

__all__ = [
    "BLANKS",
    "COLUMNS",
    "cells_of",
    "delimiter_of",
    "is_blank",
    "is_range",
    "is_tag",
    "number_column",
    "numbered_lines",
]

COLUMNS = "# global.columns ="
"""What a comment begins with that names the columns."""

BLANKS = " \t"
"""What stands between columns; a blank of another kind, such as one that doesn't break, may be within a token."""

_TAB, _BLANK = "\t", " "
_QUOTING = (",", ";", "|")
_BLOCK_BYTES = 1 << 22
_MOST_BEFORE = 3
"""Columns before the tokens: CoNLL-2012's document, its part, and the number."""

_TAG = re.compile(r"O|[A-Z]-.+")
_SIGN_AND_TAG = re.compile(r"[^\s]([!-,./:-@\[-`{-~])(?:O|[A-Z]-[^\s]+)$")
"""A sign of ASCII, but no hyphen, at a line's last column."""

_RANGE = re.compile(r"\d+[-.]\d+")


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


def is_blank(line: str) -> bool:
    """Whether a line ends a sentence."""
    return not line or line.isspace()


def is_tag(cell: str) -> bool:
    """Whether a column holds what a tag mostly looks like."""
    return bool(_TAG.fullmatch(cell))


def delimiter_of(lines: Sequence[str]) -> str:
    """What stands between the columns of lines; a blank stands for any number of them.

    It is what cuts most lines into the same number of columns, two or more; else the sign before most lines' tags; a
    blank where there is none.
    """
    marks = [_TAB, _BLANK, *_QUOTING]
    if _ends_with_marks(lines):
        marks.remove(_BLANK)
    alike = {mark: _num_alike(lines, mark) for mark in marks}
    if alike[_TAB] * 2 > len(lines):
        return _TAB
    best = max(marks, key=lambda mark: alike[mark])
    if alike[best] * 2 > len(lines):
        return best
    signs = Counter(found[1] for line in lines if (found := _SIGN_AND_TAG.search(line)))
    sign, count = max(signs.items(), key=lambda item: item[1], default=(_BLANK, 0))
    return sign if count * 2 > len(lines) else _BLANK


def _ends_with_marks(lines: Sequence[str]) -> bool:
    """Whether blanks are only behind what stands between columns, as in `Ada, B-PER`."""
    firsts = [line.split(_BLANK, 1)[0] for line in lines]
    return any(all(len(first) > 1 and first.endswith(mark) for first in firsts) for mark in _QUOTING)


def _num_alike(lines: Sequence[str], delimiter: str) -> int:
    counts = Counter(len(cells_of(line, delimiter)) for line in lines)
    return max((count for columns, count in counts.items() if columns > 1), default=0)


def cells_of(line: str, delimiter: str) -> list[str]:
    """The columns of a line; between commas and their like they may stand in quotation marks, as in CSV."""
    if delimiter == _TAB:
        return line.split(_TAB)
    if delimiter == _BLANK:
        return [cell for cell in line.replace(_TAB, _BLANK).split(_BLANK) if cell]
    if '"' in line:
        try:
            return next(csv.reader([line], delimiter=delimiter, strict=True))
        except csv.Error:
            pass  # the mark is itself a token
    return [cell.strip(BLANKS) for cell in line.split(delimiter)]


def is_range(cells: Sequence[str], number: int | None) -> bool:
    """Whether a line is one of CoNLL-U's that hold no token: a word of several (`1-2`), or one not written (`1.1`).

    Args:
        cells: of the line.
        number: the column that numbers the tokens, if there is one.
    """
    return number is not None and len(cells) > number and bool(_RANGE.fullmatch(cells[number]))


def number_column(sentences: Sequence[Sequence[Sequence[str]]], tag: int | None = None) -> int | None:
    """The column that numbers the tokens, beginning anew with most sentences; None if there is none.

    Args:
        sentences: the cells of their lines.
        tag: the column of the tags, before which there must be one of tokens.
    """
    most = min((len(row) for sentence in sentences for row in sentence), default=0)
    for column in range(min(_MOST_BEFORE, most - 1)):
        if column + 1 == tag:
            continue
        for first in (0, 1):
            lengths = [_num_counted(sentence, column, first) for sentence in sentences]
            if max(lengths) > 1 and sum(map(bool, lengths)) * 2 > len(sentences):
                return column
    return None


def _num_counted(sentence: Sequence[Sequence[str]], column: int, first: int) -> int:
    """The number of a sentence's tokens, if a column numbers all of them; else 0."""
    numbers = [row[column] for row in sentence if not is_range(row, column)]
    return len(numbers) if numbers == [str(first + n) for n in range(len(numbers))] else 0
