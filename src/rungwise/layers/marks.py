"""What the pieces of words are told beside their tokens: how a word is written, and where the predicate is."""

# B sentences, P predicates, T pieces, C channels

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["NUM_CASES", "NUM_SIDES", "Marks", "Sides"]

NUM_CASES = 5
"""What a piece may be: none that begins a word, or the first of one in small letters, with a capital, of capitals, or
mixed."""

NUM_SIDES = 3
"""A piece is of a word before the predicate, of the predicate, or of a word behind it."""


class Marks(nn.Module):
    """Adds to the pieces of sentences (B, T, C) a vector for how the word is written that they begin.

    Pieces without capitals say nothing of names, which a reader sees at once.

    Args:
        size: C.
        std: of the vectors, at random; those of tokens have about as much.
    """

    def __init__(self, size: int, std: float) -> None:
        super().__init__()
        self.cases = nn.Parameter(torch.randn(NUM_CASES, size) * std)

    def forward(self, x: Tensor, cases: Tensor) -> Tensor:
        """X (B, T, C), cases (B, T) int64, above 0 where a word begins -> (B, T, C)."""
        return x + self.cases[cases]


class Sides(nn.Module):
    """Sentences' pieces, once for all predicates -> once for each, with a vector added for the side of it they are on.

    Args:
        size: C.
        std: of the vectors, at random.
    """

    def __init__(self, size: int, std: float) -> None:
        super().__init__()
        self.sides = nn.Parameter(torch.randn(NUM_SIDES, size) * std)

    def forward(
        self, x: Tensor, bias: Tensor | None, is_first: Tensor, sentences: Tensor, predicates: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """X (B, T, C), bias (B, 1, 1, T) of `padding_bias` -> (P, T, C) and (P, 1, 1, T).

        Args:
            x: the pieces' states.
            bias: of attention, or None.
            is_first: whether a piece begins a word (B, T) bool.
            sentences: which each predicate is of (P,) int64.
            predicates: how many words each is behind its part's first (P,) int64.
        """
        words = is_first.cumsum(1)[sentences] - 1  # of each piece (P, T)
        told = x[sentences] + self.sides[(words - predicates[:, None]).sign() + 1]
        return told, None if bias is None else bias[sentences]
