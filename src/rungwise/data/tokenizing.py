"""Texts with spans of characters → tokens with tags, where nobody has cut the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Piece", "cut", "spans_to_tags"]

_UNSPACED = (
    "\u0e00-\u0e7f\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_TOKEN = re.compile(rf"[{_UNSPACED}]|\d+(?:[.,:]\d+)+|[^\W_{_UNSPACED}]+(?:['’][^\W\d_{_UNSPACED}]+)?|\S")
"""A character of a script without spaces, a number, a word, or one sign."""

Span = tuple[int, int, str]
"""First character, the one behind the last, and type."""


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
    for found in _TOKEN.finditer(text):
        inner = [edge for edge in edges if found.start() < edge < found.end()]
        bounds = [found.start(), *inner, found.end()]
        pieces += [Piece(text[a:b], a) for a, b in pairwise(bounds)]
    return pieces


def spans_to_tags(pieces: Sequence[Piece], spans: Sequence[Span]) -> list[str]:
    """The tag of each token, by the spans, none of which overlaps another and each of which holds a token.

    Raises:
        ValueError: if two overlap, or one holds no token; the message says which.
    """
    tags = ["O"] * len(pieces)
    for start, end, type_ in spans:
        inside = [number for number, piece in enumerate(pieces) if start <= piece.start and piece.end <= end]
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
