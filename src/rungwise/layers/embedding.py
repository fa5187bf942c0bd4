"""Token vectors: random at first, or learned elsewhere and kept, tuned, or both."""

# V tokens of the vocabulary, E channels

from __future__ import annotations

from enum import StrEnum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.errors import ConfigError

__all__ = ["VECTOR_STD", "TokenEmbedding", "Variant", "token_embedding"]

VECTOR_STD = 0.1
"""Of the entries; with 1, as in `nn.Embedding`, TextCNN scores four points less on SST-2."""


class Variant(StrEnum):
    """What becomes of word vectors in training.

    Source: Kim (2014), Convolutional Neural Networks for Sentence Classification, https://arxiv.org/abs/1408.5882.
    """

    RANDOM = "random"
    STATIC = "static"
    NON_STATIC = "non-static"
    MULTICHANNEL = "multichannel"


class TokenEmbedding(nn.Embedding):
    """Tokens (...) int64 -> vectors (..., E).

    Vectors start small, so that rarely seen tokens, which hardly move, add little noise; padding is zero. With several
    channels each token has two vectors that begin alike, one that stays and one that is tuned. A filter is applied to
    both and its answers are added, as in the paper: that is the filter's answer to their sum.

    Args:
        vocab_size: V.
        embedding_dim: E.
        padding_idx: the token that is none.
        variant: whether vectors are tuned.
    """

    fixed: nn.Parameter | None

    def __init__(
        self, vocab_size: int, embedding_dim: int, padding_idx: int, variant: Variant = Variant.RANDOM
    ) -> None:
        super().__init__(vocab_size, embedding_dim, padding_idx=padding_idx)
        nn.init.normal_(self.weight, std=VECTOR_STD)
        nn.init.zeros_(self.weight[padding_idx].detach())
        self.weight.requires_grad_(variant is not Variant.STATIC)
        has_two = variant is Variant.MULTICHANNEL
        fixed = nn.Parameter(self.weight.detach().clone(), requires_grad=False) if has_two else None
        self.register_parameter("fixed", fixed)

    def forward(self, input: Tensor) -> Tensor:
        """Tokens (...) int64 -> vectors (..., E)."""
        x: Tensor = super().forward(input)
        return x if self.fixed is None else x + F.embedding(input, self.fixed)

    @torch.no_grad()
    def begin_from(self, vectors: Tensor, is_known: Tensor) -> None:
        """Takes vectors (V, E) where they are known (V,); the others are random, as far spread as those.

        Raises:
            ConfigError: if they are longer or shorter than this network's.
        """
        if vectors.shape[1] != self.embedding_dim:
            raise ConfigError(
                f"the file's vectors have {vectors.shape[1]} numbers, the network's {self.embedding_dim}; set the "
                f"size of its vectors to {vectors.shape[1]}."
            )
        self.weight[~is_known] *= float(vectors[is_known].std()) / VECTOR_STD  # padding stays zero
        self.weight[is_known] = vectors[is_known]
        self.weight[self.padding_idx] = 0.0  # also where the file has a word that is spelt as it
        if self.fixed is not None:
            self.fixed.copy_(self.weight)


def token_embedding(
    vocab_size: int, embedding_dim: int, padding_idx: int, variant: Variant = Variant.RANDOM
) -> TokenEmbedding:
    """The vectors of a vocabulary's tokens."""
    return TokenEmbedding(vocab_size, embedding_dim, padding_idx, variant)
