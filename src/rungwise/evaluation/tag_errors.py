"""Spans that all rungs have and the label hasn't, or the other way about."""

# N sentences, R rungs

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.metrics import Argument, plain_spans
from rungwise.tags import Tags

__all__ = ["SpanSuspect", "span_suspects"]

_LEAST_DOUBT = 0.8
"""Agreement that is right less often says more of the rungs than of the label: on WNUT-17, at 0.66, it was theirs that
was wrong."""


@dataclass(frozen=True)
class SpanSuspect:
    """A span whose label may be wrong.

    Attributes:
        sentence: its number in the part.
        start: its first token.
        end: the one behind its last.
        label: its type by the label; None where the label has no such span.
        said: its type by all rungs; None where they have none.
        doubt: how often the rungs are right by the labels where they agree so.
    """

    sentence: int
    start: int
    end: int
    label: str | None
    said: str | None
    doubt: float


def span_suspects(target: Tags, said: Sequence[Tags], names: Sequence[str]) -> list[SpanSuspect]:
    """Target (N), predictions of R rungs (N) -> the suspects, those of the most doubt first.

    A span that all rungs have alike, and the label otherwise, is as doubtful as such spans of its type are right by the
    labels elsewhere. One that the label alone has, and no rung touches, is as doubtful as labelled spans of its type
    are found by some rung.

    Args:
        target: the labels.
        said: what each rung says.
        names: of the tags.
    """
    labelled = plain_spans(target, names)
    of_rungs = [set(plain_spans(each, names)) for each in said]
    truth, agreed = set(labelled), set.intersection(*of_rungs)
    right = Counter(span[2] for span in agreed & truth)
    precision = {type_: right[type_] / count for type_, count in Counter(s[2] for s in agreed).items()}
    touched = {place for spans in of_rungs for span in spans for place in _places(span)}
    found = [any(place in touched for place in _places(span)) for span in labelled]
    there = Counter(span[2] for span in labelled)
    hit = Counter(span[2] for span, is_found in zip(labelled, found, strict=True) if is_found)
    types = {(sentence, parts): type_ for sentence, parts, type_ in labelled}
    suspects = [
        _suspect(span, types.get(span[:2]), span[2], precision[span[2]]) for span in sorted(agreed - truth)
    ]
    suspects += [
        _suspect(span, span[2], None, hit[span[2]] / there[span[2]])
        for span, is_found in zip(labelled, found, strict=True)
        if not is_found
    ]
    kept = [each for each in suspects if each.doubt > _LEAST_DOUBT]
    return sorted(kept, key=lambda each: -each.doubt)


def _places(span: Argument) -> list[tuple[int, int]]:
    """Sentence and token of each of its tokens."""
    sentence, [(start, end)], _ = span
    return [(sentence, token) for token in range(start, end)]


def _suspect(span: Argument, label: str | None, said: str | None, doubt: float) -> SpanSuspect:
    sentence, [(start, end)], _ = span
    return SpanSuspect(sentence, start, end, label, said, doubt)
