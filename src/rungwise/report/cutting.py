"""Texts of the data, cut so that the page stays small."""

from __future__ import annotations

__all__ = ["MAX_NAME", "cut"]

MAX_NAME = 80
"""Characters of a class's or a column's name."""


def cut(text: str, most: int) -> str:
    """The text, or so many of its characters and a mark that there were more."""
    return text if len(text) <= most else f"{text[:most]}…"
