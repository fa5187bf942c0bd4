"""What one should know of the data before trusting a verdict on them."""

from __future__ import annotations

from collections.abc import Iterable

from rungwise.data import Note, told_twins
from rungwise.language import Message, say

__all__ = ["data_warnings"]

_MANY = 0.05
"""Of the test rows, from which on it is worth a word beside the verdict."""


def data_warnings(notes: Iterable[Note]) -> list[Message]:
    """Where many test rows are in train too, by the notes on the data."""
    count, total = told_twins(notes, "test")
    if count <= _MANY * total:
        return []
    return [
        say(
            "{count:,} of {total:,} test rows have the same input as a row of train: scores on test may be too good.",
            count=count,
            total=total,
        )
    ]
