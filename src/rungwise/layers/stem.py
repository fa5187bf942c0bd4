"""How an image network begins: whether it halves its images at once."""

from __future__ import annotations

from enum import StrEnum

from rungwise.rung import ImageShape

__all__ = ["Stem", "is_small"]

_SMALL_SIDE = 96
"""Pixels of the shorter side under which halving an image twice leaves too little of it."""


class Stem(StrEnum):
    """`LARGE` is the published beginning, `SMALL` keeps the size of the image; `AUTO` goes by that size."""

    AUTO = "auto"
    SMALL = "small"
    LARGE = "large"


def is_small(stem: Stem, shape: ImageShape) -> bool:
    """Whether the small stem is to be built."""
    if stem is Stem.AUTO:
        return min(shape.height, shape.width) < _SMALL_SIDE
    return stem is Stem.SMALL
