"""Token vectors."""

from __future__ import annotations

from torch import nn

__all__ = ["token_embedding"]

_STD = 0.1
"""Of the entries; with 1, as in `nn.Embedding`, TextCNN scores four points less on SST-2."""


def token_embedding(vocab_size: int, embedding_dim: int, padding_idx: int) -> nn.Embedding:
    """Vectors that start small, so that rarely seen tokens, which hardly move, add little noise; padding is zero."""
    embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=padding_idx)
    nn.init.normal_(embedding.weight, std=_STD)
    nn.init.zeros_(embedding.weight[padding_idx].detach())
    return embedding
