"""Where a rung errs on sentences: the spans that it misses and invents, marked in the text, and types it confuses."""

# N sentences

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.data import Dataset
from rungwise.data.sentences import flat_sentences
from rungwise.evaluation import Predictions
from rungwise.metrics import Argument, plain_spans, span_arguments
from rungwise.report.confusions import ConfusedPair, pair_key
from rungwise.tags import VERB

__all__ = ["NOTHING", "Piece", "SpanExample", "confused_types", "span_examples"]

NOTHING = "–"
"""What a span is taken for that isn't found, and what was there where one is invented."""

_MOST_TOKENS = 60
_BEFORE = 15
"""Tokens of a sentence that are shown, and those of them before the first error."""

_MAX_PAIRS = 20
_PREDICATE = "predicate"


@dataclass(frozen=True)
class Piece:
    """A stretch of a sentence.

    Attributes:
        text: its tokens, with spaces between.
        type: of its span; "" outside of all.
        state: "hit" or "miss" of a span, "predicate", or "".
    """

    text: str
    type: str = ""
    state: str = ""


@dataclass(frozen=True)
class SpanExample:
    """A sentence as it should be and as the rung has it.

    Attributes:
        row: its number in its source, 1 for the first.
        truth: the sentence with its spans.
        prediction: the same with the spans of the rung.
        num_errors: spans missed and invented.
        pairs: what was taken for what, as `pair_key` has it.
    """

    row: int
    truth: Sequence[Piece]
    prediction: Sequence[Piece]
    num_errors: int
    pairs: Sequence[str]


def span_examples(
    dataset: Dataset, predictions: Predictions, count: int, *, is_roles: bool
) -> list[SpanExample]:
    """The test sentences with the most errors, the worst first."""
    truth, said = _sides(predictions, is_roles)
    wrong = Counter(sentence for sentence, *_ in truth ^ said)
    pairs: dict[int, set[str]] = defaultdict(set)
    for (sentence, *_), true, other in _type_pairs(truth, said):
        if true != other:
            pairs[sentence].add(pair_key(true, other))
    worst = sorted(wrong, key=lambda sentence: (-wrong[sentence], sentence))[:count]
    rows = dataset.row_numbers("test")
    inputs = flat_sentences(dataset.inputs("test"))
    tokens, shown = inputs.tokens, []
    for sentence in worst:
        words = tokens.slice(inputs.offsets[sentence], int(np.diff(inputs.offsets)[sentence])).to_pylist()
        predicate = None if inputs.predicates is None else int(inputs.predicates[sentence])
        sides = [{each for each in side if each[0] == sentence} for side in (truth, said)]
        window = _window(sides[0] ^ sides[1], len(words))
        hits = sides[0] & sides[1]
        truth_pieces, said_pieces = (_pieces(words, side, hits, predicate, window) for side in sides)
        confused = sorted(pairs[sentence])
        shown.append(SpanExample(int(rows[sentence]), truth_pieces, said_pieces, wrong[sentence], confused))
    return shown


def confused_types(predictions: Predictions, *, is_roles: bool) -> list[ConfusedPair]:
    """True and predicted type of spans with the same bounds, and what is missed and invented; most frequent first."""
    found = _type_pairs(*_sides(predictions, is_roles))
    pairs = Counter((true, other) for _, true, other in found)
    there = Counter(true for _, true, _ in found if true != NOTHING)
    return [
        ConfusedPair(true, other, count, count / there[true] if true in there else float("nan"))
        for (true, other), count in pairs.most_common()
        if true != other
    ][:_MAX_PAIRS]


def _type_pairs(truth: set[Argument], said: set[Argument]) -> list[tuple[tuple[Any, ...], str, str]]:
    """Place, true and predicted type of every span, with `NOTHING` where a side has none at that place."""
    types = {each[:2]: each[2] for each in truth}
    found = {each[:2]: each[2] for each in said}
    there = [(place, type_, found.get(place, NOTHING)) for place, type_ in types.items()]
    return there + [(place, NOTHING, type_) for place, type_ in found.items() if place not in types]


def _sides(predictions: Predictions, is_roles: bool) -> tuple[set[Argument], set[Argument]]:
    spans = span_arguments if is_roles else plain_spans
    sides = [
        {each for each in spans(tags, predictions.tags) if not (is_roles and each[2] == VERB)}
        for tags in (predictions.target, predictions.prediction)
    ]
    return sides[0], sides[1]


def _window(wrong: set[Argument], num_tokens: int) -> tuple[int, int]:
    """The tokens of a long sentence that are shown: those about the first error."""
    first = min(parts[0][0] for _, parts, _ in wrong)
    start = max(0, min(first - _BEFORE, num_tokens - _MOST_TOKENS))
    return start, min(num_tokens, start + _MOST_TOKENS)


def _pieces(
    words: list[str],
    spans: set[Argument],
    hits: set[Argument],
    predicate: int | None,
    window: tuple[int, int],
) -> list[Piece]:
    """The words of the window, cut where spans begin and end."""
    marks: NDArray[np.int64] = np.full(len(words), -1)
    kinds = [("", ""), (_PREDICATE, _PREDICATE)]
    if predicate is not None:
        marks[predicate] = 1
    for each in spans:
        for start, end in each[1]:
            marks[start:end] = len(kinds)
            kinds.append((each[2], "hit" if each in hits else "miss"))
    marks[marks < 0] = 0
    start, stop = window
    cuts = [start, *(np.flatnonzero(np.diff(marks[start:stop])) + start + 1).tolist(), stop]
    pieces = [Piece(" ".join(words[a:b]), *kinds[int(marks[a])]) for a, b in pairwise(cuts)]
    before, behind = [Piece("…")] if start else [], [Piece("…")] if stop < len(words) else []
    return [*before, *pieces, *behind]
