"""Which words of sentences are predicates: a row for each predicate → a sentence with tags, and back."""

# N rows, each with a predicate, M sentences, S tokens of all of them, R predicates that are found

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data.rowhash import sentence_numbers
from rungwise.data.sentences import Sentences, as_tokens, chunked_sentences, flat_sentences
from rungwise.tags import VERB, Tags, tag_names

__all__ = ["PREDICATE_TAGS", "bare_sentences", "joined_predicates", "with_predicates"]

PREDICATE_TAGS = tag_names([VERB])
"""Of words that are predicates, each a span by itself, and of those that aren't."""

_OUTSIDE, _PREDICATE = 0, 1
"""Numbers of tags."""


def joined_predicates(
    inputs: pa.ChunkedArray,
) -> tuple[pa.ChunkedArray, pa.ChunkedArray, NDArray[np.int64]]:
    """Sentences with a predicate (N) -> each sentence once (M), in order, its tags (M), and the one of each row (N,).

    Sentences with equal tokens are one, whose predicates are those of all its rows.
    """
    numbers = sentence_numbers(inputs)
    assert numbers is not None
    _, first, which = np.unique(numbers, return_index=True, return_inverse=True)
    order = np.argsort(first)
    which = np.argsort(order)[which]
    tokens = pc.struct_field(inputs, "tokens").take(pa.array(first[order]))
    offsets = flat_sentences(tokens).offsets
    tags = np.full(offsets[-1], _OUTSIDE)
    tags[offsets[which] + pc.struct_field(inputs, "predicate").to_numpy()] = _PREDICATE
    names = pa.array(PREDICATE_TAGS).take(pa.array(tags))
    return tokens, chunked_sentences(Sentences(names, offsets, None)), which


def with_predicates(tokens: pa.ChunkedArray, tags: Tags) -> tuple[pa.ChunkedArray, NDArray[np.int64]]:
    """Sentences (M) and their tags (M) -> a row for each predicate (R), and the number of its sentence, from 0 (R,)."""
    at = np.flatnonzero(tags.values == _PREDICATE)
    sentences = np.searchsorted(tags.offsets, at, side="right") - 1
    flat = flat_sentences(tokens.take(pa.array(sentences)))
    predicates = at - tags.offsets[sentences]
    return chunked_sentences(Sentences(flat.tokens, flat.offsets, predicates)), sentences


def bare_sentences(X: Any) -> pa.ChunkedArray | None:
    """Sentences without predicates (M), in any form that has predicates otherwise; None where they have some.

    Raises:
        DataError: if they are no lists of strings.
    """
    if isinstance(X, pa.ChunkedArray | pa.Array):
        is_bare = not pa.types.is_struct(X.type) or X.type.get_field_index("predicate") < 0
        return as_tokens(X) if is_bare else None
    if isinstance(X, pa.Table | pd.DataFrame):
        names = X.column_names if isinstance(X, pa.Table) else X.columns
        return None if "predicate" in names else as_tokens(X)
    rows = list(X) if isinstance(X, Iterable) and not isinstance(X, str | Iterator) else []
    if rows and all(_is_bare(row) for row in rows):
        return as_tokens([row["tokens"] if isinstance(row, Mapping) else row for row in rows])
    return None


def _is_bare(row: Any) -> bool:
    if isinstance(row, Mapping):
        return "tokens" in row and row.get("predicate") is None
    return isinstance(row, list | tuple) and all(isinstance(token, str) for token in row)
