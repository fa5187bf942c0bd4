"""Pretrains an encoder on texts without labels: some tokens are masked, and it learns to guess them.

Source: Devlin et al. (2019), https://arxiv.org/abs/1810.04805.
"""

# B texts, T tokens, M masked tokens of a batch, C hidden_size, V vocab_size

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.errors import TrainingError
from rungwise.fitting import FitContext
from rungwise.preprocessing.masking import Masking
from rungwise.rung import Examples
from rungwise.settings import NetworkConfig, UnlabeledConfig
from rungwise.training.trainer import Trainer

__all__ = ["MaskedEncoder", "pretrain"]

_SHARE = 0.5
"""Of the time that is left, what pretraining may take."""


class MaskedEncoder(nn.Module):
    """An encoder with a head that guesses tokens by their vectors: it gives the loss of each masked token (M, 1)."""

    def __init__(self, encoder: nn.Module, vocab_size: int, hidden_size: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.dense = nn.Linear(hidden_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, tokens: Tensor, lengths: Tensor, chosen: Tensor, wanted: Tensor) -> Tensor:
        """Tokens (B, T), lengths (B,), where some are masked (B, T) bool, what they were (B, T) -> losses (M, 1)."""
        encoder: Any = self.encoder
        states = encoder.encode(tokens, lengths)[chosen]  # (M, C)
        guesses = self.norm(F.gelu(self.dense(states))) @ encoder.embedding.weight.T + self.bias
        losses: Tensor = F.cross_entropy(guesses.float(), wanted[chosen], reduction="none")[:, None]
        return losses


@dataclass(frozen=True)
class _Guessing:
    """The criterion of outputs that are losses already."""

    vocab_size: int

    def loss(self, outputs: Tensor, targets: Any) -> Tensor:
        """Losses (M, 1) -> their mean ()."""
        del targets
        return outputs.mean()

    def train_loss(self, outputs: Tensor, targets: Any) -> Tensor:
        """Losses (M, 1) -> their mean ()."""
        return self.loss(outputs, targets)

    def guessing_loss(self, num_outputs: int) -> float:
        """Of a guess among all tokens."""
        del num_outputs
        return math.log(self.vocab_size)

    def score(self, outputs: Tensor, targets: Any) -> float:
        """Losses (M, 1) -> the negative of their mean: greater is better."""
        del targets
        return -float(outputs.mean())


def pretrain(
    network: nn.Module, examples: Examples, masking: Masking, config: Any, context: FitContext
) -> None:
    """Trains the encoder of a network in place, for a share of the time at most.

    Args:
        network: with an `embedding`, and an `encode` (tokens (B, T), lengths (B,) -> a vector for each (B, T, C)).
        examples: tokens of texts.
        masking: what is to be guessed of them.
        config: an `UnlabeledConfig`.
        context: of the fit.
    """
    assert isinstance(config, UnlabeledConfig)
    encoder: Any = network
    num_texts = len(examples) if examples.owners is None else int(examples.owners.max()) + 1
    left = context.seconds_left()
    deadline = None if math.isinf(left) else time.monotonic() + _SHARE * left
    own = FitContext(
        seed=context.seed,
        deadline=deadline,
        device=context.device,
        precision=context.precision,
        cut=context.cut,
    )
    training: NetworkConfig = replace(
        config, epochs=config.masked_epochs, learning_rate=config.masked_rate, min_steps=0
    )
    masked = MaskedEncoder(network, masking.vocab_size, encoder.embedding.embedding_dim)
    trainer = Trainer(masked, training, own, _Guessing(masking.vocab_size), masking)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    try:
        trainer.fit((examples, torch.zeros(num_texts)), None)
    except TrainingError as error:
        network.load_state_dict(before)
        context.note(f"pretraining on texts without labels did nothing: {error}")
        return
    history = trainer.history
    context.note(
        f"pretrained on {num_texts} texts for {history[-1].epoch:g} passes: the loss of a masked token was "
        f"{history[0].train_loss:.2f} in the first and {history[-1].train_loss:.2f} in the last"
    )
