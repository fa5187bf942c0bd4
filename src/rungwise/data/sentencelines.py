"""JSON lines of sentences: `tokens` and `tags`, or `text` and `spans`; with a `predicate` for semantic roles."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from rungwise.data.jsonlines import lines_of
from rungwise.data.limits import MAX_SENTENCE_TOKENS, MAX_TOKEN_CHARACTERS, Expansion
from rungwise.data.schemes import to_bio
from rungwise.data.sentences import TOKENS_TYPE, flat_sentences, lists
from rungwise.data.source import Note, Source, printable, shown, shown_names
from rungwise.data.textfiles import GUNZIP, HEAD_BYTES, TextFile, text_file
from rungwise.data.tokenizing import Span, cut, spans_to_tags
from rungwise.errors import DataError

__all__ = ["TAGS", "TOKENS", "has_sentences", "read_sentence_lines"]

TOKENS = ("tokens", "words")
"""What the list of tokens is called."""

TAGS = ("tags", "ner_tags", "bio_tags", "srl_tags", "labels", "ner", "label")
"""What the list of tags is called, the likeliest first."""

_SPANS = ("spans", "entities", "label", "labels")
_START, _END, _TYPE = ("start", "start_offset", "begin"), ("end", "end_offset"), ("label", "type", "tag")
_MOST_DEPTH = 20
_TOKENS_AT_ONCE = 1 << 20


def has_sentences(path: Path, encoding: str) -> bool:
    """Whether the first object of a file holds a list of tokens, or a text with spans."""
    head, _ = text_file(path, encoding, has_header=False).head(HEAD_BYTES[0])
    first = next((line for line in head.split("\n") if line.strip()), "")
    try:
        row = json.loads(first)
    except (ValueError, RecursionError):
        return False
    if not isinstance(row, dict):
        return False
    has_tokens = any(isinstance(row.get(name), list) for name in TOKENS)
    return has_tokens or (
        isinstance(row.get("text"), str) and any(isinstance(row.get(name), list) for name in _SPANS)
    )


def read_sentence_lines(path: Path, *, encoding: str, target: str | None, has_tags: bool = True) -> Source:
    """A file with one JSON object a line, a sentence each.

    Args:
        path: of the file.
        encoding: of the text.
        target: the key of the tags.
        has_tags: whether there are tags or spans; else they aren't looked at.

    Raises:
        DataError: if a line can't be used; it names the line.
        ConfigError: if there is no such encoding.
    """
    file = text_file(path, encoding, has_header=False)
    found = _Found(() if not has_tags else TAGS if target is None else (target,))
    expansion = Expansion(path, GUNZIP)
    for number, line in _numbered(file):
        expansion.add(len(line))
        try:
            found.add(_object(line), number)
        except DataError as error:
            raise DataError(error.problem, file=path, line=number, column=error.column) from None
    if not found.lines:
        raise DataError("the file has no rows.", file=path)
    return found.source(printable(path), path)


@dataclass
class _Found:
    """What was read so far; a value for each sentence in every list."""

    tag_names: tuple[str, ...]
    tokens: list[pa.Array] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    tags: list[list[str] | None] = field(default_factory=list)
    starts: list[list[int] | None] = field(default_factory=list)
    texts: list[str | None] = field(default_factory=list)
    predicates: list[int | None] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    others: dict[str, list[str | None]] = field(default_factory=dict)
    num_pending: int = 0

    def add(self, row: Mapping[str, Any], line: int) -> None:
        """Takes a sentence in."""
        name = next((name for name in TOKENS if isinstance(row.get(name), list)), None)
        if name is not None:
            used = {name, self._add_tokens(row, name)}
        elif isinstance(row.get("text"), str):
            used = {"text", self._add_text(row)}
        else:
            raise DataError(
                f"it has neither `tokens`, a list, nor `text`; it has {shown_names(list(map(str, row)))}."
            )
        self.predicates.append(_predicate(row, len(self.rows[-1])))
        self._add_others(row, used | {"predicate"})
        self.lines.append(line)
        self.num_pending += len(self.rows[-1])

    def _add_tokens(self, row: Mapping[str, Any], name: str) -> str | None:
        tokens = row[name]
        _check_tokens(tokens, name)
        key = next((tag for tag in self.tag_names if isinstance(row.get(tag), list)), None)
        tags = None if key is None else _tags(row[key], key, len(tokens))
        self._append(tokens, tags, None, None)
        return key

    def _add_text(self, row: Mapping[str, Any]) -> str | None:
        text = row["text"]
        known = _SPANS if self.tag_names == TAGS else self.tag_names
        key = next((name for name in known if isinstance(row.get(name), list)), None)
        spans = [] if key is None else [_span(value, text, key) for value in row[key]]
        pieces = cut(text, spans)
        tokens = [piece.token for piece in pieces]
        if not tokens:
            raise DataError("its text has no words; leave such lines out.", column="text")
        _check_tokens(tokens, "text")
        try:
            tags = None if key is None else spans_to_tags(pieces, spans)
        except ValueError as error:
            raise DataError(f"{error}.", column=key) from None
        self._append(tokens, tags, [piece.start for piece in pieces], text)
        return key

    def _append(
        self, tokens: list[str], tags: list[str] | None, starts: list[int] | None, text: str | None
    ) -> None:
        self.rows.append(tokens)
        self.tags.append(tags)
        self.starts.append(starts)
        self.texts.append(text)

    def _add_others(self, row: Mapping[str, Any], used: set[str | None]) -> None:
        """Values beside the sentence, which may say what stays together."""
        for name, value in row.items():
            if name not in used and isinstance(value, str | int | float):
                self.others.setdefault(name, [None] * len(self.lines)).append(str(value))
        for values in self.others.values():
            values += [None] * (len(self.rows) - len(values))

    def source(self, name: str, path: Path) -> Source:
        """All of it."""
        columns: dict[str, Any] = {
            key: values
            for key, values in self.others.items()
            if key not in ("tokens", "tags", "text", "starts", "predicate")
        }
        columns["tokens"] = pa.chunked_array([pa.array(self.rows, TOKENS_TYPE)])
        where = self._where(path)
        _check_all(self.tags, "tags", self.lines, path)
        _check_all(self.predicates, "predicate", self.lines, path)
        notes: list[Note] = []
        if self.tags[0] is not None:
            flat = flat_sentences(pa.chunked_array([pa.array(self.tags, TOKENS_TYPE)]))
            bio, notes = to_bio(flat, where, name)
            columns["tags"] = lists(bio, flat.offsets)
        if self.predicates[0] is not None:
            columns["predicate"] = pa.array(self.predicates, pa.int64())
        if any(text is not None for text in self.texts):
            columns["text"] = pa.array(self.texts, pa.string())
            columns["starts"] = pa.array(self.starts, pa.list_(pa.int32()))
        return Source(name=name, table=pa.table(columns), has_sentences=True, notes=tuple(notes))

    def _where(self, path: Path) -> Callable[[int], dict[str, Any]]:
        def where(at: int) -> dict[str, Any]:
            for row, line in zip(self.rows, self.lines, strict=True):
                if at < len(row):
                    return {"file": path, "line": line}
                at -= len(row)
            return {"file": path}

        return where


def _numbered(file: TextFile) -> Iterator[tuple[int, bytes]]:
    """Lines that aren't blank, numbered from 1."""
    number = 0
    for block in lines_of(file):
        for line in block.split(b"\n"):
            number += 1
            if line and not line.isspace():
                yield number, line
        number -= block.endswith(b"\n")


def _object(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"it isn't a JSON object ({str(error)[:100]}); `jq -c .` writes one a line."
        ) from None
    if not isinstance(row, dict):
        raise DataError(f"it is {shown(row)}, no JSON object.")
    return row


def _check_tokens(tokens: list[Any], name: str) -> None:
    if not tokens:
        raise DataError("it has no tokens; leave such lines out.", column=name)
    if len(tokens) > MAX_SENTENCE_TOKENS:
        problem = f"{len(tokens):,} tokens are more than the {MAX_SENTENCE_TOKENS:,} that a sentence can have"
        raise DataError(f"{problem}; cut it into sentences.", column=name)
    for token in tokens:
        if not isinstance(token, str):
            raise DataError(f"tokens are strings, got {shown(token)}.", column=name)
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise DataError(f"a token has more than {MAX_TOKEN_CHARACTERS:,} characters.", column=name)
        if not token.isascii():
            try:
                token.encode()
            except UnicodeEncodeError:
                raise DataError(
                    f"the token {shown(token)} isn't text (half of a character).", column=name
                ) from None


def _tags(tags: list[Any], name: str, num_tokens: int) -> list[str]:
    if len(tags) != num_tokens:
        raise DataError(f"it has {num_tokens} tokens and {len(tags)} tags; give each token one.", column=name)
    for tag in tags:
        if isinstance(tag, int):
            raise DataError(
                f"the tag {tag} is a number, and its name isn't known; write names such as B-LOC, or give the "
                "`datasets` object, whose features have them.",
                column=name,
            )
        if not isinstance(tag, str):
            raise DataError(f"tags are strings, got {shown(tag)}.", column=name)
    return tags


def _predicate(row: Mapping[str, Any], num_tokens: int) -> int | None:
    value = row.get("predicate")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < num_tokens:
        raise DataError(
            f"the predicate {shown(value)} is none of its {num_tokens} tokens; they are counted from 0.",
            column="predicate",
        )
    return value


def _span(value: Any, text: str, name: str) -> Span:
    if isinstance(value, Mapping):
        parts = [next((value[key] for key in keys if key in value), None) for keys in (_START, _END, _TYPE)]
    else:
        parts = list(value) if isinstance(value, list) else []
    start, end, type_ = parts if len(parts) == 3 else (None, None, None)
    if type(start) is not int or type(end) is not int or not isinstance(type_, str) or not type_:
        raise DataError(
            f"a span is [first character, the one behind the last, type], got {shown(value)}.", column=name
        )
    if not 0 <= start < end <= len(text):
        raise DataError(
            f"the span {shown(value)} isn't within its text of {len(text)} characters; they are counted from 0, "
            "and the second number is the character behind the last.",
            column=name,
        )
    return start, end, type_


def _check_all(values: list[Any], name: str, lines: list[int], path: Path) -> None:
    """Either every sentence has it, or none."""
    missing = [value is None for value in values]
    if any(missing) and not all(missing):
        problem = f"it has no {name}, and {'the first has' if missing[0] is False else 'others have'}"
        raise DataError(f"{problem}; give every line some.", file=path, line=lines[missing.index(True)])
