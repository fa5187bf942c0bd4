"""How sentences stand in a file whose name doesn't say it: in columns, in a table, or as a text a line."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from rungwise.data.columnlines import cells_of, delimiter_of, is_blank, is_tag, numbered_lines
from rungwise.data.sentencelines import TOKENS
from rungwise.data.source import Source, printable
from rungwise.data.textfiles import HEAD_BYTES, text_file
from rungwise.errors import DataError

__all__ = ["Form", "form_of", "read_texts"]

_TABLES = (".csv", ".tsv", ".tab")
_TEXTS = ".txt"
_NAMES = ("text", *TOKENS)
_LINES_LOOKED_AT = 1000

_FORMS = (
    "new sentences are CoNLL columns (.conll: a token a line, a blank line between sentences), JSON lines (.jsonl) or "
    "tables (.csv, .tsv, .parquet) with `tokens` or `text`, or texts (.txt: one a line, no blank lines between)"
)


class Form(Enum):
    """What a file of sentences is."""

    COLUMNS = auto()
    TABLE = auto()
    TEXTS = auto()


def form_of(path: Path, suffix: str, *, encoding: str, has_tags: bool) -> Form:
    """What a file is that is to hold sentences.

    Args:
        path: of the file.
        suffix: of its name, but for `.gz`.
        encoding: of the text.
        has_tags: whether there are tags: then it is columns, unless it is a table.

    Raises:
        DataError: if it can't be told.
        ConfigError: if there is no such encoding.
    """
    head, is_whole = text_file(path, encoding, has_header=False).head(HEAD_BYTES[0])
    lines = [line.rstrip("\r") for line in head.split("\n")[: None if is_whole else -1]][:_LINES_LOOKED_AT]
    plain = [line for line in lines if not line.startswith("#")]
    if suffix in _TABLES and _has_header(next((line for line in lines if not is_blank(line)), "")):
        return Form.TABLE
    if has_tags or _are_columns(plain, may_lack_tags=suffix not in _TABLES):
        return Form.COLUMNS
    if suffix == _TEXTS and not any(map(is_blank, _without_end(lines))):
        return Form.TEXTS
    raise DataError(f"it can't be told how its sentences are written; {_FORMS}.", file=path)


def read_texts(path: Path, *, encoding: str) -> Source:
    """A file with a text a line, as a table of them.

    Raises:
        DataError: if it isn't text.
        ConfigError: if there is no such encoding.
    """
    file = text_file(path, encoding, has_header=False)
    texts = [line for _, line in numbered_lines(file)]
    return Source(name=printable(path), table=pa.table({"text": pa.array(_without_end(texts), pa.string())}))


def _without_end(lines: list[str]) -> list[str]:
    """Lines but for blank ones at the end."""
    last = next((number for number in range(len(lines), 0, -1) if not is_blank(lines[number - 1])), 0)
    return lines[:last]


def _has_header(line: str) -> bool:
    """Whether a line names a column of texts or tokens, and isn't one such token with its tag."""
    rows = [cells_of(line, mark) for mark in ",;\t|"]
    return any(set(row) & set(_NAMES) and not any(map(is_tag, row)) for row in rows)


def _are_columns(lines: Sequence[str], *, may_lack_tags: bool) -> bool:
    """Whether lines end with tags; or else have tabs, or a token each with blank lines between sentences."""
    groups = [list(group) for blank, group in groupby(lines, is_blank) if not blank]
    some = [line for group in groups for line in group]
    delimiter = delimiter_of(some)
    rows = [cells_of(line, delimiter) for line in some]
    num_tagged = sum(len(row) > 1 and is_tag(row[-1]) for row in rows)
    if num_tagged * 2 > len(rows):
        return True
    if not may_lack_tags and len(groups) == 1:
        return False
    are_alone = all(len(row) == 1 for row in rows) and len(rows) > len(groups) > 1
    return are_alone or sum("\t" in line for line in some) * 2 > len(some)
