"""What the pieces of words are told beside their tokens: how a word is written, and where the predicate stands."""

# B sentences, T pieces, C channels

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["NUM_CASES", "Marks"]

NUM_CASES = 5
"""What a piece may be: none that begins a word, or the first of one in small letters, with a capital, of capitals, or
mixed."""

_NUM_SIDES = 3
"""Before the predicate, in it, or behind it."""


class Marks(nn.Module):
    """Adds to the pieces of sentences (B, T, C) a vector for each thing that they are told, if there is any.

    Pieces without capitals say nothing of names, which a reader sees at once; and the same sentence has other roles for
    another predicate.

    Args:
        size: C.
        std: of the vectors, at random; those of tokens have about as much.
        has_cases: whether words are told how they are written.
        has_predicates: whether pieces are told where the predicate is.
    """

    cases: nn.Parameter | None
    sides: nn.Parameter | None

    def __init__(self, size: int, std: float, *, has_cases: bool, has_predicates: bool) -> None:
        super().__init__()
        for name, count, is_there in (("cases", NUM_CASES, has_cases), ("sides", _NUM_SIDES, has_predicates)):
            vectors = nn.Parameter(torch.randn(count, size) * std) if is_there else None
            self.register_parameter(name, vectors)

    @staticmethod
    def count(size: int, *, has_cases: bool, has_predicates: bool) -> int:
        """Its parameters."""
        return size * (NUM_CASES * has_cases + _NUM_SIDES * has_predicates)

    def forward(self, x: Tensor, cases: Tensor | None, sides: Tensor | None) -> Tensor:
        """Tells each piece.

        Args:
            x: (B, T, C).
            cases: (B, T) int64, above 0 where a word begins; None for texts.
            sides: (B, T) int64, 0 before the predicate, 1 in it, 2 behind it; None where there are no predicates.

        Returns:
            (B, T, C).
        """
        if self.cases is not None and cases is not None:
            x = x + self.cases[cases]
        if self.sides is not None and sides is not None:
            x = x + self.sides[sides]
        return x
