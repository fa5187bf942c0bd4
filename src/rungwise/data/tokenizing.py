"""Texts with spans of characters → tokens with tags, where nobody has cut the text."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from rungwise.scripts import marks, spaced_word, unspaced_word

__all__ = ["Piece", "cut", "spans_to_tags"]

_DIGITS = r"\d"

Span = tuple[int, int, str]
"""First character, the one behind the last, and type."""


@cache
def _token() -> re.Pattern[str]:
    """A character of a script without blanks, a number, a word, or one sign; each with its marks."""
    word = rf"{spaced_word()}(?:['’]{spaced_word(without=_DIGITS)})?"
    return re.compile(rf"{unspaced_word()}|\d+(?:[.,:]\d+)+|{word}|\S[{marks()}]*")


@dataclass(frozen=True)
class Piece:
    """A token and where it begins in its text."""

    token: str
    start: int

    @property
    def end(self) -> int:
        """The character behind its last."""
        return self.start + len(self.token)


def cut(text: str, spans: Sequence[Span] = ()) -> list[Piece]:
    """The tokens of a text; one that the end of a span would cut is cut there."""
    edges = sorted({edge for start, end, _ in spans for edge in (start, end)})
    pieces = []
    for found in _token().finditer(text):
        inner = edges[bisect_right(edges, found.start()) : bisect_left(edges, found.end())]
        bounds = [found.start(), *inner, found.end()]
        pieces += [Piece(text[a:b], a) for a, b in pairwise(bounds)]
    return pieces


def spans_to_tags(pieces: Sequence[Piece], spans: Sequence[Span]) -> list[str]:
    """The tag of each token, by the spans, none of which overlaps another and each of which holds a token.

    Raises:
        ValueError: if two overlap, or one holds no token; the message says which.
    """
    tags = ["O"] * len(pieces)
    starts, ends = [piece.start for piece in pieces], [piece.end for piece in pieces]
    for start, end, type_ in spans:
        inside = range(bisect_left(starts, start), bisect_right(ends, end))
        if not inside:
            raise ValueError(f"the span [{start}, {end}, {type_!r}] holds no word")
        if any(tags[number] != "O" for number in inside):
            raise ValueError(
                f"the span [{start}, {end}, {type_!r}] overlaps another; give each token one type"
            )
        tags[inside[0]] = f"B-{type_}"
        for number in inside[1:]:
            tags[number] = f"I-{type_}"
    return tags
