"""What the pieces of words are told beside their tokens: how a word is written."""

# B sentences, T pieces, C channels

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["NUM_CASES", "Marks"]

NUM_CASES = 5
"""What a piece may be: none that begins a word, or the first of one in small letters, with a capital, of capitals, or
mixed."""


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
