"""Predicted tags of sentences as tables and files: CoNLL columns, JSON lines, or a row a span."""

# N sentences of one batch

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from rungwise.data.sentences import Sentences, flat_sentences, lists
from rungwise.estimators import RungTagger
from rungwise.tags import Tags, concatenated, spans_of

__all__ = ["ConllWriter", "TaggedLinesWriter", "found_table", "span_tables", "tagged_table"]

_SPACE = "_"
"""Stands for what would end a column within a token, or for a token of nothing."""


def tagged_table(estimator: RungTagger, inputs: pa.ChunkedArray, rows: pa.Table) -> pa.Table:
    """Inputs (N), the rows that they were read from -> `tokens`, their `tags`, and what else says where they stood."""
    return _table(estimator, flat_sentences(inputs), estimator.predict_tags(inputs), rows)


def found_table(estimator: RungTagger, inputs: pa.ChunkedArray, rows: pa.Table, num_before: int) -> pa.Table:
    """Sentences without predicates (N), the rows that they were read from -> a row for each predicate that is found.

    Where none is, a row has no `predicate`, and all of its tags are outside. `sentence` is the number of the sentence,
    from 1.

    Args:
        estimator: finds predicates.
        inputs: the sentences.
        rows: that they were read from.
        num_before: sentences of earlier batches.
    """
    found, tags, numbers = estimator.find_roles(inputs)
    without = np.setdiff1d(np.arange(len(inputs)), numbers)
    bare = flat_sentences(inputs.take(pa.array(without)))
    tags = concatenated([tags, Tags(np.zeros(bare.offsets[-1], np.int64), bare.offsets)])
    numbers = np.concatenate([numbers, without])
    order = np.argsort(numbers, kind="stable")
    sentences, predicates = (
        flat_sentences(inputs.take(pa.array(numbers[order]))),
        flat_sentences(found).predicates,
    )
    column = pa.concat_arrays([pa.array(predicates, pa.int64()), pa.nulls(len(without), pa.int64())])
    table = _table(estimator, sentences, tags.take(order), rows.take(pa.array(numbers[order])))
    table = table.append_column("predicate", column.take(pa.array(order)))
    return table.append_column("sentence", pa.array(numbers[order] + num_before + 1))


def _table(estimator: RungTagger, sentences: Sentences, tags: Tags, rows: pa.Table) -> pa.Table:
    names = pa.array(estimator.classes_.tolist()).take(pa.array(tags.values))
    columns: dict[str, Any] = {
        "tokens": lists(sentences.tokens, sentences.offsets),
        "tags": lists(names, sentences.offsets),
    }
    if sentences.predicates is not None:
        columns["predicate"] = pa.array(sentences.predicates)
    known = [name for name in ("text", "starts") if name in rows.column_names]
    return pa.table(columns | {name: rows.column(name) for name in known})


class ConllWriter:
    """A token and its tag a line, a blank line behind each sentence; a predicate has a column of its own."""

    def __init__(self, sink: Any, schema: pa.Schema) -> None:
        del schema
        self._sink = sink

    def write_table(self, table: pa.Table) -> None:
        """Writes some sentences."""
        lines: list[str] = []
        for row in table.to_pylist():
            for number, (token, tag) in enumerate(zip(row["tokens"], row["tags"], strict=True)):
                marks = [] if "predicate" not in row else ["*" if number == row["predicate"] else _SPACE]
                lines.append("\t".join([_SPACE.join(token.split()) or _SPACE, *marks, tag]))
            lines.append("")
        self._sink.write("".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        """The sink is closed by whoever opened it."""


class TaggedLinesWriter:
    """A JSON object a sentence: `text` and `spans` of characters where there was a text, else `tokens` and `tags`."""

    def __init__(self, sink: Any, schema: pa.Schema) -> None:
        del schema
        self._sink = sink

    def write_table(self, table: pa.Table) -> None:
        """Writes some sentences."""
        spans = _characters(table) if "text" in table.column_names else None
        for number, row in enumerate(table.to_pylist()):
            if spans is not None and row["text"] is not None:
                row = {"text": row["text"], "spans": spans[number], **_predicate_of_text(row)}
            else:
                row = {name: value for name, value in row.items() if name not in ("text", "starts")}
            self._sink.write((json.dumps(row, ensure_ascii=False) + "\n").encode())

    def close(self) -> None:
        """The sink is closed by whoever opened it."""


def span_tables(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """A row a span: the number of its sentence, from 1, its type, its words, and its bounds, the second one behind it.

    Bounds are characters of the text where there was one, else tokens, from 0. Where predicates were found, `predicate`
    is the number of the token.
    """
    first = 1
    for table in tables:
        of_text = "text" in table.column_names
        bounds = _characters(table) if of_text else _tokens(table)
        is_found = "sentence" in table.column_names
        sentences = table["sentence"].to_pylist() if is_found else range(first, first + table.num_rows)
        rows = [
            (number, start, end, type_, _words(table, number, start, end, of_text=of_text))
            for number, spans in enumerate(bounds)
            for start, end, type_ in spans
        ]
        first += table.num_rows
        names = ["sentence", "start", "end", "type", "words"]
        types = [pa.int64(), pa.int64(), pa.int64(), pa.string(), pa.string()]
        arrays = [pa.array([row[i] for row in rows], type_) for i, type_ in enumerate(types)]
        numbers, arrays[0] = arrays[0], pa.array(sentences, pa.int64()).take(arrays[0])
        spans_table = pa.table(arrays, names=names)
        if is_found:
            spans_table = spans_table.append_column("predicate", table["predicate"].take(numbers))
        yield spans_table


def _predicate_of_text(row: dict[str, Any]) -> dict[str, Any]:
    """Of a text with a predicate: the number of its token and the tokens, as they can be read again.

    Where predicates were looked for: the number of the text, and the characters of the one found, None for none.
    """
    if "predicate" not in row:
        return {}
    if "sentence" not in row:
        return {name: row[name] for name in ("tokens", "predicate", "tags")}
    at = row["predicate"]
    place = None if at is None else [row["starts"][at], row["starts"][at] + len(row["tokens"][at])]
    return {"predicate": place, "sentence": row["sentence"]}


def _words(table: pa.Table, number: int, start: int, end: int, *, of_text: bool) -> str:
    if of_text:
        text: str = table["text"][number].as_py()[start:end]
        return text
    return " ".join(table["tokens"][number].as_py()[start:end])


def _tokens(table: pa.Table) -> list[list[tuple[int, int, str]]]:
    """Of each sentence the spans, as numbers of tokens."""
    flat = flat_sentences(table["tags"])
    names = sorted({name[2:] for name in flat.tokens.unique().to_pylist() if name != "O"})
    numbers = {"O": 0} | {f"{p}-{name}": 2 * n + 1 + (p == "I") for n, name in enumerate(names) for p in "BI"}
    values = np.array([numbers[name] for name in flat.tokens.to_pylist()], dtype=np.int64)
    spans = spans_of(Tags(values, flat.offsets))
    found: list[list[tuple[int, int, str]]] = [[] for _ in range(len(flat))]
    columns = (spans.sentences, spans.starts, spans.ends, spans.types)
    for sentence, start, end, type_ in zip(*(column.tolist() for column in columns), strict=True):
        found[sentence].append((start, end, names[type_]))
    return found


def _characters(table: pa.Table) -> list[list[tuple[int, int, str]]]:
    """Of each sentence the spans, as characters of its text."""
    found = []
    rows = zip(_tokens(table), table["starts"].to_pylist(), table["tokens"].to_pylist(), strict=True)
    for spans, starts, tokens in rows:
        found.append([(starts[a], starts[b - 1] + len(tokens[b - 1]), type_) for a, b, type_ in spans])
    return found
