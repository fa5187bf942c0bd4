"""Sentences that are held in memory or in Parquet: tables with a column of lists of tokens, and pairs (X, y)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rungwise.data.columns import is_string
from rungwise.data.limits import MAX_SENTENCE_TOKENS
from rungwise.data.schemes import to_bio
from rungwise.data.sentencelines import TAGS, TOKENS
from rungwise.data.sentences import TOKENS_TYPE, as_predicates, as_tags, as_tokens, flat_sentences, lists
from rungwise.data.source import Source, shown_names
from rungwise.data.tokenizing import cut
from rungwise.errors import DataError, UnknownNameError

__all__ = ["are_sentences", "pair_of_sentences", "sentence_source"]


def sentence_source(source: Source, target: str | None, *, is_wanted: bool, has_tags: bool = True) -> Source:
    """A table with a column of lists of tokens, in the form that all readers of sentences give; others as they are.

    Raises:
        DataError: if a row can't be used, and it names the row; or if sentences are wanted and there are none.
        UnknownNameError: if there is no such column of tags.
    """
    if is_wanted:
        source = dataclasses.replace(source, table=_split(source, target))
    table, name = source.table, _token_column(source.table)
    if name is None and is_wanted:
        return _cut_texts(source)
    if name is None:
        return source
    if target is not None and target not in table.column_names:
        raise UnknownNameError(f"{source.name}: column", target, table.column_names)
    tokens = _located(as_tokens, table.column(name), source.name)
    lengths = pc.list_value_length(tokens).to_numpy()
    _check(lengths == 0, source.name, "it has no tokens; leave such rows out")
    _check(
        lengths > MAX_SENTENCE_TOKENS,
        source.name,
        f"it has more than {MAX_SENTENCE_TOKENS:,} tokens; cut it into sentences",
    )
    columns: dict[str, Any] = {"tokens": tokens}
    notes = source.notes
    tags = target if target is not None else next((tag for tag in TAGS if _is_list(table, tag)), None)
    if tags is not None and has_tags:
        columns["tags"], more = _tags(source, tags, lengths)
        notes = (*notes, *more)
    if "predicate" in table.column_names:
        rows = pa.table({"tokens": tokens, "predicate": table.column("predicate")})
        columns["predicate"] = pc.struct_field(_located(as_predicates, rows, source.name), "predicate")
    for other, values in zip(table.column_names, table.columns, strict=True):
        if other not in (name, tags, "predicate") and not pa.types.is_nested(values.type):
            columns.setdefault(other, values)
    return dataclasses.replace(
        source, table=pa.table(columns), is_text_file=False, has_sentences=True, notes=notes
    )


def _split(source: Source, target: str | None) -> pa.Table:
    """A table in which tokens, and tags, that are strings of words between blanks are lists.

    Raises:
        DataError: if the strings are lists as another program writes them.
    """
    table = source.table
    if not any(name in table.column_names and is_string(table.schema.field(name).type) for name in TOKENS):
        return table
    for name in (*TOKENS, *(TAGS if target is None else (target,))):
        if name in table.column_names and is_string(table.schema.field(name).type):
            words = pc.ascii_trim_whitespace(table.column(name).cast(pa.string()))
            if pc.all(pc.match_substring_regex(words, r"^\[.*\]$")).as_py():
                problem = "its lists are written as strings; write words with blanks between, or JSON lines or Parquet"
                raise DataError(f"{problem}.", file=source.name, column=name)
            known = pc.if_else(pc.equal(words, ""), pa.scalar(None, pa.string()), words)
            lists = pc.ascii_split_whitespace(known)
            table = table.set_column(table.column_names.index(name), name, lists)
    return table


def are_sentences(X: Any) -> bool:
    """Whether a sequence holds lists of tokens, or such lists with a predicate."""
    if isinstance(X, pa.ChunkedArray | pa.Array):
        return bool(pa.types.is_list(X.type) or pa.types.is_struct(X.type))
    if not isinstance(X, Sequence) or not len(X) or isinstance(X, str):
        return False
    first = X[0]
    if isinstance(first, Mapping):
        return any(name in first for name in TOKENS)
    if isinstance(first, tuple) and len(first) == 2 and isinstance(first[0], list | tuple):
        first = first[0]
    return isinstance(first, list | tuple) and all(isinstance(token, str) for token in first)


def pair_of_sentences(X: Any, y: Any) -> pa.Table:
    """Sentences, and their tags where there are any, as a table.

    Raises:
        DataError: if they can't be used; it names the row.
    """
    first = X[0]
    has_predicates = isinstance(first, pa.StructScalar | Mapping) or (
        isinstance(first, tuple) and isinstance(first[0], list | tuple)
    )
    if has_predicates and not (isinstance(first, Mapping) and "predicate" not in first):
        both = as_predicates(X)
        columns = {name: pc.struct_field(both, name) for name in ("tokens", "predicate")}
    else:
        columns = {"tokens": as_tokens([row["tokens"] for row in X] if isinstance(first, Mapping) else X)}
    if y is not None:
        columns["tags"] = as_tags(y)
        if len(columns["tags"]) != len(columns["tokens"]):
            raise DataError(f"X has {len(columns['tokens'])} rows, y has {len(columns['tags'])}.")
    return pa.table(columns)


def _token_column(table: pa.Table) -> str | None:
    """The name of the column that holds lists of tokens, if there is one."""
    return next((name for name in TOKENS if name in table.column_names and _is_list(table, name)), None)


def _is_list(table: pa.Table, name: str) -> bool:
    if name not in table.column_names:
        return False
    type_ = table.schema.field(name).type
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_))


def _tags(source: Source, name: str, lengths: Any) -> tuple[pa.Array, list[Any]]:
    values = source.table.column(name)
    if not _is_list(source.table, name):
        raise DataError(
            f"its values are of type {values.type}; tags are a list a row.", file=source.name, column=name
        )
    if pa.types.is_integer(values.type.value_type):
        raise DataError(
            "its tags are numbers, and their names aren't known; write names such as B-LOC, or give the `datasets` "
            "object, whose features have them.",
            file=source.name,
            column=name,
        )
    flat = flat_sentences(_located(as_tokens, values, source.name))
    differs = np.diff(flat.offsets) != lengths
    _check(differs, source.name, "it has not as many tags as tokens; give each token one")
    bio, notes = to_bio(flat, lambda at: {"file": source.name, "row": _row(flat.offsets, at)}, source.name)
    return lists(bio, flat.offsets), notes


def _row(offsets: Any, at: int) -> int:
    return int(np.searchsorted(offsets, at, side="right"))


def _located(function: Any, values: Any, file: str) -> Any:
    try:
        return function(values)
    except DataError as error:
        raise DataError(error.problem, file=file, row=error.row, column=error.column) from None


def _check(is_bad: Any, file: str, problem: str) -> None:
    if is_bad.any():
        raise DataError(f"{problem}.", file=file, row=int(np.argmax(is_bad)) + 1)


def _cut_texts(source: Source) -> Source:
    """Texts, each of which is cut into tokens.

    Raises:
        DataError: if there are none.
    """
    if "text" not in source.table.column_names or not is_string(source.table.schema.field("text").type):
        raise _no_sentences(source)
    texts = source.table.column("text").to_pylist()
    rows = [cut(text or "") for text in texts]
    _check(np.array([not row for row in rows]), source.name, "its text has no words; leave such rows out")
    columns: dict[str, Any] = {
        "tokens": pa.array([[piece.token for piece in row] for row in rows], TOKENS_TYPE),
        "text": pa.array(texts, pa.string()),
        "starts": pa.array([[piece.start for piece in row] for row in rows], pa.list_(pa.int32())),
    }
    if "predicate" in source.table.column_names:
        both = pa.table({"tokens": columns["tokens"], "predicate": source.table.column("predicate")})
        columns["predicate"] = pc.struct_field(_located(as_predicates, both, source.name), "predicate")
    return dataclasses.replace(source, table=pa.table(columns), is_text_file=False, has_sentences=True)


def _no_sentences(source: Source) -> DataError:
    """The error for data of which sentences are wanted."""
    names = shown_names(source.table.column_names)
    return DataError(
        f"it holds no sentences: there is no list `tokens` nor strings of them, nor `text` (it has {names}); give "
        "CoNLL columns or JSON lines.",
        file=source.name,
    )
