"""Sentences into parts: what their tags are, which of them stay together, and the files of each part."""

# N sentences

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data.assign import assign
from rungwise.data.checks import twins
from rungwise.data.columns import Column
from rungwise.data.plan import Plan
from rungwise.data.pool import Pool, pool
from rungwise.data.rowhash import hash_lists
from rungwise.data.sentences import PREDICATE_TYPE, TOKENS_TYPE
from rungwise.data.source import PARTS, Level, Note, Source, shown_names
from rungwise.data.split import TRAIN
from rungwise.data.staging import Staged
from rungwise.data.writing import group_columns, scatter
from rungwise.errors import ConfigError, DataError, UnknownNameError
from rungwise.kinds import SENTENCE_KINDS, ColumnKind, InputKind, OutputKind
from rungwise.rung import Pair
from rungwise.tags import tag_names

__all__ = ["TARGET_COLUMN", "prepare_sentences"]

TARGET_COLUMN = "tags"

_MIN_DOCUMENTS = 10
"""Documents from which on whole ones are put into parts."""


def prepare_sentences(
    space: Path,
    sources: Mapping[str, Source],
    pair: Pair | None,
    group: str | None,
    shares: tuple[float, float],
    seed: int,
    *,
    split_duplicates: bool,
) -> dict[str, Any]:
    """Writes the parts of sentences; what the dataset's description says of them.

    Raises:
        DataError: if the data can't be used.
        UnknownNameError: if there is no such group.
        ConfigError: if something else than tags is to be predicted.
    """
    pair = _pair(sources["train"], pair)
    group = _group(sources["train"], group)
    needed = ["tokens", TARGET_COLUMN, *(["predicate"] if pair[0] is InputKind.PREDICATE else [])]
    optional = [] if group is None else [group]
    rows = pool({part: _selected(source, needed, optional) for part, source in sources.items()}, optional)
    tokens, tags = rows.table.column("tokens"), rows.table.column(TARGET_COLUMN)
    plan = Plan(
        pair=pair,
        columns=(),
        target=Column(TARGET_COLUMN, ColumnKind.CATEGORY, "the tags of the tokens"),
        target_type=TOKENS_TYPE,
        group=None if group is None else Column(group, ColumnKind.CATEGORY, "the group"),
        time=None,
    )
    groups = None if group is None else rows.table.column(group)
    staged = Staged(features=pa.table({"tokens": tokens}), target=tags, group=groups, time=None)
    hashes = hash_lists(tokens)
    parts, notes = assign(rows, plan, staged, None if split_duplicates else hashes, shares, seed, False)
    types, more = _types(tags, parts, rows)
    notes = [*rows.notes, *notes, *more, *twins(hashes, parts)]
    inputs = _inputs(rows, pair)
    numbers = pa.chunked_array([rows.row_numbers()])
    by_group = group_columns(groups)
    fields = [
        pa.field("sentence", inputs.type),
        *by_group,
        pa.field(TARGET_COLUMN, TOKENS_TYPE),
        pa.field("row", pa.int64()),
    ]
    columns = [inputs, *by_group.values(), tags, numbers]
    files = scatter(space, pa.Table.from_arrays(columns, schema=pa.schema(fields)), parts)
    digest = _fingerprint(rows, pair, hashes)
    return {
        "pair": pair,
        "columns": (),
        "text_columns": (),
        "target": TARGET_COLUMN,
        "group": group,
        "has_own_valid": rows.has("valid"),
        "classes": tag_names(types),
        "image_shape": None,
        "fingerprint": digest,
        "files": files,
        "split_hash": hashlib.sha256(digest.encode() + parts.tobytes()).hexdigest()[:12],
        "notes": notes,
    }


def _pair(train: Source, pair: Pair | None) -> Pair:
    if pair is not None and pair[0] not in SENTENCE_KINDS:
        raise ConfigError(
            f"{train.name} holds sentences of tokens, not {pair[0]} input; its tasks are `token-classification` and "
            "`semantic-role-labeling`."
        )
    names = train.table.column_names
    if TARGET_COLUMN not in names:
        problem = f"its sentences have no tags; it has {shown_names(names)}"
        raise DataError(f"{problem}. Name the tags' column with `--target`.", file=train.name)
    has_predicates = "predicate" in names
    if pair is not None and pair[0] is InputKind.PREDICATE and not has_predicates:
        problem = "its sentences have no predicate, the number of a token, from 0"
        raise DataError(f"{problem}; without, the task is `token-classification`.", file=train.name)
    if pair is not None:
        return pair
    return (InputKind.PREDICATE if has_predicates else InputKind.TOKENS, OutputKind.TAGS)


def _group(train: Source, group: str | None) -> str | None:
    """What stays together: what the user says, or documents where there are many."""
    known = [name for name in train.table.column_names if name not in ("tokens", TARGET_COLUMN, "predicate")]
    if group is not None and group not in known:
        raise UnknownNameError(f"{train.name}: column", group, known)
    if group is None and "document" in known:
        documents = train.table.column("document")
        if documents.null_count == 0 and pc.count_distinct(documents).as_py() >= _MIN_DOCUMENTS:
            return "document"
    return group


def _selected(source: Source, needed: list[str], optional: list[str]) -> Source:
    names = source.table.column_names
    return dataclasses.replace(
        source, table=source.table.select([name for name in (*needed, *optional) if name in names])
    )


def _types(tags: pa.ChunkedArray, parts: NDArray[np.int8], rows: Pool) -> tuple[list[str], list[Note]]:
    """The types of the spans of train, sorted, and what is to be said of them.

    Raises:
        DataError: if train has no span.
    """
    counts = [_span_counts(tags.filter(pa.array(parts == number))) for number in range(len(PARTS))]
    types = sorted(counts[TRAIN])
    if not types:
        file = rows.sources[0].name
        raise DataError("every tag of train is O; there is nothing to learn.", file=file)
    some = ", ".join(f"{name} {count:,}" for name, count in counts[TRAIN].most_common(20))
    more = ", …" if len(types) > 20 else ""
    total = counts[TRAIN].total()
    notes = [Note(Level.INFO, f"train has {total:,} spans of {len(types)} types: {some}{more}.")]
    for part, found in zip(PARTS[1:], counts[1:], strict=True):
        unseen = sorted(set(found) - set(types))
        if unseen:
            missed = sum(found[name] for name in unseen)
            message = f"{part} has {missed:,} spans of types that train lacks, which count as missed"
            notes.append(Note(Level.WARNING, f"{message}: {shown_names(unseen)}."))
        if not found:
            notes.append(Note(Level.WARNING, f"{part} has no spans, so it can't tell which rung is better."))
    return types, notes


def _span_counts(tags: pa.ChunkedArray) -> Counter[str]:
    """Type -> spans; each begins with B."""
    values = pc.value_counts(pc.list_flatten(tags))
    names, counts = values.field("values").to_pylist(), values.field("counts").to_pylist()
    return Counter({name[2:]: count for name, count in zip(names, counts, strict=True) if name[0] == "B"})


def _inputs(rows: Pool, pair: Pair) -> pa.ChunkedArray:
    """What learners get."""
    tokens = rows.table.column("tokens").combine_chunks()
    if pair[0] is InputKind.TOKENS:
        return pa.chunked_array(tokens if isinstance(tokens, pa.ChunkedArray) else [tokens], TOKENS_TYPE)
    both = [_one(tokens), _one(rows.table.column("predicate").combine_chunks())]
    return pa.chunked_array([pa.StructArray.from_arrays(both, fields=list(PREDICATE_TYPE))])


def _one(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(values.chunks) if isinstance(values, pa.ChunkedArray) else values


def _fingerprint(rows: Pool, pair: Pair, hashes: NDArray[np.uint64]) -> str:
    digest = hashlib.sha256(json.dumps([*pair, TARGET_COLUMN]).encode())
    digest.update(hashes.astype("<u8").tobytes())
    if pair[0] is InputKind.PREDICATE:
        digest.update(rows.table.column("predicate").to_numpy().astype("<i8").tobytes())
    digest.update(hash_lists(rows.table.column(TARGET_COLUMN)).astype("<u8").tobytes())
    return digest.hexdigest()
