"""Words as vectors: one that is looked up, and what their characters tell."""

# B sentences, T words of the longest, V spellings, L characters of the longest, D character vector, W filter width,
# F filters, E features of a word

from __future__ import annotations

import torch
from torch import Tensor, nn

from rungwise.layers.embedding import token_embedding

__all__ = ["CharacterCNN", "WordFeatures"]

_PAD = 0

_STD = 0.1
"""Of characters' vectors, as of words'."""


class CharacterCNN(nn.Module):
    """Filters over a word's characters, of which each gives its largest value: characters (V, L) -> (V, F).

    Source: Ma & Hovy (2016), https://aclanthology.org/P16-1101/.

    Args:
        num_characters: rows of the table of vectors.
        embedding_dim: D.
        num_filters: F.
        filter_width: W, an odd number; beyond a word's ends characters are zero.
    """

    def __init__(
        self, num_characters: int, embedding_dim: int, num_filters: int, filter_width: int = 3
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_characters, embedding_dim, padding_idx=_PAD)
        nn.init.normal_(self.embedding.weight, std=_STD)
        nn.init.zeros_(self.embedding.weight[_PAD].detach())
        self.linear = nn.Linear(filter_width * embedding_dim, num_filters)
        self.filter_width = filter_width

    def forward(self, characters: Tensor) -> Tensor:
        """Characters (V, L) int64, 0 behind a word's end, at least one a word -> (V, F)."""
        around = nn.functional.pad(characters, (self.filter_width // 2,) * 2, value=_PAD)
        windows = self.embedding(around).unfold(1, self.filter_width, 1)  # (V, L, D, W)
        values = self.linear(windows.flatten(2))  # (V, L, F)
        largest: Tensor = values.masked_fill((characters == _PAD)[:, :, None], -torch.inf).amax(1)
        return largest


class WordFeatures(nn.Module):
    """Words of sentences -> what is known of each by itself, (T, B, E).

    Args:
        vocab_size: words that have a vector.
        embedding_dim: of a word's vector.
        num_characters: characters that have a vector.
        character_dim: D.
        num_filters: F.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        embedding_dim: int,
        num_characters: int,
        character_dim: int,
        num_filters: int,
    ) -> None:
        super().__init__()
        self.embedding = token_embedding(vocab_size, embedding_dim, _PAD)
        self.characters = CharacterCNN(num_characters, character_dim, num_filters)
        self.num_features = embedding_dim + num_filters

    def forward(self, words: Tensor, spellings: Tensor, characters: Tensor) -> Tensor:
        """Words, spellings (B, T), characters (V, L), all int64 -> (T, B, E)."""
        spelt = self.characters(characters)[spellings.t()]
        return torch.cat([self.embedding(words.t()), spelt.to(self.embedding.weight.dtype)], 2)
