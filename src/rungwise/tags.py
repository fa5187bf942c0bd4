"""Tags of tokens as numbers that need no names: 0 is outside, 2k + 1 begins a span of type k, 2k + 2 goes on with it.

That is the BIO2 scheme. Which tag may follow which, and where spans are, is then arithmetic, and `num_outputs` alone
says how many types there are. In targets, spans of types that training had not are `UNSEEN_BEGIN`, `UNSEEN_INSIDE`.
"""

# N sentences, S tokens of all of them, C tags, M spans

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "OUTSIDE",
    "UNSEEN_BEGIN",
    "UNSEEN_INSIDE",
    "VERB",
    "Spans",
    "Tags",
    "concatenated",
    "legal_starts",
    "legal_transitions",
    "repaired",
    "span_counts",
    "span_f1",
    "spans_of",
    "tag_names",
    "type_names",
    "unscored_types",
]

OUTSIDE, UNSEEN_BEGIN, UNSEEN_INSIDE = 0, -1, -2

VERB = "V"
"""The name of the type of the predicate itself among semantic roles, which no score counts (CoNLL-2005)."""

_NO_TYPE = -2
"""Of a token outside of all spans; -1 is the type of spans of types that training had not."""


@dataclass(frozen=True, eq=False)  # arrays have no one truth; so each is a key for what was counted of it
class Tags:
    """One tag for each token of some sentences: targets and predictions of the TAGS kind.

    Attributes:
        values: of all the sentences, one after the other (S,) int64.
        offsets: (N + 1,) int64, where each sentence begins and ends.
    """

    values: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each sentence (N,)."""
        return np.diff(self.offsets)

    def take(self, index: NDArray[np.int64]) -> Tags:
        """The tags of some sentences, by their numbers (B,)."""
        lengths = self.lengths[index]
        offsets = np.concatenate([[0], lengths.cumsum()]).astype(np.int64)
        inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return Tags(self.values[np.repeat(self.offsets[index], lengths) + inside], offsets)

    def rows(self) -> list[NDArray[np.int64]]:
        """The tags of each sentence."""
        return np.split(self.values, self.offsets[1:-1]) if len(self) else []


@dataclass(frozen=True)
class Spans:
    """Where the spans are.

    Attributes:
        sentences: the number of each span's sentence (M,).
        starts: its first token within the sentence (M,).
        ends: the token behind its last (M,).
        types: the number of its type (M,), -1 for a type that training had not.
    """

    sentences: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    types: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.types)


def tag_names(types: list[str]) -> list[str]:
    """Names of types -> those of the tags, in the order of their numbers."""
    return ["O", *(f"{prefix}-{name}" for name in types for prefix in "BI")]


def type_names(tags: Sequence[str]) -> list[str]:
    """Names of tags, in the order of their numbers -> those of their types."""
    return [name[2:] for name in tags[1::2]]


def unscored_types(names: list[str]) -> tuple[int, ...]:
    """Names of tags, in the order of their numbers -> the numbers of the types that no score counts."""
    return tuple(number for number, name in enumerate(type_names(names)) if name == VERB)


def spans_of(tags: Tags) -> Spans:
    """The spans in tags; a tag that goes on with nothing of its type begins a span, as in conlleval and seqeval."""
    values, offsets = tags.values, tags.offsets
    types = np.where(values > 0, (values - 1) // 2, np.where(values < 0, -1, _NO_TYPE))
    is_begin = (values % 2 == 1) & (values != UNSEEN_INSIDE) & (values != OUTSIDE)
    is_first = np.zeros(len(values) + 1, dtype=bool)
    is_first[offsets] = True  # the first token of each sentence, and the place behind the last
    before = np.concatenate([[_NO_TYPE], types[:-1]]) if len(types) else types
    is_inside = types != _NO_TYPE
    starts = np.flatnonzero(is_inside & (is_begin | is_first[:-1] | (before != types)))
    is_start = np.zeros(len(values) + 1, dtype=bool)
    is_start[starts] = True
    is_stop = is_first | is_start
    is_stop[:-1] |= ~is_inside
    stops = np.flatnonzero(is_stop)
    ends = stops[np.searchsorted(stops, starts, side="right")]
    sentences = np.searchsorted(offsets, starts, side="right") - 1
    return Spans(sentences, starts - offsets[sentences], ends - offsets[sentences], types[starts])


def legal_starts(num_tags: int) -> NDArray[np.bool_]:
    """Whether each tag may come first (C,): none that goes on with a span."""
    numbers = np.arange(num_tags)
    legal: NDArray[np.bool_] = (numbers == OUTSIDE) | (numbers % 2 == 1)
    return legal


def legal_transitions(num_tags: int) -> NDArray[np.bool_]:
    """Whether the second tag may follow the first (C, C): one that goes on, only one of its own type."""
    first, second = np.arange(num_tags)[:, None], np.arange(num_tags)[None, :]
    goes_on = (second > 0) & (second % 2 == 0)
    legal: NDArray[np.bool_] = ~goes_on | (first == second) | (first == second - 1)
    return legal


def concatenated(some: Sequence[Tags]) -> Tags:
    """The sentences of all, one after the other."""
    lengths = np.concatenate([tags.lengths for tags in some])
    offsets = np.concatenate([[0], lengths.cumsum()]).astype(np.int64)
    return Tags(np.concatenate([tags.values for tags in some]), offsets)


def repaired(tags: Tags) -> Tags:
    """Tags with the same spans, each of which begins with a tag that begins one."""
    spans, values = spans_of(tags), tags.values.copy()
    values[tags.offsets[spans.sentences] + spans.starts] = np.where(
        spans.types < 0, UNSEEN_BEGIN, 2 * spans.types + 1
    )
    return Tags(values, tags.offsets)


def span_counts(target: Tags, predicted: Tags, unscored: Collection[int] = ()) -> NDArray[np.int64]:
    """Target (N), predicted (N) -> for each sentence (N, 3): spans that are hit, that there are, that are predicted.

    A span is hit where both have it, from the same token to the same token, of the same type. No span of a type that
    training had not is.

    Args:
        target: the tags as they should be.
        predicted: the tags of the same tokens.
        unscored: types whose spans are left out on both sides, such as the verb of semantic roles.
    """
    sides = [_by_start(tags, unscored) for tags in (target, predicted)]
    starts, ends, types = (np.stack(columns) for columns in zip(*sides, strict=True))  # (2, S) each
    is_hit = (types[0] == types[1]) & (ends[0] == ends[1]) & (types[0] >= 0)
    return np.stack([_per_sentence(which, target.offsets) for which in (is_hit, *starts)], axis=1)


def span_f1(counts: NDArray[Any]) -> float:
    """Hits, spans that there are, spans predicted, of some sentences (N, 3) -> F1 over them; 0 where there are none."""
    hits, there, found = counts.sum(axis=0)
    return float(2 * hits / max(1, there + found))


def _by_start(
    tags: Tags, unscored: Collection[int]
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """For each token (S,): whether a span begins there, and that span's end and type, which are -1 elsewhere."""
    spans = spans_of(tags)
    kept = ~np.isin(spans.types, list(unscored))
    first = tags.offsets[spans.sentences]
    at = (first + spans.starts)[kept]
    is_start = np.zeros(len(tags.values), dtype=bool)
    ends, types = np.full((2, len(tags.values)), -1, dtype=np.int64)
    is_start[at], ends[at], types[at] = True, (first + spans.ends)[kept], spans.types[kept]
    return is_start, ends, types


def _per_sentence(is_there: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each token (S,) whether it is one -> how many each sentence has (N,)."""
    before = np.concatenate([[0], is_there.cumsum()])
    counts: NDArray[np.int64] = np.diff(before[offsets])
    return counts
