"""What is seen of each token of some sentences, as numbers of a vocabulary."""

# N sentences, S tokens of all of them

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NONE", "OUTSIDE_NUMBERS", "View"]

NONE = -1
"""The number of what training had not, or what a word has not, such as an end shorter than itself."""

OUTSIDE_NUMBERS = 2
"""Numbers that each view has beside its vocabulary: before a sentence, and behind it."""


@dataclass(frozen=True)
class View:
    """What is seen of each token.

    Attributes:
        numbers: in the view's vocabulary (S,), `NONE` for what isn't in it.
        size: of the vocabulary.
    """

    numbers: NDArray[np.int64]
    size: int

    def at(self, offset: int, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of the tokens so many behind (S,); outside of the sentence, one of the two numbers for that."""
        if offset == 0 or not len(self.numbers):
            return self.numbers
        lengths = np.diff(offsets)
        place = np.arange(len(self.numbers)) - np.repeat(offsets[:-1], lengths) + offset
        numbers = np.roll(self.numbers, -offset)
        numbers[place < 0] = self.size
        numbers[place >= np.repeat(lengths, lengths)] = self.size + 1
        return numbers
