"""What a network's outputs are measured by, for each kind of output."""

# B examples of one batch, C outputs

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch.nn.functional as F
from torch import Tensor

from rungwise.kinds import OutputKind

__all__ = ["Criterion", "Objective"]


class Criterion(Protocol):
    """Loss and score of a network's outputs against the targets of its kind of output."""

    def loss(self, outputs: Tensor, targets: Any) -> Tensor:
        """Outputs and targets of any number of examples -> their mean loss ()."""
        ...

    def train_loss(self, outputs: Tensor, targets: Any) -> Tensor:
        """Outputs and targets of a batch of training -> what is to become less ()."""
        ...

    def guessing_loss(self, num_outputs: int) -> float:
        """The loss of outputs that know nothing of the inputs."""
        ...

    def score(self, outputs: Tensor, targets: Any) -> float:
        """Outputs and targets of any number of examples -> a score, greater is better."""
        ...


@dataclass(frozen=True)
class Objective:
    """Loss and score of outputs (B, C) against class indices (B,) int64 or numbers (B,) float32.

    Attributes:
        kind: LABEL: cross-entropy and accuracy. NUMBER: squared error and R² of standardised targets.
        label_smoothing: for LABEL.
        class_weights: for LABEL, what an example of each class counts in training (C,), 1 on average.
    """

    kind: OutputKind
    label_smoothing: float
    class_weights: Tensor | None = None

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Outputs (B, C), targets (B,) -> the mean loss ()."""
        if self.kind is OutputKind.LABEL:
            return F.cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)
        return F.mse_loss(outputs.squeeze(1), targets)

    def train_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Outputs (B, C), targets (B,) -> the mean loss (), each example's times what its class counts."""
        if self.class_weights is None:
            return self.loss(outputs, targets)
        losses = F.cross_entropy(outputs, targets, label_smoothing=self.label_smoothing, reduction="none")
        return (losses * self.class_weights.to(losses)[targets]).mean()

    def guessing_loss(self, num_outputs: int) -> float:
        """The loss of outputs that know nothing of the inputs: all classes alike, or the mean of the targets."""
        return math.log(num_outputs) if self.kind is OutputKind.LABEL else 1.0

    def score(self, outputs: Tensor, targets: Tensor) -> float:
        """Outputs (B, C), targets (B,) -> a score, greater is better."""
        if self.kind is OutputKind.LABEL:
            return (outputs.argmax(1) == targets).float().mean().item()
        return 1.0 - F.mse_loss(outputs.squeeze(1), targets).item()
