"""Scaled dot-product multi-head self-attention."""

# B sequences, T steps, C channels, H heads, D channels of a head

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.layers.dropout import dropout as drop

__all__ = ["SelfAttention", "attend", "padding_bias"]

_VECTOR = 16
"""Numbers of 32 bits in a vector of AVX-512."""

_SHORT = 64
"""Steps of one sequence up to which the fused kernel's fewer calls count for more."""

_LONG = 256
"""Steps from which on the plain kernels' scores in bf16 leave the caches."""


def padding_bias(mask: Tensor) -> Tensor | None:
    """Mask (B, T) bool, False on padding -> what is added to attention scores, (B, 1, 1, T): 0, or -inf on padding.

    None on a CPU where nothing is padded; asking another device would wait for it.
    """
    if mask.device.type == "cpu" and bool(mask.all()):
        return None
    bias = torch.zeros(mask.shape, device=mask.device)
    return bias.masked_fill(~mask, -torch.inf)[:, None, None, :]


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, dropout: float) -> Tensor:
    """softmax(query keyᵀ / √D + bias) value.

    On a CPU three plain kernels are faster than the fused one in bf16 and with dropout, and slower in fp32 without;
    where nothing learns, they are faster for few steps of several sequences: `benchmarks/attention.py` measures it.
    That isn't done at run time, because the two differ in their last bits, and a fit must give the same weights again.

    Args:
        query: (B, H, Q, D), for some of the steps.
        key: (B, H, T, D), as value.
        bias: (B, 1, 1, T), or None for 0.
        dropout: share of the attention weights set to zero.
    """
    steps, is_bf16 = key.shape[2], query.dtype is torch.bfloat16
    if query.requires_grad or dropout:
        is_plain = is_bf16 or dropout > 0
    else:
        is_plain = steps < (_LONG if is_bf16 else 2 * _VECTOR) and (len(key) > 1 or steps > _SHORT)
    if query.device.type == "cpu" and is_plain:
        return _attend_plainly(query, key, value, bias, dropout)
    bias = None if bias is None else bias.to(query.dtype)
    return F.scaled_dot_product_attention(query, key, value, bias, dropout)


def _attend_plainly(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, dropout: float) -> Tensor:
    B, H, T, D = key.shape
    query, key, value = (part.reshape(B * H, -1, D) for part in (query, key, value))
    if bias is None:
        scores = torch.bmm(query * D**-0.5, key.transpose(1, 2))
    else:
        bias = bias.to(query.dtype).expand(B, H, 1, T).reshape(B * H, 1, T)
        scores = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=D**-0.5)
    return torch.bmm(drop(_softmax(scores), dropout), value).view(B, H, -1, D)


def _softmax(scores: Tensor) -> Tensor:
    """Scores (…, T) -> their softmax; PyTorch's takes each number by itself where a row doesn't fill its vectors."""
    steps = scores.shape[-1]
    if steps < _VECTOR:
        filled = F.pad(scores.float(), (0, _VECTOR - steps), value=-torch.inf)
        return filled.softmax(-1)[..., :steps].to(scores.dtype)
    if steps < 2 * _VECTOR:
        return scores.softmax(-1, dtype=torch.float32).to(scores.dtype)
    return scores.softmax(-1)


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

    def forward(self, x: Tensor, bias: Tensor | None, steps: int | None = None) -> Tensor:
        """x (B, T, C), bias (B, 1, 1, T) of `padding_bias` -> (B, T, C), or of the first so many steps alone."""
        B, T, C = x.shape
        heads = self.query_key_value(x).view(B, T, 3, self.num_heads, C // self.num_heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # each (B, H, T, D)
        x = attend(query[:, :, :steps], key, value, bias, self.dropout if self.training else 0.0)
        attended: Tensor = self.output(x.transpose(1, 2).reshape(B, -1, C))
        return attended
