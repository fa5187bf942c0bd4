"""Scaled dot-product multi-head self-attention."""

# B sequences, T steps, C channels, H heads, D channels of a head

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.layers.dropout import dropout as drop

__all__ = ["SelfAttention", "attend", "padding_bias"]


def padding_bias(mask: Tensor) -> Tensor:
    """Mask (B, T) bool, False on padding -> what is added to attention scores, (B, 1, 1, T): 0, or -inf on padding."""
    bias = torch.zeros(mask.shape, device=mask.device)
    return bias.masked_fill(~mask, -torch.inf)[:, None, None, :]


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, dropout: float) -> Tensor:
    """softmax(query keyᵀ / √D + bias) value.

    On a CPU three plain kernels are faster than the fused one in bf16 and with dropout, and slower in fp32 without:
    `benchmarks/attention.py` measures it. That isn't done at run time, because the two differ in their last bits,
    and a fit must give the same weights again.

    Args:
        query: (B, H, Q, D), for some of the steps.
        key: (B, H, T, D), as value.
        bias: (B, 1, 1, T).
        dropout: share of the attention weights set to zero.
    """
    if query.device.type == "cpu" and (query.dtype is torch.bfloat16 or dropout):
        return _attend_plainly(query, key, value, bias, dropout)
    return F.scaled_dot_product_attention(query, key, value, bias.to(query.dtype), dropout)


def _attend_plainly(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, dropout: float) -> Tensor:
    B, H, T, D = key.shape
    bias = bias.to(query.dtype).expand(B, H, 1, T).reshape(B * H, 1, T)
    query, key, value = (part.reshape(B * H, -1, D) for part in (query, key, value))
    weights = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=D**-0.5).softmax(2)
    return torch.bmm(drop(weights, dropout), value).view(B, H, -1, D)


class SelfAttention(nn.Module):
    """Every step looks at every real step: x (B, T, C) -> (B, T, C).

    Args:
        hidden_size: C.
        num_heads: a divisor of C.
        dropout: share of the attention weights set to zero in training.
    """

    def __init__(self, hidden_size: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads, self.dropout = num_heads, dropout
        self.query_key_value = nn.Linear(hidden_size, 3 * hidden_size)
        self.output = nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, bias: Tensor, steps: int | None = None) -> Tensor:
        """x (B, T, C), bias (B, 1, 1, T) of `padding_bias` -> (B, T, C), or of the first so many steps alone."""
        B, T, C = x.shape
        heads = self.query_key_value(x).view(B, T, 3, self.num_heads, C // self.num_heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # each (B, H, T, D)
        x = attend(query[:, :, :steps], key, value, bias, self.dropout if self.training else 0.0)
        attended: Tensor = self.output(x.transpose(1, 2).reshape(B, -1, C))
        return attended
