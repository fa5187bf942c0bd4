"""Sentences of tokens, with a predicate or without → the form that learners get, and the flat one that is quick."""

# N sentences, S tokens of all of them

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.errors import DataError

__all__ = [
    "PREDICATE_TYPE",
    "TOKENS_TYPE",
    "Sentences",
    "as_predicates",
    "as_tags",
    "as_tokens",
    "chunked_sentences",
    "flat_sentences",
    "lists",
]

TOKENS_TYPE = pa.list_(pa.string())
PREDICATE_TYPE = pa.struct([("tokens", TOKENS_TYPE), ("predicate", pa.int64())])

_FORMS = "a sentence with a predicate is {'tokens': [...], 'predicate': 2}, or ([...], 2), counted from 0"


@dataclass(frozen=True)
class Sentences:
    """What learners of token tasks get, flat.

    Attributes:
        tokens: of all the sentences, one after the other: strings (S,).
        offsets: (N + 1,) int64, where each sentence begins and ends.
        predicates: the number of each sentence's predicate among its tokens (N,); None where there are none.
    """

    tokens: pa.Array
    offsets: NDArray[np.int64]
    predicates: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows(self) -> Iterable[list[str]]:
        """The tokens of each sentence."""
        tokens = self.tokens.to_pylist()
        return (
            tokens[start:end]
            for start, end in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True)
        )


def flat_sentences(inputs: pa.ChunkedArray) -> Sentences:
    """Inputs (N) of the TOKENS or the PREDICATE kind, or lists of tags -> the same, flat."""
    predicates = None
    if pa.types.is_struct(inputs.type):
        predicates = np.asarray(pc.struct_field(inputs, "predicate").to_numpy()).astype(np.int64)
        inputs = pc.struct_field(inputs, "tokens")
    lengths = pc.list_value_length(inputs).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    flat = pc.list_flatten(inputs)
    tokens = flat.combine_chunks() if isinstance(flat, pa.ChunkedArray) else flat
    if isinstance(tokens, pa.ChunkedArray):  # of none, or of more bytes than one array has
        tokens = pa.concat_arrays(tokens.chunks) if tokens.num_chunks else pa.array([], pa.string())
    return Sentences(tokens, offsets, predicates)


def lists(values: Any, offsets: Any) -> pa.ListArray:
    """Values (S,), and where each list begins and ends among them (N + 1,) -> lists (N)."""
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def chunked_sentences(sentences: Sentences) -> pa.ChunkedArray:
    """Flat sentences, or tags -> inputs (N) of the TOKENS kind, or with predicates of the PREDICATE kind."""
    tokens = lists(sentences.tokens, sentences.offsets)
    if sentences.predicates is None:
        return pa.chunked_array([tokens])
    both = [tokens, pa.array(sentences.predicates, pa.int64())]
    return pa.chunked_array([pa.StructArray.from_arrays(both, fields=list(PREDICATE_TYPE))])


def as_tokens(X: Any) -> pa.ChunkedArray:
    """Lists of strings (N), a sentence each.

    Args:
        X: a sequence or series of sequences of strings, an Arrow array of lists, or a table with such a column, which
            is called `tokens` or is the only one.

    Raises:
        DataError: if X holds something else; it names the sentence.
    """
    if isinstance(X, pa.ChunkedArray | pa.Array):
        return _arrow_tokens(X)
    if isinstance(X, pa.Table | pd.DataFrame):
        return as_tokens(_column(X, "tokens"))
    if isinstance(X, str):
        raise DataError(
            f"sentences are a sequence of lists of tokens, got one string; use [{X[:20].split()}]."
        )
    rows = []
    for number, row in enumerate(X, 1):
        rows.append(_checked_tokens(row, number))
    return pa.chunked_array([pa.array(rows, TOKENS_TYPE)])


def as_tags(y: Any) -> pa.ChunkedArray:
    """Lists of tags (N), as `as_tokens` takes them.

    Raises:
        DataError: if y holds something else; it names the sentence.
    """
    if y is None:
        raise DataError("y is None; give each sentence a list of tags.", column="y")
    if isinstance(y, Sequence) and y and isinstance(y[0], str):
        raise DataError("y is a list of lists of tags, one a token, got strings.", column="y")
    try:
        return as_tokens(y)
    except DataError as error:
        raise DataError(error.problem.replace("token", "tag"), row=error.row, column="y") from None


def as_predicates(X: Any) -> pa.ChunkedArray:
    """Structs (N) of `tokens`, a list of strings, and `predicate`, the number of one of them, from 0.

    Args:
        X: a sequence of dicts with these keys or of pairs of them, an Arrow array of structs, or a table with these
            columns.

    Raises:
        DataError: if X holds something else, or a predicate is none of the tokens; it names the sentence.
    """
    if isinstance(X, pa.ChunkedArray | pa.Array):
        made = _arrow_predicates(X)
    elif isinstance(X, pa.Table | pd.DataFrame):
        made = _structs(as_tokens(_column(X, "tokens")), _column(X, "predicate"))
    else:
        pairs = [_pair(row, number) for number, row in enumerate(X, 1)]
        made = _structs(as_tokens([tokens for tokens, _ in pairs]), [predicate for _, predicate in pairs])
    _check_predicates(made)
    return made


def _arrow_tokens(X: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    values = X if isinstance(X, pa.ChunkedArray) else pa.chunked_array([X])
    if pa.types.is_struct(values.type) and values.type.get_field_index("tokens") >= 0:
        values = pc.struct_field(values, "tokens")
    try:
        values = values.cast(TOKENS_TYPE)
    except pa.ArrowException:
        raise DataError(f"sentences are lists of strings, got values of type {values.type}.") from None
    if values.null_count or pc.list_flatten(values).null_count:
        raise DataError("a sentence or a token is missing; leave it out.")
    return values


def _arrow_predicates(X: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    values = X if isinstance(X, pa.ChunkedArray) else pa.chunked_array([X])
    names = {field.name for field in values.type} if pa.types.is_struct(values.type) else set()
    if not {"tokens", "predicate"} <= names:
        raise DataError(f"got values of type {values.type}; {_FORMS}.")
    tokens, predicates = (pc.struct_field(values, name) for name in ("tokens", "predicate"))
    return _structs(_arrow_tokens(tokens), predicates)


def _structs(tokens: pa.ChunkedArray, predicates: Any) -> pa.ChunkedArray:
    """Tokens (N), predicates (N) -> structs (N)."""
    try:
        if isinstance(predicates, pa.ChunkedArray | pa.Array):
            numbers = predicates.cast(pa.int64())
        else:
            numbers = pa.array(predicates, pa.int64(), from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise DataError(f"a predicate is the number of a token, from 0 ({str(error)[:100]}).") from None
    numbers = numbers.combine_chunks() if isinstance(numbers, pa.ChunkedArray) else numbers
    if isinstance(numbers, pa.ChunkedArray):
        numbers = pa.array([], pa.int64())
    if numbers.null_count:
        row = int(np.argmax(numbers.is_null().to_numpy(zero_copy_only=False)))
        raise DataError(f"it has no predicate; {_FORMS}.", row=row + 1)
    made, start = [], 0
    for chunk in tokens.chunks:
        both = [chunk, numbers.slice(start, len(chunk))]
        made.append(pa.StructArray.from_arrays(both, fields=list(PREDICATE_TYPE)))
        start += len(chunk)
    return pa.chunked_array(made, PREDICATE_TYPE)


def _check_predicates(made: pa.ChunkedArray) -> None:
    lengths = pc.list_value_length(pc.struct_field(made, "tokens")).to_numpy()
    predicates = pc.struct_field(made, "predicate").to_numpy()
    is_outside = (predicates < 0) | (predicates >= lengths)
    if is_outside.any():
        row = int(np.argmax(is_outside))
        raise DataError(
            f"predicate {predicates[row]} is none of its {lengths[row]} tokens; they are counted from 0.",
            row=row + 1,
        )


def _column(X: Any, name: str) -> Any:
    names = [str(known) for known in (X.column_names if isinstance(X, pa.Table) else X.columns)]
    if name not in names and not (name == "tokens" and len(names) == 1):
        raise DataError(f"there is no column {name!r}; it has {', '.join(names[:10])}.")
    number = names.index(name) if name in names else 0
    return X.column(number) if isinstance(X, pa.Table) else X.iloc[:, number]


def _checked_tokens(row: Any, number: int) -> list[str]:
    if isinstance(row, str):
        raise DataError(
            f"a sentence is a list of tokens, got the string {row[:20]!r}; cut it into tokens.", row=number
        )
    if isinstance(row, Mapping) or not isinstance(row, Iterable):
        raise DataError(f"a sentence is a list of tokens, got {type(row).__name__}.", row=number)
    tokens = list(row)
    for token in tokens:
        if not isinstance(token, str):
            raise DataError(
                f"tokens are strings, got {str(token)[:20]!r} of type {type(token).__name__}.", row=number
            )
        if not token.isascii():
            _check_text(token, number)
    return tokens


def _check_text(token: str, number: int) -> None:
    try:
        token.encode()
    except UnicodeEncodeError:
        raise DataError(f"the token {token[:20]!a} isn't text; leave it out.", row=number) from None


def _pair(row: Any, number: int) -> tuple[Any, Any]:
    if isinstance(row, Mapping):
        if "tokens" in row and "predicate" in row:
            return row["tokens"], row["predicate"]
    elif isinstance(row, list | tuple) and len(row) == 2 and isinstance(row[1], Integral):
        return row[0], int(row[1])
    raise DataError(f"{_FORMS}; got {str(row)[:40]}.", row=number)
