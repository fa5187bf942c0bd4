"""Masks tokens that a network is to guess; every pass over the texts masks others.

Source: Devlin et al. (2019), https://arxiv.org/abs/1810.04805; other tokens each time: Liu et al. (2019),
https://arxiv.org/abs/1907.11692.
"""

# B texts, T tokens

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rungwise.layers.sequence import real_steps

__all__ = ["Masking"]

_CHOSEN, _MASKED, _SWAPPED = 0.15, 0.8, 0.1
"""Share of the tokens that are to be guessed; of these, the shares that are masked and that are another's at random."""


@dataclass(frozen=True)
class Masking:
    """Which tokens may be guessed, and what takes their place.

    Attributes:
        mask: the token that masks.
        kept: tokens that are never masked, such as those around a text.
        vocab_size: V.
    """

    mask: int
    kept: tuple[int, ...]
    vocab_size: int

    def __call__(
        self, batch: tuple[Any, ...], generator: torch.Generator, *, index: NDArray[np.int64], epoch: int
    ) -> tuple[Any, ...]:
        """Tokens (B, T), lengths (B,) -> tokens with some masked, lengths, where these are (B, T) bool, what they were.

        One token of the batch is always masked.
        """
        del index, epoch
        tokens, lengths = batch
        is_real = real_steps(lengths, tokens.shape[1])
        may = is_real & ~torch.isin(tokens, torch.tensor(self.kept, device=tokens.device))
        may = may if may.any() else is_real
        draws = torch.rand(tokens.shape, generator=generator, device=tokens.device).masked_fill(~may, 1.0)
        chosen = draws <= draws.min().clamp(min=_CHOSEN)
        how = torch.rand(tokens.shape, generator=generator, device=tokens.device)
        others = torch.randint(
            self.vocab_size, tokens.shape, generator=generator, device=tokens.device, dtype=tokens.dtype
        )
        masked = torch.where(chosen & (how < _MASKED), self.mask, tokens)
        masked = torch.where(chosen & (how > 1 - _SWAPPED), others, masked)
        return masked, lengths, chosen, tokens
