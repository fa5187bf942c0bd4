"""Spans that are looked up: the phrases that were spans of one type in training, the longest first."""

# N sentences, P phrases

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from rungwise.data.sentences import Sentences, flat_sentences
from rungwise.errors import ModelError
from rungwise.fitting import Epoch, FitContext, State
from rungwise.rung import Cost, Pair, SentenceShape
from rungwise.stored import array, strings
from rungwise.tags import Tags, spans_of

__all__ = ["MemorisedSpans", "memorised_cost"]

_LONGEST, _MOST_CHARACTERS, _MOST_PHRASES = 12, 100, 100_000
"""Tokens and characters of a phrase, and phrases that are kept, the most frequent: a model must have an end."""

_BETWEEN = "\x1f"
"""Stands between the tokens of a phrase."""

_BEFORE, _WITH, _AFTER = "<", "=", ">"
"""Where a phrase stands from the predicate on."""

_PHRASE_BYTES = 400
"""Of a phrase, its type and its place in the counter."""


class MemorisedSpans:
    """Tags each phrase that was a span of one type in training, and never of another, from left to right."""

    def __init__(self, config: object, pair: Pair) -> None:
        del config, pair
        self.history: list[Epoch] = []
        self.types: dict[str, int] = {}
        self._sizes: dict[str, list[int]] = {}

    def fit(
        self,
        inputs: pa.ChunkedArray,
        targets: Tags,
        *,
        num_outputs: int,
        validation: tuple[Any, Any] | None,
        context: FitContext,
    ) -> None:
        """Counts the phrases of the spans, and forgets those of several types."""
        del num_outputs, validation, context
        counts: Counter[str] = Counter()
        types: dict[str, int] = {}
        for phrase, type_ in _phrases(flat_sentences(inputs), targets):
            counts[phrase] += 1
            types[phrase] = type_ if types.get(phrase, type_) == type_ else -1
        known = sorted((-count, phrase) for phrase, count in counts.items() if types[phrase] >= 0)
        self._know({phrase: types[phrase] for _, phrase in known[:_MOST_PHRASES]})

    def predict(self, inputs: pa.ChunkedArray) -> Tags:
        """Inputs (N) -> tags."""
        sentences = flat_sentences(inputs)
        values = np.zeros(sentences.offsets[-1], dtype=np.int64)
        for number, tokens in enumerate(sentences.rows()):
            predicate = None if sentences.predicates is None else int(sentences.predicates[number])
            first = int(sentences.offsets[number])
            for start, end, type_ in self._matches(tokens, predicate):
                values[first + start] = 2 * type_ + 1
                values[first + start + 1 : first + end] = 2 * type_ + 2
        return Tags(values, sentences.offsets)

    def num_parameters(self) -> int:
        """One a phrase, its type."""
        return len(self.types)

    def state(self) -> State:
        """The phrases and their types."""
        return {"phrases": list(self.types), "types": np.array(list(self.types.values()), dtype=np.int64)}

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Takes the phrases.

        Raises:
            ModelError: if they have no types, or such as there aren't.
        """
        phrases = strings(state, "phrases")
        types = array(state, "types", np.int64, len(phrases))
        if len(types) and not 0 <= types.min() <= types.max() < (num_outputs - 1) // 2:
            raise ModelError("'types' must be numbers of types that there are.")
        self._know(dict(zip(phrases, types.tolist(), strict=True)))

    def _know(self, types: dict[str, int]) -> None:
        self.types = types
        sizes: dict[str, set[int]] = {}
        for phrase in types:
            tokens = phrase.split(_BETWEEN)[1:]
            if tokens:
                sizes.setdefault(tokens[0], set()).add(len(tokens))
        self._sizes = {token: sorted(some, reverse=True) for token, some in sizes.items()}

    def _matches(self, tokens: list[str], predicate: int | None) -> Iterator[tuple[int, int, int]]:
        """First token, the token behind the last, and type of each known phrase."""
        start = 0
        while start < len(tokens):
            end = start + 1
            for size in self._sizes.get(tokens[start], ()):
                if start + size <= len(tokens):
                    type_ = self.types.get(_key(tokens, start, start + size, predicate))
                    if type_ is not None:
                        end = start + size
                        yield start, end, type_
                        break
            start = end


def _phrases(sentences: Sentences, targets: Tags) -> Iterator[tuple[str, int]]:
    """The phrase of each span, and its type."""
    spans = spans_of(targets)
    rows = list(sentences.rows())
    columns = (spans.sentences, spans.starts, spans.ends, spans.types)
    for number, start, end, type_ in zip(*(column.tolist() for column in columns), strict=True):
        predicate = None if sentences.predicates is None else int(sentences.predicates[number])
        phrase = _key(rows[number], start, end, predicate)
        if end - start <= _LONGEST and len(phrase) <= _MOST_CHARACTERS and type_ >= 0:
            yield phrase, type_


def _key(tokens: list[str], start: int, end: int, predicate: int | None) -> str:
    """A phrase; beside a predicate it is another on each side."""
    phrase = _BETWEEN.join(tokens[start:end])
    if predicate is None:
        return _BETWEEN + phrase
    side = _BEFORE if end <= predicate else _AFTER if start > predicate else _WITH
    return side + _BETWEEN + phrase


def memorised_cost(shape: SentenceShape) -> Cost:
    """As many phrases as tokens at most; no arithmetic but a look at each token."""
    num_tokens = shape.num_examples * shape.mean_tokens
    phrases = min(num_tokens, _MOST_PHRASES)
    return Cost(phrases, 0, num_tokens, _PHRASE_BYTES * num_tokens)
