"""Sequences of different lengths in one padded batch: masks, reversal and pooling that padding never reaches."""

# B sequences, T steps of the longest, C channels

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor

__all__ = ["Pooling", "pool", "real_steps", "reverse"]


class Pooling(StrEnum):
    """How the steps of a sequence become one vector."""

    LAST = "last"
    MEAN = "mean"
    MAX = "max"


def real_steps(lengths: Tensor, num_steps: int) -> Tensor:
    """Lengths (B,) -> mask (B, T) bool, False on padding."""
    return torch.arange(num_steps, device=lengths.device) < lengths[:, None]


def reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """x (T, B, C), lengths (B,) -> x (T, B, C) with each sequence's real steps in reverse, its padding in place."""
    T, B, C = x.shape
    steps = torch.arange(T, device=x.device)[:, None]
    source = torch.where(steps < lengths, lengths - 1 - steps, steps) * B + torch.arange(B, device=x.device)
    rows = x.reshape(T * B, C).index_select(0, source.flatten())  # `gather` takes 5 times longer
    return rows.view(T, B, C)


def pool(x: Tensor, lengths: Tensor, pooling: Pooling) -> Tensor:
    """x (B, T, C), lengths (B,) of at least 1 -> (B, C)."""
    if pooling is Pooling.LAST:
        return x[torch.arange(len(x), device=x.device), lengths - 1]
    mask = real_steps(lengths, x.shape[1])[:, :, None]
    if pooling is Pooling.MEAN:
        return (x * mask).sum(1) / lengths[:, None]
    return x.masked_fill(~mask, -torch.inf).amax(1)
