"""The block that every Transformer encoder is a pile of."""

# B sequences, T steps, C channels

from __future__ import annotations

from enum import StrEnum

import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.layers.attention import SelfAttention
from rungwise.layers.dropout import Dropout

__all__ = ["ASKED_TOKENS", "Activation", "EncoderBlock"]

ASKED_TOKENS = 768
"""Of a batch that a large pile of blocks is only asked about, on a CPU: fewer are slower; of twice as many the
activations leave the caches, and texts of other lengths are padded (Reuters' with MiniLM, texts a second on one core:
40, and 22 in batches of 64)."""


class Activation(StrEnum):
    """Of the feed-forward layers."""

    RELU = "relu"
    GELU = "gelu"
    GELU_TANH = "gelu-tanh"

    def __call__(self, x: Tensor) -> Tensor:
        """X of any shape -> the same shape."""
        match self:
            case Activation.RELU:
                return F.relu(x)
            case Activation.GELU:
                return F.gelu(x)
            case Activation.GELU_TANH:
                return F.gelu(x, approximate="tanh")


class EncoderBlock(nn.Module):
    """Self-attention, then a feed-forward layer for each step, each added to what went in: x (B, T, C) -> (B, T, C).

    Args:
        hidden_size: C.
        num_heads: of attention, a divisor of C.
        intermediate_size: channels inside the feed-forward layer.
        dropout: share of each layer's output, inside and at its end, and of attention set to zero in training.
        pre_norm: normalise what goes into a layer; otherwise what comes out, as Vaswani et al. (2017).
        activation: of the feed-forward layer.
        norm_eps: added to the variance in normalisation.
        inner_dropout: share of the feed-forward layer's inside; None for `dropout`.

    Raises:
        ConfigError: if the heads don't divide the channels.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        intermediate_size: int,
        dropout: float,
        *,
        pre_norm: bool = True,
        activation: Activation = Activation.GELU,
        norm_eps: float = 1e-5,
        inner_dropout: float | None = None,
    ) -> None:
        super().__init__()
        if hidden_size % num_heads:
            raise ConfigError(f"hidden_size={hidden_size} must be a multiple of num_heads={num_heads}.")
        self.pre_norm, self.activation = pre_norm, activation
        self.attention = SelfAttention(hidden_size, num_heads, dropout)
        self.attention_norm = nn.LayerNorm(hidden_size, eps=norm_eps)
        self.expand = nn.Linear(hidden_size, intermediate_size)
        self.contract = nn.Linear(intermediate_size, hidden_size)
        self.feed_forward_norm = nn.LayerNorm(hidden_size, eps=norm_eps)
        self.dropout = Dropout(dropout)
        self.inner_dropout = Dropout(dropout if inner_dropout is None else inner_dropout)

    def forward(self, x: Tensor, bias: Tensor | None, *, is_first_alone: bool = False) -> Tensor:
        """X (B, T, C), bias (B, 1, 1, T) of `padding_bias` -> (B, T, C), or of the first step alone (B, 1, C)."""
        steps = 1 if is_first_alone else x.shape[1]
        if self.pre_norm:
            x = x[:, :steps] + self.dropout(self.attention(self.attention_norm(x), bias, steps))
            return x + self._feed_forward(self.feed_forward_norm(x))
        x = self.attention_norm(x[:, :steps] + self.dropout(self.attention(x, bias, steps)))
        normed: Tensor = self.feed_forward_norm(x + self._feed_forward(x))
        return normed

    def _feed_forward(self, x: Tensor) -> Tensor:
        inner = self.inner_dropout(self.activation(self.expand(x)))
        outer: Tensor = self.dropout(self.contract(inner))
        return outer
